"""The function platform beside other queues of Python that keep their calls in PostgreSQL, in one run on one server.

    python -m bench.functions_peers [--calls 10000]

Each has one process that makes calls of an empty function and one that works them off, over the same PostgreSQL, which
is durable. CPU is that of both and of PostgreSQL, user and system, divided by the calls. The others run as their
documentation advises for speed: uvloop, a pool of connections, finished jobs deleted, many jobs at once in a worker.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import asyncpg
import pgqueuer
import procrastinate
import uvloop
from pgqueuer.queries import Queries

from bench import functions_core as ours
from bench.servers import data_folder, running_database

PER_BATCH = 100
AT_ONCE = 16
CONCURRENCY = 100
POOL = 10
PATIENCE = 300.0

Defer = Callable[[int], Awaitable[None]]
"""Makes so many calls at once."""


@dataclass(frozen=True)
class Place:
    """What the processes of one queue need: its name in `PEERS`, and the database."""

    peer: str
    dsn: str


# Procrastinate


def _procrastinate(dsn: str, done: list[float] | None = None) -> tuple[procrastinate.App, Any]:
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=dsn, min_size=POOL, max_size=POOL),
        worker_defaults={
            "concurrency": CONCURRENCY,
            "delete_jobs": procrastinate.jobs.DeleteJobCondition.ALWAYS,
            "install_signal_handlers": False,
        },
    )

    @app.task(name="empty")
    async def empty(at: float) -> None:
        if done is not None:
            done.append(time.monotonic() - at)

    return app, empty


async def _install_procrastinate(dsn: str) -> None:
    app, _ = _procrastinate(dsn)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


@asynccontextmanager
async def _call_procrastinate(dsn: str) -> AsyncIterator[Defer]:
    app, empty = _procrastinate(dsn)

    async def defer(count: int) -> None:
        if count == 1:
            await empty.defer_async(at=time.monotonic())
        else:
            await empty.batch_defer_async(*({"at": time.monotonic()} for _ in range(count)))

    async with app.open_async():
        yield defer


@asynccontextmanager
async def _work_procrastinate(dsn: str, done: list[float]) -> AsyncIterator[None]:
    app, _ = _procrastinate(dsn, done)
    async with app.open_async():
        work = asyncio.create_task(app.run_worker_async())
        yield
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


# PgQueuer


async def _install_pgqueuer(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await Queries(pgqueuer.AsyncpgDriver(connection)).install()
    await connection.close()


@asynccontextmanager
async def _call_pgqueuer(dsn: str) -> AsyncIterator[Defer]:
    async with asyncpg.create_pool(dsn, min_size=POOL, max_size=POOL) as pool:
        queries = Queries(pgqueuer.AsyncpgPoolDriver(pool))

        async def defer(count: int) -> None:
            at = str(time.monotonic()).encode()
            await queries.enqueue(["empty"] * count, [at] * count, [0] * count)

        yield defer


@asynccontextmanager
async def _work_pgqueuer(dsn: str, done: list[float]) -> AsyncIterator[None]:
    async with asyncpg.create_pool(dsn, min_size=POOL, max_size=POOL) as pool:
        manager = pgqueuer.PgQueuer(pgqueuer.AsyncpgPoolDriver(pool))

        @manager.entrypoint("empty")
        async def empty(job: pgqueuer.Job) -> None:
            done.append(time.monotonic() - float(job.payload or b"0"))

        work = asyncio.create_task(manager.run(batch_size=CONCURRENCY))
        yield
        manager.shutdown.set()
        await work


@dataclass(frozen=True)
class Peer:
    """How one queue is installed, called and worked."""

    install: Callable[[str], Awaitable[None]]
    call: Callable[[str], Any]
    work: Callable[[str, list[float]], Any]


PEERS = {
    "Procrastinate": Peer(_install_procrastinate, _call_procrastinate, _work_procrastinate),
    "PgQueuer": Peer(_install_pgqueuer, _call_pgqueuer, _work_pgqueuer),
}


# In the processes that are measured


def worker_main(place: Place, pipe: Connection) -> None:
    """Work; for each number that arrives, answer with the delays once so many calls have ended."""
    logging.disable(logging.WARNING)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done: list[float] = []
        async with PEERS[place.peer].work(place.dsn, done):
            pipe.send(None)
            while (wanted := await loop.run_in_executor(None, pipe.recv)) is not None:
                async with asyncio.timeout(PATIENCE):
                    while len(done) < wanted:  # noqa: ASYNC110 - the queue tells nobody
                        await asyncio.sleep(0.05)
                await asyncio.sleep(0.5)  # until the last ones are deleted
                pipe.send(done[:])
                done.clear()

    uvloop.run(main())


def caller_main(place: Place, calls: int, pipe: Connection, *, bulk: bool) -> None:
    """Make calls when told to: in batches of many, or one by one from several clients."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        size = PER_BATCH if bulk else 1
        left = iter(range(calls // size))
        async with PEERS[place.peer].call(place.dsn) as defer:

            async def client() -> None:
                for _ in left:
                    await defer(size)

            pipe.send(None)
            await loop.run_in_executor(None, pipe.recv)
            await asyncio.gather(*(client() for _ in range(AT_ONCE)))
            pipe.send(None)
            await loop.run_in_executor(None, pipe.recv)

    uvloop.run(main())


# The run


async def measure_peer(place: Place, *, calls: int, bulk: bool, database: list[int]) -> str:
    """The figures of one queue and one way to call it, as cells of a table."""
    worker, to_worker = ours.start(worker_main, place)
    caller, to_caller = ours.start(caller_main, place, calls, bulk=bulk)
    assert worker.pid is not None
    assert caller.pid is not None
    groups = [[caller.pid], [worker.pid], database]
    before = [ours.cpu_of(group) for group in groups]
    began = time.monotonic()
    to_worker.send(calls)
    to_caller.send(None)
    await asyncio.to_thread(to_caller.recv)
    delays = await asyncio.to_thread(to_worker.recv)
    seconds = time.monotonic() - began
    cpu = [(ours.cpu_of(group) - begin) / calls * 1e6 for group, begin in zip(groups, before, strict=True)]
    to_caller.send(None)
    to_worker.send(None)
    for process in (caller, worker):
        process.join()
    shares = " + ".join(f"{each:.0f}" for each in cpu)
    low, high = (ours.percentile(delays, part) * 1e3 for part in (0.5, 0.99))
    return f"{shares} us | {sum(cpu):.0f} us | {calls / seconds:.0f}/s | {low:.0f} / {high:.0f} ms"


async def run(calls: int) -> None:
    print("| queue | calls | CPU: caller + worker + PostgreSQL | together | throughput | start delay p50 / p99 |")
    print("|---|---|---|---|---|---|")
    async with running_database() as database:
        for name, peer in PEERS.items():
            await peer.install(database.dsn)
            for bulk in (True, False):
                cells = await measure_peer(Place(name, database.dsn), calls=calls, bulk=bulk, database=[database.pid])
                print(f"| {name} | {'100 in a batch' if bulk else 'one by one, 16 clients'} | {cells} |", flush=True)
        with data_folder() as folder:
            site = ours.Site("postgres", database.dsn, Path(folder) / "bus")
            await ours.measure(site, "Ripstop", calls, [database.pid])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.functions_peers", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    asyncio.run(run(parser.parse_args().calls))


if __name__ == "__main__":
    main()
