"""What workers say of themselves, summed up over all of them; and what is set, which all of them take."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from ripstop.engines.base import Store
from ripstop.engines.derived import ValuePut
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import MemoryBus
from ripstop.machinery.functions import Call, Done, Fail, Limits, Outcome, Retry, Worker, overview
from ripstop.machinery.functions.report import IDLE, REPORTS, Activity, Overview, put_report, quantile
from ripstop.machinery.functions.steering import steer
from tests.unit.functions.yard import Note, TestSlot, Yard
from tests.world import PATIENCE, eventually

SLOTS = (11, 12)
"""Of the two processes that work."""


@pytest.fixture
def yard(store: Store) -> Yard:
    return Yard(store)


@contextlib.asynccontextmanager
async def two_working(yard: Yard) -> AsyncIterator[None]:
    """Workers of two processes that hear nothing of each other."""
    stop = asyncio.Event()
    workers = [
        Worker(
            yard.store,
            yard.functions,
            clock=yard.clock,
            ids=IdSource(yard.clock, TestSlot(slot)),
            bus=MemoryBus(),
            limits=Limits(grace=0.01),
        )
        for slot in SLOTS
    ]
    tasks = [asyncio.create_task(worker.run(stop)) for worker in workers]
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*tasks)


async def told(yard: Yard, name: str) -> Overview:
    return (await overview(yard.store)).get(name) or IDLE


async def test_what_all_workers_saw_is_summed_up(yard: Yard) -> None:
    one = Activity(starts=3.0, growing=2.0, ended=3.0, retries=1.0, busy=0.3, delays=(0, 10), runs=(5,), factor=0.5)
    other = Activity(starts=1.0, growing=4.0, ended=1.0, deaths=0.5, busy=0.1, delays=(0, 0, 90), rate=8.0, growth=120)
    await put_report(yard.store, 1, {"mail": one, "push": Activity(busy=0.6)})
    await put_report(yard.store, 2, {"mail": other})
    mail = await told(yard, "mail")
    assert mail.arrivals == 7.0, "what ended, and by what the backlog grows, which both of them see"
    assert (mail.starts, mail.retries, mail.deaths, mail.share) == (4.0, 1.0, 0.5, 0.4)
    assert (mail.rate_limit, mail.quota, mail.factor, mail.growth_limit) == (8.0, 0.5, 0.75, 120)
    assert mail.delay_p50 is not None
    assert mail.delay_p99 is not None
    assert 0.0025 < mail.delay_p50 < mail.delay_p99 < 0.005
    assert mail.run_p99 is not None
    assert mail.run_p99 <= 0.001
    assert (await told(yard, "push")).arrivals is None


async def test_a_report_of_another_version_is_understood(yard: Yard) -> None:
    """Older ones lack what newer ones hold, and newer ones hold what this one does not know."""
    await put_report(yard.store, 1, {"mail": Activity(held=1, running=1)})
    mail = await told(yard, "mail")
    assert (mail.running, mail.arrivals, mail.delay_p99, mail.factor) == (1, None, None, 1.0)


@pytest.mark.parametrize(
    ("counts", "part", "expected"),
    [
        ([], 0.5, None),
        ([0, 0], 0.5, None),
        ([4], 0.5, 0.0005),
        ([0, 2, 2], 0.5, 0.0025),
        ([1] + [0] * 16 + [9], 0.99, 1800.0),
    ],
)
def test_a_part_of_all_values_lies_below(counts: list[int], part: float, expected: float | None) -> None:
    assert quantile(counts, part) == expected


async def test_rates_and_times_of_what_runs_are_told(yard: Yard) -> None:
    async def run(call: Call[Note]) -> Outcome:
        if call.arguments.text == "fails":
            return Fail("no good")
        return Retry("not yet", after=0.0) if call.attempt == 1 else Done()

    function = yard.function("mixed", run)
    mixed = IDLE
    async with two_working(yard):

        async def is_told() -> bool:
            nonlocal mixed
            await yard.call(function, Note(), Note("fails"))
            mixed = await told(yard, "mixed")
            return bool(mixed.arrivals and mixed.retries and mixed.deaths and mixed.delay_p99 and mixed.run_p50)

        await eventually(is_told)
        assert mixed.share == 1.0
        assert mixed.delay_p50 is not None
        assert mixed.delay_p99 is not None
        assert mixed.delay_p50 <= mixed.delay_p99


async def test_what_is_set_is_taken_by_all_workers_and_survives_them(yard: Yard) -> None:
    async def run(call: Call[Note]) -> Outcome:
        return Done()

    function = yard.function("work", run)

    async def is_paused_by_both() -> bool:
        reports = await yard.store.keyspace_get(REPORTS.name, [str(slot) for slot in SLOTS])
        return len(reports) == 2 and all(b"paused by an operator" in bytes(each) for each in reports.values())

    async def ran_all() -> bool:
        return await yard.unfinished() == 0

    async with two_working(yard):
        await yard.call(function, *[Note()] * 5)
        await eventually(ran_all)
        await steer(yard.store, None, "work", paused=True)
        await eventually(is_paused_by_both)
    await yard.call(function, *[Note()] * 5)
    await yard.store.keyspace_write(REPORTS.name, [ValuePut(str(slot), None) for slot in SLOTS])
    async with two_working(yard):
        await eventually(is_paused_by_both)
        assert (len(yard.ran), await yard.unfinished()) == (5, 5)
        await steer(yard.store, None, "work", paused=False)
        await eventually(ran_all)
