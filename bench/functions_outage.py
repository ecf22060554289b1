"""A downstream that dies for ten minutes and comes back, as it meets the calls of several workers.

    python -m bench.functions_outage [--engines sqlite] [--before 120] [--dead 600] [--after 900] [--plot DIR]

A server that can answer 120 requests a second, eight at a time, stands for the downstream: beyond 64 that wait it says
503, and the more wait the slower it is, so that it could be overrun. While it is dead nothing listens. Two workers
call it over HTTP as often as calls arrive, 40 times a second; nobody steers anything while it runs. What is asked: is
anything dropped, and does what comes back stay up?
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import uvloop

from bench.functions_core import TITLES, ProcessSlot, Site, Stamp, sited, start, work_until_told
from bench.plots import Line, Panel, Span, write_plot
from ripstop.engines.base import Store
from ripstop.engines.batch import Batch
from ripstop.engines.derived import CounterAdd
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import SLOTS, IdSource
from ripstop.machinery.bus import LocalBus
from ripstop.machinery.functions import (
    CALLS_TOPIC,
    Call,
    Done,
    Function,
    Functions,
    Outcome,
    Pressure,
    call_put,
)
from ripstop.machinery.functions.growth import MINUTE_MS, STARTED
from ripstop.machinery.functions.report import REPORTS, Activity

ARRIVALS = 40
"""Calls in a second."""
WORKERS = 2
AT_ONCE, SERVICE_SECONDS, MOST_WAITING = 8, 1 / 15, 64
"""Of the downstream."""
TIME_OUT = 2.0
"""After which a request has failed."""
SETTLED = 120
"""Calls that may be under way or wait at the end, when the backlog counts as gone."""


def downstream_main(pipe: Connection) -> None:
    """Serve on a port that is told; each message that arrives closes the server, or opens it again."""

    async def main() -> None:
        places, waiting = asyncio.Semaphore(AT_ONCE), 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal waiting
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                status = b"503 Service Unavailable"
                if waiting < MOST_WAITING:
                    waiting += 1
                    try:
                        async with places:
                            await asyncio.sleep(SERVICE_SECONDS * (1 + waiting / MOST_WAITING))
                    finally:
                        waiting -= 1
                    status = b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
            writer.close()

        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pipe.send(port)
        while (should_serve := await loop.run_in_executor(None, pipe.recv)) is not None:
            server.close()
            if should_serve:
                server = await asyncio.start_server(answer, "127.0.0.1", port)
        server.close()

    uvloop.run(main())


async def ask(port: int) -> None:
    """One request; raises `Pressure` when it is refused, or answered with 503, or not answered in time."""
    try:
        async with asyncio.timeout(TIME_OUT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: downstream\r\nContent-Length: 0\r\n\r\n")
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError) as error:
        raise Pressure(f"{type(error).__name__}: {error}") from error
    if b" 503 " in status:
        raise Pressure("HTTP 503")


@dataclass
class Seen:
    """What a worker has seen: by second, how many requests ended well and how many did not, and how long they took."""

    well: Counter[int] = field(default_factory=Counter)
    badly: Counter[int] = field(default_factory=Counter)
    seconds: dict[int, float] = field(default_factory=dict)

    def ended(self, began: float, now: float) -> None:
        second = int(now)
        self.well[second] += 1
        self.seconds[second] = self.seconds.get(second, 0.0) + now - began

    def and_also(self, other: Seen) -> None:
        self.well += other.well
        self.badly += other.badly
        for second, seconds in other.seconds.items():
            self.seconds[second] = self.seconds.get(second, 0.0) + seconds


def function_of(port: int, seen: Seen) -> Function[Stamp]:
    """The function that leans on the downstream."""

    async def deliver(call: Call[Stamp]) -> Outcome:
        began = time.monotonic()
        try:
            await ask(port)
        except Pressure:
            seen.badly[int(time.monotonic())] += 1
            raise
        seen.ended(began, time.monotonic())
        return Done()

    return Function(name="deliver", arguments=Stamp, handler=deliver, downstreams=("partner",), deadline=30.0)


def worker_main(site: Site, number: int, port: int, pipe: Connection) -> None:
    """Work until told to stop; then tell what was seen."""
    seen = Seen()
    work_until_told(site, number, Functions([function_of(port, seen)]), seen, pipe)


@dataclass
class Course:
    """What the caller has seen: (second since the start, value)."""

    arrived: list[tuple[float, float]] = field(default_factory=list)
    backlog: list[tuple[float, float]] = field(default_factory=list)
    factor: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Phases:
    """Seconds before the downstream dies, for which it is dead, and after it came back, at most."""

    before: float
    dead: float
    after: float

    @property
    def back(self) -> float:
        return self.before + self.dead


async def factor_of(store: Store) -> float | None:
    """The mean of the workers' AIMD factors, as they report them."""
    values = await store.keyspace_get(REPORTS.name, [str(slot) for slot in range(SLOTS)])
    workers = [
        msgspec.json.decode(value, type=dict[str, Activity]) for value in values.values() if isinstance(value, bytes)
    ]
    factors = [worker["deliver"].factor for worker in workers if "deliver" in worker]
    return sum(factors) / len(factors) if factors else None


async def call_all_along(store: Store, bus: LocalBus, downstream: Connection, port: int, phases: Phases) -> Course:
    """Make calls once a second, kill the downstream and start it again in time, and watch until the backlog is gone."""
    clock, course = SystemClock(), Course()
    ids = IdSource(clock, ProcessSlot(0))
    function = function_of(port, Seen())
    # A function that nobody has seen would begin with 100 calls a minute: this one has run like this before.
    minute = await store.now_ms() // MINUTE_MS
    await store.keyspace_write(STARTED.name, [CounterAdd(f"deliver:{minute - 1}", ARRIVALS * 60)])
    is_up, began = True, time.monotonic()
    while (now := time.monotonic() - began) < phases.back + phases.after:
        if is_up != (should_be_up := not phases.before <= now < phases.back):
            is_up = should_be_up
            downstream.send(is_up)
        puts = [call_put(function, Stamp(now), id=ids.new(0), now_ms=clock.now_ms()) for _ in range(ARRIVALS)]
        await store.commit([Batch(0, puts)], deadline=30.0)
        bus.publish(CALLS_TOPIC)
        waiting = (await store.call_stats()).get("deliver")
        left = waiting.waiting + waiting.ready + waiting.leased if waiting else 0
        course.arrived.append((now, ARRIVALS))
        course.backlog.append((now, left))
        factor = await factor_of(store)
        course.factor.append((now, 1.0 if factor is None else factor))
        if now > phases.back + 60 and left < SETTLED:
            break
        await asyncio.sleep(max(0.0, began + now + 1.0 - time.monotonic()))
    while (await store.call_stats()).get("deliver"):  # noqa: ASYNC110 - the store tells nobody
        await asyncio.sleep(0.1)
    return course


def told(course: Course, seen: Seen, phases: Phases, began: float) -> str:
    """The figures, as cells of a table."""
    made, well = sum(count for _, count in course.arrived), sum(seen.well.values())
    back = began + phases.back
    tries = sum(count for second, count in seen.badly.items() if began + phases.before <= second < back)
    after = sum(count for second, count in seen.badly.items() if second >= back + 1)
    first = min(second for second in seen.well if second >= back) - back
    slow = max(seen.seconds[second] / seen.well[second] for second in seen.well if second >= back)
    return (
        f"{made:.0f} made, {well} went well | {max(left for _, left in course.backlog):.0f} waited | "
        f"{tries / phases.dead:.2f} requests a second while dead | first success after {first:.0f} s, "
        f"backlog gone after {course.backlog[-1][0] - phases.back:.0f} s | {after} refused, "
        f"mean of a second at most {slow * 1e3:.0f} ms"
    )


def draw(path: Path, course: Course, seen: Seen, phases: Phases, began: float) -> None:
    """Arrivals and ends, the downstream's latency, the AIMD factor and the backlog over minutes."""
    last = course.backlog[-1][0]
    seconds = range(int(began), int(began + last) + 1)

    def minutes(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(at / 60, value) for at, value in points]

    ended = [(second - began, float(seen.well[second])) for second in seconds]
    took = [(second - began, seen.seconds[second] / seen.well[second] * 1e3) for second in seconds if seen.well[second]]
    refused = [(second - began, float(seen.badly[second])) for second in seconds]
    write_plot(
        path,
        [
            Panel(
                "Calls a second",
                [
                    Line("arrived", minutes(course.arrived)),
                    Line("executed", minutes(ended)),
                    Line("refused", minutes(refused)),
                ],
            ),
            Panel("Latency of the downstream, ms", [Line("mean", minutes(took))]),
            Panel("AIMD factor", [Line("mean of the workers", minutes(course.factor))]),
            Panel("Calls that wait", [Line("backlog", minutes(course.backlog))]),
        ],
        axis="minutes",
        spans=[Span(phases.before / 60, phases.back / 60, "dead")],
    )


async def run(engines: list[str], phases: Phases, plots: Path | None) -> None:
    print("| engine | calls | backlog | trials | back | after that |")
    print("|---|---|---|---|---|---|")
    for engine in engines:
        async with sited(engine) as site:
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            downstream = context.Process(target=downstream_main, args=(theirs,), daemon=True)
            downstream.start()
            port = await asyncio.to_thread(ours.recv)
            async with site.opened() as (store, bus):
                workers = [start(worker_main, site, number + 1, port) for number in range(WORKERS)]
                began = time.monotonic()
                course = await call_all_along(store, bus, ours, port, phases)
                seen = Seen()
                for process, pipe in workers:
                    pipe.send(None)
                    seen.and_also(await asyncio.to_thread(pipe.recv))
                    process.join()
            ours.send(None)
            downstream.join()
            print(f"| {TITLES[engine]} | {told(course, seen, phases, began)} |")
            if plots is not None:
                draw(plots / f"functions-outage-{engine}.svg", course, seen, phases, began)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.functions_outage", description=__doc__)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=["sqlite"])
    parser.add_argument("--before", type=float, default=120.0)
    parser.add_argument("--dead", type=float, default=600.0)
    parser.add_argument("--after", type=float, default=1_200.0)
    parser.add_argument("--plot", type=Path, help="the folder where to put a plot of each engine")
    options = parser.parse_args()
    asyncio.run(run(options.engines, Phases(options.before, options.dead, options.after), options.plot))


if __name__ == "__main__":
    main()
