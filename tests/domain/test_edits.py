"""What an edit brings along: lists, notifications, and what is left when the post goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripstop.domain.posts.model import REVISED, TAG_POSTS, tag_id
from tests.domain.house import House, Person


async def edit(house: House, who: Person, post: int, text: str, **form: object) -> Any:
    """Let a post say something else."""
    return await house.ask("PUT", f"/api/v1/statuses/{post}", token=who.token, form={"status": text, **form})


async def mentions_of(person: Person) -> list[Mapping[str, Any]]:
    """What a person is told of being mentioned."""
    return [told for told in await person.get("/api/v1/notifications") if told["type"] == "mention"]


async def test_hashtags_follow_the_text(house: House) -> None:
    graph = house.base.graph
    [alice] = await house.people("alice")
    post = await alice.post("#red #green")

    async def lists() -> dict[str, list[int]]:
        return {
            tag: [row.target for row in await graph.range(tag_id(tag), TAG_POSTS, limit=9)]
            for tag in ("red", "green", "blue")
        }

    await edit(house, alice, post, "#green #blue")
    assert await lists() == {"red": [], "green": [post], "blue": [post]}
    await edit(house, alice, post, "#red", spoiler_text="careful")
    assert await lists() == {"red": [post], "green": [], "blue": []}
    await house.ask("DELETE", f"/api/v1/statuses/{post}", token=alice.token)
    await house.drain()
    assert await lists() == {"red": [], "green": [], "blue": []}
    assert [fault async for fault in house.base.store.check()] == []


async def test_who_is_named_by_an_edit_is_told_and_who_is_no_more_is_not(house: House) -> None:
    alice, bob, carol, dora = await house.people("alice", "bob", "carol", "dora")
    post = await alice.post("hello @bob")
    await house.drain()
    await edit(house, alice, post, "hello @bob, @carol, @dora and @alice")
    await edit(house, alice, post, "hello @bob, @carol, @dora and @alice!")
    await house.drain()
    for person in (bob, carol, dora):
        [told] = await mentions_of(person)
        assert told["status"]["id"] == str(post)
    assert await mentions_of(alice) == []
    await edit(house, alice, post, "hello @carol")
    await house.drain()
    assert [len(await mentions_of(person)) for person in (bob, carol, dora)] == [0, 1, 0]
    await edit(house, alice, post, "hello @bob again, and @carol")
    await house.drain()
    assert [len(await mentions_of(person)) for person in (bob, carol, dora)] == [1, 1, 0]
    await house.ask("DELETE", f"/api/v1/statuses/{post}", token=alice.token)
    await house.drain()
    for person in (bob, carol, dora):
        assert (await person.get("/api/v1/notifications/unread_count"))["count"] == 0


async def test_whoever_an_edit_drops_may_not_read_it(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("@bob a secret", visibility="direct")
    await bob.get(f"/api/v1/statuses/{post}")
    await edit(house, alice, post, "a secret")
    for path in ("", "/history", "/context"):
        await house.ask("GET", f"/api/v1/statuses/{post}{path}", token=bob.token, status=404)


async def test_a_deleted_post_leaves_no_revisions(house: House) -> None:
    graph = house.base.graph
    [alice] = await house.people("alice")
    post = await alice.post("one")
    for text in ("two", "three"):
        await edit(house, alice, post, text)
    rows = await graph.range(post, REVISED, limit=9)
    assert len(rows) == 2
    await house.ask("DELETE", f"/api/v1/statuses/{post}", token=alice.token)
    await house.drain()
    assert await graph.range(post, REVISED, limit=9) == []
    assert await house.base.store.object_get([row.target for row in rows]) == {}


async def test_another_process_shows_the_edit_at_once(house: House) -> None:
    [alice] = await house.people("alice")
    post = await alice.post("before")
    async with house.another() as other:
        path = "/api/v1/timelines/home"
        for process in (house, other):
            assert (await alice.get(path, house=process))[0]["content"] == "<p>before</p>"
        await edit(house, alice, post, "after")
        for process in (house, other):
            assert (await alice.get(path, house=process))[0]["content"] == "<p>after</p>"
        await house.ask("DELETE", f"/api/v1/statuses/{post}", token=alice.token)


async def test_a_post_is_edited_so_many_times_and_no_more(house: House) -> None:
    [alice] = await house.people("alice")
    post = await alice.post("0")
    for number in range(1, 51):
        await edit(house, alice, post, str(number))
    await house.ask("PUT", f"/api/v1/statuses/{post}", token=alice.token, form={"status": "51"}, status=422)
    revisions = await alice.get(f"/api/v1/statuses/{post}/history")
    assert [each["content"] for each in revisions] == [f"<p>{number}</p>" for number in range(51)]
