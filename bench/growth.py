"""What a full store costs against an empty one, and a post with very many likes against one with few."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from bench.dataset import Shape, seed_dataset
from bench.grow import grow_postgres, grow_sqlite
from bench.load import Measured, Source, measure
from bench.population import FEW_LIKES, Population, Size
from bench.rows import Requests
from bench.servers import Database, Server, data_folder, running_database, running_server
from ripstop.rehearsal.crowd import register_app
from ripstop.rehearsal.ledger import PersonFact
from ripstop.rehearsal.pool import Pool

ROWS = ("home", "local", "context", "post", "favourite", "follow", "verify", "sign_up")
CONNECTIONS = 16
SIGN_UPS = 600
LIKERS = 100
"""People who like and unlike the two posts while that is measured."""


class Growth(msgspec.Struct, kw_only=True):
    """Per row, the same requests in an empty store and in a full one; `likes` the same on a post with few and many."""

    engine: str
    size: Size
    load_seconds: float
    pairs: dict[str, tuple[Measured, Measured]]
    likes: dict[str, tuple[Measured, Measured]]


async def measure_growth(engine: str, size: Size, *, seconds: float, postgres: bool) -> Growth:
    """Seed the same dataset into an empty store and on top of a population, and measure both."""
    if postgres:
        async with running_database() as database:
            empty = await _empty(engine, seconds, database)
        async with running_database() as database:
            return await _full(engine, size, seconds, empty, database)
    return await _full(engine, size, seconds, await _empty(engine, seconds, None), None)


async def _empty(engine: str, seconds: float, database: Database | None) -> dict[str, Measured]:
    with data_folder() as folder:
        async with running_server(folder, database=database) as server:
            return await _measure_rows(f"{engine} empty", server, seconds)


async def _full(
    engine: str, size: Size, seconds: float, empty: dict[str, Measured], database: Database | None
) -> Growth:
    with data_folder() as folder:
        async with running_server(folder, database=database) as server, Pool(server.target, size=1) as pool:
            await register_app(pool)
        population = Population(size, application=1)
        started = time.monotonic()
        if database is None:
            grow_sqlite(folder, population)
        else:
            await grow_postgres(database.dsn, population)
        load_seconds = time.monotonic() - started
        _tell(f"{engine}: {size.accounts:,} accounts and {size.posts:,} posts loaded in {load_seconds:.0f} s")
        async with running_server(folder, database=database) as server:
            likes = await _measure_likes(engine, server, population, seconds)
            full = await _measure_rows(f"{engine} full", server, seconds)
    pairs = {name: (empty[name], full[name]) for name in full}
    return Growth(engine=engine, size=size, load_seconds=round(load_seconds, 1), pairs=pairs, likes=likes)


async def _measure_rows(label: str, server: Server, seconds: float) -> dict[str, Measured]:
    data = await seed_dataset(server.target, Shape())
    await server.trees.idle(120.0)
    requests = Requests(server.target, data, connections=CONNECTIONS)
    rows = {}
    for name in ROWS:
        writes = name in ("post", "favourite", "follow", "sign_up")
        most = SIGN_UPS if name == "sign_up" else None
        sources = requests.sources(name)
        rows[name] = await measure(server.target, server.trees, sources, seconds=seconds, drain=writes, most=most)
        _tell(f"{label} {name}: {rows[name].cpu_ms} ms CPU, {rows[name].per_second}/s, errors {rows[name].errors}")
    return rows


async def _measure_likes(
    engine: str, server: Server, population: Population, seconds: float
) -> dict[str, tuple[Measured, Measured]]:
    """Reads and likes of the post with few likes, and of the one with many."""
    last = population.size.accounts - 1
    people = [PersonFact("", token=population.secret(last - number)) for number in range(LIKERS)]
    few, many = population.post(1), population.post(0)
    found: dict[str, tuple[Measured, Measured]] = {}
    for name, verbs in (("GET status", ()), ("favourite / unfavourite", ("favourite", "unfavourite"))):
        pair = []
        for post in (few, many):
            sources = [_on_post(server, post, people[start::CONNECTIONS], verbs) for start in range(CONNECTIONS)]
            pair.append(await measure(server.target, server.trees, sources, seconds=seconds / 2, drain=bool(verbs)))
        found[name] = (pair[0], pair[1])
        _tell(f"{engine} {name}: {pair[0].cpu_ms} ms with {FEW_LIKES} likes, {pair[1].cpu_ms} with many")
    return found


def _on_post(server: Server, post: int, people: Sequence[PersonFact], verbs: Sequence[str]) -> Source:
    def requests() -> Iterator[bytes]:
        while True:
            for person in people:
                path = f"/api/v1/statuses/{post}"
                if not verbs:
                    yield server.target.request("GET", path, token=person.token)
                for verb in verbs:
                    yield server.target.request("POST", f"{path}/{verb}", token=person.token)

    each = requests()
    return lambda: next(each)


def _tell(sentence: str) -> None:
    """Progress, so that a long run can be watched."""
    print(sentence, file=sys.stderr, flush=True)
