"""Slow start: what grows, grows by a fifth in a minute, over all workers; and how full the store lets a worker be."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from ripstop.engines.base import Criticality, Store
from ripstop.kernel.clock import ManualClock
from ripstop.kernel.errors import Overloaded
from ripstop.machinery.functions import Call, Done, Function, Outcome, SlowStart, overview
from ripstop.machinery.functions.growth import MINUTE_MS, REMEMBERED, STARTED, Growth
from ripstop.machinery.functions.steering import steer
from ripstop.machinery.functions.store_window import CUT_SECONDS, LEAST, STEP, StoreWindow
from tests.unit.functions.yard import Note, Yard
from tests.world import PATIENCE, eventually

MINUTE = 30_000_000
"""The first minute of these tests."""


@pytest.fixture
async def yard(store: Store) -> AsyncIterator[Yard]:
    yard = Yard(store)
    await yard.bus.open()
    yield yard
    await yard.bus.close()


@contextlib.asynccontextmanager
async def working(yard: Yard, **limits: Any) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(yard.worker(concurrency=32, grace=0.01, **limits).run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await task


async def done(call: Call[Note]) -> Outcome:
    return Done()


def growing(store: Store, slow: SlowStart | None = None) -> Growth:
    return Growth(store, "f", slow or SlowStart(), monotonic=ManualClock().monotonic)


async def flooded(workers: list[Growth], minute: int, steps: int = 12) -> int:
    """How much starts in a minute where all workers want as much as they can get, all the time."""
    started = 0
    for step in range(steps):
        now_ms = minute * MINUTE_MS + step * MINUTE_MS // steps
        await asyncio.gather(*(worker.refill(1000, now_ms=now_ms) for worker in workers))
        for worker in workers:
            started += worker.tokens
            worker.tokens = 0
    return started


async def test_a_flood_grows_by_a_fifth_in_each_minute_whatever_the_workers(store: Store) -> None:
    workers = [growing(store) for _ in range(3)]
    started = [await flooded(workers, MINUTE + minute) for minute in range(6)]
    assert started[0] == 100
    for before, after in pairwise(started):
        assert 1.1 * before <= after <= 1.2 * before


async def test_up_to_the_threshold_calls_start_at_once(store: Store) -> None:
    worker = growing(store, SlowStart(50.0, 0.2))
    assert await worker.refill(50, now_ms=MINUTE * MINUTE_MS) == 0.0
    assert worker.tokens == 50
    worker.tokens = 0
    assert await worker.refill(1, now_ms=MINUTE * MINUTE_MS + 30_000) > 0.0
    assert worker.room(MINUTE * MINUTE_MS + 30_000) == 0


async def test_what_is_above_the_threshold_starts_evenly(store: Store) -> None:
    worker = growing(store, SlowStart(100.0, 9.0))
    await flooded([worker], MINUTE)
    half = MINUTE_MS // 2
    await worker.refill(1000, now_ms=(MINUTE + 1) * MINUTE_MS + half)
    assert 100 + 450 <= worker.tokens <= 100 + 450 + 10


async def test_workers_that_start_anew_go_on_where_the_others_were(store: Store) -> None:
    for minute in range(4):
        await flooded([growing(store)], MINUTE + minute)
    assert await flooded([growing(store)], MINUTE + 4) > 180


async def test_what_stood_still_for_ten_minutes_begins_where_it_was(store: Store) -> None:
    last = 0
    for minute in range(4):
        last = await flooded([growing(store)], MINUTE + minute)
    assert last <= await flooded([growing(store)], MINUTE + 3 + 10) <= 1.2 * last
    assert await flooded([growing(store)], MINUTE + 13 + REMEMBERED + 1) == 100


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_jumps_by_an_hour_sets_nobody_back(store: Store, hours: int) -> None:
    worker, last = growing(store), 0
    for minute in range(4):
        last = await flooded([worker], MINUTE + minute)
    assert last <= await flooded([worker], MINUTE + 4 + 60 * hours) <= 1.2 * last


async def test_starts_that_were_not_used_are_not_counted(store: Store) -> None:
    idle = growing(store, SlowStart(1000.0, 0.2))
    await idle.refill(900, now_ms=MINUTE * MINUTE_MS)
    idle.expire((MINUTE + 1) * MINUTE_MS)
    await idle.refill(1, now_ms=(MINUTE + 3) * MINUTE_MS)
    late = growing(store, SlowStart(10.0, 0.2))
    assert await flooded([late], MINUTE + 4) < 30, "what a worker has in stock is little"


async def test_only_what_leans_on_something_starts_slowly_unless_it_says_so() -> None:
    def function(**attributes: Any) -> Function[Note]:
        return Function(name="f", arguments=Note, handler=done, **attributes)

    assert function().paced is None
    assert function(circuit=True).paced == function(downstreams=("mail",)).paced == SlowStart()
    assert function(slow_start=SlowStart(5.0, 1.0)).paced == SlowStart(5.0, 1.0)
    assert function(circuit=True, slow_start=SlowStart(growth=math.inf)).paced is None
    with pytest.raises(ValueError, match="above zero"):
        function(slow_start=SlowStart(0.0))


async def test_a_worker_starts_a_new_function_slowly(yard: Yard) -> None:
    """All that it may, and what is left stays in the store, where others are not held up by it."""
    slow = yard.function("slow", done, slow_start=SlowStart(20.0, 0.2))
    quick = yard.function("quick", done)
    await yard.call(slow, *[Note()] * 200)
    await yard.call(quick, *[Note()] * 70)
    began = await minute_of(yard)
    async with working(yard):
        await yard.until(lambda: len(yard.ran) >= 90)

        async def told() -> bool:
            return (await overview(yard.store))["slow"].held_back == ["bound by its slow start, 20% a minute"]

        await eventually(told)
    started = sum(call.function == "slow" for call in yard.ran)
    assert 20 <= started <= most_of(20.0, 0.2, minutes=await minute_of(yard) - began + 1)


async def minute_of(yard: Yard) -> int:
    return await yard.store.now_ms() // MINUTE_MS


def most_of(threshold: float, growth: float, *, minutes: int) -> float:
    """How much may start in so many minutes in a row, of which the first and the last may be short."""
    return sum(threshold * (1 + growth) ** minute for minute in range(minutes))


async def test_a_surge_of_what_leans_on_the_store_alone_is_not_held_back(yard: Yard) -> None:
    """Whatever its class: the store says itself how much it can take."""
    low = yard.function("low", done, criticality=Criticality.LOW)
    await yard.call(low, *[Note()] * 500)
    async with working(yard):
        await yard.until(lambda: len(yard.ran) == 500)
    assert await store_growth(yard, "low") == {}


async def store_growth(yard: Yard, function: str) -> dict[str, bytes | int]:
    """What the workers have counted of the starts of a function lately."""
    minute = await minute_of(yard)
    keys = [f"{function}:{minute - back}" for back in range(3)]
    return await yard.store.keyspace_get(STARTED.name, keys)


async def test_operators_may_have_any_function_start_slowly(yard: Yard) -> None:
    await steer(yard.store, None, "quick", growth=0.5)
    await yard.call(yard.function("quick", done), *[Note()] * 400)
    began = await minute_of(yard)
    async with working(yard):

        async def told() -> bool:
            held_back = (await overview(yard.store))["quick"].held_back
            return len(yard.ran) >= 100 and held_back == ["bound by its slow start, 50% a minute"]

        await eventually(told)
        held = len(yard.ran)
        minutes = await minute_of(yard) - began + 1
        await steer(yard.store, yard.bus, "quick", growth=None)
        await yard.until(lambda: len(yard.ran) == 400)
    assert held <= most_of(100.0, 0.5, minutes=minutes)


async def test_operators_may_let_a_function_grow_faster(store: Store) -> None:
    assert (await steer(store, None, "f", growth=3.0)).in_words() == "may grow by 300% in a minute"
    with pytest.raises(ValueError, match="above zero"):
        await steer(store, None, "f", growth=0.0)


# The store


def test_a_store_that_is_slow_gets_less_by_half_and_back_by_steps() -> None:
    window = StoreWindow(0.1, commit_seconds=lambda: 0.0)
    window.committed(0.3)
    window.look(1.0)
    assert window.share == 0.5
    window.committed(0.3)
    window.look(1.0 + CUT_SECONDS / 2)
    assert window.share == 0.5, "what was under way tells of one and the same trouble"
    window.committed(0.05)
    window.look(2.0)
    assert window.share == 0.5 + STEP


def test_what_the_store_says_of_itself_counts_while_it_is_news() -> None:
    seconds = 0.5
    window = StoreWindow(0.1, commit_seconds=lambda: seconds)
    window.look(1.0)
    assert (window.share, window.seconds) == (0.5, 0.5)
    window.look(2.0)
    assert window.share > 0.5


def test_the_window_never_shuts() -> None:
    window = StoreWindow(0.1, commit_seconds=lambda: 0.0)
    for second in range(20):
        window.refused()
        window.look(float(second))
    assert window.share == LEAST


async def test_a_worker_on_a_slow_store_holds_less_and_ends_all(yard: Yard) -> None:
    """Here each commit takes longer than it should."""
    gate = asyncio.Event()

    async def hold(call: Call[Note]) -> Outcome:
        await gate.wait()
        return Done()

    work = yard.function("work", hold)
    urgent = yard.function("urgent", done, criticality=Criticality.CRITICAL)
    await yard.call(work, *[Note()] * 60)
    async with working(yard, objective=1e-9):

        async def is_bound() -> bool:
            await yard.call(urgent, Note())  # while nothing ends, nothing is known of the store
            told = (await overview(yard.store)).get("work")
            return told is not None and any(each.startswith("bound by the store at ") for each in told.held_back)

        await eventually(is_bound)
        ids = await yard.call(urgent, *[Note()] * 10)
        await yard.until(lambda: {call.id for call in yard.ran} >= set(ids))
        gate.set()
        await yard.all_ended()


async def test_what_the_store_refuses_goes_back_without_blame(yard: Yard) -> None:
    refusals = 1

    async def refused(call: Call[Note]) -> Outcome:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise Overloaded("too busy", retry_after=0.01)
        return Done()

    await yard.call(yard.function("work", refused, attempts=1), Note())
    async with working(yard):
        await yard.all_ended()
    assert [call.attempt for call in yard.ran] == [1, 1]
    assert await yard.dead("work") == 0
