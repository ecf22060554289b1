"""What may start, measured: shares of namespaces beside a flood, and rates over several workers.

    python -m bench.functions_flow [--engines sqlite,postgres] [--flood 1000000]

Workers are processes of their own over one store; this process calls. The start delay is from the caller's commit being
asked for to the handler, on the clock that all processes of the machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from statistics import median

import uvloop

from bench.functions_core import TITLES, ProcessSlot, Site, Stamp, percentile, sited, start
from ripstop.engines.base import Criticality, Store
from ripstop.engines.batch import Batch
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import LocalBus
from ripstop.machinery.functions import CALLS_TOPIC, Call, Done, Function, Functions, Outcome, Worker, call_put
from ripstop.machinery.functions.steering import pause, resume

ROUNDS = 5
PROBES = 200
PROBE_PAUSE = 0.02
STEERED_SECONDS = 1.0
TOGETHER = 1_000
RATE = 500.0
RATE_SECONDS = 10.0


async def nothing(call: Call[Stamp]) -> Outcome:
    """A call that only ends."""
    return Done()


WORK = Function(name="work", arguments=Stamp, handler=nothing, deadline=5.0)
URGENT = Function(name="urgent", arguments=Stamp, handler=nothing, deadline=5.0, criticality=Criticality.CRITICAL)
RATED = Function(name="rated", arguments=Stamp, handler=nothing, rate=RATE)


def worker_main(site: Site, number: int, pipe: Connection) -> None:
    """Work; when asked, tell when calls were made and started: those that were stamped."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started: list[tuple[float, float]] = []

        async def note(call: Call[Stamp]) -> Outcome:
            if call.arguments.at:
                started.append((call.arguments.at, time.monotonic()))
            return Done()

        functions = Functions(
            Function(
                name=each.name, arguments=Stamp, handler=note, rate=each.rate, criticality=each.criticality,
                deadline=each.deadline,
            )
            for each in (WORK, URGENT, RATED)
        )  # fmt: skip
        async with site.opened() as (store, bus):
            ids = IdSource(SystemClock(), ProcessSlot(number))
            worker = Worker(store, functions, clock=SystemClock(), ids=ids, bus=bus)
            stop = asyncio.Event()
            work = asyncio.create_task(worker.run(stop))
            pipe.send(None)
            while await loop.run_in_executor(None, pipe.recv):
                pipe.send(started[:])
                started.clear()
            stop.set()
            await work

    uvloop.run(main())


class Workers:
    """Worker processes, while they are wanted."""

    def __init__(self, site: Site, count: int) -> None:
        self._all: list[tuple[BaseProcess, Connection]] = [
            start(worker_main, site, number + 1) for number in range(count)
        ]

    async def started(self) -> list[tuple[float, float]]:
        """(made, started) of all stamped calls since the last question."""
        found = []
        for _, pipe in self._all:
            pipe.send(True)
            found += await asyncio.to_thread(pipe.recv)
        return found

    def close(self) -> None:
        for process, pipe in self._all:
            pipe.send(False)
            process.join()


class Caller:
    """Makes calls from this process."""

    def __init__(self, store: Store, bus: LocalBus) -> None:
        self._store = store
        self._bus = bus
        self._clock = SystemClock()
        self._ids = IdSource(self._clock, ProcessSlot(0))

    async def call(self, function: Function[Stamp], stamps: Sequence[float], namespace: str) -> None:
        now_ms = self._clock.now_ms()
        puts = [
            call_put(function, Stamp(stamp), id=self._ids.new(0), now_ms=now_ms, namespace=namespace)
            for stamp in stamps
        ]
        await self._store.commit([Batch(0, puts)], deadline=60.0)
        self._bus.publish(CALLS_TOPIC)

    async def flood(self, count: int) -> None:
        for _ in range(0, count, TOGETHER):
            await self.call(WORK, [0.0] * TOGETHER, "flood")


async def probe(caller: Caller, workers: Workers, function: Function[Stamp]) -> tuple[float, float]:
    """p50 and p99 of the start delay, in milliseconds, of calls of a quiet namespace."""
    for _ in range(PROBES):
        await caller.call(function, [time.monotonic()], "quiet")
        await asyncio.sleep(PROBE_PAUSE)
    delays: list[float] = []
    while len(delays) < PROBES:
        delays += [began - made for made, began in await workers.started()]
        await asyncio.sleep(0.05)
    return percentile(delays, 0.5) * 1e3, percentile(delays, 0.99) * 1e3


async def beside_a_flood(site: Site, title: str, flood: int) -> None:
    """The start delay of a quiet namespace while one that floods the same function is paused, and beside it, in turns:
    the medians of the rounds, since a machine that others use is never the same.
    """
    async with site.opened() as (store, bus):
        caller = Caller(store, bus)
        await pause(store, bus, WORK.name, "flood")
        await caller.flood(flood)
        workers = Workers(site, 1)
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(ROUNDS):
            for how, steer in (("alone", pause), ("beside the flood", resume)):
                await steer(store, bus, WORK.name, "flood")
                await asyncio.sleep(STEERED_SECONDS)
                for function in (WORK, URGENT):
                    found.setdefault(f"{function.name}, {how}", []).append(await probe(caller, workers, function))
        left = (await store.call_stats()).get(WORK.name)
        for what, rounds in found.items():
            low, high = (median(each[place] for each in rounds) for place in (0, 1))
            print(f"| {title} | {what} | {low:.1f} / {high:.1f} ms |")
        print(f"| {title} | of {flood} calls of the flood are left | {left.ready if left else 0} |")
        workers.close()


async def rated(site: Site, title: str) -> None:
    """Starts per second of a function with a rate, over one, two and four workers."""
    async with site.opened() as (store, bus):
        caller = Caller(store, bus)
        for count in (1, 2, 4):
            workers = Workers(site, count)
            await workers.started()
            for _ in range(int(RATE * RATE_SECONDS / TOGETHER) + 1):
                await caller.call(RATED, [time.monotonic()] * TOGETHER, "flood")
            await asyncio.sleep(RATE_SECONDS)
            began = sorted(start for _, start in await workers.started())
            whole = Counter(int(at - began[0]) for at in began)
            seconds = [whole[second] for second in range(1, int(RATE_SECONDS) - 1)]
            mean = sum(seconds) / len(seconds)
            print(f"| {title} | {RATE:g}/s over {count} workers | {min(seconds)} - {max(seconds)}, mean {mean:.1f} |")
            while (await store.call_stats()).get("rated"):  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.1)
            workers.close()


async def run(engines: list[str], flood: int) -> None:
    print("| engine | what | start delay p50 / p99, or starts in each second |")
    print("|---|---|---|")
    for engine in engines:
        async with sited(engine) as site:
            await rated(site, TITLES[engine])
            await beside_a_flood(site, TITLES[engine], flood)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.functions_flow", description=__doc__)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(TITLES))
    parser.add_argument("--flood", type=int, default=1_000_000)
    options = parser.parse_args()
    asyncio.run(run(options.engines, options.flood))


if __name__ == "__main__":
    main()
