"""The memory of a server over an hour of mixed load at a modest, steady rate: it is to stay flat.

Once the caches are full, that is; so what they hold is looked at beside it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from collections.abc import Sequence

import msgspec

from bench.load import Source
from bench.servers import Server
from ripstop.rehearsal.pool import Exchange, Pool, clock
from ripstop.rehearsal.wire import Answer

CONNECTIONS = 16
STEP_SECONDS = 0.05
SAMPLE_SECONDS = 10.0
TELL_SAMPLES = 6
CACHE_BYTES = re.compile(rb"^ripstop_cache_bytes (\S+)$", re.MULTILINE)


class Memory(msgspec.Struct, kw_only=True):
    """PSS of all processes in MB, by the seconds since the load began.

    :ivar kinds: the same by what the processes are.
    :ivar caches: what the graph keeps of that.
    """

    per_second: float
    seconds: float
    requests: int
    errors: dict[str, int]
    samples: list[tuple[float, float]]
    kinds: list[dict[str, float]] = []
    caches: list[float] = []

    @property
    def settled(self) -> list[tuple[float, float]]:
        """The samples of the second half, when caches are warm."""
        return [(at, mb) for at, mb in self.samples if at >= self.seconds / 2]

    @property
    def slope(self) -> float:
        """MB an hour over the second half, by least squares."""
        samples = self.settled
        if len(samples) < 2:
            return 0.0
        mean_at = sum(at for at, _ in samples) / len(samples)
        mean_mb = sum(mb for _, mb in samples) / len(samples)
        spread = sum((at - mean_at) ** 2 for at, _ in samples)
        return 3600 * sum((at - mean_at) * (mb - mean_mb) for at, mb in samples) / spread


async def measure_memory(server: Server, sources: Sequence[Source], *, seconds: float, per_second: float) -> Memory:
    """Send requests from the sources in turn, `per_second` of them, and look at the memory now and then.

    Where all connections wait for answers, none are sent, so that a slow server gets fewer.
    """
    found = Memory(per_second=per_second, seconds=seconds, requests=0, errors={}, samples=[])
    turns = itertools.cycle(sources)
    under_way = 0

    def done(_: Exchange, answer: Answer | None) -> None:
        nonlocal under_way
        under_way -= 1
        if answer is None or not answer.ok:
            kind = "unanswered" if answer is None else f"{answer.status}"
            found.errors[kind] = found.errors.get(kind, 0) + 1

    async with Pool(server.target, size=CONNECTIONS) as pool:
        started = clock()
        while (elapsed := clock() - started) < seconds:
            if elapsed >= len(found.samples) * SAMPLE_SECONDS:
                kinds = server.trees.pss_mb_by_kind()
                found.samples.append((round(elapsed, 1), round(sum(kinds.values()), 1)))
                found.kinds.append({kind: round(mb, 1) for kind, mb in kinds.items()})
                found.caches.append(round(await _cache_bytes(pool) / 1e6, 1))
                if len(found.samples) % TELL_SAMPLES == 0:
                    print(
                        f"{elapsed:.0f} s: {found.samples[-1][1]} MB, caches {found.caches[-1]}",
                        file=sys.stderr,
                        flush=True,
                    )
            while found.requests < elapsed * per_second and under_way < CONNECTIONS:
                request = next(turns)()
                if request is None:
                    break
                found.requests += 1
                under_way += 1
                pool.submit(Exchange(request, done, due=clock()))
            await asyncio.sleep(STEP_SECONDS)
        while under_way:  # noqa: ASYNC110 - the pool ends each of them
            await asyncio.sleep(STEP_SECONDS)
    return found


async def _cache_bytes(pool: Pool) -> float:
    """What the processes say of themselves."""
    said = CACHE_BYTES.search((await pool.call("GET", "/metrics", tries=9)).body)
    return float(said[1]) if said else 0.0
