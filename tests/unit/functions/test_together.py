"""Calls that run in one task as long as none of them waits, and end in one commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from ripstop.engines.base import Leases, Store
from ripstop.engines.batch import Batch, CallDone, CheckObject, ObjectPut
from ripstop.engines.batch import Outcome as Result
from ripstop.kernel.ids import shard_of
from ripstop.machinery.functions import Call, Done, Outcome, Retry
from ripstop.machinery.functions.stepping import Begun
from tests.unit.functions.yard import SHARD, Note, Yard, effect
from tests.world import PATIENCE, THING, eventually


@pytest.fixture
async def yard(store: Store) -> AsyncIterator[Yard]:
    yard = Yard(store)
    await yard.bus.open()
    yield yard
    await yard.bus.close()


class Commits:
    """A store that remembers how many calls each commit has ended."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.ended: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batches: Sequence[Batch], **how: Any) -> list[Result]:
        self.ended.append(sum(isinstance(batch.operations[0], CallDone) for batch in batches))
        return await self._store.commit(batches, **how)


async def test_calls_that_never_wait_end_together(yard: Yard) -> None:
    async def done(call: Call[Note]) -> Outcome:
        return Done()

    await yard.call(yard.function("quick", done), *(Note(number=number) for number in range(20)))
    commits: Any = Commits(yard.store)
    assert await yard.worker(store=commits).drain() == 20
    assert sum(commits.ended) == 20
    assert len(commits.ended) < 20
    assert await yard.unfinished() == 0


class Slow:
    """A store that commits no end before more calls are leased than that."""

    def __init__(self, store: Store, more_than: int) -> None:
        self._store = store
        self._more_than = more_than
        self._leased_more = asyncio.Event()
        self._held = 0
        self.most_held = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def call_lease(self, *what: Any, **how: Any) -> Leases:
        leases = await self._store.call_lease(*what, **how)
        self._held += len(leases.taken)
        self.most_held = max(self.most_held, self._held)
        if self._held > self._more_than:
            self._leased_more.set()
        return leases

    async def commit(self, batches: Sequence[Batch], **how: Any) -> list[Result]:
        ends = sum(isinstance(batch.operations[0], CallDone) for batch in batches)
        if ends:
            await self._leased_more.wait()
        outcomes = await self._store.commit(batches, **how)
        self._held -= ends
        return outcomes


async def test_the_next_calls_are_leased_while_ends_are_committed(yard: Yard) -> None:
    async def done(call: Call[Note]) -> Outcome:
        return Done()

    await yard.call(yard.function("quick", done), *(Note(number=number) for number in range(100)))
    slow: Any = Slow(yard.store, 16)
    stop = asyncio.Event()
    work = asyncio.create_task(yard.worker(store=slow, concurrency=16).run(stop))
    await yard.all_ended()
    stop.set()
    await work
    assert len(yard.ran) == 100
    assert slow.most_held <= 32


async def test_a_call_that_waits_holds_up_none_of_its_round(yard: Yard) -> None:
    release = asyncio.Event()

    async def some_wait(call: Call[Note]) -> Outcome:
        if call.arguments.number % 3 == 0:
            await release.wait()
        return Done()

    await yard.call(yard.function("mixed", some_wait), *(Note(number=number) for number in range(9)))
    work = asyncio.create_task(yard.drain())

    async def only_those_that_wait() -> bool:
        return await yard.unfinished() == 3

    await eventually(only_those_that_wait)
    release.set()
    async with asyncio.timeout(PATIENCE):
        assert await work == 9
    assert await yard.unfinished() == 0


async def test_a_call_that_waits_has_a_task_to_itself(yard: Yard) -> None:
    tasks: dict[int, list[asyncio.Task[Any] | None]] = {}
    all_began = asyncio.Event()

    async def wait(call: Call[Note]) -> Outcome:
        seen = tasks[call.id] = [asyncio.current_task()]
        if len(tasks) == 5:
            all_began.set()
        async with asyncio.timeout(PATIENCE):  # which cancels the task that it was begun in
            await all_began.wait()
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())
        return Done()

    await yard.call(yard.function("waits", wait), *(Note(number=number) for number in range(5)))
    assert await yard.drain() == 5
    assert all(before is after for before, after in tasks.values())
    assert len({before for before, _ in tasks.values()}) == 5


async def test_a_time_limit_ends_the_one_call_that_is_too_slow(yard: Yard) -> None:
    async def sleep(call: Call[Note]) -> Outcome:
        if call.attempt == 1 and call.arguments.number == 1:
            await asyncio.Event().wait()
        return Done()

    function = yard.function("slow", sleep, time_limit=0.05, attempts=1)
    await yard.call(function, *(Note(number=number) for number in range(4)))
    assert await yard.drain() == 4
    assert await yard.dead("slow") == 1


async def test_an_effect_that_is_refused_concerns_no_other_of_its_commit(yard: Yard) -> None:
    things = [yard.ids.new(SHARD) for _ in range(4)]
    tries: dict[int, int] = {}

    async def make(call: Call[Note]) -> Outcome:
        number = call.arguments.number
        tries[number] = tries.get(number, 0) + 1
        id = things[number]
        if number == 2 and tries[number] == 1:
            return Done(Batch(shard_of(id), [CheckObject(id, 5)]))
        return Done(effect(id))

    await yard.call(yard.function("makes", make), *(Note(number=number) for number in range(4)))
    assert await yard.drain() == 4
    assert tries == {0: 1, 1: 1, 2: 2, 3: 1}
    assert set(await yard.store.object_get(things)) == set(things)
    assert await yard.unfinished() == 0


async def test_an_effect_that_cannot_be_stored_concerns_no_other_of_its_commit(yard: Yard) -> None:
    good, bad = yard.ids.new(SHARD), yard.ids.new(SHARD)

    async def make(call: Call[Note]) -> Outcome:
        if call.arguments.number == 1:
            return Done(Batch(SHARD, [ObjectPut(bad, THING, "\0")]))
        return Done(effect(good)) if call.arguments.number == 2 else Done()

    function = yard.function("spoils", make, attempts=1)
    await yard.call(function, *(Note(number=number) for number in range(4)))
    assert await yard.drain() == 4
    assert await yard.dead("spoils") == 1
    assert set(await yard.store.object_get([good, bad])) == {good}
    assert await yard.unfinished() == 0


async def test_ends_of_all_kinds_come_out_of_one_round(yard: Yard) -> None:
    async def end(call: Call[Note]) -> Outcome:
        match call.arguments.number:
            case 0:
                return Done()
            case 1 if call.attempt == 1:
                return Retry("once more", after=0.0)
            case 2 if call.attempt == 1:
                raise ValueError("once more")
            case _:
                return Done()

    await yard.call(yard.function("ends", end, backoff_base=0.001), *(Note(number=number) for number in range(4)))

    async def none_left() -> bool:
        await yard.drain()
        return await yard.unfinished() == 0

    await eventually(none_left)
    assert len(yard.ran) == 6


async def test_what_never_waits_is_through_at_once() -> None:
    async def three() -> int:
        return 3

    begun = Begun(three())
    assert not begun.waits
    assert begun.result == 3


async def test_what_waits_goes_on_where_it_was() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def plus_one() -> int:
        await asyncio.sleep(0)
        return await future + 1

    async def go_on() -> int:
        begun = Begun(plus_one())
        assert begun.waits
        return await begun.rest()

    task = asyncio.create_task(go_on())
    asyncio.get_running_loop().call_soon(future.set_result, 4)
    assert await task == 5


async def test_a_cancellation_reaches_what_waits() -> None:
    seen: list[str] = []
    is_waiting = asyncio.Event()

    async def wait() -> None:
        is_waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def go_on() -> None:
        await Begun(wait()).rest()

    task = asyncio.create_task(go_on())
    await is_waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]


async def test_an_error_before_it_waits_is_raised_at_once() -> None:
    async def fail() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        Begun(fail())
