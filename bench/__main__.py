"""`python -m bench`: measure, print the tables, keep the figures, and write docs/operate/performance.md."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

import msgspec
import uvloop

from bench.ceilings import measure_ceilings
from bench.crowded import Crowd
from bench.dataset import Shape
from bench.growth import Plan, measure_growth
from bench.large import measure_large
from bench.machine import describe_machine
from bench.population import Size
from bench.results import Run, tables, write_page, write_results
from bench.servers import Database, running_database
from bench.suite import Suite, measure_engine

RESULTS = Path(__file__).parent / "results"
ENGINES = ("sqlite", "postgres")
TITLES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def main() -> None:
    options = _options()
    run = uvloop.run(_run(options))
    parts = tables(run)
    for markdown in parts.values():
        print(markdown, end="\n\n")
    print(f"Figures kept in {write_results(run, RESULTS)}.")
    if options.page:
        write_page(parts)
        print("docs/operate/performance.md is written.")


async def _run(options: argparse.Namespace) -> Run:
    suite = Suite(seconds=options.seconds, shape=Shape(people=options.people, posts=options.posts))
    if options.rows:
        suite = msgspec.structs.replace(suite, rows=tuple(options.rows.split(",")))
    async with contextlib.AsyncExitStack() as stack:
        database: Database | None = None
        if "postgres" in options.engines:
            database = await stack.enter_async_context(running_database(options.database))
        run = Run(machine=describe_machine(database.version if database else "not measured"))
        if options.growth:
            for engine in options.engines:
                run.growth.append(await measure_growth(TITLES[engine], _plan(options), postgres=engine == "postgres"))
            return run
        if options.large:
            for engine in options.engines:
                chosen = database if engine == "postgres" else None
                large = await measure_large(TITLES[engine], Crowd(), seconds=options.seconds / 2, database=chosen)
                run.large.append(large)
            return run
        body = b""
        for engine in options.engines:
            chosen = database if engine == "postgres" else None
            result, home = await measure_engine(TITLES[engine], suite, database=chosen)
            run.engines.append(result)
            body = body or home
        if options.ceilings:
            run.ceilings = await measure_ceilings(body, seconds=options.seconds)
    return run


def _plan(options: argparse.Namespace) -> Plan:
    """How growth is to be measured."""
    return Plan(
        size=Size(
            accounts=options.accounts,
            posts=options.posts_in_store,
            follows=options.follows,
            likes=options.accounts,
        ),
        seconds=options.seconds,
        store=options.store,
        dsn=options.database,
        memory_seconds=options.memory_seconds,
        memory_rate=options.memory_rate,
        parts=tuple(options.parts.split(",")),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each row is measured")
    parser.add_argument("--people", type=int, default=100, help="people of the dataset")
    parser.add_argument("--posts", type=int, default=50, help="posts of each")
    parser.add_argument("--rows", default="", help="only these rows, with commas between them")
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(ENGINES))
    parser.add_argument("--growth", action="store_true", help="measure growth instead of the rows")
    parser.add_argument("--large", action="store_true", help="measure very large lists instead of the rows")
    parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts of the full store")
    parser.add_argument("--posts-in-store", type=int, default=10_000_000, help="posts of the full store")
    parser.add_argument("--follows", type=int, default=50, help="whom each account of the full store follows")
    parser.add_argument("--store", type=Path, help="where to keep the full SQLite store, and go on with it")
    parser.add_argument("--database", default="", help="where to keep the full PostgreSQL store: an empty database")
    parser.add_argument("--parts", default=",".join(Plan(size=Size()).parts), help="what of growth to measure")
    parser.add_argument("--memory-seconds", type=float, default=3600.0, help="how long memory is watched")
    parser.add_argument("--memory-rate", type=float, default=100.0, help="requests per second meanwhile")
    parser.add_argument("--no-ceilings", dest="ceilings", action="store_false")
    parser.add_argument("--no-page", dest="page", action="store_false", help="leave performance.md as it is")
    return parser.parse_args()


if __name__ == "__main__":
    main()
