"""Workers at work: waking, order, limits, leases, stopping."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from ripstop.engines.base import Criticality, Leases, Store
from ripstop.engines.batch import CallDone
from ripstop.kernel.clock import ManualClock
from ripstop.kernel.errors import Unavailable
from ripstop.machinery.functions import Call, Checkpoint, Done, Limits, Outcome, Retry, Snooze
from tests.stores import Place
from tests.unit.functions.yard import ALL, Note, Yard, effect, manual_yard
from tests.world import PATIENCE, apply, clock_passes, eventually


@pytest.fixture
async def yard(store: Store) -> AsyncIterator[Yard]:
    yard = Yard(store)
    await yard.bus.open()
    yield yard
    await yard.bus.close()


@contextlib.asynccontextmanager
async def working(yard: Yard, **limits: Any) -> AsyncIterator[asyncio.Event]:
    """A worker at work; the event stops it, as leaving does."""
    stop = asyncio.Event()
    task = asyncio.create_task(yard.worker(**limits).run(stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await task


class Renewals:
    """A store that counts how often leases were renewed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def call_lease(self, classes: Sequence[int], **more: Any) -> Leases:
        leases = await self._store.call_lease(classes, **more)
        self._count += bool(more.get("renew"))
        return leases

    async def follow(self, clock: ManualClock) -> None:
        """Return once leases were renewed since more than a third of their time has passed, which it does now."""
        before = self._count
        clock.advance(0.4 * Limits().lease)

        async def are_renewed() -> bool:
            return self._count > before

        await eventually(are_renewed)


@contextlib.asynccontextmanager
async def renewing(place: Place) -> AsyncIterator[tuple[Yard, ManualClock, Any]]:
    """A yard whose time stands still for its workers, and on SQLite for its leases, with a store that counts."""
    async with manual_yard(place) as (yard, clock):
        await yard.bus.open()
        yield yard, clock, Renewals(yard.store)
        await yard.bus.close()


async def done(call: Call[Note]) -> Outcome:
    return Done()


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await event.wait()


async def test_a_message_wakes_an_idle_worker(yard: Yard) -> None:
    ran = asyncio.Event()

    async def note(call: Call[Note]) -> Outcome:
        ran.set()
        return Done()

    function = yard.function("note", note)
    async with working(yard, poll=3600.0):
        await asyncio.sleep(0)
        await yard.call(function, Note())
        await soon(ran)
        await yard.all_ended()


async def test_a_worker_looks_by_itself_from_time_to_time(yard: Yard) -> None:
    function = yard.function("note", done)
    async with working(yard, poll=0.05):
        await yard.bus.close()
        await yard.call(function, Note())
        await yard.all_ended()


async def test_a_retry_starts_when_it_is_due(yard: Yard) -> None:
    """Without a poll: the worker remembers what it handed back."""

    async def fail(call: Call[Note]) -> Outcome:
        return Retry("not yet", after=0.05) if call.attempt < 3 else Done()

    async def doze(call: Call[Note]) -> Outcome:
        return Snooze(0.05) if len(yard.ran) < 4 else Done()

    failing, dozing = yard.function("fail", fail), yard.function("doze", doze)
    async with working(yard, poll=3600.0):
        await yard.call(failing, Note())
        await yard.call(dozing, Note())
        await yard.all_ended()


async def test_all_classes_run_and_the_most_critical_first(yard: Yard) -> None:
    for criticality in reversed(Criticality):
        function = yard.function(criticality.name, done, criticality=criticality)
        await yard.call(function, *[Note()] * 3)
    await yard.drain()
    assert [call.function for call in yard.ran] == [name for name in Criticality.__members__ for _ in range(3)]


async def test_a_worker_full_of_lesser_calls_takes_critical_ones(yard: Yard) -> None:
    gate, ran = asyncio.Event(), asyncio.Event()

    async def hold(call: Call[Note]) -> Outcome:
        await gate.wait()
        return Done()

    async def urgent(call: Call[Note]) -> Outcome:
        ran.set()
        return Done()

    low = yard.function("low", hold, criticality=Criticality.LOW)
    normal = yard.function("normal", hold)
    critical = yard.function("critical", urgent, criticality=Criticality.CRITICAL)
    await yard.call(low, *[Note()] * 64)
    await yard.call(normal, *[Note()] * 64)
    async with working(yard, concurrency=32):
        await yard.call(critical, Note())
        await soon(ran)
        assert len(yard.ran) < 32
        gate.set()
        await yard.all_ended()
    assert len(yard.ran) == 129


async def test_no_more_of_a_function_run_at_once_than_it_allows(yard: Yard) -> None:
    running = most = 0

    async def narrow(call: Call[Note]) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return Done()

    ids = await yard.call(yard.function("narrow", narrow, concurrency=3), *[Note()] * 60)
    wide = await yard.call(yard.function("wide", done), *[Note()] * 10)
    async with working(yard, concurrency=32):
        await yard.all_ended()
    assert most == 3
    assert sorted(call.id for call in yard.ran) == sorted(ids + wide)


async def test_a_function_that_is_stuck_does_not_keep_others_of_its_class(yard: Yard) -> None:
    gate, ran = asyncio.Event(), asyncio.Event()

    async def stuck(call: Call[Note]) -> Outcome:
        await gate.wait()
        return Done()

    async def free(call: Call[Note]) -> Outcome:
        ran.set()
        return Done()

    first = yard.function("stuck", stuck, concurrency=1)
    second = yard.function("free", free)
    await yard.call(first, *[Note()] * 60)
    async with working(yard, concurrency=32, grace=0.01):
        await yard.until(lambda: bool(yard.ran))
        await yard.call(second, Note())
        await soon(ran)
    assert [call.function for call in yard.ran] == ["stuck", "free"]


async def test_a_drain_puts_nothing_off(yard: Yard) -> None:
    await yard.call(yard.function("narrow", done, concurrency=1), *[Note()] * 90)
    assert await yard.drain() == 90
    assert await yard.unfinished() == 0


async def test_a_run_is_cancelled_at_its_time_limit(yard: Yard) -> None:
    async def forever(call: Call[Note]) -> Outcome:
        await asyncio.Event().wait()
        return Done()

    await yard.call(yard.function("forever", forever, time_limit=0.05, attempts=1), Note())
    async with working(yard):
        await yard.all_ended()
    assert await yard.dead("forever") == 1


async def test_what_a_handler_cancels_itself_is_its_own_failure(yard: Yard) -> None:
    async def careless(call: Call[Note]) -> Outcome:
        if call.attempt == 1:
            asyncio.get_running_loop().create_future().cancel()
            raise asyncio.CancelledError
        return Done()

    await yard.call(yard.function("careless", careless, backoff_base=1e-6), Note())
    while await yard.unfinished():
        await yard.drain()
    assert [call.attempt for call in yard.ran] == [1, 2]


async def test_a_long_run_keeps_its_lease(place: Place) -> None:
    """Another worker, hungry all the time, gets nothing of it."""
    started, gate = asyncio.Event(), asyncio.Event()

    async def long(call: Call[Note]) -> Outcome:
        started.set()
        await gate.wait()
        return Done(effect(call.id + 1))

    async with renewing(place) as (yard, clock, store):
        [id] = await yard.call(yard.function("long", long), Note())
        async with working(yard, store=store):
            await soon(started)
            for _ in range(5):
                await store.follow(clock)
                assert (await yard.store.call_lease(ALL, limit=9, seconds=60.0)).taken == []
            gate.set()
            await yard.all_ended()
        assert len(yard.ran) == 1
        assert id + 1 in await yard.store.object_get([id + 1])


async def test_who_lost_the_lease_cannot_commit(yard: Yard) -> None:
    async def slow(call: Call[Note]) -> Outcome:
        await apply(yard.store, CallDone(call.id, 1))  # what somebody does who took the call over
        return Done(effect(call.id + 1))

    [id] = await yard.call(yard.function("slow", slow), Note())
    assert await yard.drain() == 1
    assert await yard.store.object_get([id + 1]) == {}
    assert await yard.unfinished() == 0


async def test_a_handler_whose_lease_is_gone_is_cancelled(place: Place) -> None:
    cancelled = asyncio.Event()

    async def hang(call: Call[Note]) -> Outcome:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Done()

    async with renewing(place) as (yard, clock, store):
        await yard.call(yard.function("hang", hang), Note())
        async with working(yard, store=store):
            await yard.until(lambda: bool(yard.ran))
            [call] = yard.ran
            await apply(yard.store, CallDone(call.id, 1))
            await store.follow(clock)
            await soon(cancelled)


async def test_a_stop_lets_handlers_end(yard: Yard) -> None:
    started, gate = asyncio.Event(), asyncio.Event()

    async def long(call: Call[Note]) -> Outcome:
        started.set()
        await gate.wait()
        return Done(effect(call.id + 1))

    [id] = await yard.call(yard.function("long", long), Note())
    async with working(yard, grace=PATIENCE) as stop:
        await soon(started)
        stop.set()
        gate.set()
    assert id + 1 in await yard.store.object_get([id + 1])
    assert await yard.unfinished() == 0


async def test_a_stop_hands_leases_back(yard: Yard) -> None:
    """What runs too long and what has not begun is due at once, as the same attempt and with the same state."""

    async def stuck(call: Call[Note]) -> Outcome:
        if call.checkpoint is None:
            return Checkpoint("half")
        if call.attempt == 1:
            return Retry("once", after=0.0)
        await asyncio.Event().wait()
        return Done()

    ids = await yard.call(yard.function("stuck", stuck, concurrency=2), *[Note()] * 4)
    async with working(yard, grace=0.01) as stop:
        await yard.until(lambda: sum(call.attempt == 2 for call in yard.ran) == 2)
        stop.set()
    stats = (await yard.store.call_stats())["stuck"]
    assert stats.leased == 0
    assert stats.ready + stats.waiting == 4
    yard.ran.clear()
    second = asyncio.create_task(yard.worker(grace=0.01).drain())
    await yard.until(lambda: sum(call.attempt == 2 for call in yard.ran) == 2)
    assert all(call.checkpoint == "half" for call in yard.ran if call.attempt == 2)
    assert {call.id for call in yard.ran} <= set(ids)
    second.cancel()
    await asyncio.wait({second})


async def test_two_workers_share_the_work_and_each_effect_is_there_once(place: Place) -> None:
    async with place.opened() as one, place.opened() as other:
        yard = Yard(one)

        async def make(call: Call[Note]) -> Outcome:
            await asyncio.sleep(0)
            return Done(effect(call.id + 1))

        await yard.bus.open()
        function = yard.function("make", make)
        ids = [id for _ in range(10) for id in await yard.call(function, *[Note()] * 40)]
        stop = asyncio.Event()
        workers = [yard.worker(concurrency=32), yard.worker(concurrency=32, store=other)]
        tasks = [asyncio.create_task(worker.run(stop)) for worker in workers]
        await yard.all_ended()
        stop.set()
        await asyncio.gather(*tasks)
        assert len(yard.ran) == 400
        assert len(await one.object_get([id + 1 for id in ids])) == 400
        await yard.bus.close()


async def test_a_call_of_a_later_time_waits_for_it(place: Place) -> None:
    if place.engine != "sqlite":
        pytest.skip("PostgreSQL falls due by its own clock, which a test cannot move")
    async with manual_yard(place) as (yard, clock):
        function = yard.function("later", done)
        await yard.call(function, Note(), due=clock.now_ms() + 86_400_000)
        assert await yard.drain() == 0
        clock.advance(86_400)
        assert await yard.drain() == 1


async def test_caches_are_refreshed_before_a_call_starts(yard: Yard) -> None:
    order: list[str] = []

    async def note(call: Call[Note]) -> Outcome:
        order.append("run")
        return Done()

    async def refresh() -> None:
        order.append("refresh")

    function = yard.function("note", note)
    await yard.call(function, Note(), Note())
    worker = yard.worker(before_round=refresh)
    await worker.drain()
    assert order == ["refresh", "run", "run"]


async def test_calls_go_back_when_caches_cannot_be_refreshed(yard: Yard) -> None:
    async def refuse() -> None:
        raise Unavailable("The database is restarting.")

    ids = await yard.call(yard.function("note", done), *[Note()] * 3)
    with pytest.raises(Unavailable):
        await yard.worker(before_round=refuse).drain()
    await yard.drain()
    assert sorted(call.id for call in yard.ran) == ids
    assert {call.attempt for call in yard.ran} == {1}


async def test_what_waits_for_a_place_and_loses_its_lease_does_not_start(place: Place) -> None:
    started, gate = asyncio.Event(), asyncio.Event()

    async def narrow(call: Call[Note]) -> Outcome:
        started.set()
        await gate.wait()
        return Done()

    async with renewing(place) as (yard, clock, store):
        ids = await yard.call(yard.function("narrow", narrow, concurrency=1), Note(), Note())
        async with working(yard, store=store):
            await soon(started)
            other = next(id for id in ids if id != yard.ran[0].id)
            await apply(yard.store, CallDone(other, 1))
            for _ in range(2):  # once they are renewed again, what was heard the first time is known
                await store.follow(clock)
            gate.set()
            await yard.all_ended()
        assert [call.id for call in yard.ran] == [id for id in ids if id != other]


async def test_a_lease_that_nobody_renews_ends(yard: Yard) -> None:
    """The call runs again, as the same attempt."""
    [id] = await yard.call(yard.function("note", done), Note())
    [lost] = (await yard.store.call_lease(ALL, limit=1, seconds=0.05)).taken
    await clock_passes(yard.store, lost.lease_until)
    while await yard.unfinished():
        await yard.drain()
    assert [(call.id, call.attempt) for call in yard.ran] == [(id, 1)]
