"""Closed-loop load, and what it cost the server.

Each connection sends its next request when the last one was answered. For requests that write, CPU is counted from the
first one until the server idles again, so that work put off until after the answer is charged to what caused it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence

import msgspec

from bench.processes import Cpu, Trees, own_cpu
from ripstop.rehearsal.latency import Latencies
from ripstop.rehearsal.pool import Exchange, Pool, clock
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.wire import Answer

Source = Callable[[], bytes | None]
"""Gives a connection its next request; None when it has none left."""

DRAIN_SECONDS = 120.0


class Measured(msgspec.Struct, kw_only=True):
    """One measured stretch of load. CPU in milliseconds per request, latencies in milliseconds."""

    requests: int
    seconds: float
    errors: dict[str, int]
    cpu_ms: float
    """Of all processes but the helper, PostgreSQL's included."""
    answered_cpu_ms: float
    """Of that, what was used until the last answer; the rest is what followed."""
    helper_cpu_ms: float
    database_cpu_ms: float = 0.0
    per_second: float
    p50_ms: float
    p99_ms: float
    drain_seconds: float
    drained: bool
    body_bytes: int
    generator_cores: float
    peak_pss_mb: float = 0.0


class Loop:
    """Runs sources over connections of their own, for a time or until they are exhausted."""

    def __init__(self, pool: Pool, sources: Sequence[Source]) -> None:
        self.latencies = Latencies()
        self.errors: dict[str, int] = {}
        self.body_bytes = 0
        self._pool = pool
        self._sources = sources
        self._until = 0.0
        self._left = math.inf
        self._running = 0
        self._finished = asyncio.Event()

    async def run(self, seconds: float, most: int | None = None) -> float:
        """Load for `seconds` or `most` requests, wait for the last answers, and return how long it all took."""
        started = clock()
        self._left = math.inf if most is None else most
        self._until = started + seconds
        self._finished.clear()
        self._running = len(self._sources)
        for source in self._sources:
            self._next(source)
        await self._finished.wait()
        return clock() - started

    def merge(self, other: Loop) -> None:
        """Count another loop's answers with these."""
        self.latencies.merge(other.latencies)
        self.body_bytes += other.body_bytes
        for kind, count in other.errors.items():
            self.errors[kind] = self.errors.get(kind, 0) + count

    def _next(self, source: Source) -> None:
        now = clock()
        request = source() if now < self._until and self._left else None
        if request is None:
            self._running -= 1
            if not self._running:
                self._finished.set()
            return

        self._left -= 1

        def done(exchange: Exchange, answer: Answer | None) -> None:
            self._count(exchange, answer)
            self._next(source)

        self._pool.submit(Exchange(request, done, due=now))

    def _count(self, exchange: Exchange, answer: Answer | None) -> None:
        if answer is not None and answer.ok:
            self.latencies.record(clock() - exchange.due)
            self.body_bytes += len(answer.body)
        else:
            kind = "unanswered" if answer is None else f"{answer.status}"
            self.errors[kind] = self.errors.get(kind, 0) + 1


async def measure(
    target: Target,
    trees: Trees,
    sources: Sequence[Source],
    *,
    seconds: float,
    warm_seconds: float = 1.5,
    most: int | None = None,
    drain: bool = False,
    watch_memory: bool = False,
) -> Measured:
    """Warm up, wait until the server idles, load it, and, with `drain`, charge it with all until it idles again.

    `most` bounds the requests where they leave much work behind; the warm-up is then a tenth of that.
    """
    async with Pool(target, size=len(sources)) as pool:
        if warm_seconds:
            await Loop(pool, sources).run(warm_seconds, None if most is None else most // 10)
        await trees.idle(DRAIN_SECONDS)
        loop = Loop(pool, sources)
        memory = asyncio.create_task(_peak_pss(trees)) if watch_memory else None
        before, own_before = trees.cpu(), own_cpu()
        took = await loop.run(seconds, most)
        answered, own_used = trees.cpu().since(before), own_cpu() - own_before
        peak = await _stopped(memory) if memory is not None else 0.0
        ended = time.monotonic()
        drained = await trees.idle(DRAIN_SECONDS) if drain else True
        used = trees.cpu().since(before)
    return summary(
        loop, used, answered, took=took, waited=time.monotonic() - ended, drained=drained, own=own_used, peak=peak
    )


def summary(
    loop: Loop, used: Cpu, answered: Cpu, *, took: float, waited: float, drained: bool, own: float, peak: float = 0.0
) -> Measured:
    """The figures of a loop that has run: with the CPU used until the server idled, and until the last answer."""
    done = loop.latencies.count
    per_request = 1e3 / max(1, done)
    return Measured(
        requests=done,
        seconds=round(took, 3),
        errors=loop.errors,
        cpu_ms=round((used.total - used.helper) * per_request, 4),
        answered_cpu_ms=round((answered.total - answered.helper) * per_request, 4),
        helper_cpu_ms=round(used.helper * per_request, 4),
        database_cpu_ms=round(used.database * per_request, 4),
        per_second=round(done / took, 1),
        p50_ms=round(loop.latencies.percentile(0.5) * 1e3, 3),
        p99_ms=round(loop.latencies.percentile(0.99) * 1e3, 3),
        drain_seconds=round(waited, 2),
        drained=drained,
        body_bytes=loop.body_bytes // max(1, done),
        generator_cores=round(own / took, 2),
        peak_pss_mb=round(peak, 1),
    )


async def _peak_pss(trees: Trees) -> list[float]:
    peak = [trees.pss_mb()]
    try:
        while True:
            await asyncio.sleep(1.0)
            peak.append(trees.pss_mb())
    except asyncio.CancelledError:
        return peak


async def _stopped(memory: asyncio.Task[list[float]]) -> float:
    memory.cancel()
    return max(await memory)
