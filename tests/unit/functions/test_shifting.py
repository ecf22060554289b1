"""Time shifting: opportunistic functions fill what the others leave, and never at the cost of a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from ripstop.engines.base import CallLimit, Criticality, Store
from ripstop.engines.derived import ValuePut
from ripstop.kernel.clock import ManualClock
from ripstop.machinery.functions import Call, Done, Function, Outcome, SlowStart, overview
from ripstop.machinery.functions.desk import Desk
from ripstop.machinery.functions.growth import Growth
from ripstop.machinery.functions.opportunity import Known, Plan, Seen, step
from ripstop.machinery.functions.quota import Quota
from ripstop.machinery.functions.shifting import KEY, PLANS, Spare
from ripstop.machinery.functions.steering import Steer
from tests.unit.functions.yard import Note, Yard
from tests.world import PATIENCE, eventually

DAY = 86_400
STEP = 120
"""Seconds between two plans in the replay of days."""
COST = 0.05
MEAN = 40.0
"""Calls in a second, in the mean."""
SWING = 0.6226
"""4.3 calls arrive at the peak for one at the trough."""


@dataclass
class Replay:
    """Days on a clock that a test moves: calls arrive, and run as the plan says. The reserved ones start at once.

    :ivar reserved: the part of the calls that is not opportunistic.
    :ivar begins: at which part of a day it begins; the mean at 0, the peak at a quarter.
    """

    reserved: float = 0.45
    begins: float = 0.0
    deadline: float = DAY
    clock: ManualClock = field(default_factory=ManualClock)
    plan: Plan = field(default_factory=Plan)
    arrived: list[float] = field(default_factory=list)
    executed: list[float] = field(default_factory=list)
    missed: int = 0

    def run(self, days: int) -> None:
        waiting: deque[list[int]] = deque()
        made, carry, started, first = [0.0, 0.0], 0.0, 0, None
        for number in range(days * DAY // STEP):
            now_ms = self.clock.now_ms()
            rate = MEAN * (1 + SWING * math.sin(2 * math.pi * (number * STEP / DAY + self.begins)))
            made = [made[0] % 1 + rate * self.reserved * STEP, made[1] % 1 + rate * (1 - self.reserved) * STEP]
            waiting.append([now_ms + round(self.deadline * 1000), int(made[1])])
            ready = sum(count for _, count in waiting)
            seen = Seen(self.deadline, ready, started, started, started * COST, first, waiting[0][0] if ready else None)
            self.plan = step(self.plan, now_ms, reserved_busy=int(made[0]) * COST, seen={"later": seen})
            carry = min(float(ready), carry % 1 + self.plan.rates.get("later", math.inf) * STEP)
            started, first = int(carry), waiting[0][0]
            self.missed += self._start(waiting, started, now_ms)
            self.arrived.append(int(made[0]) + int(made[1]))
            self.executed.append(int(made[0]) + started)
            self.clock.advance(STEP)

    def _start(self, waiting: deque[list[int]], count: int, now_ms: int) -> int:
        """Start the first calls; how many of them were late."""
        late = 0
        while count:
            taken = min(count, waiting[0][1])
            late += taken if waiting[0][0] < now_ms else 0
            waiting[0][1] -= taken
            count -= taken
            if not waiting[0][1]:
                waiting.popleft()
        return late


def ratio(calls: list[float]) -> float:
    """The hour with the most of the last day over that with the least."""
    hour = 3_600 // STEP
    day = calls[-24 * hour :]
    hours = [sum(day[start : start + hour]) for start in range(0, len(day), hour)]
    return max(hours) / min(hours)


@pytest.mark.parametrize("begins", [0.0, 0.25, 0.5, 0.75])
def test_a_day_of_peak_and_trough_is_executed_evenly(begins: float) -> None:
    replay = Replay(begins=begins)
    replay.run(4)
    assert ratio(replay.arrived) > 4.0
    assert ratio(replay.executed) <= 1.4
    assert replay.missed == 0
    assert sum(replay.executed) >= 0.9 * sum(replay.arrived)


@pytest.mark.parametrize(("reserved", "deadline"), [(0.9, DAY), (0.2, 3_600), (0.5, 600), (0.0, DAY)])
def test_deadlines_are_kept_whatever_is_left(reserved: float, deadline: float) -> None:
    replay = Replay(reserved=reserved, deadline=deadline)
    replay.run(2)
    assert replay.missed == 0


def test_a_plan_that_is_lost_is_made_anew() -> None:
    replay = Replay()
    replay.run(2)
    replay.plan = Plan()
    replay.run(1)
    assert replay.missed == 0


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_by_an_hour_misses_nothing_that_was_in_time(hours: int) -> None:
    replay = Replay()
    replay.run(2)
    replay.clock.step(3_600 * hours)
    replay.run(1)
    assert replay.missed == 0


def planned(seen: dict[str, Seen], *, reserved: float = 0.5, passed: int = 1) -> Plan:
    """What follows on a plan of a level of 1."""
    before = Plan(
        1_000_000, 1.0, DAY, reserved, {}, (), False, {name: Known(0.1, each.ready, 0.0) for name, each in seen.items()}
    )
    return step(before, 1_000_000 + passed * 1000, reserved_busy=reserved * passed, seen=seen)


def test_at_the_peak_nothing_is_left_but_for_deadlines() -> None:
    at_peak = planned({"later": Seen(DAY, 10_000, first=1_000_000 + DAY * 1000)}, reserved=1.5)
    assert at_peak.rates["later"] < 0.2
    left = planned({"later": Seen(DAY, 10_000, first=1_000_000 + DAY * 1000)}, reserved=0.5)
    assert 3.0 < left.rates["later"] < 5.1, "half of the level, at a tenth of a second for each call"


def test_near_their_deadline_calls_are_as_good_as_reserved() -> None:
    seen = {
        "soon": Seen(DAY, 10_000, first=1_000_000 + DAY * 1000 // 10),
        "later": Seen(DAY, 10_000, first=1_000_000 + DAY * 1000),
    }
    plan = planned(seen, reserved=1.5)
    assert plan.urgent == ("soon",)
    assert plan.rates.keys() == {"later"}


def test_what_is_needed_sooner_gets_more() -> None:
    seen = {
        "sooner": Seen(DAY, 5_000, first=1_000_000 + DAY * 1000 // 4),
        "later": Seen(DAY, 5_000, first=1_000_000 + DAY * 1000),
    }
    rates = planned(seen).rates
    assert rates["sooner"] == pytest.approx(4 * rates["later"], rel=1e-3)


def test_little_work_is_not_shifted() -> None:
    before = Plan(1_000_000, 0.01, DAY, 0.0, {}, (), False, {"later": Known(0.001)})
    plan = step(before, 1_001_000, reserved_busy=0.3, seen={"later": Seen(DAY, 50)})
    assert (plan.rates, plan.is_small) == ({}, True)


def test_a_busy_worker_leaves_nothing_and_comes_back_by_steps() -> None:
    spare = Spare(lag=0.05)
    shares = []
    for _ in range(6):
        spare.look(lag=0.2, cpu=0.3, held=0.1, store=1.0)
        shares.append(spare.share)
    assert shares == [0.5, 0.25, 0.125, 0.0625, 0.0, 0.0]
    for _ in range(16):
        spare.look(lag=0.0, cpu=0.3, held=0.1, store=1.0)
    assert spare.share == 1.0


@pytest.mark.parametrize("signal", ["lag", "cpu", "held", "store"])
def test_each_signal_of_load_counts(signal: str) -> None:
    well = {"lag": 0.0, "cpu": 0.5, "held": 0.5, "store": 1.0}
    spare = Spare(lag=0.05)
    spare.look(**{**well, signal: 0.99})
    assert spare.share == 0.5


async def done(call: Call[Note]) -> Outcome:
    return Done()


async def test_a_function_that_is_left_no_place_is_not_asked_for(store: Store) -> None:
    later = Function(name="later", arguments=Note, handler=done, criticality=Criticality.LOW, opportunistic=True)
    desk = Desk(
        later, Quota(store, "later"), Growth(store, "later", SlowStart(), monotonic=ManualClock().monotonic), []
    )
    assert desk.limits(128, 0.0, 0.0) == []
    desk.set_limits(Steer(), planned_rate=None, spare_places=0)
    assert desk.limits(128, 0.0, 0.0) == [CallLimit("later", 0)]
    assert not desk.may_start(0.0, 0.0)
    assert desk.held_back(0.0) == "gives way to reserved functions: 0 at once here"
    desk.set_limits(Steer(concurrency=2), planned_rate=None, spare_places=8)
    assert desk.concurrency == 2


def test_opportunistic_functions_are_of_the_lowest_class() -> None:
    with pytest.raises(ValueError, match="must be low"):
        Function(name="f", arguments=Note, handler=done, opportunistic=True)


# In workers


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


async def at_the_peak(yard: Yard, *names: str) -> None:
    """Workers find a plan of the busiest hour, in which nothing is left to these functions, nor will be soon."""
    known = {name: Known(0.1, 1_000) for name in names}
    plan = Plan(await yard.store.now_ms(), 1.0, DAY, 1e9, dict.fromkeys(names, 0.0), known=known)
    await yard.store.keyspace_write(PLANS.name, [ValuePut(KEY, msgspec.json.encode(plan))])


async def test_what_can_wait_waits_in_the_store_while_the_others_need_it_all(yard: Yard) -> None:
    low = {"criticality": Criticality.LOW, "opportunistic": True}
    later = yard.function("later", done, deadline=float(DAY), **low)
    soon = yard.function("soon", done, deadline=1.0, **low)
    quick = yard.function("quick", done)
    await at_the_peak(yard, "later", "soon")
    await yard.call(later, *[Note()] * 1_000)
    await yard.call(soon, *[Note()] * 20)
    await yard.call(quick, *[Note()] * 20)
    async with working(yard):
        await yard.until(lambda: sum(call.function != "later" for call in yard.ran) == 40)

        async def told() -> bool:
            held_back = (await overview(yard.store))["later"].held_back
            return bool(held_back) and held_back[0].startswith("runs on what reserved functions leave: ")

        await eventually(told)
    assert sum(call.function == "later" for call in yard.ran) < 20


async def test_what_can_wait_never_takes_the_places_of_what_cannot(yard: Yard) -> None:
    async def hold(call: Call[Note]) -> Outcome:
        await asyncio.Event().wait()
        return Done()

    later = yard.function("later", hold, deadline=float(DAY), criticality=Criticality.LOW, opportunistic=True)
    high = yard.function("high", done, criticality=Criticality.HIGH)
    await yard.call(later, *[Note()] * 200)

    async def is_told_to_run() -> bool:
        """By a report, before which the worker has had time to take all that it may."""
        told = (await overview(yard.store))["later"]
        return told.running > 0

    async with working(yard):
        await eventually(is_told_to_run)
        await yard.call(high, *[Note()] * 10)
        await yard.until(lambda: sum(call.function == "high" for call in yard.ran) == 10)


async def test_workers_make_a_plan_of_what_they_do(yard: Yard) -> None:
    async def slow(call: Call[Note]) -> Outcome:
        await asyncio.sleep(0.1)
        return Done()

    later = yard.function("later", slow, deadline=float(DAY), criticality=Criticality.LOW, opportunistic=True)
    await yard.call(later, *[Note()] * 2_000)
    await yard.call(yard.function("quick", slow), *[Note()] * 400)
    async with working(yard):

        async def planned_so() -> bool:
            found = (await yard.store.keyspace_get(PLANS.name, [KEY])).get(KEY)
            if not isinstance(found, bytes):
                return False
            plan = msgspec.json.decode(found, type=Plan)
            return bool(plan.reserved > 0.1 and plan.rates and plan.known["later"].ready > 1_000)

        await eventually(planned_so)
