"""Processes that write to a store are killed at random moments, one or all of them, again and again.

Afterwards every acknowledged batch is there whole, what was in doubt is there whole or not at all, every count equals
its rows, the two halves of each association agree, and every call had its effect once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from tests.crash.kills import MakeKills
from tests.crash.witness import Witness
from tests.postgres import OPTIONS, running_postgres
from tests.stores import Place, session

WRITERS = 3
LANES = 3
START_SECONDS = 60.0


class Writer:
    """One process of `tests.crash.writer`, with its lanes; it can be killed and started again."""

    def __init__(self, place: Place, shards: Sequence[int], witness: Witness) -> None:
        self._place = place
        self.shards = shards
        self._witness = witness

    async def start(self, numbers: Sequence[int]) -> None:
        """Return once it has written something, so that a kill hits it at work."""
        lanes = [f"{shard}:{number}" for shard, number in zip(self.shards, numbers, strict=True)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.writer", self._place.engine, self._place.where, *lanes,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._at_work = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())
        async with asyncio.timeout(START_SECONDS):
            await self._at_work.wait()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):
                shard, number = map(int, line.split())
                self._witness.acknowledged(shard, number)
                self._at_work.set()
        self._at_work.set()

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()

    async def ended(self) -> int:
        """Wait until it is gone and all that it said was heard."""
        await self._listening
        return await self._process.wait()


@asynccontextmanager
async def writers(place: Place, witness: Witness) -> AsyncIterator[list[Writer]]:
    """Some writers at work; killed at the end."""
    numbered = range(1, WRITERS * LANES + 1)
    crew = [Writer(place, numbered[first::WRITERS], witness) for first in range(WRITERS)]
    async with place.opened():
        pass  # migrated once, by nobody who is killed
    try:
        await asyncio.gather(*(writer.start([4] * LANES) for writer in crew))
        yield crew
    finally:
        for writer in crew:
            writer.kill()
        await asyncio.gather(*(writer.ended() for writer in crew))


async def again(place: Place, witness: Witness, dead: Sequence[Writer], *, check: bool) -> None:
    """Wait for the dead, hold the store to what they were told, and start them anew."""
    await asyncio.gather(*(writer.ended() for writer in dead))
    async with place.opened() as store:
        numbers = [[await witness.settle(store, shard) for shard in writer.shards] for writer in dead]
        await witness.look(store, [shard for writer in dead for shard in writer.shards])
        if check:
            assert [fault.sentence async for fault in store.check()] == []
    await asyncio.gather(*(writer.start(start) for writer, start in zip(dead, numbers, strict=True)))


async def test_killed_writers_leave_nothing_half_done(place: Place, kills: MakeKills) -> None:
    witness = Witness()
    some = kills(f"writers on {place.engine}", 0.4 if place.engine == "sqlite" else 0.2)
    random_ = random.Random(some.seed)
    async with writers(place, witness) as crew:
        while some.left():
            await asyncio.sleep(random_.random() * 0.15)
            # One dies while the others go on, or all of them die and nobody has the store open.
            dead = [random_.choice(crew)] if random_.random() < 0.8 else crew
            for writer in dead:
                writer.kill()
            some.count(len(dead))
            await again(place, witness, dead, check=len(dead) > 1)
    async with place.opened() as store:
        for shard in range(1, WRITERS * LANES + 1):
            await witness.settle(store, shard)
        await witness.look_at_everything(store)


async def test_a_killed_postgres_keeps_what_it_acknowledged(kills: MakeKills) -> None:
    """One of the server's own processes is killed, upon which it ends all others and recovers from its log."""
    some = kills("the PostgreSQL server", 0.03)
    random_ = random.Random(some.seed)
    witness = Witness()
    with running_postgres({**OPTIONS, "fsync": "on", "full_page_writes": "on"}) as server:
        async with server.fresh_database() as dsn:
            place = Place("postgres", dsn)
            async with writers(place, witness) as crew:
                while some.left():
                    await asyncio.sleep(random_.random() * 0.3)
                    await kill_a_backend(dsn, random_)
                    some.count(1)
                    # The writers' connections broke. What they do then is no matter here: they are killed as well.
                    for writer in crew:
                        writer.kill()
                    await server_is_back(dsn)
                    await again(place, witness, crew, check=True)
            await server_is_back(dsn)
            async with place.opened() as store:
                for shard in range(1, WRITERS * LANES + 1):
                    await witness.settle(store, shard)
                await witness.look_at_everything(store)


async def kill_a_backend(dsn: str, random_: random.Random) -> None:
    """Kill one of the server's processes, and return when the server has noticed and ended the others."""
    witness = await asyncpg.connect(dsn)
    try:
        busy = await witness.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        os.kill(random_.choice(busy)["pid"], signal.SIGKILL)
        async with asyncio.timeout(START_SECONDS):
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                while True:
                    await witness.execute("SELECT pg_sleep(0.01)")
    finally:
        witness.terminate()


async def server_is_back(dsn: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                async with session(dsn) as client:
                    await client.execute("SELECT 1")
                    return
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)
