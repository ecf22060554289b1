"""Home pages of posts that no process has rendered yet.

The server is restarted on the seeded folder, so its caches are empty. People are taken whose 16 authors (the 15 whom
they follow, and themselves) do not overlap, and their homes are read page by page with `max_id`: no post is asked for
twice, so the fragment of each must be made. (But for a few: where a reply is hidden, a page reads on into the next.
And accounts come up again on later pages; they are cold on the first page of each person in each process only.) The
code itself is warmed first, with homes that are empty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.dataset import Dataset, sign_up
from bench.load import Loop, Measured, Source, summary
from bench.processes import Cpu, own_cpu
from bench.rows import HOME
from bench.servers import Database, running_server
from ripstop.rehearsal.pool import Pool
from ripstop.rehearsal.target import Target

PASSES = 4
PAGE = 20
CONNECTIONS = 16
WARMING_REQUESTS = 400


async def measure_cold_homes(folder: Path, data: Dataset, *, database: Database | None) -> Measured:
    """The mean over several restarts of all cold pages that the dataset holds."""
    used, took, own = Cpu(), 0.0, 0.0
    merged: Loop | None = None
    for _ in range(PASSES):
        async with running_server(folder, database=database) as server, Pool(server.target, size=CONNECTIONS) as pool:
            stranger = await sign_up(pool, data.app_token, f"cold{time.monotonic_ns()}")
            warming = iter([server.target.request("GET", HOME, token=stranger.token)] * WARMING_REQUESTS)
            await Loop(pool, [_shared(warming)] * CONNECTIONS).run(60.0)
            await server.trees.idle(30.0)
            loop = Loop(pool, [_shared(cold_pages(server.target, data))] * CONNECTIONS)
            before, own_before = server.trees.cpu(), own_cpu()
            took += await loop.run(60.0)
            spent = server.trees.cpu().since(before)
            own += own_cpu() - own_before
            used = used.and_also(spent)
        if merged is None:
            merged = loop
        else:
            merged.merge(loop)
    assert merged is not None
    return summary(merged, used, used, took=took, waited=0.0, drained=True, own=own)


def cold_pages(target: Target, data: Dataset) -> Iterator[bytes]:
    """Page after page, taking turns among people with different authors."""
    step = data.shape.follows + 1
    homes = []
    for number in range(0, data.shape.people - step + 1, step):
        authors = [(number + distance) % data.shape.people for distance in range(step)]
        ids = sorted((int(post) for author in authors for post in data.posts[author]), reverse=True)
        token = data.people[number].token
        homes.append(
            [
                target.request("GET", f"{HOME}&max_id={ids[start] + 1}", token=token)
                for start in range(0, len(ids) - PAGE + 1, PAGE)
            ]
        )
    for pages in zip(*homes, strict=True):
        yield from pages


def _shared(requests: Iterator[bytes]) -> Source:
    return lambda: next(requests, None)
