"""Calls as rows: single ones by their ids, and dead ones in the order of their deaths."""

from __future__ import annotations

from ripstop.engines.base import CallRow, CallState, Store
from ripstop.engines.batch import CallAgain, CallDead, CallDone, CallPut
from tests.world import HOUR_MS, apply, ident

SHARDS = (7, 400)


async def kill(store: Store, *numbers: int, shard: int) -> list[int]:
    """Put calls that die at once, in this order; their ids."""
    for number in numbers:
        await apply(store, CallPut(ident(number, shard), "mail", f'{{"n":{number}}}'), home=shard)
        [taken] = (await store.call_lease([2], limit=1, seconds=60, shards=(shard, shard + 1))).taken
        await apply(store, CallDead(taken.id, taken.token, f"no {number}"), home=shard)
    return [ident(number, shard) for number in numbers]


async def all_dead(store: Store, *, limit: int) -> list[CallRow]:
    rows: list[CallRow] = []
    after: tuple[int, int] | None = None
    while page := await store.dead_calls(after=after, limit=limit):
        assert len(page) <= limit
        rows += page
        after = (page[-1].died or 0, page[-1].id)
    return rows


async def test_calls_are_read_by_their_ids(store: Store) -> None:
    due = await store.now_ms() + HOUR_MS
    put = CallPut(ident(1, 3), "mail", '{"n":1}', due, due + 5, 1, "key", "a.example", ident(9, 3))
    await apply(store, put, home=3)
    [dead] = await kill(store, 2, shard=7)
    found = await store.call_get([put.id, dead, ident(3, 7)])
    assert found[put.id] == CallRow(
        put.id, CallState.WAITING, 0, "mail", '{"n":1}', None, 1, due, due + 5, 1, "key", None, "a.example", ident(9, 3)
    )
    assert found.keys() == {put.id, dead}
    assert (found[dead].state, found[dead].error) == (CallState.DEAD, "no 2")
    assert await store.call_get([]) == {}


async def test_dead_calls_of_all_shards_come_in_the_order_of_their_deaths(store: Store) -> None:
    before = await store.now_ms()
    ids = []
    for number in range(1, 6):
        ids += await kill(store, number, shard=SHARDS[number % 2])
    await apply(store, CallPut(ident(50, 7), "mail", "{}"), CallPut(ident(51, 7), "mail", "{}", due=before + HOUR_MS))
    whole = await all_dead(store, limit=100)
    assert sorted(row.id for row in whole) == sorted(ids)
    assert whole == sorted(whole, key=lambda row: (row.died, row.id))
    assert all(before <= (row.died or 0) <= before + HOUR_MS for row in whole)
    for limit in (1, 2):
        assert await all_dead(store, limit=limit) == whole
    assert whole[0] == (await store.call_get([whole[0].id]))[whole[0].id]


async def test_what_is_sent_again_or_dropped_is_dead_no_more(store: Store) -> None:
    first, second, third = await kill(store, 1, 2, 3, shard=7)
    await apply(store, CallAgain(first, 1, 0, 1), CallDone(second, 1))
    assert [row.id for row in await all_dead(store, limit=10)] == [third]
    assert (await store.call_get([first]))[first].died is None
