"""Dead calls: listed, sent again, dropped."""

from __future__ import annotations

import pytest

from ripstop.engines.base import Store
from ripstop.engines.batch import Batch, CallDone
from ripstop.machinery.functions import Call, Checkpoint, Done, Outcome, Retry
from ripstop.machinery.functions.dead import DeadCall, dead_calls, drop_dead, retry_dead
from tests.unit.functions.yard import ALL, SHARD, Note, Yard


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
    return [call async for call in dead_calls(yard.store, functions or None)]


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
