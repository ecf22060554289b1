"""Measures one engine: every row of the table on a freshly seeded server, in always the same order."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Sequence

import msgspec

from bench.cold import measure_cold_homes
from bench.dataset import Dataset, Shape, seed_dataset
from bench.goals import ROWS
from bench.lists import ROWS as LISTS
from bench.lists import ListRequests, seed_lists
from bench.load import Measured, measure
from bench.rows import HOME, Requests
from bench.servers import Database, Server, data_folder, running_server
from bench.streaming import Streaming, measure_streaming
from bench.visibility import Visibility, measure_visibility
from ripstop.rehearsal.pool import Pool

CONNECTIONS = 16
SIGN_UP_CONNECTIONS = 64
SIGN_UPS = 600
"""Each leaves a password to hash, 41 ms of CPU, which is waited for: about 25 s of a core."""
SIGN_UPS_IN_BURST = 10_000
"""Whose hashes are not waited for."""
SETTLED_SECONDS = 60.0


class EngineResult(msgspec.Struct, kw_only=True):
    """All figures of one engine."""

    engine: str
    shape: Shape
    rows: dict[str, Measured] = {}
    lists: dict[str, Measured] = {}
    sign_up_burst: Measured | None = None
    visibility: Visibility | None = None
    streaming: Streaming | None = None
    idle_pss_mb: float = 0.0
    loaded_pss_mb: float = 0.0


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure, and how long each row runs."""

    seconds: float = 8.0
    shape: Shape = Shape()
    rows: Sequence[str] = (*(row.name for row in ROWS), "visibility", "lists", "sign_up_burst", "streaming")


async def measure_engine(engine: str, suite: Suite, *, database: Database | None = None) -> tuple[EngineResult, bytes]:
    """The engine's figures, and the body of a home page for the ceiling."""
    result = EngineResult(engine=engine, shape=suite.shape)
    with data_folder() as folder:
        async with running_server(folder, database=database) as server:
            data = await seed_dataset(server.target, suite.shape)
            await server.trees.idle(SETTLED_SECONDS)
        if "home_cold" in suite.rows:
            result.rows["home_cold"] = await measure_cold_homes(folder, data, database=database)
            _tell(engine, "home_cold", result.rows["home_cold"])
        async with running_server(folder, database=database) as server:
            body = await _home_body(server, data)
            result.idle_pss_mb = round(server.trees.pss_mb(), 1)
            await _measure_rows(server, data, suite, result)
    if "streaming" in suite.rows:
        async with contextlib.AsyncExitStack() as stack:
            # In the one of the rows, thousands of passwords of the burst are left to be hashed.
            own = None if database is None else await stack.enter_async_context(database.another())
            result.streaming = await measure_streaming(database=own)
        print(f"{engine} streaming: {result.streaming}", file=sys.stderr, flush=True)
    return result, body


async def _measure_rows(server: Server, data: Dataset, suite: Suite, result: EngineResult) -> None:
    requests = Requests(server.target, data, connections=CONNECTIONS)
    for row in ROWS:
        if row.name not in suite.rows or row.name == "home_cold":
            continue
        measured = await measure(
            server.target,
            server.trees,
            requests.sources(row.name),
            seconds=suite.seconds,
            drain=row.writes,
            most=SIGN_UPS if row.name == "sign_up" else None,
            watch_memory=row.name == "mixed",
        )
        result.rows[row.name] = measured
        result.loaded_pss_mb = max(result.loaded_pss_mb, measured.peak_pss_mb)
        _tell(result.engine, row.name, measured)
    if "visibility" in suite.rows:
        sources = requests.sources("post")
        result.visibility = await measure_visibility(
            server.target, data, sources, seconds=2 * suite.seconds, rng=random.Random(5)
        )
        await server.trees.idle(SETTLED_SECONDS)
        print(f"{result.engine} visibility: {result.visibility}", file=sys.stderr)
    if "lists" in suite.rows:
        await _measure_lists(server, data, suite, result)
    if "sign_up_burst" in suite.rows:
        burst = Requests(server.target, data, connections=SIGN_UP_CONNECTIONS).sources("sign_up")
        result.sign_up_burst = await measure(
            server.target, server.trees, burst, seconds=suite.seconds, most=SIGN_UPS_IN_BURST
        )
        _tell(result.engine, "sign_up_burst", result.sign_up_burst)


async def _measure_lists(server: Server, data: Dataset, suite: Suite, result: EngineResult) -> None:
    made = await seed_lists(server.target, data)
    await server.trees.idle(SETTLED_SECONDS)
    requests = ListRequests(server.target, data, made, connections=CONNECTIONS)
    home = Requests(server.target, data, connections=CONNECTIONS).sources("home")
    for name, sources in (("home", home), *((row, requests.sources(row)) for row in LISTS)):
        result.lists[name] = await measure(server.target, server.trees, sources, seconds=suite.seconds / 2)
        _tell(result.engine, f"list {name}", result.lists[name])


async def _home_body(server: Server, data: Dataset) -> bytes:
    async with Pool(server.target, size=1) as pool:
        answer = await pool.call("GET", HOME, token=data.people[0].token)
    await server.trees.idle(SETTLED_SECONDS)
    return answer.body


def _tell(engine: str, name: str, measured: Measured) -> None:
    """Progress, so that a long run can be watched."""
    print(
        f"{engine} {name}: {measured.cpu_ms} ms CPU (helper {measured.helper_cpu_ms}), {measured.per_second}/s, "
        f"p99 {measured.p99_ms} ms, errors {measured.errors}, generator {measured.generator_cores} cores",
        file=sys.stderr,
        flush=True,
    )
