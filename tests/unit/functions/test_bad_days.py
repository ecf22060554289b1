"""Clocks that jump, programs of other versions, downstreams that are dead for long: nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from itertools import pairwise
from random import Random

import pytest

from ripstop.engines.base import CallState, Store
from ripstop.machinery.functions import Call, Done, Functions, Outcome, Pressure, SlowStart, overview
from ripstop.machinery.functions.downstream import CUT_SECONDS, LONGEST_PAUSE, Downstream
from ripstop.machinery.functions.quota import Quota
from ripstop.machinery.functions.schedule import Schedule, put_next
from ripstop.machinery.functions.testing import calls_of
from ripstop.machinery.functions.worker import Worker
from tests.stores import Place
from tests.unit.functions.yard import Note, Yard, effect, manual_yard
from tests.world import PATIENCE, eventually

HOUR = 3_600.0


@pytest.fixture
async def yard(store: Store) -> AsyncIterator[Yard]:
    yard = Yard(store)
    await yard.bus.open()
    yield yard
    await yard.bus.close()


@contextlib.asynccontextmanager
async def working(*workers: Worker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(worker.run(stop)) for worker in workers]
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*tasks)


async def done(call: Call[Note]) -> Outcome:
    return Done()


def needs_a_clock(place: Place) -> None:
    if place.engine != "sqlite":
        pytest.skip("PostgreSQL falls due by its own clock, which a test cannot move")


# Clocks


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_what_waits_starts_once_and_no_later_when_the_clock_jumps(place: Place, jump: float) -> None:
    needs_a_clock(place)
    async with manual_yard(place) as (yard, clock):
        work = yard.function("work", done)
        await yard.call(work, Note("at once"))
        await yard.call(work, Note("in a minute"), due=clock.now_ms() + 60_000)
        clock.step(jump)
        await yard.drain()
        clock.advance(60)
        await yard.drain()
        await yard.call(work, Note("later"))
        await yard.drain()
        assert sorted(call.arguments.text for call in yard.ran) == ["at once", "in a minute", "later"]


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_call_that_runs_while_the_clock_jumps_has_its_effect_once(place: Place, jump: float) -> None:
    """An hour forward, its lease is over for all others: one of them runs it again, and its first end is refused."""
    needs_a_clock(place)
    async with manual_yard(place) as (yard, clock):
        began, gate = asyncio.Event(), asyncio.Event()

        async def work(call: Call[Note]) -> Outcome:
            if not began.is_set():
                began.set()
                await gate.wait()
            return Done(effect(call.id + 1))

        [id_] = await yard.call(yard.function("work", work), Note())
        first = asyncio.create_task(yard.drain())
        await began.wait()
        clock.step(jump)
        for _ in range(3):  # set apart, since its lease was lost; then tried
            await yard.drain()
            clock.advance(1)
        gate.set()
        await first
        while await yard.unfinished():
            clock.advance(1)
            await yard.drain()
        assert len(await yard.store.object_get([id_ + 1])) == 1
        assert await yard.dead("work") == 0
        assert len(yard.ran) == (2 if jump > 0 else 1)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_store_that_is_opened_after_a_jump_goes_on(place: Place, jump: float) -> None:
    needs_a_clock(place)
    async with manual_yard(place) as (yard, clock):
        work = yard.function("work", done)
        await yard.call(work, Note("now"))
        await yard.call(work, Note("soon"), due=clock.now_ms() + 1_000)
    clock.step(jump)
    async with place.opened(clock=clock) as store:
        again = Yard(store, clock=clock)
        again.function("work", done)
        clock.advance(1)
        await again.drain()
        assert {call.arguments.text for call in again.ran} == {"now", "soon"}


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_the_calendar_fires_nothing_twice_when_the_clock_jumps(place: Place, jump: float) -> None:
    needs_a_clock(place)
    async with manual_yard(place) as (yard, clock):
        nightly = Schedule(name="n", cron="*/30 * * * *", function=yard.function("nightly", done), arguments=Note())
        for seconds in (0, jump, 1_800, -jump, 1_800, 1_800):
            clock.step(seconds) if abs(seconds) == HOUR else clock.advance(seconds)
            await put_next(yard.store, yard.ids, nightly)
            await yard.drain()
        [waiting] = await calls_of(yard.store, nightly.function)
        assert waiting.state is CallState.WAITING
        assert 2 <= len(yard.ran) <= 4, "half hours that passed, on a clock that never goes back"


@pytest.mark.parametrize("hours", [1, -1])
async def test_starts_are_given_out_after_a_jump(store: Store, hours: int) -> None:
    quota, now_ms = Quota(store, "f"), 250.0 * 4_000_000_000
    await quota.refill(5, 400.0, now_ms=now_ms)
    await quota.refill(5, 400.0, now_ms=now_ms + hours * HOUR * 1000)
    assert quota.tokens >= 5


# Versions


async def test_calls_of_a_function_that_only_newer_processes_know_wait_for_these(yard: Yard) -> None:
    newer = yard.function("newer", done)
    ids = await yard.call(newer, *[Note()] * 40)
    older = yard.worker(functions=Functions())
    async with working(older):

        async def told() -> bool:
            known = (await overview(yard.store)).get("newer")
            return known is not None and known.held_back == ["not declared here, and left to others"]

        await eventually(told)
        assert await yard.dead("newer") == 0
        async with working(yard.worker()):
            await yard.until(lambda: len(yard.ran) == 40)
    assert sorted(call.id for call in yard.ran) == ids
    assert {call.attempt for call in yard.ran} == {1}


# A downstream that dies


def test_an_outage_of_ten_minutes_is_met_with_few_trials_and_ends_by_slow_start() -> None:
    """On a clock of its own, looked at twenty times a second."""
    target, now, trials = Downstream(64, Random(5)), 0.0, 0
    while now < 600.0:
        now = max(now + 0.05, target.open_until)
        if target.may_start(now):
            target.enter()
            target.leave()
            target.pressed(now)
            trials += 1
    assert trials < 70
    assert target.open_until - now <= 1.25 * LONGEST_PAUSE
    now = max(now, target.open_until)
    rounds = []
    for _ in range(12):
        begun = 0
        while target.may_start(now):
            target.enter()
            begun += 1
        rounds.append(begun)
        for _ in range(begun):
            target.leave()
            target.went_well()
        now += 0.05
    assert rounds[0] == 1
    assert all(after <= 2 * before for before, after in pairwise(rounds))
    assert rounds[-1] > 8


async def test_nothing_is_dropped_while_a_downstream_is_dead_and_it_is_not_overrun_after(place: Place) -> None:
    """What comes back has room for four: it turns away not one for three that it takes, and all are done.

    Of what it turns away, one halves the window, and nine must go well before that is five again. For the worker time
    passes with each call, so that each tells of a trouble of its own, and with each look at what is left: how fast the
    machine is makes no difference.
    """
    is_dead, under_way, most_after, refused_after, calls = True, 0, 0, 0, 240

    async def lean(call: Call[Note]) -> Outcome:
        nonlocal under_way, most_after, refused_after
        clock.advance(CUT_SECONDS)
        if is_dead:
            raise Pressure("connection refused")
        if under_way >= 4:
            refused_after += 1
            raise Pressure("HTTP 503")
        under_way += 1
        most_after = max(most_after, under_way)
        await asyncio.sleep(0.002)
        under_way -= 1
        return Done()

    endless = SlowStart(growth=math.inf)
    async with manual_yard(place) as (yard, clock):
        await yard.bus.open()
        function = yard.function("lean", lean, downstreams=("partner",), attempts=1, slow_start=endless)
        await yard.call(function, *[Note()] * calls)
        async with working(yard.worker(concurrency=32, grace=0.01, lease=HOUR)):
            await yard.until(lambda: len(yard.ran) >= 10)
            is_dead = False
            await yard.all_ended(passing=0.05)
        assert await yard.dead("lean") == 0
        await yard.bus.close()
    assert {call.attempt for call in yard.ran} == {1}
    assert most_after == 4
    assert 3 * refused_after < calls
