"""Keyspaces of sorted lists: floor, trimming, and changes that may be repeated."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from ripstop.engines.base import MAX_ORDER, Cursor, Direction, Store
from ripstop.engines.derived import Entry, ListDrop, ListFill, ListOpen, ListPush, ListTouch, Slice
from ripstop.kernel.ids import MAX_ID
from tests.stores import Place
from tests.world import BRIEF_MS, CAP, eventually, ident

ALICE, BOB, CAROL = (ident(number, shard) for number, shard in ((1, 7), (2, 7), (3, 900)))


async def slice_of(store: Store, key: int, keyspace: str = "home", limit: int = 10_000) -> Slice | None:
    return await store.keyspace_range(keyspace, key, limit=limit)


def entries(*orders: int) -> list[Entry]:
    return [Entry(order, ident(order + 1)) for order in orders]


async def test_a_list_is_there_once_it_was_opened(store: Store) -> None:
    assert await slice_of(store, ALICE) is None
    await store.keyspace_write("home", [ListOpen(ALICE, 50)])
    assert await slice_of(store, ALICE) == Slice(50, [])


async def test_opening_what_is_there_does_nothing(store: Store) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 50), ListPush([ALICE], Entry(60, 1))])
    await store.keyspace_write("home", [ListOpen(ALICE, 10), ListOpen(ALICE, 90)])
    assert await slice_of(store, ALICE) == Slice(50, [Entry(60, 1)])


async def test_a_push_reaches_only_lists_that_exist(store: Store) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 0), ListOpen(CAROL, 0)])
    await store.keyspace_write("home", [ListPush([ALICE, BOB, CAROL], Entry(5, 1))])
    assert await slice_of(store, ALICE) == Slice(0, [Entry(5, 1)])
    assert await slice_of(store, CAROL) == Slice(0, [Entry(5, 1)])
    assert await slice_of(store, BOB) is None


async def test_a_push_to_thousands(store: Store) -> None:
    keys = [ident(number, number % 1024) for number in range(1, 4001)]
    await store.keyspace_write("home", [ListOpen(key, 0) for key in keys[::2]])
    await store.keyspace_write("home", [ListPush(keys, Entry(5, 1))])
    for key in (keys[0], keys[2000], keys[3998]):
        assert await slice_of(store, key) == Slice(0, [Entry(5, 1)])
    assert await slice_of(store, keys[1]) is None


async def test_pushing_again_changes_nothing(store: Store) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 0)])
    for _ in range(3):
        await store.keyspace_write("home", [ListPush([ALICE, ALICE], Entry(5, 1)), ListPush([ALICE], Entry(5, 2))])
    assert await slice_of(store, ALICE) == Slice(0, [Entry(5, 2), Entry(5, 1)])


async def test_a_fill_adds_entries_and_lowers_the_floor(store: Store) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 50), ListPush([ALICE], Entry(60, 1))])
    fill = ListFill(ALICE, 10, [*entries(20, 10), Entry(60, 1)])
    for _ in range(2):
        await store.keyspace_write("home", [fill])
        assert await slice_of(store, ALICE) == Slice(10, [Entry(60, 1), *entries(20, 10)])
    await store.keyspace_write("home", [ListFill(ALICE, 40, [])])
    found = await slice_of(store, ALICE)
    assert found is not None
    assert found.floor == 10


async def test_a_fill_of_a_list_that_is_not_there_does_nothing(store: Store) -> None:
    await store.keyspace_write("home", [ListFill(ALICE, 0, entries(1, 2))])
    assert await slice_of(store, ALICE) is None


async def test_a_dropped_list_is_gone_with_all_that_it_held(store: Store) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 0), ListPush([ALICE], Entry(5, 1))])
    await store.keyspace_write("home", [ListDrop([ALICE, BOB])])
    assert await slice_of(store, ALICE) is None
    await store.keyspace_write("home", [ListPush([ALICE], Entry(6, 1)), ListOpen(ALICE, 7)])
    assert await slice_of(store, ALICE) == Slice(7, [])


async def test_changes_of_one_call_happen_in_order(store: Store) -> None:
    await store.keyspace_write(
        "home",
        [
            ListPush([ALICE], Entry(1, 1)),
            ListOpen(ALICE, 0),
            ListPush([ALICE], Entry(2, 1)),
            ListDrop([ALICE]),
            ListOpen(ALICE, 3),
            ListFill(ALICE, 2, [Entry(9, 9)]),
            ListTouch([ALICE, BOB]),
        ],
    )
    assert await slice_of(store, ALICE) == Slice(2, [Entry(9, 9)])
    assert await slice_of(store, BOB) is None


TIED = [Entry(5, 2), Entry(5, 3), Entry(5, MAX_ID), Entry(7, 1), Entry(7, 9)]
NEAR_THE_TOP = [
    *(Entry(MAX_ORDER - n, 3) for n in range(4)), Entry(MAX_ORDER, MAX_ID), Entry(1 << 53, 1), Entry((1 << 53) + 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("content", [TIED, NEAR_THE_TOP], ids=["tied", "near the top"])
@pytest.mark.parametrize("direction", Direction)
async def test_pages_between_exclusive_cursors(store: Store, content: list[Entry], direction: Direction) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 0), ListFill(ALICE, 0, content), ListOpen(ALICE + 1, 0)])
    ordered = sorted(content, reverse=direction is Direction.NEWEST_FIRST)
    bounds: list[Cursor | None] = [None, *content, (6, 0), (MAX_ORDER - 1, 0)]
    for after in bounds:
        for before in bounds:
            for limit in (1, 2, 100):
                page = await store.keyspace_range(
                    "home", ALICE, after=after, before=before, limit=limit, direction=direction
                )
                expected = [
                    entry
                    for entry in ordered
                    if (after is None or entry > after) and (before is None or entry < before)
                ]
                assert page == Slice(0, expected[:limit]), (after, before, limit)


@pytest.mark.parametrize("ascending", [True, False])
async def test_a_list_keeps_its_newest_entries_and_its_floor_tells_from_where(store: Store, ascending: bool) -> None:
    orders = range(1, 6 * CAP + 1)
    await store.keyspace_write("home", [ListOpen(ALICE, 0)])
    for order in orders if ascending else reversed(orders):
        await store.keyspace_write("home", [ListPush([ALICE], Entry(order, 1))])
    found = await slice_of(store, ALICE)
    assert found is not None
    above = [order for order in reversed(orders) if order >= found.floor]
    kept = [entry.order for entry in found.entries]
    assert [order for order in kept if order >= found.floor] == above
    assert found.floor > 0
    assert len(above) >= CAP
    assert len(kept) <= CAP + 64


async def test_trimming_raises_the_floor_to_the_oldest_kept_entry(store: Store) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 0)])
    await store.keyspace_write("home", [ListPush([ALICE], Entry(order, 1)) for order in range(1, 6 * CAP)])
    floor = 0
    for order in range(6 * CAP, 7 * CAP):
        await store.keyspace_write("home", [ListPush([ALICE], Entry(order, 1))])
        found = await slice_of(store, ALICE)
        assert found is not None
        assert found.floor >= floor
        floor = found.floor
        assert floor == 0 or found.entries[-1].order == floor


async def test_a_fill_beyond_the_cap_is_trimmed_as_well(store: Store) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 10_000)])
    await store.keyspace_write("home", [ListFill(ALICE, 0, [Entry(order, 1) for order in range(5 * CAP)])])
    for order in range(64):
        await store.keyspace_write("home", [ListPush([ALICE], Entry(20_000 + order, 1))])
    found = await slice_of(store, ALICE)
    assert found is not None
    whole = sorted([*range(5 * CAP), *range(20_000, 20_064)], reverse=True)
    assert len(found.entries) <= CAP + 64
    assert [entry.order for entry in found.entries if entry.order >= found.floor] == [
        order for order in whole if order >= found.floor
    ]


async def test_concurrent_pushes_all_arrive(place: Place) -> None:
    async with place.opened() as one, place.opened() as other:
        keys = [ident(number, number) for number in range(1, 11)]
        await one.keyspace_write("home", [ListOpen(key, 0) for key in keys])
        await asyncio.gather(
            *(
                store.keyspace_write("home", [ListPush(keys if number % 2 else keys[::-1], Entry(number, 1))])
                for number, store in enumerate((one, other) * 30)
            )
        )
        for key in keys:
            found = await slice_of(other, key)
            assert found is not None
            assert [entry.order for entry in found.entries] == list(reversed(range(60)))


async def test_a_list_ends_when_it_was_not_touched_for_its_time_to_live(store: Store) -> None:
    await store.keyspace_write("brief_lists", [ListOpen(ALICE, 0), ListPush([ALICE], Entry(5, 1))])

    async def ended() -> bool:
        return await slice_of(store, ALICE, "brief_lists") is None

    await eventually(ended)
    await store.keyspace_write("brief_lists", [ListPush([ALICE], Entry(6, 1)), ListTouch([ALICE])])
    assert await slice_of(store, ALICE, "brief_lists") is None
    await store.keyspace_write("brief_lists", [ListOpen(ALICE, 7)])
    assert await slice_of(store, ALICE, "brief_lists") in (Slice(7, []), None)  # None: this machine was slow


async def test_touching_keeps_a_list(store: Store) -> None:
    """The list without touches ends while the touched one lives on, unless this machine stood still between touches."""
    touched = [await store.now_ms()]
    await store.keyspace_write("brief_lists", [ListOpen(ALICE, 0), ListOpen(BOB, 0)])

    async def bob_ended() -> bool:
        await store.keyspace_write("brief_lists", [ListTouch([ALICE])])
        touched.append(await store.now_ms())
        return await slice_of(store, BOB, "brief_lists") is None

    await eventually(bob_ended)
    is_there = await slice_of(store, ALICE, "brief_lists") is not None
    touched.append(await store.now_ms())
    assert is_there or any(later - touch > BRIEF_MS // 3 for touch, later in itertools.pairwise(touched))


async def test_lists_of_two_keyspaces_are_apart(store: Store) -> None:
    await store.keyspace_write("home", [ListOpen(ALICE, 1)])
    assert await slice_of(store, ALICE, "brief_lists") is None
