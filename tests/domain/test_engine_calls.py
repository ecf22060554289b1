"""How often a request asks the store: a fixed number, whatever the length of a list; for writes, one commit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.domain.house import House, Person, a_house
from tests.stores import NewPlace


@dataclass(frozen=True)
class Scene:
    """Alice is followed, answered, liked and passed on by so many; bob looks at it."""

    alice: Person
    bob: Person
    post: int
    list: int


async def a_scene(house: House, *, size: int) -> Scene:
    alice, bob = await house.people("alice", "bob")
    crowd = await house.people(*(f"fan{i}" for i in range(size)))
    await bob.follow(alice)
    post = await alice.post("the post")
    for fan in crowd:
        await fan.follow(alice)
        await alice.follow(fan)
        await alice.post(f"another for {fan.name} #many #fans")
        await fan.post(f"@{alice.name} an answer", in_reply_to_id=post)
        await fan.do(f"/api/v1/statuses/{post}/favourite")
        await fan.do(f"/api/v1/statuses/{post}/reblog")
    for stranger in await house.people(*(f"stranger{i}" for i in range(size))):
        await stranger.post(f"@{bob.name} psst", visibility="direct")
    await bob.do("/api/v1/tags/many/follow")
    await alice.do(f"/api/v1/statuses/{post}/pin")
    list_ = int((await bob.do("/api/v1/lists", {"title": "friends", "exclusive": "true"}))["id"])
    for fan in crowd:
        await bob.follow(fan)
    await bob.do(f"/api/v1/lists/{list_}/accounts", {"account_ids[]": [fan.id for fan in crowd]})
    await house.drain()
    return Scene(alice, bob, post, list_)


PAGES = {
    "home": "/api/v1/timelines/home?limit=40",
    "local": "/api/v1/timelines/public?local=true&limit=40",
    "hashtag": "/api/v1/timelines/tag/many?limit=40",
    "pinned": "/api/v1/accounts/{alice}/statuses?pinned=true",
    "account": "/api/v1/accounts/{alice}/statuses?limit=40",
    "list": "/api/v1/timelines/list/{list}?limit=40",
    "list members": "/api/v1/lists/{list}/accounts",
    "search for accounts": "/api/v1/accounts/search?q=fan",
    "search for hashtags": "/api/v2/search?type=hashtags&q=m",
    "context": "/api/v1/statuses/{post}/context",
    "notifications": "/api/v1/notifications?limit=80",
    "grouped notifications": "/api/v2/notifications?limit=80",
    "unread groups": "/api/v2/notifications/unread_count",
    "notification policy": "/api/v2/notifications/policy",
    "notification requests": "/api/v1/notifications/requests",
    "conversations": "/api/v1/conversations",
    "followers": "/api/v1/accounts/{alice}/followers",
    "following": "/api/v1/accounts/{alice}/following",
    "favourited_by": "/api/v1/statuses/{post}/favourited_by",
    "reblogged_by": "/api/v1/statuses/{post}/reblogged_by",
}


OF_ALICE = (
    "search for hashtags",
    "notifications",
    "grouped notifications",
    "unread groups",
    "notification policy",
)
"""What is hers alone to see; the others are bob's."""


async def asked_for_pages(house: House, scene: Scene) -> dict[str, tuple[int, int]]:
    """For each page, how often the store was asked with nothing cached, and again at once.

    The low-water marks are read anew after some milliseconds, which may pass meanwhile: the latter leaves them out.
    """
    counts = {}
    for name, pattern in PAGES.items():
        who = scene.alice if name in OF_ALICE else scene.bob
        path = pattern.format(alice=scene.alice.id, post=scene.post, list=scene.list)
        async with house.another() as cold:
            with cold.counted() as first:
                assert await who.get(path, house=cold)
            with cold.counted() as again:
                await who.get(path, house=cold)
        counts[name] = (sum(first.values()), sum(again.values()) - again.get("call_stats", 0))
    return counts


@pytest.mark.usefixtures("lasting_marks")
async def test_a_page_costs_the_same_calls_whatever_its_length(new_place: NewPlace, tmp_path: Path) -> None:
    counts = []
    for size in (2, 12):
        async with a_house(await new_place(), tmp_path / str(size)) as house:
            counts.append(await asked_for_pages(house, await a_scene(house, size=size)))
    assert counts[0] == counts[1]


async def test_signing_up_is_one_commit(house: House) -> None:
    app_token = await house.app_token()
    await house.sign_up("first", app_token)
    form = {"username": "alice", "email": "alice@house.test", "password": "long enough", "agreement": "1"}
    with house.counted() as asked:
        token = (await house.ask("POST", "/api/v1/accounts", token=app_token, form=form))["access_token"]
    assert asked == {"commit": 1}
    with house.counted() as asked:
        await house.ask("GET", "/api/v1/accounts/verify_credentials", token=token)
    assert asked == {"name_get": 1, "object_get": 2, "assoc_counts": 1}
    with house.counted() as asked:
        await house.ask("GET", "/api/v1/accounts/verify_credentials", token=token)
    assert asked == {}


WRITES: dict[str, tuple[str, dict[str, str], dict[str, int]]] = {
    "post": ("/api/v1/statuses", {"status": "hello #world"}, {"commit": 1, "assoc_counts": 1}),
    "mention": ("/api/v1/statuses", {"status": "hello @alice"}, {"commit": 1, "name_get": 1, "assoc_counts": 1}),
    "reply": ("/api/v1/statuses", {"status": "hello", "in_reply_to_id": "{post}"}, {"commit": 1, "assoc_counts": 1}),
    "favourite": ("/api/v1/statuses/{post}/favourite", {}, {"commit": 1, "assoc_counts": 1, "assoc_get": 1}),
    "unfavourite": ("/api/v1/statuses/{post}/unfavourite", {}, {"commit": 1, "assoc_counts": 1, "assoc_get": 2}),
    "reblog": ("/api/v1/statuses/{post}/reblog", {}, {"commit": 1, "object_get": 1, "assoc_counts": 2, "assoc_get": 1}),
    "unreblog": ("/api/v1/statuses/{post}/unreblog", {}, {"commit": 1, "assoc_counts": 1, "assoc_get": 2}),
    "bookmark": ("/api/v1/statuses/{post}/bookmark", {}, {"commit": 1, "assoc_get": 1}),
    "mute": ("/api/v1/statuses/{post}/mute", {}, {"commit": 1, "assoc_range": 1}),
    "unmute": ("/api/v1/statuses/{post}/unmute", {}, {"commit": 1, "assoc_range": 1}),
    "note": ("/api/v1/accounts/{alice}/note", {"comment": "hm"}, {"commit": 1, "assoc_get": 2}),
    "unfollow": ("/api/v1/accounts/{alice}/unfollow", {}, {"commit": 1, "assoc_get": 2}),
    "follow": ("/api/v1/accounts/{alice}/follow", {}, {"commit": 1, "assoc_counts": 1, "assoc_get": 2}),
}


async def test_an_edit_is_one_commit(house: House) -> None:
    scene = await a_scene(house, size=2)
    path = f"/api/v1/statuses/{scene.post}"
    await scene.alice.get(path)
    for text, names in (("hello #world", {}), ("hello @bob", {"name_get": 1})):
        with house.counted() as asked:
            await house.ask("PUT", path, token=scene.alice.token, form={"status": text})
        assert asked == {"commit": 1, "object_get": 1, **names}
    with house.counted() as asked:
        await house.ask("PUT", path, token=scene.alice.token, form={"status": "hello @bob"})
    assert asked == {"name_get": 1}


async def test_a_write_is_one_commit_and_a_fixed_number_of_reads(house: House) -> None:
    scene = await a_scene(house, size=3)
    for name, (pattern, form, expected) in WRITES.items():
        path = pattern.format(alice=scene.alice.id, post=scene.post)
        values = {key: value.format(post=scene.post) for key, value in form.items()}
        await scene.bob.get("/api/v1/timelines/home")
        await scene.bob.get(f"/api/v1/statuses/{scene.post}")
        await scene.bob.get(f"/api/v1/accounts/{scene.alice.id}")
        with house.counted() as asked:
            await scene.bob.do(path, values)
        assert (name, asked) == (name, expected)


AFTERWARDS: dict[str, tuple[str, dict[str, str], int, dict[str, int]]] = {
    "post": ("/api/v1/statuses", {"status": "hello"}, 1, {"keyspace_write": 1}),
    "favourite": ("/api/v1/statuses/{post}/favourite", {}, 1, {"assoc_get": 1}),
    "unfavourite": (
        "/api/v1/statuses/{post}/unfavourite",
        {},
        1,
        {"assoc_get": 1, "assoc_range": 1, "call_stats": 1},
    ),
    "follow": (
        "/api/v1/accounts/{alice}/follow",
        {},
        2,
        {"keyspace_range": 1, "assoc_range": 1, "keyspace_write": 1, "assoc_get": 1},
    ),
    "a direct post": (
        "/api/v1/statuses",
        {"status": "@alice psst", "visibility": "direct"},
        5,
        {"keyspace_write": 1, "assoc_get": 3, "object_get": 1},
    ),
    "unfollow": ("/api/v1/accounts/{alice}/unfollow", {}, 1, {"assoc_get": 1, "assoc_range": 1}),
}
"""How many functions are called afterwards, and what they read and push to home lists, where somebody has done the same
before and has no lists."""


async def test_what_follows_asks_no_more_than_it_must(house: House) -> None:
    alice, bob, carol = await house.people("alice", "bob", "carol")
    await carol.follow(bob)
    post = await alice.post()
    for who in (bob, carol):
        await who.get("/api/v1/timelines/home")
    for is_first in (True, False):
        for name, (pattern, form, *expected) in AFTERWARDS.items():
            await bob.do(pattern.format(alice=alice.id, post=post), form)
            with house.counted() as asked:
                calls = await house.drain()
            for always in ("call_lease", "commit"):
                asked.pop(always, None)
            assert is_first or (name, [calls, asked]) == (name, expected)
