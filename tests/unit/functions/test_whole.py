"""Big work: a call that splits, and goes on once its parts have ended; watched, paused and cancelled as one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest

from ripstop.engines.base import CallRow, Criticality, LeasedCall, Store, Table
from ripstop.kernel.errors import NotFound
from ripstop.machinery.functions import Call, Checkpoint, Done, Fail, Function, Outcome, Progress, Split
from ripstop.machinery.functions.dead import dead_calls, drop_dead
from ripstop.machinery.functions.settling import hand_back
from ripstop.machinery.functions.standing import Standing
from ripstop.machinery.functions.steering import Steer, steer, steering
from ripstop.machinery.functions.whole import cancel, forget, forget_ended, parts_of, pause, progress, resume
from tests.unit.functions.yard import ALL, Note, Yard, effect
from tests.world import PATIENCE, eventually

WORKERS = 2


@pytest.fixture
async def yard(store: Store) -> AsyncIterator[Yard]:
    yard = Yard(store)
    await yard.bus.open()
    yield yard
    await yard.bus.close()


@contextlib.asynccontextmanager
async def working(yard: Yard, *, concurrency: int = 16) -> AsyncIterator[None]:
    stop = asyncio.Event()
    workers = [yard.worker(concurrency=concurrency, grace=0.01) for _ in range(WORKERS)]
    tasks = [asyncio.create_task(worker.run(stop)) for worker in workers]
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*tasks)


class Ears:
    """Tells when all workers have heard of what operators have set: one worker runs one call of it at a time, and each
    only once it has heard that this may be.
    """

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._workers = 0
        self._all = asyncio.Event()
        self._function = Function(
            name="ears", arguments=Note, handler=self._hear, criticality=Criticality.CRITICAL, concurrency=1
        )
        yard.functions.declare(self._function)

    async def _hear(self, call: Call[Note]) -> Outcome:
        self._workers += 1
        if self._workers == WORKERS:
            self._all.set()
        await self._all.wait()
        return Done()

    async def all_have_heard(self) -> None:
        """Return once all workers know what was set until now."""
        # One worker holds as many as may run, and as many more at hand.
        await self._yard.call(self._function, *[Note()] * 2 * WORKERS)
        await steer(self._yard.store, self._yard.bus, self._function.name, paused=False)
        async with asyncio.timeout(PATIENCE):
            await self._all.wait()


async def with_ears(yard: Yard) -> Ears:
    """For the workers that begin after this."""
    await steer(yard.store, None, "ears", paused=True)
    return Ears(yard)


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
        await yard.all_ended()
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


async def test_a_drain_leaves_a_whole_whose_parts_others_hold(yard: Yard) -> None:
    made = [yard.ids.new(7) for _ in range(31)]
    [whole] = await yard.call(rebuild(yard, made), Note("all"))
    with pytest.raises(RuntimeError, match="Still not drained"):
        await yard.worker().drain(most=0)  # one round, in which it splits
    taken = (await yard.store.call_lease(ALL, limit=10, seconds=60)).taken
    await give_back(yard, [lease for lease in taken if lease.parent is None])

    async def is_due() -> bool:
        return (await yard.store.call_get([whole]))[whole].due <= await yard.store.now_ms()

    await eventually(is_due)
    await yard.worker().drain(most=50)
    assert await yard.unfinished() == 6
    await give_back(yard, [lease for lease in taken if lease.parent is not None])
    while await yard.unfinished():
        await yard.drain()
    assert len(await yard.store.object_get(made)) == 31


async def give_back(yard: Yard, leases: list[LeasedCall]) -> None:
    for lease in leases:
        [outcome] = await yard.store.commit(
            [hand_back(lease, Standing.parse(lease.checkpoint), kind="postponed").batch]
        )
        assert outcome.applied


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
        await yard.all_ended()
    assert yard.ran[-1].checkpoint == "joined"


async def test_a_whole_is_paused_and_other_calls_of_its_function_are_not(yard: Yard) -> None:
    made, gate = [yard.ids.new(7) for _ in range(32)], asyncio.Event()
    function = rebuild(yard, made, gate)
    ears = await with_ears(yard)
    [whole] = await yard.call(function, Note("all"))
    async with working(yard, concurrency=4):
        await yard.until(lambda: any(call.arguments.text == "one" for call in yard.ran))
        await pause(yard.store, yard.bus, "rebuild", whole)
        await ears.all_have_heard()
        gate.set()

        async def at_rest() -> bool:
            return (await parts_of(yard.store, whole)).leased == 0

        await eventually(at_rest)
        [alone] = await yard.call(function, Note("one", 30))
        await yard.until(lambda: any(call.id == alone for call in yard.ran))
        left = await parts_of(yard.store, whole)
        await resume(yard.store, yard.bus, "rebuild", whole)
        await yard.all_ended()
    assert left.ready > 0
    assert len(await yard.store.object_get(made)) == 32
    assert await steering(yard.store) == {}


async def test_a_cancelled_whole_ends_with_what_was_done(yard: Yard) -> None:
    made, gate = [yard.ids.new(7) for _ in range(31)], asyncio.Event()
    ears = await with_ears(yard)
    [whole] = await yard.call(rebuild(yard, made, gate), Note("all"))
    async with working(yard):
        await yard.until(lambda: sum(call.arguments.text == "one" for call in yard.ran) >= 1)
        await cancel(yard.store, yard.bus, "rebuild", whole)
        await ears.all_have_heard()
        started = sum(call.arguments.text == "one" for call in yard.ran)
        gate.set()
        await yard.all_ended()

        async def forgotten() -> bool:
            return await steering(yard.store) == {}

        await eventually(forgotten)
    assert await yard.dead("rebuild") == 0
    assert 0 < len(await yard.store.object_get(made)) == started < 30
    assert all(call.checkpoint is None for call in yard.ran)


async def test_a_call_is_cancelled_before_it_starts(yard: Yard) -> None:
    function = rebuild(yard, [])
    [whole] = await yard.call(function, Note("all"), due=await yard.store.now_ms() + 200)
    await cancel(yard.store, yard.bus, "rebuild", whole)
    async with working(yard):
        await yard.all_ended()
    assert yard.ran == []


async def test_what_several_order_of_one_function_at_once_all_holds(store: Store) -> None:
    yard = Yard(store)
    third, fourth = await yard.call(rebuild(yard, []), Note("all"), Note("all"))
    await asyncio.gather(
        *(pause(store, None, "rebuild", call) for call in (1, 2)), cancel(store, None, "rebuild", third)
    )
    await asyncio.gather(
        resume(store, None, "rebuild", 1), forget(store, "rebuild", third), cancel(store, None, "rebuild", fourth)
    )
    assert await steering(store) == {"rebuild": Steer(paused_namespaces=("#2",), cancelled=(fourth,))}


def nested(yard: Yard, made: list[int], gate: asyncio.Event | None = None) -> Function[Note]:
    """Like `rebuild`, but each of the five waits for its six, and what a call stands for is said by its arguments."""

    async def run(call: Call[Note]) -> Outcome:
        if call.checkpoint is not None:
            return Done(effect(made[30 if call.arguments.text == "all" else 31 + call.arguments.number // 6]))
        if call.arguments.text == "all":
            return Split([Note("some", first) for first in range(0, 30, 6)], join="joined")
        if call.arguments.text == "some":
            return Split([Note("one", call.arguments.number + each) for each in range(6)], join="joined")
        if gate is not None:
            await gate.wait()
        return Done(effect(made[call.arguments.number]))

    return yard.function("nested", run, items=lambda note: {"all": 30, "some": 6, "one": 1}[note.text])


async def rows_of(yard: Yard, text: str) -> list[CallRow]:
    page = await yard.store.scan(Table.CALLS, shard=None, after=None, limit=1000)
    rows = [CallRow(*row) for row in page.rows]  # type: ignore[arg-type]  # what a scan gives is not typed
    return [row for row in rows if f'"{text}"' in row.arguments]


async def test_wholes_within_a_whole_are_one_thing(yard: Yard) -> None:
    made, gate = [yard.ids.new(7) for _ in range(36)], asyncio.Event()
    ears = await with_ears(yard)
    [whole] = await yard.call(nested(yard, made, gate), Note("all"))
    async with working(yard):
        await yard.until(lambda: sum(call.arguments.text == "some" for call in yard.ran) == 5)

        async def all_split() -> bool:
            return sum(await parts_of(yard.store, whole)) == 5 + 30

        await eventually(all_split)
        assert await progress(yard.store, whole) == Progress(0, 30)
        some = await rows_of(yard, "some")
        assert [await progress(yard.store, row.id) for row in some] == [None] * 5, "it is told of the outermost alone"
        assert {row.namespace for row in await rows_of(yard, "one")} == {f"#{whole}"}
        assert {row.parent for row in await rows_of(yard, "one")} == {row.id for row in some}
        await pause(yard.store, yard.bus, "nested", whole)
        await ears.all_have_heard()
        gate.set()

        async def at_rest() -> bool:
            return (await parts_of(yard.store, whole)).leased == 0

        await eventually(at_rest)
        assert not (await parts_of(yard.store, whole)).is_finished
        await resume(yard.store, yard.bus, "nested", whole)
        await yard.all_ended()
    assert len(await yard.store.object_get(made)) == 36
    assert await progress(yard.store, whole) is None


@pytest.mark.parametrize("is_outermost", [True, False])
async def test_parts_of_parts_of_what_is_cancelled_stop(yard: Yard, *, is_outermost: bool) -> None:
    """The whole, or one of its parts that waits for parts of its own. What was started is made."""
    made, gate = [yard.ids.new(7) for _ in range(36)], asyncio.Event()
    ears = await with_ears(yard)
    [whole] = await yard.call(nested(yard, made, gate), Note("all"))
    async with working(yard, concurrency=6):

        async def all_split() -> bool:
            return sum(await parts_of(yard.store, whole)) == 5 + 30

        await eventually(all_split)
        await yard.until(lambda: any(call.arguments.text == "one" for call in yard.ran))
        some = {row.id: row for row in await rows_of(yard, "some")}
        await pause(yard.store, yard.bus, "nested", whole)
        await ears.all_have_heard()
        started_of = Counter(row.parent for row in await rows_of(yard, "one") if any(c.id == row.id for c in yard.ran))
        cancelled = whole if is_outermost else min(some, key=lambda part: started_of[part])
        await cancel(yard.store, yard.bus, "nested", cancelled)
        await resume(yard.store, yard.bus, "nested", whole)
        gate.set()
        await yard.all_ended()
        await eventually_unsteered(yard)
    there = await yard.store.object_get(made)
    started = {call.arguments.number for call in yard.ran if call.arguments.text == "one"}
    assert started
    assert started < set(range(30))
    if is_outermost:
        assert there.keys() == {made[number] for number in started}
    else:
        first = msgspec.json.decode(some[cancelled].arguments, type=Note).number
        its_own = set(range(first, first + 6))
        expected = (set(range(36)) - its_own - {31 + first // 6}) | (started & its_own)
        assert there.keys() == {made[number] for number in expected}


async def eventually_unsteered(yard: Yard) -> None:
    async def nothing_is_marked() -> bool:
        return await steering(yard.store) == {}

    await eventually(nothing_is_marked)


async def test_a_whole_tells_how_far_it_is(yard: Yard) -> None:
    """Parts count with their items; one tells of itself between, one splits once more, one dies."""

    async def run(call: Call[Note]) -> Outcome:
        note = call.arguments
        if note.text == "all":
            kinds = [("plain", 10), ("steps", 20), ("splits", 8), ("fails", 2)]
            return Done() if call.checkpoint else Split([Note(*kind) for kind in kinds], join="joined")
        if note.text == "steps":
            return Checkpoint("half", progress=Progress(15, 30)) if call.checkpoint is None else Done()
        if note.text == "splits":
            return Split([Note("plain", 4), Note("plain", 4)])
        return Fail("no good") if note.text == "fails" else Done()

    [whole] = await yard.call(yard.function("far", run, items=lambda note: note.number), Note("all"))
    assert await progress(yard.store, whole) is None
    await yard.drain()
    assert await progress(yard.store, whole) == Progress(48, 50)
    assert Progress(48, 50).share == 0.96


async def test_parts_that_do_not_say_for_what_they_stand_count_as_one(yard: Yard) -> None:
    async def run(call: Call[Note]) -> Outcome:
        if call.arguments.text == "all":
            return Split([Note(number=number) for number in range(3)], join="joined")
        return Done() if call.arguments.number else Fail("no good")

    [whole] = await yard.call(yard.function("thirds", run), Note("all"))
    await yard.drain()
    assert await progress(yard.store, whole) == Progress(2, 3)


async def test_a_call_tells_how_far_it_is_with_its_checkpoints(yard: Yard) -> None:
    async def run(call: Call[Note]) -> Outcome:
        if call.checkpoint is None:
            return Checkpoint("one", progress=Progress(1, 3))
        return Checkpoint("two") if call.checkpoint == "one" else Fail("no good")

    [call] = await yard.call(yard.function("steps", run), Note())
    await yard.drain()
    assert await progress(yard.store, call) == Progress(1, 3), "what was told last stands, whatever becomes of it"
    assert await progress(yard.store, call + 1) is None


async def test_what_is_not_there_cannot_be_cancelled(yard: Yard) -> None:
    function = rebuild(yard, [])
    yard.functions.declare(Function(name="other", arguments=Note, handler=function.handler))
    [call] = await yard.call(function, Note("all"))
    for name, id in (("rebuild", call + 1), ("other", call)):
        with pytest.raises(NotFound):
            await cancel(yard.store, None, name, id)
    assert await steering(yard.store) == {}


async def test_marks_of_what_is_gone_are_taken_away(yard: Yard) -> None:
    async def split(call: Call[Note]) -> Outcome:
        return Split([Note("part")] * 2) if call.arguments.text == "all" else Fail("no good")

    function = yard.function("split", split)
    gone, waiting = await yard.call(function, Note("all"), Note("part"), due=0)
    await yard.drain()
    await cancel(yard.store, None, "split", gone)  # whose parts are dead, and still there
    await pause(yard.store, None, "split", 17)
    await pause(yard.store, None, "split", waiting)
    await forget_ended(yard.store)
    assert await steering(yard.store) == {"split": Steer(cancelled=(gone,), paused_namespaces=(f"#{waiting}",))}
    await drop_dead(yard.store, [call async for call in dead_calls(yard.store)])
    await forget_ended(yard.store)
    assert await steering(yard.store) == {}
