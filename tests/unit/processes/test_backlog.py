"""What is known of functions over all workers, as metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ripstop.engines.base import Store
from ripstop.kernel.metrics import Metrics
from ripstop.machinery.functions import Call, Done, Outcome
from ripstop.machinery.functions.report import REPORTS, Activity, put_report
from ripstop.processes.services import BacklogMetrics
from tests.stores import Place
from tests.unit.functions.yard import Note, Yard
from tests.world import SCHEMA


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    """One that keeps reports for longer than a test may take."""
    reports = {REPORTS.name: replace(REPORTS, ttl=3_600.0)}
    async with place.opened(schema=replace(SCHEMA, keyspaces={**SCHEMA.keyspaces, **reports})) as store:
        yield store


async def done(call: Call[Note]) -> Outcome:
    return Done()


async def test_functions_are_told_as_long_as_there_is_something_to_tell(store: Store) -> None:
    yard, metrics = Yard(store), Metrics()
    backlog = BacklogMetrics(metrics)
    await yard.call(yard.function("mail", done), Note(), Note())
    await put_report(store, 1, {"mail": Activity(starts=2.0, growing=1.0, ended=2.0, busy=0.5, rate=4.0, growth=120.0)})
    await put_report(store, 2, {"mail": Activity(factor=0.5), "push": Activity(busy=1.5)})

    def told() -> dict[str, float]:
        lines = metrics.render([metrics.snapshot()]).decode().splitlines()
        pairs = [line.rpartition(" ") for line in lines if 'function="mail"' in line and not line.startswith("#")]
        return {name.replace('{function="mail"}', ""): float(value) for name, _, value in pairs}

    await backlog.look(store)
    assert told()['ripstop_calls{function="mail",state="ready"}'] == 2
    fields = {"arrivals": 3.0, "starts": 2.0, "share": 0.25, "quota": 0.5, "factor": 0.75, "growth_limit": 120.0}
    assert {name: told()[f"ripstop_function_{name}"] for name in fields} == fields
    assert told()["ripstop_function_oldest_seconds"] >= 0
    await yard.drain()
    for slot in (1, 2):
        await put_report(store, slot, {})
    await backlog.look(store)
    assert told()['ripstop_calls{function="mail",state="ready"}'] == 0
    assert (told()["ripstop_function_arrivals"], told()["ripstop_function_factor"]) == (0, 1)
