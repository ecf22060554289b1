"""What tests of others use: what was called, and calls that run at once."""

from __future__ import annotations

import pytest

from ripstop.engines.base import CallState, Store
from ripstop.machinery.functions import Call, Done, Outcome
from ripstop.machinery.functions.testing import NowCaller, assert_called, calls_of
from tests.unit.functions.yard import Note, Yard, effect


async def done(call: Call[Note]) -> Outcome:
    return Done()


async def test_what_was_called_is_told(store: Store) -> None:
    yard = Yard(store)
    note, other = yard.function("note", done), yard.function("other", done)
    await yard.call(note, Note("a"), Note("b"), Note("b"))
    await assert_called(store, note)
    await assert_called(store, note, Note("a"))
    await assert_called(store, note, Note("b"), times=2)
    await assert_called(store, other, times=0)
    assert {call.state for call in await calls_of(store, note)} == {CallState.READY}
    with pytest.raises(AssertionError, match=r"note was to be called 1 times with .*\"b\".*, and was 2 times"):
        await assert_called(store, note, Note("b"), times=1)
    with pytest.raises(AssertionError, match=r"other was to be called at least once, .* Its calls: nothing"):
        await assert_called(store, other)


async def test_calls_run_before_the_caller_goes_on(store: Store) -> None:
    yard = Yard(store)
    made = yard.ids.new(7)

    async def make(call: Call[Note]) -> Outcome:
        return Done(effect(made))

    caller = NowCaller(store, yard.worker(), ids=yard.ids, clock=yard.clock, bus=yard.bus)
    assert await caller.call(yard.function("make", make), Note()) is not None
    assert made in await store.object_get([made])
