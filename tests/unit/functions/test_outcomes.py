"""How calls end: each outcome, and what becomes of the call and of its effect."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from ripstop.engines.base import Store
from ripstop.engines.batch import Batch, CheckObject, ObjectPatch, ObjectPut
from ripstop.kernel.ids import shard_of
from ripstop.machinery.functions import (
    MAX_PARTS,
    Call,
    Cancel,
    Checkpoint,
    Done,
    Function,
    Functions,
    Outcome,
    Retry,
    Snooze,
    Split,
)
from tests.stores import Place
from tests.unit.functions.yard import SHARD, Note, Yard, effect, manual_yard
from tests.world import THING, apply, fields_of


@pytest.fixture
def yard(store: Store) -> Yard:
    return Yard(store)


async def done(call: Call[Note]) -> Outcome:
    return Done()


async def test_a_call_runs_once_with_its_arguments(yard: Yard) -> None:
    function = yard.function("greet", done)
    [id] = await yard.call(function, Note("hello", 7))
    assert await yard.drain() == 1
    [call] = yard.ran
    assert (call.id, call.function, call.arguments, call.attempt) == (id, "greet", Note("hello", 7), 1)
    assert call.checkpoint is None
    assert await yard.drain() == 0
    assert await yard.unfinished() == 0


async def test_the_effect_is_committed_with_the_end(yard: Yard) -> None:
    made = yard.ids.new(900)

    async def make(call: Call[Note]) -> Outcome:
        return Done(effect(made))

    await yard.call(yard.function("make", make), Note())
    await yard.drain()
    assert made in await yard.store.object_get([made])
    assert await yard.unfinished() == 0


async def test_an_effect_that_causes_calls_is_drained_with_them(yard: Yard) -> None:
    second = yard.function("second", done)

    async def cause(call: Call[Note]) -> Outcome:
        await yard.call(second, Note("later"))
        return Done()

    await yard.call(yard.function("first", cause), Note())
    assert await yard.drain() == 2
    assert [call.function for call in yard.ran] == ["first", "second"]


async def test_many_calls_run_at_once(yard: Yard) -> None:
    everybody = asyncio.Barrier(50)

    async def meet(call: Call[Note]) -> Outcome:
        await everybody.wait()
        return Done()

    await yard.call(yard.function("meet", meet), *(Note(number=number) for number in range(50)))
    assert await yard.drain() == 50


async def test_a_failure_is_tried_again_after_a_pause_of_full_jitter(place: Place) -> None:
    if place.engine != "sqlite":
        pytest.skip("PostgreSQL falls due by its own clock, which a test cannot move")
    async with manual_yard(place) as (yard, clock):

        async def fail(call: Call[Note]) -> Outcome:
            return Retry("no answer") if call.attempt < 4 else Done()

        function = yard.function("fail", fail, backoff_base=10.0, backoff_cap=20.0)
        await yard.call(function, *(Note(number=number) for number in range(20)))
        assert await yard.drain() == 20
        assert await yard.drain() == 0
        clock.advance(5)
        await yard.drain()
        assert 0 < sum(call.attempt == 2 for call in yard.ran) < 20
        clock.advance(5.001)
        await yard.drain()
        assert sum(call.attempt == 2 for call in yard.ran) == 20
        for _ in range(10):
            clock.advance(20.001)
            await yard.drain()
        assert await yard.unfinished() == 0
        assert sorted(call.attempt for call in yard.ran) == [1] * 20 + [2] * 20 + [3] * 20 + [4] * 20


async def test_an_exception_means_try_again(yard: Yard) -> None:
    async def fail(call: Call[Note]) -> Outcome:
        if call.attempt == 1:
            raise RuntimeError("broken pipe")
        return Done()

    await yard.call(yard.function("fail", fail, backoff_base=1e-6), Note())
    while await yard.unfinished():
        await yard.drain()
    assert [call.attempt for call in yard.ran] == [1, 2]
    assert await yard.dead("fail") == 0


async def test_a_pause_may_be_named(place: Place) -> None:
    if place.engine != "sqlite":
        pytest.skip("PostgreSQL falls due by its own clock, which a test cannot move")
    async with manual_yard(place) as (yard, clock):

        async def busy(call: Call[Note]) -> Outcome:
            return Retry("429", after=90.0) if call.attempt == 1 else Done()

        await yard.call(yard.function("busy", busy), Note())
        assert await yard.drain() == 1
        clock.advance(89.9)
        assert await yard.drain() == 0
        clock.advance(0.1)
        assert await yard.drain() == 1


async def test_out_of_attempts_a_call_is_dead_and_kept(yard: Yard) -> None:
    async def fail(call: Call[Note]) -> Outcome:
        return Retry("no such host", after=0.0)

    await yard.call(yard.function("fail", fail, attempts=3), Note())
    while await yard.unfinished():
        await yard.drain()
    assert [call.attempt for call in yard.ran] == [1, 2, 3]
    assert await yard.dead("fail") == 1


async def test_a_snoozed_call_keeps_its_attempt_and_its_state(place: Place) -> None:
    if place.engine != "sqlite":
        pytest.skip("PostgreSQL falls due by its own clock, which a test cannot move")
    async with manual_yard(place) as (yard, clock):

        async def doze(call: Call[Note]) -> Outcome:
            if call.checkpoint is None:
                return Checkpoint("half")
            return Snooze(3600.0) if len(yard.ran) < 5 else Done()

        await yard.call(yard.function("doze", doze), Note())
        await yard.drain()
        for _ in range(3):
            assert await yard.drain() == 0
            clock.advance(3600)
            assert await yard.drain() == 1
        assert [(call.attempt, call.checkpoint) for call in yard.ran] == [(1, None)] + [(1, "half")] * 4
        assert await yard.unfinished() == 0


async def test_a_cancelled_call_ends_without_a_trace(yard: Yard) -> None:
    async def needless(call: Call[Note]) -> Outcome:
        return Cancel("the post is gone")

    await yard.call(yard.function("needless", needless), Note())
    assert await yard.drain() == 1
    assert await yard.unfinished() == 0
    assert await yard.dead("needless") == 0


async def test_a_checkpoint_commits_its_part_and_goes_on_from_there(yard: Yard) -> None:
    pages = [yard.ids.new(SHARD) for _ in range(3)]

    async def page(call: Call[Note]) -> Outcome:
        at = int(call.checkpoint or 0)
        if at == 3:
            return Done()
        return Checkpoint(str(at + 1), effect(pages[at]))

    [id] = await yard.call(yard.function("page", page), Note())
    assert await yard.drain() == 4
    assert [(call.id, call.checkpoint) for call in yard.ran] == [(id, None), (id, "1"), (id, "2"), (id, "3")]
    assert len(await yard.store.object_get(pages)) == 3


async def test_progress_gives_all_attempts_back(yard: Yard) -> None:
    async def stumble(call: Call[Note]) -> Outcome:
        if call.attempt < 3:
            return Retry("stumbled", after=0.0)
        return Checkpoint("further") if call.checkpoint is None else Done()

    await yard.call(yard.function("stumble", stumble, attempts=3), Note())
    while await yard.unfinished():
        await yard.drain()
    assert [(call.checkpoint, call.attempt) for call in yard.ran] == [
        (None, 1), (None, 2), (None, 3), ("further", 1), ("further", 2), ("further", 3)
    ]  # fmt: skip
    assert await yard.dead("stumble") == 0


async def test_a_split_goes_on_as_its_parts(yard: Yard) -> None:
    """Counts to a thousand by halving, down to pieces of a hundred."""

    async def halve(call: Call[Note]) -> Outcome:
        low, high = map(int, call.arguments.text.split("-"))
        if high - low <= 100:
            return Done()
        middle = (low + high) // 2
        return Split([Note(f"{low}-{middle}"), Note(f"{middle}-{high}")], effect(call.id + 1))

    [id] = await yard.call(yard.function("halve", halve, deadline=5.0), Note("0-1000"))
    assert await yard.drain() == 31
    leaves = sorted(tuple(map(int, call.arguments.text.split("-"))) for call in yard.ran)
    ends = [(low, high) for low, high in leaves if high - low <= 100]
    assert [low for low, _ in ends][1:] == [high for _, high in ends][:-1]
    assert {call.deadline for call in yard.ran} == {yard.ran[0].deadline}
    assert {shard_of(call.id) for call in yard.ran} == {SHARD}
    assert id + 1 in await yard.store.object_get([id + 1])


@pytest.mark.parametrize("parts", [0, MAX_PARTS + 1])
async def test_a_split_that_cannot_be_is_a_failure(yard: Yard, parts: int) -> None:
    async def split(call: Call[Note]) -> Outcome:
        return Split([Note()] * parts, effect(call.id + 1))

    [id] = await yard.call(yard.function("split", split, attempts=1), Note())
    assert await yard.drain() == 1
    assert await yard.dead("split") == 1
    assert await yard.store.object_get([id + 1]) == {}


async def test_an_effect_that_is_refused_is_worked_out_anew_at_once(yard: Yard) -> None:
    thing = yard.ids.new(SHARD)
    await apply(yard.store, ObjectPut(thing, THING, '{"count": 0}'))

    async def count(call: Call[Note]) -> Outcome:
        found = (await yard.store.object_get([thing]))[thing]
        if len(yard.ran) == 1:  # somebody else is faster
            await apply(yard.store, ObjectPatch(thing, '{"count": 10}'))
        ten_more = (await fields_of(yard.store, thing))["count"]
        patch = f'{{"count": {int(str(ten_more)) + 1}}}'
        return Done(Batch(SHARD, [ObjectPatch(thing, patch, found.version)]))

    await yard.call(yard.function("count", count), Note())
    assert await yard.drain() == 1
    assert [call.attempt for call in yard.ran] == [1, 1]
    assert await fields_of(yard.store, thing) == {"count": 11}


async def test_an_effect_that_is_always_refused_is_a_failure(yard: Yard) -> None:
    async def hopeless(call: Call[Note]) -> Outcome:
        return Done(Batch(SHARD, [CheckObject(yard.ids.new(SHARD))]))

    await yard.call(yard.function("hopeless", hopeless, attempts=1), Note())
    assert await yard.drain() == 1
    assert await yard.dead("hopeless") == 1


async def test_an_outcome_that_the_engine_cannot_commit_harms_nobody_else(place: Place) -> None:
    async with place.opened() as store:
        yard = Yard(store)

        async def absurd(call: Call[Note]) -> Outcome:
            return Done(Batch(SHARD, [ObjectPut(1 << 80, THING, "{}")]))

        async def sound(call: Call[Note]) -> Outcome:
            return Done(effect(call.id + 1))

        await yard.call(yard.function("absurd", absurd, attempts=1), Note(), Note())
        sound_ids = await yard.call(yard.function("sound", sound), *[Note()] * 5)
        await yard.drain()
        assert await yard.dead("absurd") == 2
        assert await yard.unfinished() == 0
        assert len(await store.object_get([id + 1 for id in sound_ids])) == 5


async def test_a_function_that_is_not_declared_keeps_its_calls_as_dead(yard: Yard) -> None:
    await yard.call(yard.function("forgotten", done), Note("keep me"))
    assert await yard.worker(functions=Functions()).drain() == 1
    assert yard.ran == []
    assert await yard.dead("forgotten") == 1


async def test_arguments_that_do_not_decode_are_kept_as_dead(yard: Yard) -> None:
    changed = Function(name="changed", arguments=Note, handler=done)
    await yard.call(changed, Note(number=3))

    class Other(msgspec.Struct):
        number: str

    async def other(call: Call[Other]) -> Outcome:
        return Done()

    declared = Functions([Function(name="changed", arguments=Other, handler=other)])
    assert await yard.worker(functions=declared).drain() == 1
    assert await yard.dead("changed") == 1


async def test_live_messages_go_out_once_the_effect_is_there(yard: Yard) -> None:
    heard: list[tuple[str, bytes, bool]] = []
    made = yard.ids.new(SHARD)
    arrived = asyncio.Event()

    def hear(topic: str, payload: bytes) -> None:
        heard.append((topic, payload, True))
        arrived.set()

    async def make(call: Call[Note]) -> Outcome:
        return Done(effect(made), live=[("home/7", b"new")])

    await yard.bus.open()
    yard.bus.subscribe("home/*", hear)
    await yard.call(yard.function("make", make), Note())
    await yard.drain()
    await arrived.wait()
    assert heard == [("home/7", b"new", True)]
    await yard.bus.close()


async def test_a_drain_that_would_never_end_says_so(yard: Yard) -> None:
    async def forever(call: Call[Note]) -> Outcome:
        return Checkpoint("again")

    await yard.call(yard.function("forever", forever), Note())
    with pytest.raises(RuntimeError, match="keeps calling itself"):
        await yard.worker().drain(most=20)
