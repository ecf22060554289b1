"""What big work costs the foreground: how long commits take beside it, and without it, in turns.

    python -m bench.functions_foreground [--engines sqlite,postgres] [--workers 1] [--turns 7] [--seconds 2.5]

One process commits a row at a time in the foreground lane, a hundred times a second. Beside it workers do as much of
`bench.functions_big` as they can, are paused, and resumed. The figures are the medians of the turns of each kind.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from multiprocessing.connection import Connection
from statistics import median

import uvloop

from bench.functions_big import BIG, PROBE, PROBE_PAUSE, Workers, begin
from bench.functions_core import TITLES, ProcessSlot, Site, percentile, sited, start
from ripstop.engines.batch import Batch, ObjectPut
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.functions.steering import steer
from ripstop.machinery.functions.whole import progress

ITEMS, PART = 3_000_000, 500
"""More items than can be done, in parts so small that what was done is known."""
SETTLED_SECONDS = 1.5
"""After which workers do what they were told, and the disk has what was written."""
HOME = 5


def foreground_main(site: Site, pipe: Connection) -> None:
    """Commit for as many seconds as arrive; answer with how long each commit took."""

    async def main() -> None:
        loop, ids = asyncio.get_running_loop(), IdSource(SystemClock(), ProcessSlot(63))
        async with site.opened() as (store, _):
            pipe.send(None)
            while (seconds := await loop.run_in_executor(None, pipe.recv)) is not None:
                took, ends = [], time.monotonic() + seconds
                while (asked := time.monotonic()) < ends:
                    await store.commit([Batch(HOME, [ObjectPut(ids.new(HOME), PROBE, "{}")])], deadline=60.0)
                    took.append(time.monotonic() - asked)
                    await asyncio.sleep(PROBE_PAUSE)
                pipe.send(took)

    uvloop.run(main())


async def measure(site: Site, count: int, turns: int, seconds: float) -> str:
    """The cells of a row: p50 and p99 without and beside it, their relation, and items in a second meanwhile."""
    process, pipe = start(foreground_main, site)
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    items = 0
    with Workers(site, count):
        async with site.opened() as (store, bus):
            await steer(store, bus, BIG.name, paused=True)
            call = await begin(site, ITEMS, part=PART)
            for _ in range(turns):
                for paused, found in ((True, alone), (False, beside)):
                    await steer(store, bus, BIG.name, paused=paused)
                    await asyncio.sleep(SETTLED_SECONDS)
                    pipe.send(seconds)
                    found.append(await asyncio.to_thread(pipe.recv))
            await steer(store, bus, BIG.name, paused=True)
            await asyncio.sleep(SETTLED_SECONDS)  # until it is told how much was done
            if (done := await progress(store, call)) is not None:
                items = done.done
    pipe.send(None)
    process.join()
    quiet, busy = (
        [median(percentile(turn, q) for turn in found) * 1e3 for q in (0.5, 0.99)] for found in (alone, beside)
    )
    rate = items / turns / (seconds + SETTLED_SECONDS)
    return (
        f"{quiet[0]:.1f} / {quiet[1]:.1f} ms | {busy[0]:.1f} / {busy[1]:.1f} ms | {busy[1] / quiet[1]:.2f} "
        f"| {rate:,.0f}/s"
    )


async def run(engines: list[str], counts: list[int], turns: int, seconds: float) -> None:
    print("| engine | workers | without it, p50 / p99 | beside it | p99, times | items |\n|---|---|---|---|---|---|")
    for engine in engines:
        for count in counts:
            async with sited(engine) as site:
                print(f"| {TITLES[engine]} | {count} | {await measure(site, count, turns, seconds)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.functions_foreground", description=__doc__)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(TITLES))
    parser.add_argument("--workers", type=lambda text: [int(each) for each in text.split(",")], default=[1])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.5)
    options = parser.parse_args()
    asyncio.run(run(options.engines, options.workers, options.turns, options.seconds))


if __name__ == "__main__":
    main()
