"""What a full store costs against an empty one, in each request, on the disk, in memory, and to keep.

A run of a large store takes hours, so it may be parted: with a folder for the store, what is loaded and measured stays
there, and a run that finds some of it goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec

from bench.dataset import Dataset, Shape, seed_dataset
from bench.grow import grow_postgres, grow_sqlite, index_texts
from bench.keeping import Keeping, Kind, kinds_postgres, kinds_sqlite, measure_keeping
from bench.load import Measured, Source, measure
from bench.memory import Memory, measure_memory
from bench.population import FEW_LIKES, Population, Size
from bench.rows import Requests
from bench.servers import Database, Server, data_folder, running_database, running_server
from ripstop.kernel.configuration import Configuration
from ripstop.rehearsal.crowd import register_app
from ripstop.rehearsal.ledger import PersonFact
from ripstop.rehearsal.pool import Pool

ROWS = (
    "home", "local", "context", "post", "favourite", "follow", "verify", "search_accounts", "search_posts", "sign_up",
)  # fmt: skip
WRITES = ("post", "favourite", "follow", "sign_up")
CONNECTIONS = 16
SIGN_UPS = 600
LIKERS = 100
"""People who like and unlike the two posts while that is measured."""
SETTLED_SECONDS = 120.0
APPLICATION = 1


class Growth(msgspec.Struct, kw_only=True):
    """Per row, the same requests in an empty store and in a full one; `likes` the same on a post with few and many.

    What was not measured yet is empty.
    """

    engine: str
    size: Size
    load_seconds: float = 0.0
    kinds: list[Kind] = []
    keeping: Keeping | None = None
    pairs: dict[str, tuple[Measured, Measured]] = {}
    likes: dict[str, tuple[Measured, Measured]] = {}
    memory: Memory | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to measure growth.

    :ivar seconds: how long each row is measured.
    :ivar store: the folder for the store on SQLite and for what was measured; None for one that is removed at the end.
    :ivar dsn: the database for the store on PostgreSQL, empty at first; "" for one that is removed at the end. What was
        measured of it lies in `store`, in a folder of its own.
    :ivar memory_seconds: for how long memory is watched.
    :ivar memory_rate: requests per second meanwhile.
    :ivar parts: what to measure, in which order: some of kinds, rows, memory, keeping.
    """

    size: Size
    seconds: float = 8.0
    store: Path | None = None
    dsn: str = ""
    memory_seconds: float = 3600.0
    memory_rate: float = 100.0
    parts: tuple[str, ...] = ("kinds", "rows", "memory", "keeping")


async def measure_growth(engine: str, plan: Plan, *, postgres: bool) -> Growth:
    """Load a population, and measure it beside a store that is empty."""
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(running_database(plan.dsn)) if postgres else None
        folder = plan.store
        if folder is None or (postgres and not plan.dsn):
            folder = stack.enter_context(data_folder())
        elif postgres:
            folder /= "postgresql"
        run = _Run(engine, plan, folder, database)
        await run.load()
        for part in plan.parts:
            await run.measure(part)
        return run.growth


class _Run:
    """One store, what was measured of it, and where both are."""

    def __init__(self, engine: str, plan: Plan, folder: Path, database: Database | None) -> None:
        self._plan = plan
        self._data = folder / "data"
        self._database = database
        self._notes = folder / "growth.json"
        self._population = Population(plan.size, application=APPLICATION)
        self.growth = Growth(engine=engine, size=plan.size)

    async def load(self) -> None:
        """Load the population, unless it lies there.

        :raises ValueError: another one does.
        """
        if self._notes.exists():
            self.growth = msgspec.json.decode(self._notes.read_bytes(), type=Growth)
            if self.growth.size != self._plan.size:
                raise ValueError(f"{self._notes} is of a store of another size: {self.growth.size}.")
            return
        self._data.mkdir(parents=True)
        async with self._server() as server, Pool(server.target, size=1) as pool:
            await register_app(pool)
        started = time.monotonic()
        if self._database is None:
            grow_sqlite(self._data, self._population)
        else:
            await grow_postgres(self._database.dsn, self._population)
        dsn = self._database.dsn if self._database else ""
        await index_texts(Configuration(data=str(self._data), database=dsn), self._population)
        self.growth.load_seconds = round(time.monotonic() - started, 1)
        self._keep(f"loaded in {self.growth.load_seconds:.0f} s")

    async def measure(self, part: str) -> None:
        """Measure a part, unless it was."""
        growth, plan = self.growth, self._plan
        if part == "kinds" and not growth.kinds:
            growth.kinds = (
                await kinds_postgres(self._database.dsn) if self._database
                else await asyncio.to_thread(kinds_sqlite, self._data)
            )  # fmt: skip
        elif part == "keeping" and growth.keeping is None:
            async with self._empty() as (empty, none):
                growth.keeping = await measure_keeping(self._data, empty, database=self._database, none=none)
        elif part == "rows" and not growth.pairs:
            async with self._empty() as (empty, none), running_server(empty, database=none) as server:
                before = await _measure_rows(f"{growth.engine} empty", server, plan.seconds)
            async with self._server() as server:
                growth.likes = await _measure_likes(growth.engine, server, self._population, plan.seconds)
                after = await _measure_rows(f"{growth.engine} full", server, plan.seconds)
            growth.pairs = {name: (before[name], after[name]) for name in after}
        elif part == "memory" and growth.memory is None:
            async with self._server() as server:
                data = await _seed(server)
                sources = Requests(server.target, data, connections=CONNECTIONS).sources("mixed")
                growth.memory = await measure_memory(
                    server, sources, seconds=plan.memory_seconds, per_second=plan.memory_rate
                )
        self._keep(f"{part} measured")

    def _keep(self, sentence: str) -> None:
        self._notes.write_bytes(msgspec.json.encode(self.growth))
        _tell(f"{self.growth.engine}: {sentence}")

    def _server(self) -> contextlib.AbstractAsyncContextManager[Server]:
        return running_server(self._data, database=self._database)

    @contextlib.asynccontextmanager
    async def _empty(self) -> AsyncIterator[tuple[Path, Database | None]]:
        """A store with nothing in it, on the same engine."""
        async with contextlib.AsyncExitStack() as stack:
            none = await stack.enter_async_context(self._database.another()) if self._database else None
            yield stack.enter_context(data_folder()), none


async def _seed(server: Server) -> Dataset:
    """The people who ask, all of whom agreed to have their posts searched."""
    data = await seed_dataset(server.target, Shape())
    async with Pool(server.target, size=CONNECTIONS) as pool:

        async def agree(person: PersonFact) -> None:
            path, form = "/api/v1/accounts/update_credentials", {"indexable": "true"}
            answer = await pool.call("PATCH", path, token=person.token, form=form, tries=9)
            assert answer.ok, answer.body[:200]

        await pool.each(data.people, agree)
    await server.trees.idle(SETTLED_SECONDS)
    return data


async def _measure_rows(label: str, server: Server, seconds: float) -> dict[str, Measured]:
    requests = Requests(server.target, await _seed(server), connections=CONNECTIONS)
    rows = {}
    for name in ROWS:
        most = SIGN_UPS if name == "sign_up" else None
        rows[name] = await measure(
            server.target, server.trees, requests.sources(name), seconds=seconds, drain=name in WRITES, most=most
        )
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
