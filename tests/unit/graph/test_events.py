"""Durable subscribers are calls of the same batch, live ones hear of it after the commit."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from ripstop.engines.batch import CallPut
from ripstop.kernel.clock import ManualClock, SystemClock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import MemoryBus
from ripstop.machinery.functions import Call, Done, Function, Functions, Outcome, Snooze
from ripstop.machinery.graph import Events, Graph, Listening, Refused
from tests.stores import Place
from tests.unit.graph.worlds import PAGE, SCHEMA, CountingSlot, Page, graph_over


class Written(msgspec.Struct, frozen=True):
    page: int
    loud: bool = False


class Ending(msgspec.Struct, frozen=True):
    at: int


async def done(call: Call[Ending]) -> Outcome:
    return Done()


async def nothing(call: Call[Written]) -> Outcome:
    return Done()


COUNT = Function(name="test.count", arguments=Written, handler=nothing)
SHOUT = Function(name="test.shout", arguments=Written, handler=nothing)


def listeners() -> Events:
    events = Events(SystemClock())
    events.durable(Written, COUNT)
    events.durable(Written, SHOUT, when=lambda event: event.loud)
    events.live(Written, lambda event: f"pages/{event.page}")
    return events


async def test_calls_are_part_of_the_batch(place: Place) -> None:
    async with place.opened(schema=SCHEMA) as store:
        graph = graph_over(store, events=listeners())
        write = graph.write_in(3)
        id_ = write.new_id()
        write.create(PAGE, id_, Page("x"))
        write.emit(Written(id_))
        calls = [operation for operation in write.operations if isinstance(operation, CallPut)]
        assert [(call.function, call.arguments) for call in calls] == [(COUNT.name, f'{{"page":{id_},"loud":false}}')]
        assert calls[0].id < id_
        await graph.commit(write)
        assert (await store.call_stats())[COUNT.name].ready == 1


def test_to_listen_is_to_be_declared_and_called() -> None:
    events, functions = Events(SystemClock()), Functions()
    listen = Listening(functions, events)
    listen.to(Written, nothing, name="test.heard", deadline=5.0)
    listen.to(Written, nothing, name="test.loud", when=lambda event: event.loud)
    heard = functions.get("test.heard")
    assert heard is not None
    assert (heard.arguments, heard.deadline) == (Written, 5.0)
    assert [call.function for call in events.calls_for(Written(1))] == [heard]
    assert [call.function for call in events.calls_for(Written(1, loud=True))] == [heard, functions.get("test.loud")]
    with pytest.raises(ValueError, match="twice"):
        listen.to(Written, nothing, name="test.heard")


async def test_a_subscriber_may_wait_for_its_time(place: Place) -> None:
    """It is put with its instant; what comes too early goes back until then, and what is late begins at once."""
    clock = ManualClock()
    now_ms = clock.now_ms()
    events, functions = Events(clock), Functions()
    Listening(functions, events).to(Ending, done, name="test.end", due=lambda event: event.at)
    async with place.opened(schema=SCHEMA) as store:
        bus, ids = MemoryBus(), IdSource(clock, CountingSlot())
        graph = Graph(store, ids=ids, clock=clock, events=events, bus=bus)
        soon, later = graph.write_in(3), graph.write_in(3)
        later.emit(Ending(now_ms + 5_000))
        soon.emit(Ending(now_ms))
        assert [write.wakes for write in (later, soon)] == [False, True], "there is nothing to be done yet"
        calls = [call for call in (*later.operations, *soon.operations) if isinstance(call, CallPut)]
        assert [call.due for call in calls] == [now_ms + 5_000, 0]
        assert [call.deadline for call in calls] == [now_ms + 65_000, now_ms + 60_000]
    end = functions.get("test.end")
    assert end is not None
    call = Call(1, end.name, Ending(now_ms + 5_000), 1, None, 0)
    assert await end.handler(call) == Snooze(5.0)
    clock.advance(5.0)
    assert await end.handler(call) == Done()


async def test_a_subscriber_may_be_choosy(place: Place) -> None:
    async with place.opened(schema=SCHEMA) as store:
        graph = graph_over(store, events=listeners())
        write = graph.write_in(3)
        write.emit(Written(1, loud=True))
        await graph.commit(write)
        assert set(await store.call_stats()) == {COUNT.name, SHOUT.name}


async def test_live_subscribers_hear_only_of_what_was_committed(place: Place) -> None:
    async with place.opened(schema=SCHEMA) as store:
        bus = MemoryBus()
        await bus.open()
        heard: list[tuple[str, bytes]] = []
        bus.subscribe("pages/*", lambda topic, payload: heard.append((topic, payload)))
        graph = graph_over(store, events=listeners(), bus=bus)
        refused = graph.write_in(3)
        refused.check_object(12345)
        refused.emit(Written(1))
        with pytest.raises(Refused):
            await graph.commit(refused)
        accepted = graph.write_in(3)
        accepted.emit(Written(2))
        await graph.commit(accepted)
        await asyncio.sleep(0)
        await bus.close()
        assert [topic for topic, _ in heard] == ["pages/2"]
