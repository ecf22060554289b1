"""Posts that a profile shows first."""

from __future__ import annotations

import asyncio

from tests.api.client import Api, Person


async def pinned(api: Api, who: Person, *, as_: Person | None = None) -> list[str]:
    return (await api.get(f"/api/v1/accounts/{who.id}/statuses", as_=as_, query={"pinned": "true"})).ids


async def test_pinning_and_unpinning(api: Api, alice: Person, bob: Person) -> None:
    first, second, _ = [(await api.publish(alice, f"post {i}"))["id"] for i in range(3)]
    for id_ in (second, first, first):
        said = await api.want("POST", f"/api/v1/statuses/{id_}/pin", as_=alice)
        assert (said["id"], said["pinned"]) == (id_, True)
    assert await pinned(api, alice) == await pinned(api, alice, as_=bob) == [first, second]
    assert (await api.want("GET", f"/api/v1/statuses/{first}", as_=alice))["pinned"] is True
    assert (await api.want("GET", f"/api/v1/statuses/{first}", as_=bob))["pinned"] is False
    home = {post["id"]: post["pinned"] for post in await api.want("GET", "/api/v1/timelines/home", as_=alice)}
    assert sorted(id_ for id_, is_pinned in home.items() if is_pinned) == sorted([first, second])
    for _ in range(2):
        assert (await api.want("POST", f"/api/v1/statuses/{first}/unpin", as_=alice))["pinned"] is False
    assert await pinned(api, alice) == [second]
    await api.want("DELETE", f"/api/v1/statuses/{second}", as_=alice)
    assert await pinned(api, alice) == []


async def test_what_is_pinned_is_shown_to_those_who_may_see_it(api: Api, alice: Person, bob: Person) -> None:
    posts = {v: (await api.publish(alice, "x", visibility=v))["id"] for v in ("public", "unlisted", "private")}
    for id_ in posts.values():
        await api.want("POST", f"/api/v1/statuses/{id_}/pin", as_=alice)
    assert await pinned(api, alice, as_=bob) == [posts["unlisted"], posts["public"]]
    await api.follow(bob, alice)
    assert await pinned(api, alice, as_=bob) == [posts["private"], posts["unlisted"], posts["public"]]
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
    assert await pinned(api, alice, as_=bob) == []


async def test_what_cannot_be_pinned(api: Api, alice: Person, bob: Person) -> None:
    post = (await api.publish(alice, "mine"))["id"]
    direct = (await api.publish(alice, "not for all", visibility="direct"))["id"]
    repost = (await api.want("POST", f"/api/v1/statuses/{post}/reblog", as_=alice))["id"]
    for who, id_, status in ((bob, post, 422), (alice, direct, 422), (alice, repost, 422), (bob, direct, 404)):
        assert (await api.post(f"/api/v1/statuses/{id_}/pin", as_=who)).status == status
    assert (await api.post(f"/api/v1/statuses/{post}/pin")).status == 401
    assert await pinned(api, alice, as_=alice) == []


async def test_no_more_than_five_are_pinned_however_fast(api: Api, alice: Person) -> None:
    posts = [(await api.publish(alice, f"post {i}"))["id"] for i in range(8)]
    answers = await asyncio.gather(*(api.post(f"/api/v1/statuses/{id_}/pin", as_=alice) for id_ in posts))
    assert {answer.status for answer in answers} <= {200, 409, 422}
    made = {id_ for id_, answer in zip(posts, answers, strict=True) if answer.status == 200}
    assert set(await pinned(api, alice)) == made
    for id_ in posts:
        await api.post(f"/api/v1/statuses/{id_}/pin", as_=alice)
    assert len(await pinned(api, alice)) == 5
