"""Lists of accounts over the API."""

from __future__ import annotations

import pytest

from tests.api.client import Api, Person

LISTS = "/api/v1/lists"


async def a_list(api: Api, owner: Person, title: str = "friends", **form: str) -> str:
    return str((await api.want("POST", LISTS, as_=owner, form={"title": title, **form}))["id"])


async def test_a_list_is_made_changed_and_deleted(api: Api, alice: Person) -> None:
    made = await api.want("POST", LISTS, as_=alice, form={"title": " my  friends "})
    assert made == {"id": made["id"], "title": "my friends", "replies_policy": "list", "exclusive": False}
    path = f"{LISTS}/{made['id']}"
    changes = {"title": "others", "replies_policy": "none", "exclusive": True}
    assert await api.want("PUT", path, as_=alice, json=changes) == {"id": made["id"], **changes}
    assert (await api.want("PUT", path, as_=alice, form={"title": "more"}))["exclusive"] is True
    second = await a_list(api, alice, exclusive="1", replies_policy="followed")
    found = await api.want("GET", LISTS, as_=alice)
    assert [(one["id"], one["title"], one["replies_policy"]) for one in found] == [
        (made["id"], "more", "none"),
        (second, "friends", "followed"),
    ]
    assert await api.want("GET", path, as_=alice) == found[0]
    assert await api.want("DELETE", path, as_=alice) == {}
    for method in ("GET", "DELETE", "PUT"):
        assert (await api.ask(method, path, as_=alice)).status == 404
    assert (await api.get(LISTS, as_=alice)).ids == [second]
    odd = await api.want("PUT", f"{LISTS}/{second}", as_=alice, json={"title": "a\x07b"})
    assert odd["title"] == "ab"
    assert (await api.get(LISTS)).status == 401


@pytest.mark.parametrize("form", [{}, {"title": " "}, {"title": "x" * 257}, {"title": "x", "replies_policy": "all"}])
async def test_a_bad_list_is_refused(api: Api, alice: Person, form: dict[str, str]) -> None:
    assert (await api.post(LISTS, as_=alice, form=form)).status == 422
    assert (await api.get(LISTS, as_=alice)).ids == []


async def test_members_come_and_go_and_are_paged(api: Api, alice: Person) -> None:
    people = [await api.person(f"fan{i}") for i in range(5)]
    for person in people:
        await api.follow(alice, person)
    path = f"{LISTS}/{await a_list(api, alice)}/accounts"
    form = [("account_ids[]", person.id) for person in people]
    for _ in range(2):
        await api.want("POST", path, as_=alice, form=form)
    newest_first = [person.id for person in reversed(people)]
    assert (await api.get(path, as_=alice)).ids == newest_first
    first = await api.get(path, as_=alice, query={"limit": "2"})
    second = await api.get(path, as_=alice, query=first.link("next"))
    assert first.ids + second.ids == newest_first[:4]
    everybody = await api.get(path, as_=alice, query={"limit": "0"})
    assert (everybody.ids, everybody.link("next")) == (newest_first, None)
    await api.want("DELETE", path, as_=alice, query=form[:2])
    await api.want("DELETE", path, as_=alice, json={"account_ids": [people[2].id]})
    assert (await api.get(path, as_=alice)).ids == newest_first[:2]
    [one] = await api.want("GET", f"/api/v1/accounts/{people[4].id}/lists", as_=alice)
    assert (one["id"], one["title"]) == (path.split("/")[4], "friends")
    assert await api.want("GET", f"/api/v1/accounts/{people[0].id}/lists", as_=alice) == []


async def test_only_who_is_followed_can_be_added_and_only_by_the_owner(api: Api, alice: Person, bob: Person) -> None:
    list_ = await a_list(api, alice)
    path = f"{LISTS}/{list_}/accounts"
    assert (await api.post(path, as_=alice, json={"account_ids": [bob.id]})).status == 404
    await api.follow(alice, bob)
    assert (await api.post(path, as_=bob, json={"account_ids": [bob.id]})).status == 404
    assert (await api.post(path, as_=alice, json={"account_ids": [bob.id]})).status == 200
    for at in (f"{LISTS}/{list_}", path, f"/api/v1/timelines/list/{list_}"):
        assert (await api.get(at, as_=bob)).status == 404
    post = await api.publish(bob, "hello")
    assert (await api.get(f"/api/v1/timelines/list/{list_}", as_=alice)).ids == [post["id"]]
    await api.want("POST", f"/api/v1/accounts/{bob.id}/mute", as_=alice)
    assert (await api.get(f"/api/v1/timelines/list/{list_}", as_=alice)).ids == []
    await api.want("DELETE", f"{LISTS}/{list_}", as_=alice)
    await api.drained()
    assert (await api.get(f"/api/v1/timelines/list/{list_}", as_=alice)).status == 404


async def test_the_timeline_is_paged_by_the_link_header(api: Api, alice: Person, bob: Person) -> None:
    await api.follow(alice, bob)
    list_ = await a_list(api, alice)
    await api.want("POST", f"{LISTS}/{list_}/accounts", as_=alice, json={"account_ids": [bob.id]})
    posts = [(await api.publish(bob, f"post {i}"))["id"] for i in range(7)]
    path, found = f"/api/v1/timelines/list/{list_}", list[str]()
    query: dict[str, str] | None = {"limit": "3"}
    while query is not None:
        answer = await api.get(path, as_=alice, query=query)
        found += answer.ids
        query = answer.link("next")
    assert found == posts[::-1]
    newest = await api.get(path, as_=alice, query={"limit": "3", "min_id": posts[0]})
    assert newest.ids == posts[3:0:-1]
