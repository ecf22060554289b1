"""Workers are killed at random moments while calls run: no call is lost, and each has had its effects once."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ripstop.engines.base import Store
from ripstop.engines.batch import AnyOperation, ObjectPut
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.functions import call_put
from ripstop.machinery.functions.dead import Search, retry_all
from tests.crash.crew import EFFECTS, JOB, Job, Kind, worker
from tests.crash.kills import MakeKills
from tests.stores import Place
from tests.unit.functions.yard import TestSlot
from tests.world import THING, apply, eventually, faults

WORKERS = 3
CALLS = 150
"""That are made before each kill: some hundredths of a second of work."""

SHARDS = 7
START_SECONDS = 60.0
PAGE = 100
"""Objects that are looked at in one read."""


class Hand:
    """One process of `tests.crash.crew`; it can be killed and started again."""

    def __init__(self, place: Place, number: int) -> None:
        self._place = place
        self._number = number

    async def start(self) -> None:
        """Return once it takes calls."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.crew", self._place.engine, self._place.where, str(self._number),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            assert await self._process.stdout.readline() == b"ready\n"

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Orders:
    """Makes calls, and knows what must have become of each in the end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clock = SystemClock()
        self._ids = IdSource(self._clock, TestSlot())
        self.versions: dict[int, int] = {}
        """Of the objects that calls change: how often they will have been written."""

    async def make(self, count: int) -> None:
        """So many calls of each kind in turn, each with its object."""
        kinds: list[Kind] = list(EFFECTS)
        for shard in range(SHARDS):
            operations: list[AnyOperation] = []
            for place in range(shard, count, SHARDS):
                job = Job(kinds[place % len(kinds)], self._ids.new(shard))
                self.versions[job.object] = 1 + EFFECTS[job.kind]
                operations.append(ObjectPut(job.object, THING, "{}"))
                operations.append(call_put(JOB, job, id=self._ids.new(shard), now_ms=self._clock.now_ms()))
            await apply(self._store, *operations, home=shard)

    async def found(self) -> dict[int, int]:
        """The same as `versions`, as it is."""
        ids = list(self.versions)
        versions: dict[int, int] = {}
        for first in range(0, len(ids), PAGE):
            found = await self._store.object_get(ids[first : first + PAGE])
            versions |= {id_: each.version for id_, each in found.items()}
        return versions


@asynccontextmanager
async def hands(place: Place) -> AsyncIterator[list[Hand]]:
    """Some workers at work; killed at the end."""
    crew = [Hand(place, number + 1) for number in range(WORKERS)]
    try:
        await asyncio.gather(*(hand.start() for hand in crew))
        yield crew
    finally:
        await asyncio.gather(*(hand.kill() for hand in crew))


async def run_the_rest(store: Store) -> None:
    """Until all calls have ended, in a worker that nobody kills."""

    async def all_ended() -> bool:
        await retry_all(store, Search())  # a call whose worker is killed in each of its trials is dead
        await asyncio.sleep(0.02)
        left = (await store.call_stats()).values()
        return not any(each.waiting + each.ready + each.leased + each.dead for each in left)

    stop = asyncio.Event()
    work = asyncio.create_task(worker(store, WORKERS + 1).run(stop))
    try:
        await eventually(all_ended)
    finally:
        stop.set()
        await work


async def test_killed_workers_lose_no_call_and_repeat_no_effect(place: Place, kills: MakeKills) -> None:
    some = kills(f"workers on {place.engine}", 0.5)
    random_ = random.Random(some.seed)
    async with place.opened() as store:
        orders = Orders(store)
        async with hands(place) as crew:
            while some.left():
                await orders.make(CALLS)
                await asyncio.sleep(random_.random() * 0.1)
                # One dies while the others go on, or all of them die.
                dead = [random_.choice(crew)] if random_.random() < 0.5 else crew
                await asyncio.gather(*(hand.kill() for hand in dead))
                some.count(len(dead))
                await asyncio.gather(*(hand.start() for hand in dead))

        await run_the_rest(store)
        assert await orders.found() == orders.versions
        assert await faults(store) == []
