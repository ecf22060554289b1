"""Deleting an account: nobody sees anything of it from that moment on, and in the end nothing of it is left."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from ripstop.boot import SCHEMA
from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.events import AccountDeleted
from ripstop.domain.accounts.functions import AGAIN_MS
from ripstop.domain.accounts.leaving import delete_account
from ripstop.domain.accounts.model import ACCOUNT, Account, account_name
from ripstop.domain.follows.model import BLOCKS, FOLLOWS, MUTES, NOTES
from ripstop.domain.notifications.model import NOTIFIED
from ripstop.domain.posts.actions import like, repost
from ripstop.domain.posts.listing import enlist
from ripstop.domain.posts.model import (
    BOOKMARKED,
    IN_THREAD,
    MUTES_THREAD,
    POST,
    POSTED,
    REPLIES,
    REPLY_TO,
    THREAD,
    Post,
)
from ripstop.engines.base import Table
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Association
from tests.domain.house import House, Person

BY_OTHERS = {one.number for one in (MUTES, NOTES, BOOKMARKED, MUTES_THREAD, NOTIFIED)}
"""Lists of others that may still name what is gone: see docs/operate/retention.md."""
ANSWERS = {one.number for one in (REPLY_TO, REPLIES, IN_THREAD, THREAD)}
"""What others answered stands where it stood."""


async def delete(house: House, person: Person) -> None:
    graph = house.base.graph
    await graph.sync()
    await delete_account(graph, await access_account(graph, person.id))


async def rows(house: House, table: Table) -> list[tuple[Any, ...]]:
    """All rows of a table."""
    found: list[tuple[Any, ...]] = []
    after: tuple[object, ...] | None = None
    while True:
        page = await house.base.store.scan(table, shard=None, after=after, limit=1_000)
        found += page.rows
        after = page.after
        if after is None:
            return found


async def traces(house: House, *ids: int) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the store that name one of these ids, by table; a list by its name."""
    wanted = [str(id_) for id_ in ids]
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in Table:
        for row in await rows(house, table):
            if any(id_ in str(row) for id_ in wanted):
                found.setdefault(table.value, []).append(row)
    return found


async def a_life(house: House) -> tuple[Person, Person, Person, dict[str, int]]:
    """Alice, who did all that one can do to bob and dora, and had it done to her; and the ids of what is hers."""
    alice, bob, dora = await house.people("alice", "bob", "dora")
    hers, his = await alice.post("@bob hello #world"), await bob.post("@alice hi")
    ids = {"post": hers, "private": await alice.post("quiet", visibility="private")}
    ids["answer"] = await alice.post("@bob indeed #again", in_reply_to_id=his)
    await house.ask("PUT", f"/api/v1/statuses/{hers}", token=alice.token, form={"status": "@bob @dora #more"})
    await bob.post("@alice well", in_reply_to_id=hers)
    for who, post in ((alice, his), (bob, hers), (alice, hers)):
        for verb in ("favourite", "bookmark", "mute"):
            await who.do(f"/api/v1/statuses/{post}/{verb}")
    ids["repost"] = int((await alice.do(f"/api/v1/statuses/{his}/reblog"))["id"])
    await bob.do(f"/api/v1/statuses/{hers}/reblog")
    await alice.do(f"/api/v1/statuses/{hers}/pin")
    for who, whom in ((alice, bob), (bob, alice)):
        await who.do(f"/api/v1/accounts/{whom.id}/follow", {"notify": "true"})
        list_ = (await who.do("/api/v1/lists", {"title": "friends"}))["id"]
        await who.do(f"/api/v1/lists/{list_}/accounts", {"account_ids[]": whom.id})
        await who.do(f"/api/v1/accounts/{whom.id}/note", {"comment": "a friend"})
        ids.setdefault("list", int(list_))
    for one, other in ((alice, dora), (dora, alice)):
        await one.do(f"/api/v1/accounts/{other.id}/mute")
    agreed = {"discoverable": "true", "indexable": "true"}
    for who, whom in ((alice, bob), (bob, alice)):
        await who.do(f"/api/v1/accounts/{whom.id}/endorse")
        await house.ask("PATCH", "/api/v1/accounts/update_credentials", token=who.token, form=agreed)
    await alice.do("/api/v1/featured_tags", {"name": "world"})
    await alice.do("/api/v1/domain_blocks", {"domain": "remote.example"})
    await house.ask("DELETE", f"/api/v1/suggestions/{dora.id}", token=alice.token)
    filter_ = await alice.do("/api/v2/filters", {"title": "spoilers", "context[]": "home"})
    ids["filter"] = int(filter_["id"])
    await alice.do("/api/v1/tags/world/follow")
    await alice.do("/api/v1/markers", {"home[last_read_id]": str(hers)})
    await alice.get("/api/v1/timelines/home")
    await house.drain()
    return alice, bob, dora, ids


PAGES = (
    "/api/v1/timelines/home",
    "/api/v1/timelines/public",
    "/api/v1/timelines/tag/world",
    "/api/v1/timelines/tag/more",
    "/api/v1/notifications",
    "/api/v1/accounts/{bob}/followers",
    "/api/v1/accounts/{bob}/following",
    "/api/v1/bookmarks",
    "/api/v1/favourites",
    "/api/v1/accounts/search?q=ali",
    "/api/v2/search?q=dora&type=statuses",
    "/api/v2/search?q=ali",
    "/api/v1/directory",
    "/api/v1/endorsements",
    "/api/v1/accounts/{bob}/statuses",
    "/api/v1/statuses/{his}/context",
    "/api/v1/statuses/{his}/favourited_by",
    "/api/v1/statuses/{his}/reblogged_by",
)


async def authors_on(house: House, bob: Person, page: str, his: int) -> set[str]:
    """Whose cards a page shows, wherever in it."""
    body = await bob.get(page.format(bob=bob.id, his=his))
    return set(_cards(body))


def _cards(body: Any) -> list[str]:
    if isinstance(body, list):
        return [name for item in body for name in _cards(item)]
    if isinstance(body, dict):
        own = [body["acct"]] if "followers_count" in body else []
        return own + [name for key, item in body.items() if key != "mentions" for name in _cards(item)]
    return []


async def test_nobody_sees_anything_of_a_deleted_account_before_anything_is_removed(house: House) -> None:
    alice, bob, _, ids = await a_life(house)
    his = int((await bob.get(f"/api/v1/accounts/{bob.id}/statuses?limit=40"))[-1]["id"])
    shown = {page for page in PAGES if "alice" in await authors_on(house, bob, page, his)}
    assert len(shown) >= 12, "the test looks where she is"
    async with house.another() as other:
        assert await alice.get("/api/v1/preferences", house=other)
        await delete(house, alice)
        await other.ask("GET", "/api/v1/preferences", token=alice.token, status=401)
    await house.ask("GET", "/api/v1/preferences", token=alice.token, status=401)
    for page in PAGES:
        assert "alice" not in await authors_on(house, bob, page, his), page
    for path in (f"/api/v1/accounts/{alice.id}", *(f"/api/v1/statuses/{ids[name]}" for name in ("post", "repost"))):
        await house.ask("GET", path, token=bob.token, status=404)
    await house.ask("GET", "/api/v1/accounts/lookup?acct=alice", status=410)
    await bob.do(f"/api/v1/accounts/{alice.id}/follow", status=404)
    await bob.do(f"/api/v1/statuses/{ids['post']}/favourite", status=404)


async def test_nothing_of_a_deleted_account_is_left(house: House) -> None:
    alice, bob, dora, ids = await a_life(house)
    await delete(house, alice)
    async with house.another() as other:  # two workers, and each function called twice
        await emit_again(house, alice)
        await asyncio.gather(house.drain(), other.drain())
    left = await traces(house, alice.id, *ids.values())
    assert [row[0] for row in left["names"]] == [account_name("alice")]
    later = {"accounts.delete_again", "conversations.settle_late", "notifications.forget"}
    assert {row[3] for row in left["calls"]} <= later
    assert {bool({bob.id, dora.id} & {row[0]}) for row in left["associations"] if row[1] in BY_OTHERS} == {True}
    assert {row[1] for row in left["associations"]} <= BY_OTHERS | ANSWERS
    posts = [msgspec.json.decode(str(row[3])) for row in left["objects"]]
    assert {post["author"] for post in posts} == {bob.id}, "posts of others that name her stay as they are"
    assert [fault async for fault in house.base.store.check()] == []
    shown = await dora.get(f"/api/v1/accounts/{bob.id}")
    assert (shown["followers_count"], shown["following_count"], shown["statuses_count"]) == (0, 0, 2)
    assert await bob.get("/api/v1/notifications") == []


async def test_the_address_is_free_and_the_name_is_not(house: House) -> None:
    (alice,) = await house.people("alice")
    await delete(house, alice)
    await house.drain()
    token = await house.app_token()
    form = {"email": "alice@house.test", "password": "long enough", "agreement": "1"}
    taken = await house.ask("POST", "/api/v1/accounts", token=token, form={**form, "username": "Alice"}, status=422)
    assert set(taken["details"]) == {"username"}
    await house.ask("POST", "/api/v1/accounts", token=token, form={**form, "username": "alison"})


async def test_of_two_who_delete_one_finds_it_gone(house: House) -> None:
    (alice,) = await house.people("alice")
    async with house.another() as other:
        found = await asyncio.gather(delete(house, alice), delete(other, alice), return_exceptions=True)
    assert [type(one) for one in found if one is not None] == [NotFound]


@pytest.mark.parametrize("size", [230])
async def test_an_account_with_many_of_everything(house: House, size: int) -> None:
    """More than one batch, one page and one split of each."""
    alice, bob = await house.people("alice", "bob")
    await a_crowd(house, alice, bob, size=size)
    await house.drain()
    assert (await bob.get(f"/api/v1/accounts/{bob.id}"))["followers_count"] == 1
    await delete(house, alice)
    await house.drain()
    assert {table for table, _ in (await traces(house, alice.id)).items()} == {"names", "calls"}
    assert [fault async for fault in house.base.store.check()] == []


async def a_crowd(house: House, alice: Person, bob: Person, *, size: int) -> None:
    """So many who follow alice and are followed by her, like her posts, and have theirs liked and passed on."""
    graph = house.base.graph
    await alice.follow(bob)
    for number in range(size):
        write = graph.write_in(number % 1_024)
        fan, theirs = write.new_id(), write.new_id()
        write.create(ACCOUNT, fan, Account(username=f"fan{number}", created_at=graph.now_ms()))
        write.create(POST, theirs, Post(author=fan, created_at=graph.now_ms()))
        write.put(POSTED, fan, theirs, order=theirs)
        write.put(FOLLOWS, fan, alice.id, order=write.new_id())
        write.put(BLOCKS, fan, bob.id, order=write.new_id())
        await graph.commit(write)
        write = graph.write(alice.id)
        hers = write.new_id()
        value = Post(author=alice.id, created_at=graph.now_ms(), text="hello", tags=("many",))
        write.create(POST, hers, value)
        enlist(write, hers, value)
        write.put(FOLLOWS, alice.id, fan, order=write.new_id())
        await graph.commit(write)
        await graph.sync()
        post, own = await graph.get(POST, theirs), await graph.get(POST, hers)
        assert post is not None
        assert own is not None
        await like(graph, alice.id, post)
        await like(graph, fan, own)
        await repost(graph, alice.id, post)


async def emit_again(house: House, person: Person) -> None:
    """Tell of the deletion once more, as it is later on."""
    write = house.base.graph.write(person.id)
    write.emit(AccountDeleted(account=person.id, at=0, again=len(AGAIN_MS)))
    await house.base.graph.commit(write)


BEGIN_ELSEWHERE = {
    "audit_log", "directory", "filed", "grouped", "holds_settings", "in_thread", "large_authors", "liked_by",
    "lists_member", "listed", "quoted_by", "quotes", "recorded", "replies", "reply_to", "reports", "reposted_by",
    "revised", "said_in", "staff", "tag_posts", "tagged", "thread", "timeline", "waiting",
}  # fmt: skip
"""Lists that begin at something else than an account: they end with that. All others are to be erased."""


async def test_every_list_of_an_account_is_erased(house: House) -> None:
    """Whoever adds a type of association has an `Eraser` erase it, or says above where it begins."""
    alice, bob = await house.people("alice", "bob")
    graph, types = house.base.graph, SCHEMA.associations
    begin_here = {one.name: Association(one) for one in types.values() if one.name not in BEGIN_ELSEWHERE}
    for association in begin_here.values():
        type_ = association.engine
        write = graph.write(alice.id if type_.forward else bob.id)
        if type_.forward:
            write.put(association, alice.id, write.new_id(), order=write.new_id())
        else:
            assert type_.inverse is not None
            write.put(Association(types[type_.inverse]), bob.id, alice.id, order=write.new_id())
        await graph.commit(write)
    await delete(house, alice)
    await house.drain()
    left = [name for name, one in begin_here.items() if await graph.range(alice.id, one, limit=1)]
    assert left == [], "these outlive their account"
    assert [fault async for fault in house.base.store.check()] == []
