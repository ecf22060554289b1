"""A day with 4.3 calls at its peak for one at its trough, as workers execute it: what can wait is shifted.

    python -m bench.functions_day [--engines sqlite] [--day 180] [--days 3] [--plot DIR]

A day is some minutes long, and what can wait has a day. Each call takes 50 ms of its place; two in five are reserved,
of a high class, the others are opportunistic. Two workers. The last day counts, since the level is a mean over one;
after it the same day is replayed with the reserved calls alone, to see whether they start any earlier without the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from bench.functions_core import TITLES, ProcessSlot, Site, percentile, sited, start, work_until_told
from bench.plots import Line, Panel, Span, write_plot
from ripstop.engines.base import Criticality, Store
from ripstop.engines.batch import Batch
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import LocalBus
from ripstop.machinery.functions import CALLS_TOPIC, Call, Done, Function, Functions, Outcome, call_put

MEAN = 60.0
"""Calls in a second."""
SWING = 0.6226
"""4.3 at the peak for one at the trough."""
RESERVED = 0.4
COST_SECONDS = 0.05
WORKERS = 2
TICK = 0.2
"""Seconds between two batches of calls."""
PARTS = 24
"""Of a day, an hour each: executed calls are counted by them."""


class Made(msgspec.Struct):
    """When a call was made, on the clock that all processes of the machine share."""

    at: float


@dataclass
class Seen:
    """(made, started) of all calls."""

    high: list[tuple[float, float]] = field(default_factory=list)
    later: list[tuple[float, float]] = field(default_factory=list)

    def and_also(self, other: Seen) -> None:
        self.high += other.high
        self.later += other.later


def functions_of(day: float, seen: Seen) -> tuple[Function[Made], Function[Made]]:
    """The reserved function, and the one that can wait for a day."""

    async def high(call: Call[Made]) -> Outcome:
        seen.high.append((call.arguments.at, time.monotonic()))
        await asyncio.sleep(COST_SECONDS)
        return Done()

    async def later(call: Call[Made]) -> Outcome:
        seen.later.append((call.arguments.at, time.monotonic()))
        await asyncio.sleep(COST_SECONDS)
        return Done()

    return (
        Function(name="high", arguments=Made, handler=high, criticality=Criticality.HIGH, deadline=5.0),
        Function(
            name="later", arguments=Made, handler=later, criticality=Criticality.LOW, deadline=day, opportunistic=True
        ),
    )


def worker_main(site: Site, number: int, day: float, pipe: Connection) -> None:
    """Work until told to stop; then tell what was seen."""
    seen = Seen()
    work_until_told(site, number, Functions(functions_of(day, seen)), seen, pipe)


async def replay(store: Store, bus: LocalBus, day: float, *, begins: float, ends: float, with_the_rest: bool) -> None:
    """Make the calls of a stretch of days, counted in days, in their time. A day begins at its peak."""
    clock = SystemClock()
    ids = IdSource(clock, ProcessSlot(0))
    high, later = functions_of(day, Seen())
    began = time.monotonic() - begins * day
    made, place = [0.0, 0.0], begins
    while place < ends:
        rate = MEAN * (1 + SWING * math.cos(2 * math.pi * place)) * TICK
        made = [made[0] % 1 + rate * RESERVED, made[1] % 1 + rate * (1 - RESERVED) * with_the_rest]
        now, now_ms = time.monotonic(), clock.now_ms()
        puts = [
            call_put(function, Made(now), id=ids.new(0), now_ms=now_ms)
            for function, count in zip((high, later), made, strict=True)
            for _ in range(int(count))
        ]
        if puts:
            await store.commit([Batch(0, puts)], deadline=30.0)
            bus.publish(CALLS_TOPIC)
        place += TICK / day
        await asyncio.sleep(max(0.0, began + place * day - time.monotonic()))


async def run_days(site: Site, day: float, *, begins: float, ends: float, with_the_rest: bool) -> tuple[Seen, float]:
    """What workers saw of the days, and when these began on the monotonic clock."""
    async with site.opened() as (store, bus):
        workers = [start(worker_main, site, number + 1, day) for number in range(WORKERS)]
        began = time.monotonic() - begins * day
        await replay(store, bus, day, begins=begins, ends=ends, with_the_rest=with_the_rest)
        ended = time.monotonic()
        while (await store.call_stats()) and time.monotonic() < ended + 1.1 * day:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
        seen = Seen()
        for process, pipe in workers:
            pipe.send(None)
            seen.and_also(await asyncio.to_thread(pipe.recv))
            process.join()
    return seen, began


def by_part(instants: list[float], began: float, part: float) -> Counter[int]:
    return Counter(int((at - began) // part) for at in instants)


def told(seen: Seen, alone: Seen, began: float, day: float, days: int) -> str:
    """The figures of the last day, as cells of a table."""
    part = day / PARTS
    last = range((days - 1) * PARTS, days * PARTS)
    arrived = by_part([at for at, _ in seen.high + seen.later], began, part)
    executed = by_part([at for _, at in seen.high + seen.later], began, part)
    ratios = [max(counts[each] for each in last) / min(counts[each] for each in last) for counts in (arrived, executed)]
    waits = [begun - made for made, begun in seen.later]
    late = sum(wait > day for wait in waits)
    starts = began + (days - 1) * day
    beside = [begun - made for made, begun in seen.high if starts <= made]
    without = [begun - made for made, begun in alone.high]
    delays = " and ".join(
        f"{percentile(each, 0.5) * 1e3:.0f} / {percentile(each, 0.99) * 1e3:.0f} ms" for each in (beside, without)
    )
    return (
        f"{ratios[0]:.2f} : 1 | {ratios[1]:.2f} : 1 | {late} of {len(waits)} late, "
        f"longest wait {max(waits) / day:.2f} days | {delays}"
    )


def draw(path: Path, seen: Seen, began: float, day: float, days: int) -> None:
    """Calls that arrive and that are executed, and how long those waited that can, by hours."""
    part = day / PARTS / 2
    whole = range(days * PARTS * 2)

    def line(name: str, instants: list[float]) -> Line:
        counts = by_part(instants, began, part)
        return Line(name, [((each + 0.5) / 2, counts[each] / part) for each in whole])

    waits: dict[int, list[float]] = {}
    for made, begun in seen.later:
        waits.setdefault(int((begun - began) // part), []).append((begun - made) / day * 24)
    write_plot(
        path,
        [
            Panel(
                "Calls a second",
                [
                    line("arrived", [at for at, _ in seen.high + seen.later]),
                    line("executed", [at for _, at in seen.high + seen.later]),
                    line("of these reserved", [at for _, at in seen.high]),
                ],
            ),
            Panel(
                "Wait of those that could, hours of that day",
                [Line("mean", [((at + 0.5) / 2, sum(waits[at]) / len(waits[at])) for at in whole if at in waits])],
            ),
        ],
        axis="hours, the first day begins at its peak",
        spans=[Span((days - 1) * 24, days * 24, "the day that counts")],
    )


async def run(engines: list[str], day: float, days: int, plots: Path | None) -> None:
    print("| engine | arrived | executed | deadlines | start delay of high, p50 / p99, beside the rest and without |")
    print("|---|---|---|---|---|")
    for engine in engines:
        async with sited(engine) as site:
            seen, began = await run_days(site, day, begins=0.0, ends=float(days), with_the_rest=True)
            alone, _ = await run_days(site, day, begins=days - 1.0, ends=float(days), with_the_rest=False)
            print(f"| {TITLES[engine]} | {told(seen, alone, began, day, days)} |")
            if plots is not None:
                draw(plots / f"functions-day-{engine}.svg", seen, began, day, days)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.functions_day", description=__doc__)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=["sqlite"])
    parser.add_argument("--day", type=float, default=180.0, help="seconds")
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="the folder where to put a plot of each engine")
    options = parser.parse_args()
    asyncio.run(run(options.engines, options.day, options.days, options.plot))


if __name__ == "__main__":
    main()
