"""`scan`: all rows of a table, in pages, of one shard or of all."""

from __future__ import annotations

import json

import pytest

from ripstop.engines.base import Store, Table
from ripstop.engines.batch import Batch, CallPut, NameSet, ObjectDelete
from tests.world import FOLLOWS, HOUR_MS, THING, apply, apply_each, follow, ident, thing

SHARDS = (0, 7, 1023)
Row = tuple[object, ...]


async def everything(store: Store, table: Table, *, shard: int | None = None, limit: int = 1000) -> list[Row]:
    """All rows, page by page."""
    rows: list[Row] = []
    after: Row | None = None
    for _ in range(1000):
        page = await store.scan(table, shard=shard, after=after, limit=limit)
        assert len(page.rows) <= limit
        rows += page.rows
        after = page.after
        if after is None:
            return rows
    raise AssertionError("a scan that does not end")


async def fill(store: Store) -> None:
    """Ten objects, one of them deleted again, four associations, a name and a call in each shard."""
    later = await store.now_ms() + HOUR_MS
    for shard in SHARDS:
        me = ident(1, shard)
        await apply_each(
            store,
            [
                Batch(shard, [thing(number, shard, n=number) for number in range(1, 11)]),
                Batch(shard, [ObjectDelete(ident(10, shard))]),
                Batch(shard, [follow(me, ident(number, 500), number) for number in range(1, 5)]),
                Batch(shard, [NameSet(f"n/{shard}", None, me, later)]),
                Batch(shard, [CallPut(ident(1, shard), "work", "{}")]),
            ],
        )


COUNTS = {Table.OBJECTS: 27, Table.NAMES: 3, Table.CALLS: 3, Table.COUNTS: 3 + 4}


@pytest.mark.parametrize("table", Table)
async def test_an_empty_store_has_no_rows(store: Store, table: Table) -> None:
    assert await everything(store, table) == []
    assert await everything(store, table, shard=3) == []


@pytest.mark.parametrize("table", Table)
async def test_pages_of_any_size_make_the_same_whole(store: Store, table: Table) -> None:
    await fill(store)
    whole = await everything(store, table)
    assert len(whole) == len(set(whole))
    assert len(whole) == COUNTS.get(table, len(whole))
    for limit in (1, 2, 5):
        assert await everything(store, table, limit=limit) == whole
    cursor = (await store.scan(table, shard=None, after=None, limit=2)).after
    assert json.loads(json.dumps(cursor)) == list(cursor or ())
    assert json.loads(json.dumps(whole)) == [list(row) for row in whole]


@pytest.mark.parametrize("table", Table)
async def test_the_shards_make_the_whole(store: Store, table: Table) -> None:
    await fill(store)
    by_shard = [row for shard in range(1024) for row in await everything(store, table, shard=shard, limit=3)]
    assert sorted(by_shard, key=repr) == sorted(await everything(store, table), key=repr)


async def test_objects_of_a_shard_in_order_without_deleted_ones(store: Store) -> None:
    await fill(store)
    rows = await everything(store, Table.OBJECTS, shard=7, limit=4)
    ids = [ident(number, 7) for number in range(1, 10)]
    assert [next(id for id in ids if id in row) for row in rows] == ids
    assert all(THING in row and json.dumps({"n": number}) in row for number, row in enumerate(rows, start=1))


async def test_associations_of_a_shard(store: Store) -> None:
    await fill(store)
    me = ident(1, 7)
    rows = [row for row in await everything(store, Table.ASSOCIATIONS, shard=7) if me in row and FOLLOWS in row]
    assert [row for number in range(1, 5) for row in rows if ident(number, 500) in row] == rows
    assert len(rows) == 4


async def test_names_and_calls_are_told_with_what_they_hold(store: Store) -> None:
    await fill(store)
    names = await everything(store, Table.NAMES)
    assert all(any(f"n/{shard}" in row and ident(1, shard) in row for row in names) for shard in SHARDS)
    calls = await everything(store, Table.CALLS, shard=1023)
    assert [row[:4] for row in calls] == [(ident(1, 1023), 1, 0, "work")]


async def test_a_scan_goes_on_after_rows_that_are_gone(store: Store) -> None:
    await fill(store)
    page = await store.scan(Table.OBJECTS, shard=7, after=None, limit=3)
    await apply(store, *(ObjectDelete(ident(number)) for number in (2, 3, 4)))
    rest = (await store.scan(Table.OBJECTS, shard=7, after=page.after, limit=100)).rows
    assert len(rest) == 5


async def test_a_page_that_ends_with_the_table(store: Store) -> None:
    await apply(store, thing(1), thing(2))
    page = await store.scan(Table.OBJECTS, shard=7, after=None, limit=2)
    assert len(page.rows) == 2
    assert page.after is None or (await store.scan(Table.OBJECTS, shard=7, after=page.after, limit=2)).rows == []
