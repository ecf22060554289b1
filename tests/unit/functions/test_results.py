"""What calls come to, awaited by whoever needs it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from ripstop.engines.base import Store
from ripstop.engines.derived import ValuePut
from ripstop.machinery.bus import MemoryBus
from ripstop.machinery.functions import (
    Call,
    CallCancelled,
    CallDied,
    Caller,
    Cancel,
    Done,
    Fail,
    Function,
    Outcome,
    ResultLost,
    Retry,
    Split,
)
from ripstop.machinery.functions.dead import dead_by_id, drop_dead, retry_dead
from ripstop.machinery.functions.results import MOST_BYTES, RESULTS
from tests.unit.functions.yard import Note, Yard
from tests.world import PATIENCE


class Answer(msgspec.Struct, frozen=True):
    number: int
    attempt: int


@pytest.fixture
async def yard(store: Store) -> AsyncIterator[Yard]:
    yard = Yard(store)
    await yard.bus.open()
    yield yard
    await yard.bus.close()


@contextlib.asynccontextmanager
async def working(yard: Yard) -> AsyncIterator[None]:
    stop = asyncio.Event()
    work = asyncio.create_task(yard.worker(grace=0.01).run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await work


def caller(yard: Yard) -> Caller:
    return Caller(yard.store, ids=yard.ids, clock=yard.clock, bus=yard.bus)


def asked(yard: Yard, ends: Iterator[Outcome] | None = None) -> Function[Note]:
    """Ends as it is told; after that, with its number and attempt."""
    left = iter(()) if ends is None else ends

    async def run(call: Call[Note]) -> Outcome:
        return next(left, None) or Done(result=Answer(call.arguments.number, call.attempt))

    return yard.function("asked", run, answers=True, attempts=2)


async def test_a_result_is_awaited_while_the_call_waits_and_runs(yard: Yard) -> None:
    function, calling = asked(yard, iter([Retry("not yet", after=0.0)])), caller(yard)
    call = await calling.call(function, Note(number=17))
    assert call is not None
    waiting = [asyncio.create_task(calling.result(function, call, Answer, within=PATIENCE)) for _ in range(2)]
    async with working(yard):
        assert await asyncio.gather(*waiting) == [Answer(17, 2)] * 2
    assert await calling.result(function, call, Answer, within=PATIENCE) == Answer(17, 2)
    with pytest.raises(msgspec.ValidationError):
        await calling.result(function, call, int, within=PATIENCE)


async def test_a_result_arrives_though_no_message_does(yard: Yard) -> None:
    function = asked(yard)
    deaf = Caller(yard.store, ids=yard.ids, clock=yard.clock, bus=MemoryBus())
    [call] = await yard.call(function, Note(number=3))
    waiting = asyncio.create_task(deaf.result(function, call, Answer, within=PATIENCE))
    async with working(yard):
        assert await waiting == Answer(3, 1)


async def test_a_call_that_is_dead_says_why_until_it_is_sent_again(yard: Yard) -> None:
    function, calling = asked(yard, iter([Fail("no good")])), caller(yard)
    [call] = await yard.call(function, Note(number=5))
    waiting = asyncio.create_task(calling.result(function, call, Answer, within=PATIENCE))
    async with working(yard):
        with pytest.raises(CallDied) as died:
            await waiting
        assert died.value.cause == "no good"
        await retry_dead(yard.store, await dead_by_id(yard.store, [call]))
        assert await calling.result(function, call, Answer, within=PATIENCE) == Answer(5, 1)


async def test_a_call_with_nothing_to_do_says_so(yard: Yard) -> None:
    function = asked(yard, iter([Cancel("the account is gone")]))
    [call] = await yard.call(function, Note())
    await yard.drain()
    with pytest.raises(CallCancelled) as cancelled:
        await caller(yard).result(function, call, Answer, within=PATIENCE)
    assert cancelled.value.cause == "the account is gone"


async def test_a_result_is_that_of_the_whole(yard: Yard) -> None:
    async def run(call: Call[Note]) -> Outcome:
        if call.checkpoint is None and call.arguments.text == "all":
            return Split([Note(number=1), Note(number=2)], join="joined")
        return Done(result=call.arguments.number)

    function = yard.function("sum", run, answers=True)
    [call] = await yard.call(function, Note("all", 3))
    async with working(yard):
        assert await caller(yard).result(function, call, int, within=PATIENCE) == 3


async def test_what_is_not_known_any_more_is_lost(yard: Yard) -> None:
    function = asked(yard, iter([Fail("no good")]))
    dropped, done = await yard.call(function, Note(), Note(number=1))
    await yard.drain()
    await drop_dead(yard.store, await dead_by_id(yard.store, [dropped, done]))
    await yard.store.keyspace_write(RESULTS.name, [ValuePut(str(done), None)])
    with pytest.raises(ResultLost):
        await caller(yard).result(function, dropped, Answer, within=PATIENCE)
    with pytest.raises(ResultLost):
        await caller(yard).result(function, done, Answer, within=PATIENCE)


async def test_who_waits_in_vain_may_wait_again(yard: Yard) -> None:
    function = asked(yard)
    [call] = await yard.call(function, Note(number=1))
    with pytest.raises(TimeoutError):
        await caller(yard).result(function, call, Answer, within=0.01)
    await yard.drain()
    assert await caller(yard).result(function, call, Answer, within=PATIENCE) == Answer(1, 1)


async def test_only_what_is_declared_is_kept(yard: Yard) -> None:
    async def run(call: Call[Note]) -> Outcome:
        return Done(result="x" * call.arguments.number)

    silent = yard.function("silent", run, attempts=1)
    large = yard.function("large", run, attempts=1, answers=True)
    [first] = await yard.call(silent, Note(number=1))
    [second] = await yard.call(large, Note(number=MOST_BYTES))
    await yard.drain()
    errors = {call.id: call.error or "" for call in await dead_by_id(yard.store, [first, second])}
    assert "is not declared to" in errors[first]
    assert "bytes, more than" in errors[second]
    with pytest.raises(ValueError, match="not declared to answer"):
        await caller(yard).result(silent, first, str, within=PATIENCE)
