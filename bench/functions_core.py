"""The function platform alone: CPU of an empty call from its batch to its end, and of a worker with nothing to do.

    python -m bench.functions_core [--engines sqlite,postgres] [--calls 20000]

Callers and the worker are processes of their own, over one store. CPU is that of all of them (and of PostgreSQL),
user and system, divided by the calls; the start delay is from the caller's commit being asked for to the handler.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from bench.processes import Trees
from bench.servers import data_folder, running_database
from ripstop.engines.base import Lane, Schema, Store
from ripstop.engines.batch import Batch
from ripstop.engines.postgres import PostgresStore
from ripstop.engines.sqlite import SqliteStore
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import LocalBus
from ripstop.machinery.functions import (
    CALLS_TOPIC,
    KEYSPACES,
    Call,
    Done,
    Function,
    Functions,
    Outcome,
    Worker,
    call_put,
)

TITLES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
SCHEMA = Schema(keyspaces=KEYSPACES)
PER_BATCH = 100
AT_ONCE = 16
IDLE_SECONDS = 5.0
PATIENCE = 120.0


class Stamp(msgspec.Struct):
    """When a call was made, on the clock that all processes of the machine share."""

    at: float


@dataclass(frozen=True)
class Site:
    """Where one engine's data and the bus are."""

    engine: str
    where: str
    bus: Path

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[Store, LocalBus]]:
        store: Store
        if self.engine == "sqlite":
            store = SqliteStore(Path(self.where), SCHEMA, clock=SystemClock())
        else:
            store = PostgresStore(self.where, SCHEMA, clock=SystemClock())
        bus = LocalBus(self.bus)
        await store.open()
        await bus.open()
        try:
            yield store, bus
        finally:
            await bus.close()
            await store.close()


@dataclass(frozen=True)
class Load:
    """How calls are made: by so many processes with so many clients each, `pause` seconds between a client's calls.

    :param part: of the calls that a run makes.
    """

    name: str
    callers: int = 1
    clients: int = AT_ONCE
    bulk: bool = False
    pause: float = 0.0
    part: float = 1.0


LOADS = (
    Load(f"{PER_BATCH} in a batch", bulk=True),
    Load("one by one, 16 clients"),
    Load("one by one, 32 clients of two processes", callers=2),
    Load("one by one, 128 clients of two processes", callers=2, clients=64),
    Load("one by one, at most 1,000/s", pause=0.016, part=0.5),
    Load("one by one, at most 100/s", pause=0.16, part=0.1),
)


class ProcessSlot:
    """One slot for each process of the run."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.high_water_ms = 0

    def raise_high_water(self, ms: int) -> None:
        self.high_water_ms = ms


async def nothing(call: Call[Stamp]) -> Outcome:
    """A call that only ends."""
    return Done()


EMPTY = Function(name="empty", arguments=Stamp, handler=nothing)


# In the processes that are measured


def worker_main(site: Site, pipe: Connection) -> None:
    """Work; for each number that arrives, answer with the delays once so many calls have started."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        delays: list[float] = []

        async def note(call: Call[Stamp]) -> Outcome:
            delays.append(time.monotonic() - call.arguments.at)
            return Done()

        functions = Functions([Function(name="empty", arguments=Stamp, handler=note)])
        async with site.opened() as (store, bus):
            ids = IdSource(SystemClock(), ProcessSlot(0))
            worker = Worker(store, functions, clock=SystemClock(), ids=ids, bus=bus)
            stop = asyncio.Event()
            work = asyncio.create_task(worker.run(stop))
            pipe.send(None)
            while True:
                wanted = await loop.run_in_executor(None, pipe.recv)
                if wanted is None:
                    break
                async with asyncio.timeout(PATIENCE):
                    while len(delays) < wanted or await leased(store):  # noqa: ASYNC110 - the store tells nobody
                        await asyncio.sleep(0.05)
                pipe.send(delays[:])
                delays.clear()
            stop.set()
            await work

    uvloop.run(main())


def work_until_told(site: Site, number: int, functions: Functions, seen: object, pipe: Connection) -> None:
    """Be one of several workers; once a message arrives, hand back what is held and tell what was seen."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with site.opened() as (store, bus):
            ids = IdSource(SystemClock(), ProcessSlot(number))
            worker = Worker(store, functions, clock=SystemClock(), ids=ids, bus=bus)
            stop = asyncio.Event()
            work = asyncio.create_task(worker.run(stop))
            pipe.send(None)
            await loop.run_in_executor(None, pipe.recv)
            stop.set()
            await work
            pipe.send(seen)

    uvloop.run(main())


async def leased(store: Store) -> int:
    """How many calls are under lease."""
    return sum(each.leased for each in (await store.call_stats()).values())


def caller_main(
    site: Site, number: int, calls: int, pipe: Connection, *, bulk: bool, pause: float, clients: int
) -> None:
    """Make calls when told to: in batches of many, or one by one from several clients, each with its pauses."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock = SystemClock()
        ids = IdSource(clock, ProcessSlot(number))
        async with site.opened() as (store, bus):
            left = iter(range(calls // (PER_BATCH if bulk else 1)))

            async def client() -> None:
                for index in left:
                    shard = index % 1024
                    puts = [
                        call_put(EMPTY, Stamp(time.monotonic()), id=ids.new(shard), now_ms=clock.now_ms())
                        for _ in range(PER_BATCH if bulk else 1)
                    ]
                    await store.commit([Batch(shard, puts)], lane=Lane.FOREGROUND, deadline=30.0)
                    bus.publish(CALLS_TOPIC)
                    if pause:
                        await asyncio.sleep(pause)

            pipe.send(None)
            await loop.run_in_executor(None, pipe.recv)
            await asyncio.gather(*(client() for _ in range(clients)))
            pipe.send(None)
            await loop.run_in_executor(None, pipe.recv)

    uvloop.run(main())


# The run


def start(target: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[BaseProcess, Connection]:
    """A process of its own, ready, and the pipe to it, which it is given as the last argument."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=target, args=(*arguments, theirs), kwargs=named, daemon=True
    )
    process.start()
    ours.recv()
    return process, ours


@contextlib.asynccontextmanager
async def sited(engine: str) -> AsyncIterator[Site]:
    """An empty place for a store of this engine."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(data_folder())
        where = str(folder / "data")
        if engine == "postgres":
            where = (await stack.enter_async_context(running_database())).dsn
        yield Site(engine, where, folder / "bus")


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def cpu_of(pids: list[int]) -> float:
    """CPU seconds of process trees."""
    return Trees(pids).cpu().total


def fine_cpu_of(pid: int) -> float:
    """CPU seconds of one process, in nanoseconds where `cpu_of` counts hundredths: for one that is idle."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


async def measure_load(
    site: Site, load: Load, calls: int, to_worker: Connection, worker: int, database: list[int]
) -> str:
    """The figures of one load, as cells of a table."""
    share = int(calls * load.part) // load.callers
    how = {"bulk": load.bulk, "pause": load.pause, "clients": load.clients}
    callers = [start(caller_main, site, number + 1, share, **how) for number in range(load.callers)]
    groups = [[process.pid for process, _ in callers if process.pid is not None], [worker], database]
    before = [cpu_of(group) for group in groups]
    began = time.monotonic()
    to_worker.send(share * load.callers)
    for _, pipe in callers:
        pipe.send(None)
    for _, pipe in callers:
        await asyncio.to_thread(pipe.recv)
    delays = await asyncio.to_thread(to_worker.recv)
    seconds = time.monotonic() - began
    after = [cpu_of(group) for group in groups]
    cpu = [(end - begin) / len(delays) * 1e6 for begin, end in zip(before, after, strict=True)]
    for process, pipe in callers:
        pipe.send(None)
        process.join()
    shares = " + ".join(f"{each:.0f}" for each in cpu)
    low, high = (percentile(delays, part) * 1e3 for part in (0.5, 0.99))
    return f"{shares} us | {sum(cpu):.0f} us | {len(delays) / seconds:.0f}/s | {low:.0f} / {high:.0f} ms"


async def measure(site: Site, title: str, calls: int, database: list[int]) -> None:
    """Print all rows of one engine."""
    async with site.opened():
        pass  # the first to open migrates
    worker, to_worker = start(worker_main, site)
    assert worker.pid is not None
    idle_from = fine_cpu_of(worker.pid)
    await asyncio.sleep(IDLE_SECONDS)
    idle = (fine_cpu_of(worker.pid) - idle_from) / IDLE_SECONDS
    print(f"| {title} | an idle worker | {idle:.2%} of a core | | | |")
    for load in LOADS:
        print(f"| {title} | {load.name} | {await measure_load(site, load, calls, to_worker, worker.pid, database)} |")
    to_worker.send(None)
    worker.join()


async def run(engines: list[str], calls: int) -> None:
    print("| engine | calls | CPU: caller + worker + PostgreSQL | together | throughput | start delay p50 / p99 |")
    print("|---|---|---|---|---|---|")
    for engine in engines:
        async with contextlib.AsyncExitStack() as stack:
            folder = stack.enter_context(data_folder())
            where, database = str(folder / "data"), []
            if engine == "postgres":
                running = await stack.enter_async_context(running_database())
                where, database = running.dsn, [running.pid]
            await measure(Site(engine, where, folder / "bus"), TITLES[engine], calls, database)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.functions_core", description=__doc__)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(TITLES))
    parser.add_argument("--calls", type=int, default=20_000)
    options = parser.parse_args()
    asyncio.run(run(options.engines, options.calls))


if __name__ == "__main__":
    main()
