"""Calling: from a decorated function, alone, in bulk, later, by the calendar, one at a time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ripstop.engines.base import Criticality, Store
from ripstop.engines.batch import Batch, NameSet
from ripstop.machinery.functions import (
    Call,
    Caller,
    Done,
    Fail,
    Function,
    Functions,
    Outcome,
    Retry,
    Schedule,
    Worker,
    declare,
)
from ripstop.machinery.functions.dead import dead_calls
from ripstop.machinery.functions.schedule import put_next
from tests.stores import Place
from tests.unit.functions.yard import Note, Yard, effect, manual_yard
from tests.world import THING


class Letter(msgspec.Struct, frozen=True):
    number: int


@declare("letters.send", criticality=Criticality.HIGH, attempts=3, rate=50.0)
async def send(call: Call[Letter]) -> Outcome:
    return Done()


@pytest.fixture
def yard(store: Store) -> Yard:
    return Yard(store)


def caller(yard: Yard) -> Caller:
    return Caller(yard.store, ids=yard.ids, clock=yard.clock, bus=yard.bus)


async def done(call: Call[Note]) -> Outcome:
    return Done()


def test_a_decorated_function_is_declared_with_its_arguments() -> None:
    assert isinstance(send, Function)
    assert (send.name, send.arguments, send.criticality, send.attempts) == ("letters.send", Letter, Criticality.HIGH, 3)


def test_what_takes_no_call_is_no_function() -> None:
    async def wrong(number: int) -> Outcome:
        return Done()

    with pytest.raises(TypeError, match="annotated with Call"):
        declare("wrong")(cast(Any, wrong))


def test_names_that_would_share_a_line_are_refused() -> None:
    """Two of the few that do."""
    with pytest.raises(ValueError, match="work3206002 would share a line with work2968529"):
        Functions([Function(name=name, arguments=Note, handler=done) for name in ("work2968529", "work3206002")])


async def test_a_call_alone_runs_and_one_of_its_key_coalesces(yard: Yard) -> None:
    note = yard.function("note", done)
    first = await caller(yard).call(note, Note("first"), key="k")
    assert await caller(yard).call(note, Note("second"), key="k") is None
    assert await caller(yard).call(note, Note("other"), key="l", namespace="n") is not None
    await yard.drain()
    assert {call.arguments.text for call in yard.ran} == {"first", "other"}
    assert first in {call.id for call in yard.ran}


async def test_many_calls_are_put_at_once(yard: Yard) -> None:
    ids = await caller(yard).call_many(yard.function("note", done), [Note(number=n) for n in range(2_500)])
    await yard.drain()
    assert sorted(ids) == sorted(call.id for call in yard.ran)
    assert {call.arguments.number for call in yard.ran} == set(range(2_500))


async def test_a_call_for_later_waits(yard: Yard) -> None:
    await caller(yard).call(yard.function("note", done), Note(), after=3600.0)
    assert await yard.drain() == 0
    assert (await yard.store.call_stats())["note"].waiting == 1


async def test_a_final_error_and_a_failure_are_not_tried_again(yard: Yard) -> None:
    async def raise_final(call: Call[Note]) -> Outcome:
        raise KeyError("no such account")

    async def fail(call: Call[Note]) -> Outcome:
        return Fail("gone for good")

    await yard.call(yard.function("raising", raise_final, final=(LookupError,)), Note())
    await yard.call(yard.function("failing", fail), Note())
    await yard.drain()
    errors = {call.function: call.error or "" async for call in dead_calls(yard.store)}
    assert errors["raising"].startswith("KeyError: 'no such account'")
    assert errors["failing"] == "gone for good"
    assert len(yard.ran) == 2


async def test_exclusive_calls_of_one_key_never_run_at_the_same_time(yard: Yard) -> None:
    running: dict[str, int] = {}
    most: dict[str, int] = {}

    async def watch(call: Call[Note]) -> Outcome:
        text = call.arguments.text
        running[text] = running.get(text, 0) + 1
        most[text] = max(most.get(text, 0), running[text])
        await asyncio.sleep(0.01)
        running[text] -= 1
        return Done()

    alone = yard.function("alone", watch, exclusive=True)
    for number in range(6):  # of different shards, so that they do not coalesce
        await yard.call(alone, Note("a"), key="a", home=number)
        await yard.call(alone, Note("b"), key="b", home=number)
    while await yard.unfinished():
        await asyncio.gather(yard.drain(), yard.drain())
    assert len(yard.ran) == 12
    assert most == {"a": 1, "b": 1}


async def test_an_exclusive_call_frees_its_lock_however_it_ends(yard: Yard) -> None:
    outcomes: list[Outcome] = [Retry("not yet", after=0.0), Done(effect(yard.ids.new(7)))]

    async def in_turn(call: Call[Note]) -> Outcome:
        return outcomes.pop(0)

    alone = yard.function("alone", in_turn, exclusive=True)
    await yard.call(alone, Note(), key="a")
    while await yard.unfinished():
        await yard.drain()
    assert await yard.store.name_range("lock", "", limit=5) == []
    assert outcomes == []


async def test_an_effect_is_refused_once_the_lock_belongs_to_another(yard: Yard) -> None:
    made = yard.ids.new(7)

    async def lose(call: Call[Note]) -> Outcome:
        [held] = await yard.store.name_range("lock", "", limit=5)
        if held.holder == call.id:
            await yard.store.commit([Batch(7, [NameSet(held.name, call.id, 99)])])
        return Done(effect(made))

    alone = yard.function("alone", lose, exclusive=True, attempts=1)
    await yard.call(alone, Note(), key="a")
    await yard.worker(lease=0.2).drain()
    assert await yard.store.object_get([made]) == {}


def schedule(yard: Yard, cron: str = "0 3 * * *", **more: Any) -> Schedule:
    known = yard.functions.get("nightly") or yard.function("nightly", done)
    return Schedule(name="nightly", cron=cron, function=known, arguments=Note("night"), **more)


async def test_of_many_workers_one_puts_the_next_firing(yard: Yard) -> None:
    nightly = schedule(yard, "0 0 29 2 *")
    put = await asyncio.gather(*(put_next(yard.store, yard.ids, nightly) for _ in range(8)))
    assert put.count(True) == 1
    assert not await put_next(yard.store, yard.ids, nightly)
    assert (await yard.store.call_stats())["nightly"].waiting == 1


async def test_each_firing_happens_once_and_what_was_missed_happens_once(place: Place) -> None:
    if place.engine != "sqlite":
        pytest.skip("PostgreSQL falls due by its own clock, which a test cannot move")
    async with manual_yard(place) as (yard, clock):
        nightly = schedule(yard, "*/10 * * * *")
        for _ in range(3):
            await put_next(yard.store, yard.ids, nightly)
            assert await yard.drain() == 0
            clock.advance(601)
            assert await yard.drain() == 1
        await put_next(yard.store, yard.ids, nightly)
        clock.advance(86_400)
        assert await yard.drain() == 1
        assert await put_next(yard.store, yard.ids, nightly)
        assert await yard.drain() == 0


async def test_a_worker_keeps_its_schedules(yard: Yard) -> None:
    stop = asyncio.Event()
    worker = Worker(
        yard.store,
        yard.functions,
        clock=yard.clock,
        ids=yard.ids,
        bus=yard.bus,
        schedules=[schedule(yard, "* * * * * *")],
    )
    await yard.bus.open()
    work = asyncio.create_task(worker.run(stop))
    await yard.until(lambda: len(yard.ran) >= 2)
    stop.set()
    await work
    await yard.bus.close()


def test_times_are_those_of_the_zone(yard: Yard) -> None:
    berlin = schedule(yard, zone=ZoneInfo("Europe/Berlin"))
    night = round(datetime(2024, 7, 1, 22, 0, tzinfo=UTC).timestamp()) * 1000
    assert datetime.fromtimestamp(berlin.next_ms(night) / 1000, UTC) == datetime(2024, 7, 2, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize("cron", ["", "61 * * * *", "every day"])
def test_times_that_make_no_sense_are_refused(yard: Yard, cron: str) -> None:
    with pytest.raises(ValueError, match="nightly"):
        schedule(yard, cron)


def test_a_schedule_gives_what_its_function_takes(yard: Yard) -> None:
    with pytest.raises(TypeError, match="must give Note"):
        Schedule(name="x", cron="* * * * *", function=yard.function("f", done), arguments=THING)
