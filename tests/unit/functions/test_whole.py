"""Big work: a call that splits, and goes on once its parts have ended; watched, paused and cancelled as one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from ripstop.engines.base import Store
from ripstop.machinery.functions import Call, Done, Fail, Function, Outcome, Split
from ripstop.machinery.functions.dead import dead_calls, drop_dead
from ripstop.machinery.functions.steering import Steer, steering
from ripstop.machinery.functions.whole import cancel, forget, parts_of, pause, resume
from tests.unit.functions.yard import Note, Yard, effect
from tests.world import PATIENCE, eventually


@pytest.fixture
async def yard(store: Store) -> AsyncIterator[Yard]:
    yard = Yard(store)
    await yard.bus.open()
    yield yard
    await yard.bus.close()


@contextlib.asynccontextmanager
async def working(yard: Yard) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(yard.worker(concurrency=16, grace=0.01).run(stop)) for _ in range(2)]
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*tasks)


async def all_ended(yard: Yard) -> None:
    async def none_left() -> bool:
        return await yard.unfinished() == 0

    await eventually(none_left)


def rebuild(yard: Yard, made: list[int], gate: asyncio.Event | None = None) -> Function[Note]:
    """Splits 30 items twice by five, makes each, and makes one more thing when all are made."""

    async def run(call: Call[Note]) -> Outcome:
        if call.checkpoint == "joined":
            return Done(effect(made[-1]))
        if call.arguments.text == "all":
            return Split([Note("some", first) for first in range(0, 30, 6)], join="joined")
        if call.arguments.text == "some":
            return Split([Note("one", call.arguments.number + each) for each in range(6)])
        if gate is not None:
            await gate.wait()
        return Done(effect(made[call.arguments.number]))

    return yard.function("rebuild", run)


async def test_a_whole_goes_on_once_all_parts_of_its_parts_have_ended(yard: Yard) -> None:
    made = [yard.ids.new(7) for _ in range(31)]
    [whole] = await yard.call(rebuild(yard, made), Note("all"))
    async with working(yard):
        await all_ended(yard)
    assert len(await yard.store.object_get(made)) == 31
    assert yard.ran[-1].id == whole
    assert yard.ran[-1].checkpoint == "joined"
    assert len(yard.ran) == 1 + 5 + 30 + 1
    assert (await parts_of(yard.store, whole)).is_finished


async def test_a_whole_is_drained_with_its_parts(yard: Yard) -> None:
    made = [yard.ids.new(7) for _ in range(31)]
    await yard.call(rebuild(yard, made), Note("all"))
    while await yard.unfinished():
        await yard.drain()
    assert len(await yard.store.object_get(made)) == 31


async def test_a_dead_part_keeps_the_whole_waiting_until_it_is_dropped(yard: Yard) -> None:
    async def run(call: Call[Note]) -> Outcome:
        if call.checkpoint == "joined":
            return Done()
        return Split([Note("part")] * 3, join="joined") if call.arguments.text == "all" else Fail("no good")

    [whole] = await yard.call(yard.function("rebuild", run), Note("all"))
    await yard.drain()
    assert await parts_of(yard.store, whole) == (0, 0, 0, 3)
    assert await yard.unfinished() == 1
    await drop_dead(yard.store, [call async for call in dead_calls(yard.store)])
    async with working(yard):
        await all_ended(yard)
    assert yard.ran[-1].checkpoint == "joined"


async def test_a_whole_is_paused_and_other_calls_of_its_function_are_not(yard: Yard) -> None:
    made, gate = [yard.ids.new(7) for _ in range(31)], asyncio.Event()
    function = rebuild(yard, made, gate)
    [whole] = await yard.call(function, Note("all"))
    async with working(yard):
        await yard.until(lambda: any(call.arguments.text == "one" for call in yard.ran))
        await pause(yard.store, yard.bus, "rebuild", whole)

        async def nothing_at_hand() -> bool:
            held = (await yard.store.call_stats(["rebuild"]))["rebuild"].leased
            running = sum(call.arguments.text == "one" for call in yard.ran)
            return held <= running

        await eventually(nothing_at_hand)
        gate.set()

        async def at_rest() -> bool:
            return (await parts_of(yard.store, whole)).leased == 0

        await eventually(at_rest)
        other = yard.ids.new(7)
        made[0:0] = [other]
        [alone] = await yard.call(function, Note("one", 0))
        await yard.until(lambda: any(call.id == alone for call in yard.ran))
        del made[0]
        left = await parts_of(yard.store, whole)
        await resume(yard.store, yard.bus, "rebuild", whole)
        await all_ended(yard)
    assert left.ready > 0
    assert len(await yard.store.object_get(made)) == 31
    assert await steering(yard.store) == {}


async def test_a_cancelled_whole_ends_with_what_was_done(yard: Yard) -> None:
    made, gate = [yard.ids.new(7) for _ in range(31)], asyncio.Event()
    [whole] = await yard.call(rebuild(yard, made, gate), Note("all"))
    async with working(yard):
        await yard.until(lambda: sum(call.arguments.text == "one" for call in yard.ran) >= 1)
        await cancel(yard.store, yard.bus, "rebuild", whole)
        started = sum(call.arguments.text == "one" for call in yard.ran)
        gate.set()
        await all_ended(yard)

        async def forgotten() -> bool:
            return await steering(yard.store) == {}

        await eventually(forgotten)
    assert await yard.dead("rebuild") == 0
    assert made[-1] not in await yard.store.object_get(made)
    assert started <= 30
    assert all(call.checkpoint is None for call in yard.ran)


async def test_a_call_is_cancelled_before_it_starts(yard: Yard) -> None:
    function = rebuild(yard, [])
    [whole] = await yard.call(function, Note("all"), due=await yard.store.now_ms() + 200)
    await cancel(yard.store, yard.bus, "rebuild", whole)
    async with working(yard):
        await all_ended(yard)
    assert yard.ran == []


async def test_what_several_order_of_one_function_at_once_all_holds(store: Store) -> None:
    await asyncio.gather(*(pause(store, None, "rebuild", call) for call in (1, 2)), cancel(store, None, "rebuild", 3))
    await asyncio.gather(
        resume(store, None, "rebuild", 1), forget(store, "rebuild", 3), cancel(store, None, "rebuild", 4)
    )
    assert await steering(store) == {"rebuild": Steer(paused_namespaces=("#2",), cancelled=(4,))}
