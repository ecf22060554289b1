"""Deadlines: a batch begins in time or never, and whoever asked is told which."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.engines.base import Lane, Store
from ripstop.engines.batch import Batch
from ripstop.kernel.errors import DeadlineExceeded
from tests.world import HOME, ident, thing


@pytest.mark.parametrize("lane", Lane)
async def test_a_deadline_that_has_passed_is_refused_and_nothing_happened(store: Store, lane: Lane) -> None:
    with pytest.raises(DeadlineExceeded):
        await store.commit([Batch(HOME, [thing(1)]), Batch(HOME, [thing(2)])], lane=lane, deadline=-1.0)
    await asyncio.gather(*(store.commit([Batch(HOME, [thing(number)])]) for number in range(10, 20)))
    assert await store.object_get([ident(1), ident(2)]) == {}


async def test_in_a_flood_each_batch_is_there_or_was_refused(store: Store) -> None:
    """More than fits into the deadline, in both lanes: what was answered is so, what was refused is not."""

    async def attempt(number: int) -> bool:
        operations = [thing(number * 100 + n) for n in range(20)]
        lane = Lane.BACKGROUND if number % 2 else Lane.FOREGROUND
        try:
            [outcome] = await store.commit([Batch(HOME, operations)], lane=lane, deadline=0.05)
        except DeadlineExceeded:
            return False
        return outcome.applied

    applied = await asyncio.gather(*(attempt(number) for number in range(1, 801)))
    await store.commit([Batch(HOME, [thing(1)])], deadline=30)
    for number, was_applied in enumerate(applied, start=1):
        found = await store.object_get([ident(number * 100 + n) for n in range(20)])
        assert len(found) == (20 if was_applied else 0)


async def test_background_work_does_not_starve_behind_foreground_work(store: Store) -> None:
    stop = asyncio.Event()

    async def flood(base: int) -> None:
        number = base
        while not stop.is_set():
            number += 1
            await store.commit([Batch(HOME, [thing(number)])], deadline=30)

    floods = [asyncio.create_task(flood(base * 1_000_000)) for base in range(1, 9)]
    background = [Batch(HOME, [thing(number)]) for number in range(1, 101)]
    outcomes = await store.commit(background, lane=Lane.BACKGROUND, deadline=30)
    stop.set()
    await asyncio.gather(*floods)
    assert all(outcome.applied for outcome in outcomes)


async def test_a_caller_who_is_cancelled_hurts_nobody_else(store: Store) -> None:
    """A cancelled request's batch is there whole or not at all, and the others go on."""
    tasks = [
        asyncio.create_task(store.commit([Batch(HOME, [thing(number), thing(number + 1000)])], deadline=30))
        for number in range(1, 301)
    ]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    cancelled = {number for number, result in enumerate(results, start=1) if isinstance(result, asyncio.CancelledError)}
    assert cancelled <= set(range(1, 301, 3))
    await store.commit([Batch(HOME, [thing(5000)])])
    for number in range(1, 301):
        found = await store.object_get([ident(number), ident(number + 1000)])
        assert len(found) in ((0, 2) if number in cancelled else (2,))
