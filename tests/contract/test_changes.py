"""The change log: whatever was committed is told to every instance, never staler than the moment of the call."""

from __future__ import annotations

import asyncio
import random

from ripstop.engines.base import Store
from ripstop.engines.batch import (
    AnyOperation,
    AssociationDelete,
    AssociationPut,
    Batch,
    CheckObject,
    NameSet,
    ObjectDelete,
    ObjectPatch,
)
from tests.stores import Place
from tests.world import (
    BOOKMARKED_BY,
    BOOKMARKS,
    FOLLOWED_BY,
    FOLLOWS,
    LIKED_BY,
    LIKES,
    apply,
    follow,
    ident,
    thing,
    unfollow,
    write,
)

ALICE, BOB = ident(1), ident(2, shard=600)


async def cursor_of(store: Store) -> int:
    """The present end of the log."""
    start = await store.changes(-1)
    assert start.lost
    return start.cursor


async def test_a_follower_begins_at_the_present(store: Store) -> None:
    await apply(store, thing(1))
    start = await store.changes(-1)
    assert start.lost
    again = await store.changes(start.cursor)
    assert (list(again.ids), list(again.lists), again.lost, again.cursor) == ([], [], False, start.cursor)


async def test_an_empty_store_has_a_log_to_follow(store: Store) -> None:
    cursor = await cursor_of(store)
    await apply(store, thing(1))
    told = await store.changes(cursor)
    assert list(told.ids) == [ALICE]
    assert told.cursor > cursor


async def test_each_kind_of_change_is_told(place: Place) -> None:
    async with place.opened() as writer, place.opened() as reader:
        await apply(writer, thing(1), follow(ALICE, ident(8), 1))
        cursor = await cursor_of(reader)
        steps: list[tuple[AnyOperation, set[int], set[tuple[int, int]]]] = [
            (thing(3), {ident(3)}, set()),
            (ObjectPatch(ALICE, '{"a":1}'), {ALICE}, set()),
            (ObjectDelete(ident(3)), {ident(3)}, set()),
            (follow(ALICE, BOB, 5), set(), {(ALICE, FOLLOWS), (BOB, FOLLOWED_BY)}),
            (follow(ALICE, BOB, 6, flags=1), set(), {(ALICE, FOLLOWS), (BOB, FOLLOWED_BY)}),
            (unfollow(ALICE, BOB), set(), {(ALICE, FOLLOWS), (BOB, FOLLOWED_BY)}),
            (AssociationPut(ALICE, LIKES, BOB, 1), set(), {(ALICE, LIKES), (BOB, LIKED_BY)}),
            (AssociationDelete(ALICE, LIKES, BOB), set(), {(ALICE, LIKES), (BOB, LIKED_BY)}),
            (AssociationPut(ALICE, BOOKMARKS, BOB, 1), set(), {(ALICE, BOOKMARKS), (BOB, BOOKMARKED_BY)}),
        ]
        for operation, ids, lists in steps:
            await apply(writer, operation)
            told = await reader.changes(cursor)
            assert not told.lost
            assert set(told.ids) == ids, operation
            assert set(told.lists) >= lists, operation
            assert {list_[0] for list_ in told.lists} <= {ALICE, BOB}
            cursor = told.cursor
        await apply(writer, NameSet("n/x", None, ALICE))
        assert list((await reader.changes(cursor)).ids) == []


async def test_a_writer_is_told_of_its_own_changes(store: Store) -> None:
    cursor = await cursor_of(store)
    await apply(store, thing(1))
    assert list((await store.changes(cursor)).ids) == [ALICE]


async def test_a_refused_batch_among_others_hides_nothing(place: Place) -> None:
    async with place.opened() as writer, place.opened() as reader:
        cursor = await cursor_of(reader)
        await writer.commit([Batch(7, [thing(1)]), Batch(7, [thing(2), CheckObject(9)]), Batch(7, [thing(3)])])
        assert set((await reader.changes(cursor)).ids) >= {ident(1), ident(3)}


async def test_large_groups_are_told_whole(place: Place) -> None:
    async with place.opened() as writer, place.opened() as reader:
        cursor = await cursor_of(reader)
        await apply(writer, *(thing(number) for number in range(1, 3001)))
        await apply(writer, *(follow(ALICE, ident(number), number) for number in range(1, 2001)))
        told = await reader.changes(cursor)
        assert told.lost or set(told.ids) == {ident(number) for number in range(1, 3001)}
        assert told.lost or {(ident(number), FOLLOWED_BY) for number in range(1, 2001)} <= set(told.lists)


async def test_an_older_cursor_is_told_more_or_that_it_is_lost(place: Place) -> None:
    async with place.opened() as writer, place.opened() as reader:
        cursors = [await cursor_of(reader)]
        for number in range(1, 30):
            await apply(writer, thing(number))
            cursors.append((await reader.changes(cursors[-1])).cursor)
        assert cursors == sorted(set(cursors))
        for first, cursor in enumerate(cursors, start=1):
            told = await reader.changes(cursor)
            assert told.lost or set(told.ids) == {ident(number) for number in range(first, 30)}


async def test_a_cursor_behind_the_swept_log_is_lost_or_told_all(store: Store) -> None:
    cursor = await cursor_of(store)
    for number in range(1, 20):
        await apply(store, thing(number))
    await store.sweep(now_ms=await store.now_ms() + 400 * 86_400_000, limit=100_000)
    await apply(store, thing(20))
    told = await store.changes(cursor)
    assert told.lost or set(told.ids) == {ident(number) for number in range(1, 21)}
    assert not (await store.changes(told.cursor)).lost


async def test_a_cursor_from_the_future_is_lost(store: Store) -> None:
    """As after a restore: what was remembered may never have been."""
    cursor = await cursor_of(store)
    assert (await store.changes(cursor + 1_000_000)).lost


async def test_a_cache_that_follows_is_never_stale(place: Place) -> None:
    """Two instances patch and read through caches that drop only what they are told of."""
    numbers = range(1, 9)
    async with place.opened() as one, place.opened() as other:
        await apply(one, *(thing(number, n=0) for number in numbers))
        truth = dict.fromkeys((ident(number) for number in numbers), 1)
        started = dict(truth)

        async def patch(store: Store, seed: int) -> None:
            random_ = random.Random(seed)
            for _ in range(60):
                id = ident(random_.choice(numbers))
                assert (await write(store, ObjectPatch(id, '{"n":1}'))).applied
                truth[id] += 1

        async def follow_log(store: Store, stop: asyncio.Event) -> None:
            cache: dict[int, int] = {}
            cursor = await cursor_of(store)
            while not stop.is_set():
                known = dict(truth)
                told = await store.changes(cursor)
                cursor = told.cursor
                for id in list(cache) if told.lost else told.ids:
                    cache.pop(id, None)
                missing = [id for id in truth if id not in cache]
                for id, found in (await store.object_get(missing)).items():
                    cache[id] = found.version
                for id, version in known.items():
                    assert cache[id] >= version
                await asyncio.sleep(0)

        stop = asyncio.Event()
        followers = [asyncio.create_task(follow_log(store, stop)) for store in (one, other)]
        await asyncio.gather(patch(one, 1), patch(other, 2), patch(one, 3))
        stop.set()
        await asyncio.gather(*followers)
        assert sum(truth.values()) == sum(started.values()) + 180
