"""Downstreams: less is asked of what is under pressure, and more again by and by, and nothing is lost meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from ripstop.engines.base import Store
from ripstop.kernel.errors import Overloaded
from ripstop.machinery.functions import Call, Done, Outcome, Pressure, Retry, SlowStart
from ripstop.machinery.functions.downstream import CUT_SECONDS, FIRST_PAUSE, LONGEST_PAUSE, Downstream
from tests.stores import Place
from tests.unit.functions.yard import Note, Yard, manual_yard
from tests.world import PATIENCE, eventually


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


def downstream(most: int = 64) -> Downstream:
    return Downstream(most, Random(3))


def full(most: int = 64) -> Downstream:
    """With as many calls under way as may be."""
    found = downstream(most)
    while found.may_start(0.0):
        found.enter()
    return found


def fail_one(target: Downstream, now: float) -> None:
    target.leave()
    target.pressed(now)


def test_without_pressure_all_may_be_under_way() -> None:
    assert full().in_flight == 64


def test_pressure_halves_the_window_once_for_calls_that_failed_together() -> None:
    target = full()
    for _ in range(10):
        fail_one(target, 1.0)
    assert target.window == 32
    fail_one(target, 1.0 + CUT_SECONDS)
    assert target.window == 16


def test_when_no_call_goes_through_the_circuit_opens_at_once() -> None:
    target = full()
    for _ in range(31):
        fail_one(target, 1.0)
    assert target.open_until == 0.0
    fail_one(target, 1.0)
    assert target.open_until > 1.0
    before = target.open_until
    for _ in range(20):
        fail_one(target, 1.0)
    assert target.open_until == before, "what was under way tells nothing new"


def test_the_window_grows_by_about_one_for_each_round_that_went_well() -> None:
    target = full()
    fail_one(target, 1.0)
    for _ in range(33):
        target.went_well()
    assert 32.9 < target.window < 33.1
    for _ in range(64 * 64):
        target.went_well()
    assert target.window == 64


def test_a_circuit_opens_for_longer_and_longer_and_lets_one_call_try() -> None:
    target = downstream()
    now, pauses = 10.0, []
    for _ in range(12):
        assert target.may_start(now)
        target.enter()
        assert not target.may_start(now) or target.open_until == 0.0
        fail_one(target, now)
        pauses.append(target.open_until - now)
        assert target.share == 0.0
        assert not target.may_start(now)
        now = target.open_until
    assert pauses[0] < 2 * FIRST_PAUSE
    assert max(pauses) <= 1.25 * LONGEST_PAUSE
    assert pauses[8] > 8 * pauses[0]


def test_after_a_circuit_closes_the_window_doubles_from_one() -> None:
    target = downstream()
    target.enter()
    fail_one(target, 1.0)
    target.went_well()
    assert (target.window, target.open_until) == (1.0, 0.0)


def test_the_pause_that_the_other_side_asks_for_is_kept() -> None:
    target = downstream()
    target.enter()
    target.leave()
    target.pressed(5.0, retry_after=9.0)
    assert target.open_until == 14.0


@pytest.mark.parametrize(
    ("status", "field", "seconds"),
    [(503, None, None), (429, "7", 7.0), (503, "Sun, 22 Nov 2026 20:00:00 GMT", None), (429, "\u0663", None)],
)
def test_answers_over_http_tell_of_pressure(status: int, field: str | None, seconds: float | None) -> None:
    pressure = Pressure.of_http(status, field)
    assert pressure is not None
    assert (str(pressure), pressure.retry_after) == (f"HTTP {status}", seconds)


def test_other_answers_do_not() -> None:
    assert [Pressure.of_http(status) for status in (200, 404, 500, 502)] == [None] * 4


@pytest.mark.parametrize("error", [Pressure("HTTP 503"), Overloaded("too busy", retry_after=0.05)])
async def test_calls_under_pressure_go_back_and_use_up_no_attempt(place: Place, error: Exception) -> None:
    """For the worker time flies, so that it makes no difference how many trials fail one by one."""
    failures = 20

    async def fragile(call: Call[Note]) -> Outcome:
        nonlocal failures
        if failures:
            failures -= 1
            raise error
        return Done()

    async with manual_yard(place) as (yard, _):
        await yard.bus.open()
        await yard.call(yard.function("fragile", fragile, attempts=2, downstreams=("mail",)), *[Note()] * 60)
        async with working(yard, lease=3600.0):
            await yard.all_ended(passing=0.25)
        assert await yard.dead("fragile") == 0
        await yard.bus.close()
    assert len(yard.ran) == 80
    assert {call.attempt for call in yard.ran} == {1}


@pytest.mark.parametrize("circuit", [True, False])
async def test_pressure_may_say_how_the_call_ends(yard: Yard, circuit: bool) -> None:
    async def given_up(call: Call[Note]) -> Outcome:
        raise Pressure("HTTP 503", outcome=Done() if call.attempt == 2 else Retry("once more", after=0.0))

    await yard.call(yard.function("given_up", given_up, attempts=2, circuit=circuit), Note(), namespace="a.example")
    async with working(yard):
        await yard.all_ended()
    assert [call.attempt for call in yard.ran] == [1, 2]
    assert await yard.dead("given_up") == 0


async def test_functions_that_lean_on_the_same_have_one_window(yard: Yard) -> None:
    """While it is shut for one, calls of the other stay in the store, and those that lean on nothing run."""

    async def shut(call: Call[Note]) -> Outcome:
        raise Pressure("closed for the day", retry_after=3600.0)

    async def done(call: Call[Note]) -> Outcome:
        return Done()

    breaking = yard.function("breaking", shut, downstreams=("mail",))
    leaning = yard.function("leaning", done, downstreams=("mail",))
    free = yard.function("free", done)
    await yard.call(breaking, Note())
    async with working(yard):
        await yard.until(lambda: len(yard.ran) == 1)

        async def went_back() -> bool:
            return (await yard.store.call_stats(["breaking"]))["breaking"].waiting == 1

        await eventually(went_back)
        await yard.call(leaning, *[Note()] * 5)
        await yard.call(free, *[Note()] * 5)
        await yard.until(lambda: len(yard.ran) == 6)
    assert {call.function for call in yard.ran[1:]} == {"free"}


@pytest.mark.parametrize("outcome", [None, Retry("another time", after=0.0)])
async def test_a_dead_host_has_a_circuit_of_its_own(yard: Yard, outcome: Outcome | None) -> None:
    async def deliver(call: Call[Note]) -> Outcome:
        if call.arguments.text == "dead.example":
            raise Pressure("HTTP 503", retry_after=3600.0, outcome=outcome)
        return Done()

    delivering = yard.function("deliver", deliver, circuit=True, slow_start=SlowStart(growth=math.inf))
    for host in ("dead.example", "b.example", "c.example"):
        await yard.call(delivering, *[Note(host)] * 40, namespace=host)
    async with working(yard):
        await yard.until(lambda: sum(call.arguments.text != "dead.example" for call in yard.ran) == 80)
    assert sum(call.arguments.text == "dead.example" for call in yard.ran) < 40
    stats = (await yard.store.call_stats(["deliver"]))["deliver"]
    assert (stats.dead, stats.waiting + stats.ready) == (0, 40)
