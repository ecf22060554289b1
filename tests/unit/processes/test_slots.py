"""Leased slots, on each engine."""

from __future__ import annotations

import pytest

from ripstop.engines.base import Store
from ripstop.engines.batch import Batch, NameSet
from ripstop.kernel.clock import ManualClock, SystemClock
from ripstop.kernel.errors import Unavailable
from ripstop.kernel.ids import SLOTS, IdSource, time_ms
from ripstop.processes.slots import LeasedSlot, SlotLost


@pytest.fixture(autouse=True)
def long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease ends when a test says so, however slow the machine is: an engine's clock cannot be stopped."""
    monkeypatch.setattr(LeasedSlot, "LEASE_MS", 3_600_000)


async def expire(store: Store, slot: LeasedSlot) -> None:
    """Let the lease run out, as it does when nobody renews it."""
    [name] = (await store.name_get([f"slot/{slot.number}"])).values()
    await store.commit([Batch(0, [NameSet(name.name, name.holder, None)])])


async def test_no_two_have_the_same(store: Store) -> None:
    clock = SystemClock()
    slots = [await LeasedSlot.take(store, clock) for _ in range(SLOTS)]
    assert sorted(slot.number for slot in slots) == list(range(SLOTS))
    with pytest.raises(Unavailable, match="too many processes"):
        await LeasedSlot.take(store, clock)
    await slots[17].release()
    assert (await LeasedSlot.take(store, clock)).number == 17


async def test_a_successor_begins_where_the_last_could_not_have_been(store: Store) -> None:
    clock = ManualClock()
    first = await LeasedSlot.take(store, clock)
    ids = IdSource(clock, first)
    minted = [ids.new(5) for _ in range(1000)]
    await expire(store, first)
    clock.step(-3600)
    second = await LeasedSlot.take(store, clock)
    assert second.number == first.number
    assert IdSource(clock, second).new(5) > max(minted)


async def test_a_slot_that_was_given_back_leaves_little_behind(store: Store) -> None:
    clock = ManualClock()
    slot = await LeasedSlot.take(store, clock)
    last = IdSource(clock, slot).new(5)
    await slot.release()
    again = IdSource(clock, await LeasedSlot.take(store, clock)).new(5)
    assert 0 < time_ms(again) - time_ms(last) <= IdSource.AHEAD_MS


async def test_a_process_that_slept_through_its_lease_mints_no_more(store: Store) -> None:
    clock = ManualClock()
    slot = await LeasedSlot.take(store, clock)
    ids = IdSource(clock, slot)
    last = ids.new(5)
    await expire(store, slot)
    successor = await LeasedSlot.take(store, clock)
    clock.advance(60)
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot reach its store"):
            ids.new(5)
    with pytest.raises(SlotLost):
        await slot.renew()
    await successor.renew()
    assert IdSource(clock, successor).new(5) > last


async def test_ids_are_minted_until_the_mark_is_reached(store: Store) -> None:
    clock = ManualClock()
    slot = await LeasedSlot.take(store, clock)
    ids = IdSource(clock, slot)
    ids.new(5)
    clock.advance(LeasedSlot.AHEAD_MS / 1000 - 0.001)
    assert time_ms(ids.new(5)) == clock.now_ms()
    clock.advance(0.001)
    with pytest.raises(Unavailable, match="cannot reach its store"):
        ids.new(5)
    await slot.renew()
    assert time_ms(ids.new(5)) == clock.now_ms()


async def test_a_lease_that_is_renewed_goes_on(store: Store) -> None:
    clock = ManualClock()
    slot = await LeasedSlot.take(store, clock)
    ids = IdSource(clock, slot)
    minted = []
    for _ in range(20):
        clock.advance(2)
        await slot.renew()
        minted.append(ids.new(5))
    assert minted == sorted(set(minted))
    assert time_ms(minted[-1]) == clock.now_ms()
