"""What a backlog costs: calls of others, the start of critical ones, a worker's memory, with millions behind them.

    python -m bench.functions_backlog [--engines sqlite,postgres] [--backlogs 0,100000,1000000] [--calls 20000]

The backlog is written into the empty store as rows, past the engine. Then, for each size, one worker

- makes empty calls of another function, in batches of a hundred, while the backlog is paused: CPU of all processes and
  calls per second;
- goes through the backlog as fast as it can, while critical calls come 50 times a second: their start delay beside
  that of the same while the backlog is paused, and what a call of the backlog costs the worker and the database.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import apsw
import asyncpg
import uvloop

from bench import functions_core as core
from bench.functions_core import TITLES, Load, ProcessSlot, Site, Stamp, cpu_of, percentile, start
from bench.processes import Trees
from bench.servers import data_folder, running_database
from ripstop.engines.base import Criticality, Store
from ripstop.engines.batch import Batch
from ripstop.engines.common import call_lane
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import IdSource, first_id_at
from ripstop.machinery.bus import LocalBus
from ripstop.machinery.functions import CALLS_TOPIC, Call, Done, Function, Functions, Outcome, Worker, call_put
from ripstop.machinery.functions.steering import steer

PROBES = 500
PROBE_PAUSE = 0.02
STEERED_SECONDS = 1.0
PER_MS = 1_000
"""Calls of the backlog that were made in a millisecond; each is of another shard."""

BEHIND = Function(name="behind", arguments=Stamp, handler=core.nothing, deadline=600.0)
URGENT = Function(name="urgent", arguments=Stamp, handler=core.nothing, criticality=Criticality.CRITICAL)

_SQLITE = """
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :count)
INSERT INTO calls (id, state, lane, rank, function, arguments, due, deadline, criticality, attempt, token)
SELECT :first + (n / :per_ms << 22) + (n % :per_ms << 12), 1, :lane, :deadline + n / :per_ms, :function, '{"at":0}', 0,
    :deadline + n / :per_ms, :criticality, 1, 0
FROM numbers
"""
_POSTGRES = """
INSERT INTO calls (shard, id, state, criticality, lane, due, deadline, function, arguments)
SELECT n % 1000, $2 + (n / 1000 << 22) + (n % 1000 << 12), 1, $5::integer, $3, 0, $4 + n / 1000, $6, '{"at":0}'
FROM generate_series(0, $1::bigint - 1) AS n
"""


async def write_backlog(site: Site, count: int) -> None:
    """Ready calls, the oldest an hour and more of age."""
    age_ms = 3_600_000 + count // PER_MS
    now_ms = SystemClock().now_ms()
    first, deadline = first_id_at(now_ms - age_ms), now_ms - age_ms + 600_000
    lane, class_ = call_lane(BEHIND.criticality, BEHIND.name), int(BEHIND.criticality)
    if site.engine == "sqlite":
        connection = apsw.Connection(str(Path(site.where) / "main.db"))
        connection.pragma("cache_size", -(256 << 10))
        values = {
            "count": count, "first": first, "per_ms": PER_MS, "lane": lane, "deadline": deadline,
            "function": BEHIND.name, "criticality": class_,
        }  # fmt: skip
        with connection:
            connection.execute(_SQLITE, values)
            connection.execute("INSERT INTO call_counts VALUES (?, 0, ?, 0, 0)", (BEHIND.name, count))
        connection.pragma("wal_checkpoint(TRUNCATE)")
        connection.close()
        return
    client = await asyncpg.connect(site.where)
    await client.execute(_POSTGRES, count, first, lane, deadline, class_, BEHIND.name)
    await client.execute("INSERT INTO call_counts VALUES (0, $1, 0, $2, 0, 0)", BEHIND.name, count)
    await client.execute("VACUUM ANALYZE calls")
    await client.close()


def worker_main(site: Site, pipe: Connection) -> None:
    """Work; for each number that arrives, answer with the start delays once so many stamped calls have started."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        delays: list[float] = []

        async def note(call: Call[Stamp]) -> Outcome:
            delays.append(time.monotonic() - call.arguments.at)
            return Done()

        functions = Functions([BEHIND, replace(core.EMPTY, handler=note), replace(URGENT, handler=note)])
        async with site.opened() as (store, bus):
            ids = IdSource(SystemClock(), ProcessSlot(0))
            worker = Worker(store, functions, clock=SystemClock(), ids=ids, bus=bus)
            stop = asyncio.Event()
            work = asyncio.create_task(worker.run(stop))
            pipe.send(None)
            while (wanted := await loop.run_in_executor(None, pipe.recv)) is not None:
                async with asyncio.timeout(core.PATIENCE):
                    while len(delays) < wanted:  # noqa: ASYNC110 - the store tells nobody
                        await asyncio.sleep(0.01)
                pipe.send(delays[:])
                delays.clear()
            stop.set()
            await work

    uvloop.run(main())


@dataclass
class Bench:
    """One store, its worker, and who calls from this process."""

    site: Site
    store: Store
    bus: LocalBus
    worker: int
    pipe: Connection
    database: list[int]

    def __post_init__(self) -> None:
        self._clock = SystemClock()
        self._ids = IdSource(self._clock, ProcessSlot(60))

    async def others(self, calls: int) -> str:
        """CPU and calls per second of empty calls."""
        load = Load("100 in a batch", bulk=True)
        return await core.measure_load(self.site, load, calls, self.pipe, self.worker, self.database)

    async def probe(self) -> str:
        """p50 / p99 of the start delay of critical calls."""
        for _ in range(PROBES):
            put = call_put(URGENT, Stamp(time.monotonic()), id=self._ids.new(0), now_ms=self._clock.now_ms())
            await self.store.commit([Batch(0, [put])], deadline=60.0)
            self.bus.publish(CALLS_TOPIC)
            await asyncio.sleep(PROBE_PAUSE)
        self.pipe.send(PROBES)
        delays = await asyncio.to_thread(self.pipe.recv)
        return f"{percentile(delays, 0.5) * 1e3:.1f} / {percentile(delays, 0.99) * 1e3:.1f} ms"

    async def left(self) -> int:
        behind = (await self.store.call_stats([BEHIND.name])).get(BEHIND.name)
        return behind.ready + behind.leased if behind else 0

    async def probe_beside_work(self) -> str:
        """The same while the backlog is worked off, and what that costs."""
        await steer(self.store, self.bus, BEHIND.name, paused=False)
        await asyncio.sleep(STEERED_SECONDS)
        groups = [[self.worker], self.database]
        before, left, began = [cpu_of(group) for group in groups], await self.left(), time.monotonic()
        delay = await self.probe()
        done, seconds = left - await self.left(), time.monotonic() - began
        cpu = [(cpu_of(group) - begin) / max(1, done) * 1e6 for group, begin in zip(groups, before, strict=True)]
        await steer(self.store, self.bus, BEHIND.name, paused=True)
        return f"{delay} | {cpu[0]:.0f} + {cpu[1]:.0f} us, {done / seconds:.0f}/s"

    def memory(self) -> float:
        """Megabytes that the worker holds, with its part of what it shares."""
        return Trees([self.worker]).pss_mb()


async def measure(site: Site, database: list[int], backlog: int, calls: int) -> str:
    """The figures of one size, as cells of a table."""
    async with site.opened():
        pass  # the first to open migrates
    began = time.monotonic()
    if backlog:
        await write_backlog(site, backlog)
    written = time.monotonic() - began
    async with site.opened() as (store, bus):
        await steer(store, bus, BEHIND.name, paused=True)
        process, pipe = start(worker_main, site)
        assert process.pid is not None
        bench = Bench(site, store, bus, process.pid, pipe, database)
        cells = [await bench.others(calls), await bench.probe()]
        cells.append(await bench.probe_beside_work() if backlog else "- | -")
        cells.append(f"{bench.memory():.0f} MB")
        pipe.send(None)
        process.join()
    return " | ".join([*cells, f"{written:.0f} s"])


async def run(engines: list[str], backlogs: list[int], calls: int) -> None:
    print(
        "| engine | backlog | others, CPU of caller + worker + PostgreSQL | together | throughput | their start delay "
        "| critical calls, backlog paused | worked off | a call of it, worker + PostgreSQL | worker | loaded in |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for engine in engines:
        for backlog in backlogs:
            with data_folder() as folder:
                bus = folder / "bus"
                if engine == "sqlite":
                    cells = await measure(Site(engine, str(folder / "data"), bus), [], backlog, calls)
                else:
                    async with running_database() as database:
                        cells = await measure(Site(engine, database.dsn, bus), [database.pid], backlog, calls)
            print(f"| {TITLES[engine]} | {backlog:,} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.functions_backlog", description=__doc__)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(TITLES))
    parser.add_argument(
        "--backlogs", type=lambda text: [int(each) for each in text.split(",")], default=[0, 100_000, 1_000_000]
    )
    parser.add_argument("--calls", type=int, default=20_000)
    options = parser.parse_args()
    asyncio.run(run(options.engines, options.backlogs, options.calls))


if __name__ == "__main__":
    main()
