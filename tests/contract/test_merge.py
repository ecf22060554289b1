"""`assoc_merge`: the newest entries over many lists, against brute force, within a budget of lists."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ripstop.engines.base import MAX_ORDER, Association, Cursor, Store
from ripstop.engines.batch import AssociationDelete, AssociationPut
from ripstop.kernel.ids import shard_of
from tests.world import BOOKMARKS, FOLLOWS, LIKED_BY, LIKES, TAGGED, apply, ident, put_list

TYPES = (FOLLOWS, TAGGED, LIKED_BY, BOOKMARKS)
SHARDS = (0, 7, 7, 8, 500, 1023)

Lists = list[dict[int, tuple[int, int]]]
"""For each list: (order, flags) by the number of the target."""

orders = st.one_of(st.integers(0, 12), st.integers(MAX_ORDER - 12, MAX_ORDER))
numbers = st.integers(1, 6)
lists = st.lists(
    st.dictionaries(numbers, st.tuples(orders, st.integers(0, 3)), max_size=6), min_size=1, max_size=len(SHARDS)
)
cursors = st.none() | st.tuples(orders, numbers.map(lambda number: ident(number, 9)))
fresh_numbers = itertools.count(1)


async def fill(store: Store, type: int, contents: Lists) -> tuple[list[int], list[Association]]:
    """New lists with these contents; their sources, and all of their rows."""
    base = next(fresh_numbers) * 100
    sources = [ident(base + number, shard) for number, shard in zip(range(len(contents)), SHARDS, strict=False)]
    everything = []
    for source, content in zip(sources, contents, strict=True):
        for number, (order, flags) in content.items():
            target = ident(number, 9)
            everything.append(Association(source, type, target, order, flags, None))
            forward = (target, LIKES, source) if type == LIKED_BY else (source, type, target)
            await apply(store, AssociationPut(*forward, order, flags), home=shard_of(forward[0]))
    return sources, everything


def places(entries: list[Association]) -> list[Cursor]:
    return [(row.order, row.target) for row in entries]


@given(
    contents=lists,
    type=st.sampled_from(TYPES),
    after=cursors,
    before=cursors,
    limit=st.integers(1, 12),
    mask=st.integers(0, 3),
    match=st.integers(0, 3),
    budget=st.integers(1, 7),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_complete_merge_equals_brute_force(
    waist: Store,
    contents: Lists,
    type: int,
    after: Cursor | None,
    before: Cursor | None,
    limit: int,
    mask: int,
    match: int,
    budget: int,
) -> None:
    sources, everything = await fill(waist, type, contents)
    merge = await waist.assoc_merge(
        sources, type, after=after, before=before, limit=limit, budget=budget, mask=mask, match=match
    )
    found = [
        row
        for row in everything
        if (after is None or (row.order, row.target) > after)
        and (before is None or (row.order, row.target) < before)
        and row.flags & mask == match
    ]
    assert merge.complete or budget < len(sources)
    assert set(merge.entries) <= set(found)
    assert len(merge.entries) <= limit
    assert places(merge.entries) == sorted(places(merge.entries), reverse=True)
    if merge.complete:
        assert places(merge.entries) == sorted(places(found), reverse=True)[:limit]


async def test_lists_that_cannot_contribute_are_not_opened(waist: Store) -> None:
    """Of 100 lists the two newest hold the page, so a budget of two lists is enough."""
    lists_ = [ident(number) for number in range(1, 101)]
    for number, source in enumerate(lists_, start=1):
        await put_list(waist, source, FOLLOWS, [(number * 10, ident(500)), (number * 10 + 1, ident(501))])
    merge = await waist.assoc_merge(lists_, FOLLOWS, limit=4, budget=2)
    assert merge.complete
    assert [row.order for row in merge.entries] == [1001, 1000, 991, 990]


async def test_lists_below_the_low_cursor_are_not_opened(waist: Store) -> None:
    lists_ = [ident(number) for number in range(1, 51)]
    for number, source in enumerate(lists_, start=1):
        await put_list(waist, source, FOLLOWS, [(number, ident(500))])
    merge = await waist.assoc_merge(lists_, FOLLOWS, after=(48, ident(500)), limit=20, budget=3)
    assert merge.complete
    assert [row.order for row in merge.entries] == [50, 49]


async def test_lists_that_never_were_cost_no_budget(waist: Store) -> None:
    await put_list(waist, ident(1), FOLLOWS, [(1, ident(500))])
    merge = await waist.assoc_merge([ident(number) for number in range(1, 400)], FOLLOWS, limit=20, budget=1)
    assert merge.complete
    assert [row.target for row in merge.entries] == [ident(500)]


async def test_where_the_budget_ran_out_the_entries_are_those_of_opened_lists(store: Store) -> None:
    lists_ = [ident(number) for number in range(1, 11)]
    for number, source in enumerate(lists_, start=1):
        await put_list(store, source, FOLLOWS, [(number + 100 * n, ident(500 + n)) for n in range(5)])
    merge = await store.assoc_merge(lists_, FOLLOWS, limit=20, budget=3)
    assert not merge.complete
    opened = {row.source for row in merge.entries}
    assert 1 <= len(opened) <= 3
    rows = [row for row in merge.entries if row.source in opened]
    assert [row.order for row in rows] == sorted((row.order for row in rows), reverse=True)
    assert len(rows) == 5 * len(opened)


async def test_a_list_whose_newest_entry_was_deleted_is_judged_by_the_one_before(waist: Store) -> None:
    await put_list(waist, ident(1), FOLLOWS, [(100, ident(500)), (5, ident(501))])
    await put_list(waist, ident(2), FOLLOWS, [(50, ident(502)), (49, ident(503))])
    await apply(waist, AssociationDelete(ident(1), FOLLOWS, ident(500)))
    merge = await waist.assoc_merge([ident(1), ident(2)], FOLLOWS, limit=2, budget=1)
    assert merge.complete
    assert [row.order for row in merge.entries] == [50, 49]


async def test_uncounted_lists_are_always_opened(waist: Store) -> None:
    await put_list(waist, ident(1), BOOKMARKS, [(1, ident(500))])
    await put_list(waist, ident(2), BOOKMARKS, [(2, ident(501))])
    merge = await waist.assoc_merge([ident(1), ident(2)], BOOKMARKS, limit=1, budget=2)
    assert merge.complete
    assert [row.target for row in merge.entries] == [ident(501)]


async def test_an_entry_that_stands_in_two_lists_is_told_from_each(waist: Store) -> None:
    for source in (ident(1), ident(2)):
        await put_list(waist, source, TAGGED, [(7, ident(500))])
    merge = await waist.assoc_merge([ident(1), ident(2)], TAGGED, limit=10, budget=10)
    assert {row.source for row in merge.entries} == {ident(1), ident(2)}


async def test_orders_that_differ_in_the_lowest_bit_near_the_top(waist: Store) -> None:
    for number in range(6):
        await put_list(waist, ident(number + 1), FOLLOWS, [(MAX_ORDER - number, ident(500))])
    merge = await waist.assoc_merge(
        [ident(number) for number in range(1, 7)], FOLLOWS, before=(MAX_ORDER - 1, ident(500)), limit=3, budget=6
    )
    assert [MAX_ORDER - row.order for row in merge.entries] == [2, 3, 4]


async def test_no_lists_are_complete(waist: Store) -> None:
    assert await waist.assoc_merge([], FOLLOWS, limit=5, budget=5) == ([], True)


@pytest.mark.parametrize("budget", [1, 50, 2000])
async def test_a_thousand_lists(store: Store, budget: int) -> None:
    """A home page over a thousand authors, each with a few posts, page by page to the end."""
    sources = [ident(number) for number in range(1, 1001)]
    for number, source in enumerate(sources, start=1):
        await put_list(store, source, TAGGED, [(number * 7919 % 5003 * 3 + n, ident(9000 + n)) for n in range(3)])
    merge = await store.assoc_merge(sources, TAGGED, limit=20, budget=budget)
    orders_found = [row.order for row in merge.entries]
    every = sorted((number * 7919 % 5003 * 3 + n for number in range(1, 1001) for n in range(3)), reverse=True)
    if merge.complete:
        assert orders_found == every[:20]
    assert merge.complete == (budget > 1)
