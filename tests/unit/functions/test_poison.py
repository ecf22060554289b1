"""Calls whose worker dies with them: tried apart, and dead in the end; the others are not harmed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from multiprocessing.process import BaseProcess

from ripstop.machinery.functions import Call, Done, Outcome
from ripstop.machinery.functions.dead import dead_calls
from ripstop.machinery.functions.standing import TRIALS
from tests.stores import Place
from tests.unit.functions.yard import ALL, Note, Yard, effect
from tests.world import PATIENCE, clock_passes

POISON = "poison"
LEASE = 1.0


async def swallow(call: Call[Note]) -> Outcome:
    if call.arguments.text == POISON:
        os._exit(1)
    return Done(effect(call.id + 1))


def work_in_a_process(place: Place) -> None:
    """The main of a worker's process: works until it is killed."""

    async def main() -> None:
        async with place.opened() as store:
            yard = Yard(store)
            yard.function("swallow", swallow)
            await yard.worker(lease=LEASE, poll=0.02).run(asyncio.Event())

    asyncio.run(main())


def start_worker(place: Place) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=work_in_a_process, args=(place,), daemon=True)
    process.start()
    return process


async def test_a_call_that_kills_its_worker_is_dead_and_the_others_are_done(place: Place) -> None:
    async with place.opened() as store:
        yard = Yard(store)
        function = yard.function("swallow", swallow)
        good = await yard.call(function, *[Note("bread")] * 30)
        await yard.call(function, Note(POISON))
        good += await yard.call(function, *[Note("bread")] * 30)
        deaths = 0
        worker = start_worker(place)
        async with asyncio.timeout(2 * PATIENCE):
            while await yard.unfinished():
                await asyncio.sleep(0.01)
                if not worker.is_alive():
                    deaths += 1
                    assert deaths <= TRIALS + 1
                    worker = start_worker(place)
        worker.kill()
        worker.join()
        [dead] = [call async for call in dead_calls(store)]
        assert Note(POISON).text in dead.arguments
        assert f"each of {TRIALS} trials" in (dead.error or "")
        assert deaths == TRIALS + 1
        assert len(await store.object_get([id + 1 for id in good])) == 60


async def test_calls_that_shared_a_process_with_it_are_not_blamed(place: Place) -> None:
    """However often their workers die of something else while they wait to be tried."""
    async with place.opened() as store:
        yard = Yard(store)
        function = yard.function("swallow", swallow)
        ids = await yard.call(function, *[Note("bread")] * 8)
        for _ in range(TRIALS + 2):
            taken = (await store.call_lease(ALL, limit=len(ids), seconds=0.02)).taken
            await clock_passes(store, max(lease.lease_until for lease in taken))
        async with asyncio.timeout(PATIENCE):
            while await yard.unfinished():
                await yard.drain()
        assert sorted(call.id for call in yard.ran) == ids
        assert [call async for call in dead_calls(store)] == []
