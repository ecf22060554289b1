"""`python -m bench.moving`: move a large store to PostgreSQL while a crowd lives in it; all that it did must be there.

One crowd after the other plays on the server on SQLite. When the move has closed the store, the server is stopped and
started on the database, under the same address; the last crowd, told to come back later, goes on there. Then everything
that was acknowledged to any of them is asked of the server on PostgreSQL, and `ripstop check` looks at all of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from bench.grow import grow_sqlite, index_texts
from bench.growth import APPLICATION
from bench.population import Population, Size
from bench.results import markdown_table
from bench.servers import Database, free_port, running_database, running_server, server_environment
from ripstop.kernel.configuration import Configuration
from ripstop.rehearsal.crew import Outcome
from ripstop.rehearsal.crowd import Crowd, register_app
from ripstop.rehearsal.plan import Plan, Rates
from ripstop.rehearsal.pool import Pool
from ripstop.rehearsal.verify import verify

PATIENCE_SECONDS = 300.0
STOPPED = re.compile(r"writes were stopped for ([\d.]+) s")


class Moved(msgspec.Struct, kw_only=True):
    """How a move went. Seconds on the wall; `away` is from the end of the move until the server answers again."""

    size: Size
    bytes_before: int
    said: list[tuple[float, str]] = []
    seconds: float = 0.0
    stopped: float = 0.0
    away: float = 0.0
    acts: int = 0
    shed: int = 0
    facts: dict[str, int] = {}
    wrong: dict[str, int] = {}
    examples: list[str] = []
    check_seconds: float = 0.0
    sound: bool = False


async def measure_move(size: Size, data: Path, plan: Plan) -> Moved:
    """Move the store in a data folder; a store of this size is loaded into one that is empty."""
    if not any(os.scandir(data)):
        await _load(size, data)
    found = Moved(size=size, bytes_before=os.stat(data / "main.db").st_size)
    port = free_port()
    async with running_database() as database:
        crowds = _Crowds(f"http://127.0.0.1:{port}", plan)
        async with running_server(data, port=port):
            crowds.begin()
            await asyncio.sleep(plan.seconds / 2)  # the first of them arrives and mingles
            await _move(data, database, found)
        closed = time.monotonic()
        async with running_server(data, database=database, port=port):
            found.away = round(time.monotonic() - closed, 1)
            outcomes = await crowds.end()
            await _judge(crowds.url, outcomes, found)
        started = time.monotonic()
        found.sound = await _run(data, database, "check") == 0
        found.check_seconds = round(time.monotonic() - started, 1)
    return found


class _Crowds:
    """One crowd after the other."""

    def __init__(self, url: str, plan: Plan) -> None:
        self.url = url
        self._plan = plan
        self._outcomes: list[Outcome] = []
        self._enough = False
        self._playing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._playing = asyncio.create_task(self._play())

    async def _play(self) -> None:
        while not self._enough:
            self._outcomes.append(await Crowd(self.url, self._plan).run())
            _tell(f"{len(self._outcomes)} crowds have played.")

    async def end(self) -> list[Outcome]:
        """Wait for the crowd that plays; what all of them did."""
        self._enough = True
        assert self._playing is not None
        await self._playing
        return self._outcomes


async def _load(size: Size, data: Path) -> None:
    async with running_server(data) as server, Pool(server.target, size=1) as pool:
        await register_app(pool)
    population = Population(size, application=APPLICATION)
    grow_sqlite(data, population)
    await index_texts(Configuration(data=str(data)), population)


async def _move(data: Path, database: Database, found: Moved) -> None:
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "ripstop", "move", "--to", database.dsn,
        env=server_environment(data, None), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async for line in process.stdout:
        found.said.append((round(time.monotonic() - started, 1), line.decode().strip()))
        _tell(f"{found.said[-1][0]:.0f} s: {found.said[-1][1]}")
    if await process.wait() != 0:
        raise RuntimeError("The move failed.")
    found.seconds = round(time.monotonic() - started, 1)
    found.stopped = max(float(seconds) for _, line in found.said for seconds in STOPPED.findall(line))


async def _judge(url: str, outcomes: list[Outcome], found: Moved) -> None:
    """Ask the server for everything that it acknowledged."""
    for outcome in outcomes:
        for tally in outcome.tallies.values():
            found.acts += tally.begun
            found.shed += tally.shed
        verdict = await verify(url, outcome.ledger, settle=60.0)
        for kind, count in verdict.checked.items():
            found.facts[kind] = found.facts.get(kind, 0) + count
        for kind, count in verdict.wrong.items():
            found.wrong[kind] = found.wrong.get(kind, 0) + count
        found.examples += verdict.examples


async def _run(data: Path, database: Database, *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ripstop", *arguments, env=server_environment(data, database)
    )
    return await process.wait()


def table(moved: Moved) -> str:
    """What docs/operate/operating.md shows."""
    size = moved.size
    rows = {
        "accounts, posts, follows": f"{size.accounts:,}, {size.posts:,}, {size.accounts * size.follows:,}",
        "`main.db`": f"{moved.bytes_before / 1e6:,.0f} MB",
        "all of the move": f"{moved.seconds:,.0f} s",
        "writes stopped by the move": f"{moved.stopped:.1f} s",
        "from the end of the move until the server answers on PostgreSQL": f"{moved.away:.1f} s",
        "requests of the crowd, told to come back later": f"{moved.acts:,}, {moved.shed:,}",
        "of what was acknowledged, asked of the copy": f"{sum(moved.facts.values()):,}",
        "of that, not as it should be": f"{sum(moved.wrong.values()):,}",
        "`ripstop check` on PostgreSQL": f"{moved.check_seconds:,.0f} s, {'sound' if moved.sound else '**not sound**'}",
    }
    return markdown_table([["move", "measured"], *([title, figure] for title, figure in rows.items())])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.moving", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--posts", type=int, default=3_000_000)
    parser.add_argument("--follows", type=int, default=3, help="whom each account follows")
    parser.add_argument("--store", type=Path, required=True, help="where the store is made, and stays")
    parser.add_argument("--people", type=int, default=150, help="people of each crowd")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long each crowd plays")
    parser.add_argument("--scale", type=float, default=1.0, help="of the crowd's rates")
    options = parser.parse_args()
    size = Size(accounts=options.accounts, posts=options.posts, follows=options.follows, likes=options.accounts)
    plan = Plan(
        people=options.people, seconds=options.seconds, processes=1, patience=PATIENCE_SECONDS,
        rates=Rates().scaled(options.scale),
    )  # fmt: skip
    data: Path = options.store / "data"
    data.mkdir(parents=True, exist_ok=True)
    moved = uvloop.run(measure_move(size, data, plan))
    print(table(moved))
    for example in moved.examples:
        print(example)


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
