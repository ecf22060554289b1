"""Dead calls: listed, sent again, dropped."""

from __future__ import annotations

from typing import Any

import pytest

from ripstop.engines.base import Store
from ripstop.engines.batch import Batch, CallDone
from ripstop.machinery.functions import Call, Checkpoint, Done, Outcome, Retry
from ripstop.machinery.functions.dead import (
    TOGETHER,
    DeadCall,
    Search,
    dead_by_id,
    dead_calls,
    drop_all,
    drop_dead,
    retry_all,
    retry_dead,
)
from tests.stores import Place
from tests.unit.functions.yard import ALL, SHARD, Note, Yard, manual_yard


class Mended:
    """A function that fails until it is mended."""

    def __init__(self, yard: Yard) -> None:
        self.is_mended = False
        self.function = yard.function("mended", self.run, attempts=1)

    async def run(self, call: Call[Note]) -> Outcome:
        if call.checkpoint is None and call.arguments.number:
            return Checkpoint("half")
        return Done() if self.is_mended else Retry("It is broken.")


@pytest.fixture
def yard(store: Store) -> Yard:
    return Yard(store)


async def listed(yard: Yard, *functions: str) -> list[DeadCall]:
    return await found(yard, Search(functions=functions or None))


async def found(yard: Yard, search: Search) -> list[DeadCall]:
    return [call async for call in dead_calls(yard.store, search)]


async def test_a_dead_call_is_listed_with_all_that_is_known_of_it(yard: Yard) -> None:
    [id] = await yard.call(Mended(yard).function, Note("keep"))
    await yard.drain()
    [call] = await listed(yard)
    assert (call.id, call.function, call.attempt) == (id, "mended", 1)
    assert '"keep"' in call.arguments
    assert call.error == "Out of attempts (1). It is broken."


async def test_dead_calls_are_listed_by_function_among_many_others(yard: Yard) -> None:
    async def fail(call: Call[Note]) -> Outcome:
        raise LookupError(call.arguments.text)

    ids = await yard.call(Mended(yard).function, *[Note()] * 20)
    await yard.call(yard.function("fail", fail, attempts=1), Note("no such host"))
    await yard.drain()
    await yard.call(yard.function("waiting", fail), *[Note()] * 100)
    assert sorted(call.id for call in await listed(yard, "mended")) == ids
    [failed] = await listed(yard, "fail")
    assert "LookupError: no such host (test_dead.py:" in (failed.error or "")
    assert len(await listed(yard)) == 21
    assert await listed(yard, "unheard of") == []


async def test_a_dead_call_can_be_sent_again_from_its_checkpoint(yard: Yard) -> None:
    mended = Mended(yard)
    ids = await yard.call(mended.function, Note(), Note(number=1))
    await yard.drain()
    mended.is_mended = True
    yard.ran.clear()
    assert await retry_dead(yard.store, await listed(yard)) == 2
    assert await yard.drain() == 2
    assert sorted((call.id, call.attempt, call.checkpoint) for call in yard.ran) == [
        (ids[0], 1, None),
        (ids[1], 1, "half"),
    ]
    assert await yard.unfinished() == 0
    assert await listed(yard) == []


async def test_a_dead_call_can_be_dropped(yard: Yard) -> None:
    await yard.call(Mended(yard).function, Note(), Note())
    await yard.drain()
    first, second = await listed(yard)
    assert await drop_dead(yard.store, [first]) == 1
    assert [call.id for call in await listed(yard)] == [second.id]
    assert await drop_dead(yard.store, [first]) == 0


async def test_what_somebody_else_sent_again_is_left_alone(yard: Yard) -> None:
    await yard.call(Mended(yard).function, Note())
    await yard.drain()
    dead = await listed(yard)
    assert await retry_dead(yard.store, dead) == 1
    assert await retry_dead(yard.store, dead) == 0
    assert await drop_dead(yard.store, dead) == 0
    [lease] = (await yard.store.call_lease(ALL, limit=5, seconds=60.0)).taken
    assert await drop_dead(yard.store, dead) == 0
    [outcome] = await yard.store.commit([Batch(SHARD, [CallDone(lease.id, lease.token)])])
    assert outcome.applied


async def test_dead_calls_are_searched(yard: Yard) -> None:
    async def fail(call: Call[Note]) -> Outcome:
        return Retry(call.arguments.text)

    mail, push = (yard.function(name, fail, attempts=1) for name in ("mail", "push"))
    [full] = await yard.call(mail, Note("The mailbox is FULL."), namespace="a.example")
    [gone] = await yard.call(mail, Note("No such mailbox."), namespace="b.example")
    [late] = await yard.call(push, Note("Too late."), namespace="a.example")
    await yard.drain()

    async def ids(**conditions: Any) -> set[int]:
        return {call.id for call in await found(yard, Search(**conditions))}

    assert await ids() == {full, gone, late}
    assert await ids(namespace="a.example") == {full, late}
    assert await ids(text="Mailbox") == {full, gone}
    assert await ids(text="full", functions=("mail",)) == {full}
    assert await ids(text="full", functions=("push",)) == set()
    assert await ids(younger=3600.0) == {full, gone, late}
    assert await ids(older=3600.0) == set()


async def test_calls_are_searched_by_how_long_they_have_been_dead(place: Place) -> None:
    if place.engine != "sqlite":
        pytest.skip("PostgreSQL goes by its own clock, which a test cannot move")
    async with manual_yard(place) as (yard, clock):
        function = Mended(yard).function
        [first] = await yard.call(function, Note())
        await yard.drain()
        clock.advance(600)
        [second] = await yard.call(function, Note())
        await yard.drain()
        clock.advance(60)
        assert [call.id for call in await found(yard, Search(older=300))] == [first]
        assert [call.id for call in await found(yard, Search(younger=300))] == [second]
        assert [call.id for call in await found(yard, Search(older=60, younger=660))] == [first, second]
        assert await found(yard, Search(older=61, younger=659)) == []


async def test_all_of_a_search_are_sent_again_or_dropped(yard: Yard) -> None:
    mended = Mended(yard)
    ids = await yard.call(mended.function, *[Note()] * (TOGETHER + 3), namespace="a.example")
    others = await yard.call(mended.function, *[Note()] * 2, namespace="b.example")
    await yard.drain()
    assert await drop_all(yard.store, Search(namespace="b.example", text="BROKEN")) == 2
    assert await dead_by_id(yard.store, others) == []
    assert {call.id for call in await dead_by_id(yard.store, ids)} == set(ids)
    assert await retry_all(yard.store, Search(namespace="a.example")) == len(ids)
    assert await yard.drain() == len(ids), "what dies anew is not sent again in the same go"
    assert len(await listed(yard)) == len(ids)
