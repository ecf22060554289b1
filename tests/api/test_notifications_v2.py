"""What people are told of together."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ripstop.surfaces.mastodon.entities.notifications import GroupedNotificationsResults, PartialAccountWithAvatar
from tests.api.client import Api, Person
from tests.api.streams import Streams

PATH = "/api/v2/notifications"
OLD = "/api/v1/notifications"


async def grouped(api: Api, who: Person, *query: tuple[str, str]) -> dict[str, Any]:
    """The answer, which must have every key that is documented, and no other."""
    await api.drained()
    answer = await api.get(PATH, as_=who, query=list(query))
    assert answer.status == 200, answer.body
    msgspec.json.decode(answer.body, type=GroupedNotificationsResults)
    return dict(answer.json())


async def keys(api: Api, who: Person, *query: tuple[str, str]) -> list[tuple[str, int, list[str]]]:
    """Type, number and named accounts of each group."""
    found = await grouped(api, who, *query)
    names = {one["id"]: one["username"].partition("_")[0] for one in found["accounts"]}
    return [
        (one["type"], one["notifications_count"], [names[id_] for id_ in one["sample_account_ids"]])
        for one in found["notification_groups"]
    ]


async def react(api: Api, post: dict[str, Any], verb: str, *people: Person) -> None:
    for who in people:
        await api.want("POST", f"/api/v1/statuses/{post['id']}/{verb}", as_=who)


async def test_likes_reposts_and_follows_are_told_of_together(
    api: Api, alice: Person, bob: Person, carol: Person
) -> None:
    first, second = await api.publish(alice, "one"), await api.publish(alice, "two")
    await react(api, first, "favourite", bob, carol)
    await react(api, second, "favourite", bob)
    await react(api, first, "reblog", carol)
    for who in (bob, carol):
        await api.follow(who, alice)
    await api.publish(bob, f"@{alice.username} hi")
    await api.publish(bob, f"@{alice.username} ho")
    assert await keys(api, alice) == [
        ("mention", 1, ["bob"]),
        ("mention", 1, ["bob"]),
        ("follow", 2, ["carol", "bob"]),
        ("reblog", 1, ["carol"]),
        ("favourite", 1, ["bob"]),
        ("favourite", 2, ["carol", "bob"]),
    ]
    found = await grouped(api, alice)
    one = found["notification_groups"][-1]
    told = {item["id"]: item for item in (await api.get(OLD, as_=alice)).json()}
    newest = told[str(one["most_recent_notification_id"])]
    assert one["status_id"] == first["id"]
    assert (one["page_max_id"], one["latest_page_notification_at"]) == (newest["id"], newest["created_at"])
    assert one["page_min_id"] == min(id_ for id_, item in told.items() if item["group_key"] == one["group_key"])
    assert {item["id"] for item in found["statuses"]} >= {first["id"], second["id"]}
    assert len({item["id"] for item in found["accounts"]}) == len(found["accounts"]) == 2
    assert found["notification_groups"][2]["status_id"] is None
    assert {item["group_key"] for item in told.values()} == {item["group_key"] for item in found["notification_groups"]}
    assert "partial_accounts" not in found


async def test_a_group_follows_what_is_done_and_undone(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "hello")
    await react(api, post, "favourite", bob, carol, bob)
    assert await keys(api, alice) == [("favourite", 2, ["carol", "bob"])]
    before = (await grouped(api, alice))["notification_groups"][0]
    await react(api, post, "unfavourite", carol)
    assert await keys(api, alice) == [("favourite", 1, ["bob"])]
    after = (await grouped(api, alice))["notification_groups"][0]
    assert after["group_key"] == before["group_key"]
    assert after["most_recent_notification_id"] < before["most_recent_notification_id"]
    await react(api, post, "favourite", carol)
    assert await keys(api, alice) == [("favourite", 2, ["carol", "bob"])]
    await react(api, post, "unfavourite", carol, bob)
    assert await keys(api, alice) == []
    await react(api, post, "favourite", bob)
    await api.delete(f"/api/v1/statuses/{post['id']}", as_=alice)
    assert await keys(api, alice) == []
    assert await api.want("GET", f"{OLD}/unread_count", as_=alice) == {"count": 0}
    await api.follow(bob, alice)
    await api.want("POST", f"/api/v1/accounts/{alice.id}/unfollow", as_=bob)
    assert await keys(api, alice) == []


async def test_pages_meet_each_group_once(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    posts = [await api.publish(alice, f"post {i}") for i in range(3)]
    for post in posts:
        await react(api, post, "favourite", bob)
    await api.publish(bob, f"@{alice.username} hi")
    await react(api, posts[0], "favourite", carol)
    whole = [one["group_key"] for one in (await grouped(api, alice))["notification_groups"]]
    assert len(whole) == 4
    met, query = [], {"limit": "1"}
    while True:
        answer = await api.get(PATH, as_=alice, query=query)
        met += [one["group_key"] for one in answer.json()["notification_groups"]]
        older = answer.link("next")
        if older is None:
            break
        query = older
    assert met == whole
    last = await api.get(PATH, as_=alice, query={"limit": "2"})
    newest = str(last.json()["notification_groups"][0]["most_recent_notification_id"])
    newer = last.link("prev")
    assert newer is not None
    assert newer["min_id"] == newest
    assert (await api.get(PATH, as_=alice, query=newer)).json()["notification_groups"] == []
    oldest = (await grouped(api, alice))["notification_groups"][-1]["most_recent_notification_id"]
    above = await api.get(PATH, as_=alice, query={"min_id": str(oldest), "limit": "1"})
    assert [one["group_key"] for one in above.json()["notification_groups"]] == [whole[-2]]
    assert [len(await keys(api, alice, ("since_id", str(oldest)))), len(await keys(api, alice))] == [3, 4]


async def test_what_a_client_cannot_show_together_stands_alone(
    api: Api, alice: Person, bob: Person, carol: Person
) -> None:
    post = await api.publish(alice, "hello")
    await react(api, post, "favourite", bob, carol)
    await react(api, post, "reblog", bob, carol)
    found = await grouped(api, alice, ("grouped_types[]", "favourite"))
    shown = [(one["type"], one["notifications_count"]) for one in found["notification_groups"]]
    assert shown == [("reblog", 1), ("reblog", 1), ("favourite", 2)]
    alone = found["notification_groups"][0]
    assert alone["group_key"] == f"ungrouped-{alone['page_max_id']}"
    assert await keys(api, alice, ("types[]", "reblog")) == [("reblog", 2, ["carol", "bob"])]
    assert await keys(api, alice, ("exclude_types[]", "reblog")) == [("favourite", 2, ["carol", "bob"])]
    assert await keys(api, alice, ("account_id", bob.id)) == [("reblog", 1, ["bob"]), ("favourite", 1, ["bob"])]
    unread = f"{PATH}/unread_count"
    assert await api.want("GET", unread, as_=alice) == {"count": 2}
    assert await api.want("GET", unread, as_=alice, query={"limit": "1"}) == {"count": 1}
    assert await api.want("GET", unread, as_=alice, query={"types[]": "reblog"}) == {"count": 1}
    assert await api.want("GET", unread, as_=alice, query={"grouped_types[]": "reblog"}) == {"count": 3}
    assert await api.want("GET", f"{OLD}/unread_count", as_=alice) == {"count": 4}
    assert await api.want("GET", f"{OLD}/unread_count", as_=alice, query={"account_id": bob.id}) == {"count": 2}
    assert [one["type"] for one in await api.want("GET", OLD, as_=alice, query={"account_id": carol.id})] == [
        "reblog",
        "favourite",
    ]


async def test_accounts_beyond_the_latest_come_in_part_if_wanted(
    api: Api, alice: Person, bob: Person, carol: Person
) -> None:
    post = await api.publish(alice, "hello")
    await react(api, post, "favourite", bob, carol)
    found = await grouped(api, alice, ("expand_accounts", "partial_avatars"))
    assert [one["id"] for one in found["accounts"]] == [carol.id]
    assert [one["id"] for one in found["partial_accounts"]] == [bob.id]
    whole = await api.want("GET", f"/api/v1/accounts/{bob.id}", as_=alice)
    names = PartialAccountWithAvatar.__struct_fields__
    assert found["partial_accounts"] == [{name: whole[name] for name in names}]
    assert (await api.get(PATH, as_=alice, query={"expand_accounts": "some"})).status == 422


async def test_one_group(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "hello")
    await react(api, post, "favourite", bob, carol)
    await api.publish(bob, f"@{alice.username} hi")
    mention, likes = (await grouped(api, alice))["notification_groups"]
    for group, people in ((mention, [bob]), (likes, [carol, bob])):
        path = f"{PATH}/{group['group_key']}"
        answer = await api.get(path, as_=alice)
        msgspec.json.decode(answer.body, type=GroupedNotificationsResults)
        [found] = answer.json()["notification_groups"]
        shared = {key: value for key, value in group.items() if not key.startswith(("page_", "latest_page"))}
        assert found == shared
        actors = await api.want("GET", f"{path}/accounts", as_=alice)
        assert [one["id"] for one in actors] == [person.id for person in people]
        for other in (path, f"{path}/accounts"):
            assert (await api.get(other, as_=bob)).status == 404
        assert (await api.post(f"{path}/dismiss", as_=bob)).json() == {}
        assert (await api.get(path, as_=alice)).status == 200
        assert (await api.post(f"{path}/dismiss", as_=alice)).json() == {}
        assert (await api.get(path, as_=alice)).status == 404
    assert await keys(api, alice) == []
    assert (await api.get(OLD, as_=alice)).ids == []
    await react(api, post, "unfavourite", carol)
    await react(api, post, "favourite", carol)
    assert await keys(api, alice) == [("favourite", 1, ["carol"])]


@pytest.mark.parametrize(
    "key", ["nothing", "ungrouped-", "ungrouped-99999999999999999999", "ungrouped-0", "like-1-2", "%00"]
)
async def test_keys_that_lead_nowhere(api: Api, alice: Person, key: str) -> None:
    assert (await api.get(f"{PATH}/{key}", as_=alice)).status == 404
    assert (await api.get(f"{PATH}/{key}/accounts", as_=alice)).status == 404
    assert (await api.post(f"{PATH}/{key}/dismiss", as_=alice)).json() == {}


async def test_putting_away_one_by_one_and_all(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "hello")
    await react(api, post, "favourite", bob, carol)
    await api.drained()
    newest = (await api.get(OLD, as_=alice)).ids[0]
    await api.post(f"{OLD}/{newest}/dismiss", as_=alice)
    assert await keys(api, alice) == [("favourite", 1, ["bob"])]
    await api.post(f"{OLD}/clear", as_=alice)
    assert await keys(api, alice) == []


async def test_blocks_and_mutes_take_out_of_groups(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    dora = await api.person("dora")
    post = await api.publish(alice, "hello")
    await react(api, post, "favourite", bob, carol, dora)
    assert await keys(api, alice) == [("favourite", 3, ["dora", "carol", "bob"])]
    await api.want("POST", f"/api/v1/accounts/{carol.id}/block", as_=alice)
    assert await keys(api, alice) == [("favourite", 2, ["dora", "bob"])]
    form = {"notifications": "false"}
    await api.want("POST", f"/api/v1/accounts/{bob.id}/mute", as_=alice, form=form)
    assert await keys(api, alice) == [("favourite", 2, ["dora", "bob"])]
    await api.want("POST", f"/api/v1/accounts/{bob.id}/mute", as_=alice)
    assert await keys(api, alice) == [("favourite", 1, ["dora"])]
    await api.want("POST", f"/api/v1/accounts/{dora.id}/block", as_=alice)
    assert await keys(api, alice) == []
    await api.want("POST", f"/api/v1/accounts/{dora.id}/unblock", as_=alice)
    assert await keys(api, alice) == []


async def test_new_posts_of_whom_one_watches(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    path = f"/api/v1/accounts/{alice.id}/follow"
    relation = await api.want("POST", path, as_=bob, form={"notify": "true"})
    assert relation["notifying"]
    await api.follow(carol, alice)
    await api.drained()
    post = await api.publish(alice, "news")
    answered = await api.publish(carol, "a question")
    await api.publish(alice, "an answer to somebody", in_reply_to_id=answered["id"])
    await api.publish(alice, f"@{carol.username} psst", visibility="direct")
    await react(api, answered, "reblog", alice)
    more = await api.publish(alice, "more of it", in_reply_to_id=post["id"])
    found = await grouped(api, bob)
    assert [(one["type"], one["status_id"]) for one in found["notification_groups"]] == [
        ("status", more["id"]),
        ("status", post["id"]),
    ]
    assert "status" not in [one[0] for one in await keys(api, carol)]
    await api.delete(f"/api/v1/statuses/{post['id']}", as_=alice)
    assert await keys(api, bob) == [("status", 1, ["alice"])]
    await api.want("POST", path, as_=bob, form={"notify": "false"})
    await api.publish(alice, "unheard")
    await api.drained()  # whether it is wanted is asked when it is told
    await api.want("POST", path, as_=bob, form={"notify": "true"})
    await api.want("POST", f"/api/v1/accounts/{alice.id}/unfollow", as_=bob)
    await api.publish(alice, "unheard too")
    assert len(await keys(api, bob)) == 1


async def test_a_watching_request_watches_once_it_is_accepted(api: Api, alice: Person, bob: Person) -> None:
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form={"locked": "true"})
    await api.want("POST", f"/api/v1/accounts/{alice.id}/follow", as_=bob, form={"notify": "true"})
    assert await keys(api, alice) == [("follow_request", 1, ["bob"])]
    await api.want("POST", f"/api/v1/follow_requests/{bob.id}/authorize", as_=alice)
    await api.drained()
    await api.publish(alice, "for followers", visibility="private")
    assert await keys(api, bob) == [("status", 1, ["alice"])]
    assert await keys(api, alice) == []


async def test_edits_of_what_one_passed_on(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "helo")
    await react(api, post, "reblog", bob, alice)
    await react(api, post, "favourite", carol)
    await api.want("PUT", f"/api/v1/statuses/{post['id']}", as_=alice, form={"status": "hello"})
    found = await grouped(api, bob)
    assert [(one["type"], one["status_id"]) for one in found["notification_groups"]] == [("update", post["id"])]
    assert found["statuses"][0]["content"] == "<p>hello</p>"
    assert await keys(api, carol) == []
    assert "update" not in [one[0] for one in await keys(api, alice)]
    await api.delete(f"/api/v1/statuses/{post['id']}", as_=alice)
    assert await keys(api, bob) == []


async def test_streams_say_the_same_key(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "hello")
    await api.drained()
    async with streams.socket(alice, "user:notification") as hers:
        await react(api, post, "favourite", bob)
        _, event, told = await hers.next()
    [group] = (await grouped(api, alice))["notification_groups"]
    assert (event, told["group_key"]) == ("notification", group["group_key"])


async def test_scopes(api: Api, alice: Person) -> None:
    reader = await api.person("reader", scopes="read:notifications write:accounts")
    assert (await api.get(PATH, as_=reader)).status == 200
    assert (await api.post(f"{PATH}/follow-1/dismiss", as_=reader)).status == 403
    assert (await api.get(PATH)).status == 401
    stranger = await api.person("stranger", scopes="read:statuses write:accounts")
    for path in (PATH, f"{PATH}/unread_count", f"{PATH}/policy", f"{PATH}/follow-1", f"{PATH}/follow-1/accounts"):
        assert (await api.get(path, as_=stranger)).status == 403
