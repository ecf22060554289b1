"""A lot of work that is one call, over several workers: how it gets faster, and each item's effect once.

    python -m bench.functions_big [--engines sqlite,postgres] [--items 5000000] [--workers 1,2,4] [--alone]

The call splits into parts, which wait for parts of their own; each of those goes through its items in steps of a
hundred, with a checkpoint after each. The effect of an item is a row that the store would refuse to make twice; at
the end all of them are looked for. Beside it, unless it shall be alone, this process commits in the foreground lane, a
hundred times a second, before the work and during it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import msgspec
import uvloop

from bench.functions_core import TITLES, ProcessSlot, Site, percentile, start
from bench.processes import Trees
from bench.servers import data_folder, running_database
from ripstop.engines.base import Criticality, Store
from ripstop.engines.batch import Batch, ObjectPut
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import SHARDS, IdSource, shard_of
from ripstop.machinery.functions import (
    CALLS_TOPIC,
    MAX_PARTS,
    Call,
    Checkpoint,
    Done,
    Function,
    Functions,
    Limits,
    Outcome,
    Progress,
    Split,
    Worker,
    call_put,
)
from ripstop.machinery.functions.whole import parts_of

STEP = 100
"""Items between two checkpoints, which are of one shard."""
PART = 5_000
"""Items of a call that splits no further."""
ITEM, PROBE = 1, 2
"""Types of objects."""
LOOKED_FOR = 500
"""Rows that are looked for at once."""
PROBE_PAUSE = 0.01
PROBE_SECONDS = 5.0
PATIENCE = 7_200.0


class Range(msgspec.Struct, frozen=True):
    """Items from one on, up to another, in parts of a size; each step waits so many seconds, as if for somebody."""

    first: int
    end: int
    part: int = PART
    pause: float = 0.0


def item_id(item: int) -> int:
    """The id of an item's effect: those of one step are of the same shard."""
    step, place = divmod(item, STEP)
    return (1 + step // SHARDS) << 22 | (step % SHARDS) << 12 | place


async def work(call: Call[Range]) -> Outcome:
    """Split, or do the next step."""
    first, end, part, pause = msgspec.structs.astuple(call.arguments)
    if call.checkpoint == "joined":
        return Done()
    if end - first > part:
        size = max(part, -(-(end - first) // MAX_PARTS // STEP) * STEP)
        return Split([Range(at, min(at + size, end), part, pause) for at in range(first, end, size)], join="joined")
    if pause:
        await asyncio.sleep(pause)
    at = int(call.checkpoint or first)
    up_to = min(at + STEP, end)
    effect = Batch(shard_of(item_id(at)), [ObjectPut(item_id(item), ITEM, "{}") for item in range(at, up_to)])
    if up_to == end:
        return Done(effect)
    return Checkpoint(str(up_to), effect, progress=Progress(up_to - first, end - first))


BIG = Function(
    name="big",
    arguments=Range,
    handler=work,
    criticality=Criticality.LOW,
    deadline=86_400.0,
    items=lambda range_: range_.end - range_.first,
)


def worker_main(site: Site, number: int, lease: float, pipe: Connection) -> None:
    """Work until told to stop."""

    async def main() -> None:
        async with site.opened() as (store, bus):
            ids = IdSource(SystemClock(), ProcessSlot(number))
            worker = Worker(store, Functions([BIG]), clock=SystemClock(), ids=ids, bus=bus, limits=Limits(lease=lease))
            stop = asyncio.Event()
            running = asyncio.create_task(worker.run(stop))
            pipe.send(None)
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
            stop.set()
            await running

    uvloop.run(main())


@dataclass
class Workers:
    """Worker processes, while they are wanted."""

    site: Site
    count: int
    lease: float = 15.0
    _all: list[tuple[BaseProcess, Connection]] = field(default_factory=list)

    def __enter__(self) -> Workers:
        self._all = [start(worker_main, self.site, number + 1, self.lease) for number in range(self.count)]
        return self

    def __exit__(self, *exception: object) -> None:
        for process, pipe in self._all:
            if process.is_alive():
                pipe.send(None)
        for process, _ in self._all:
            process.join()

    def pids(self) -> list[int]:
        return [process.pid for process, _ in self._all if process.pid is not None]

    def kill(self, number: int) -> None:
        """End one of them in the middle of what it does."""
        process, _ = self._all[number]
        process.kill()
        process.join()


async def begin(site: Site, items: int, *, part: int = PART, pause: float = 0.0) -> int:
    """Call for the work to be done; the id."""
    async with site.opened() as (store, bus):
        ids, clock = IdSource(SystemClock(), ProcessSlot(0)), SystemClock()
        put = call_put(BIG, Range(0, items, part, pause), id=ids.new(0), now_ms=clock.now_ms())
        await store.commit([Batch(0, [put])])
        bus.publish(CALLS_TOPIC)
        return put.id


async def until_done(store: Store, call: int) -> None:
    """Return once the call has ended."""
    async with asyncio.timeout(PATIENCE):
        while await store.call_get([call]):
            if (await parts_of(store, call)).dead:
                raise RuntimeError("A part is dead.")
            await asyncio.sleep(0.05)


async def missing(store: Store, items: int) -> int:
    """How many items have not had their effect, or more than one."""
    found = 0
    for first in range(0, items, LOOKED_FOR):
        rows = await store.object_get([item_id(item) for item in range(first, min(first + LOOKED_FOR, items))])
        found += sum(row.version == 1 for row in rows.values())
    return items - found


@contextlib.asynccontextmanager
async def probing(store: Store, *, probe: bool) -> AsyncIterator[list[float]]:
    """Commit small batches in the foreground lane meanwhile, if asked to; the seconds that each took."""
    ids = IdSource(SystemClock(), ProcessSlot(0))
    seconds: list[float] = []

    async def commit() -> None:
        while probe:
            asked = time.monotonic()
            await store.commit([Batch(5, [ObjectPut(ids.new(5), PROBE, "{}")])], deadline=60.0)
            seconds.append(time.monotonic() - asked)
            await asyncio.sleep(PROBE_PAUSE)

    task = asyncio.create_task(commit())
    try:
        yield seconds
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def measure(
    site: Site, title: str, items: int, count: int, database: list[int], alone: float | None, *, probe: bool
) -> float:
    """One row of the table; says how many items were done in a second.

    :param alone: what one worker did.
    :param probe: whether there is a foreground beside it.
    """
    quiet: list[float] = []
    if probe:
        async with site.opened() as (store, _), probing(store, probe=True) as quiet:
            await asyncio.sleep(PROBE_SECONDS)
    with Workers(site, count) as workers:
        pids = [*workers.pids(), *database]
        before, began = Trees(pids).cpu().total, time.monotonic()
        async with site.opened() as (store, _), probing(store, probe=probe) as busy:
            call = await begin(site, items)
            await until_done(store, call)
            rate = items / (time.monotonic() - began)
            cpu = (Trees(pids).cpu().total - before) / items * 1e6
    async with site.opened() as (store, _):
        wrong = await missing(store, items)
    faster = "" if alone is None else f"{rate / alone:.2f}"
    delays = ""
    if probe:
        low, high = (percentile(each, 0.99) * 1e3 for each in (quiet, busy))
        delays = f"{low:.1f} / {high:.1f} ms, {high / low:.2f}"
    print(f"| {title} | {count} | {rate:,.0f}/s | {faster} | {cpu:.1f} us | {delays} | {wrong or 'none'} |", flush=True)
    return rate


async def run(engines: list[str], items: int, counts: list[int], *, probe: bool) -> None:
    print(f"{items:,} items, {len(os.sched_getaffinity(0))} cores\n")
    print("| engine | workers | items | faster | CPU of an item | p99 in the foreground before / beside | not once |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for engine in engines:
        alone: float | None = None
        for count in counts:
            async with contextlib.AsyncExitStack() as stack:
                folder = stack.enter_context(data_folder())
                where, database = str(folder / "data"), []
                if engine == "postgres":
                    running = await stack.enter_async_context(running_database())
                    where, database = running.dsn, [running.pid]
                site = Site(engine, where, folder / "bus")
                rate = await measure(site, TITLES[engine], items, count, database, alone, probe=probe)
                alone = alone or rate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.functions_big", description=__doc__)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(TITLES))
    parser.add_argument("--items", type=int, default=5_000_000)
    parser.add_argument("--workers", type=lambda text: [int(each) for each in text.split(",")], default=[1, 2, 4])
    parser.add_argument("--alone", action="store_true", help="without a foreground beside it")
    options = parser.parse_args()
    asyncio.run(run(options.engines, options.items, options.workers, probe=not options.alone))


if __name__ == "__main__":
    main()
