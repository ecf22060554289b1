"""Stores for tests: an empty place on each engine, and any number of instances opened on it.

async def test_something(store: Store) -> None: ...                     # runs once on each engine
async def test_two_of_them(place: Place) -> None:
    async with place.opened() as one, place.opened() as other: ...
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import apsw
import asyncpg
import pytest

from ripstop.engines.base import Lane, Schema, Store
from ripstop.engines.batch import Batch, Outcome
from ripstop.engines.postgres import PostgresStore
from ripstop.engines.sqlite import SqliteStore
from ripstop.kernel.clock import Clock, SystemClock
from tests.model import Model
from tests.postgres import PostgresServer, memory_folder
from tests.world import PATIENCE, SCHEMA

ENGINES = ("sqlite", "postgres")

READ_SECONDS = 30.0
"""How long a statement may run in the tests, which share a machine with others: more than the engines' own limits."""


class PatientSqlite(SqliteStore):
    """The engine, but that a batch may wait for its turn for longer: the machine may stand still for seconds."""

    async def commit(
        self, batches: Sequence[Batch], *, lane: Lane = Lane.FOREGROUND, deadline: float = PATIENCE
    ) -> list[Outcome]:
        return await super().commit(batches, lane=lane, deadline=deadline)


class PatientPostgres(PostgresStore):
    """As patient as `PatientSqlite`."""

    async def commit(
        self, batches: Sequence[Batch], *, lane: Lane = Lane.FOREGROUND, deadline: float = PATIENCE
    ) -> list[Outcome]:
        return await super().commit(batches, lane=lane, deadline=deadline)


MEMORY_BYTES = 512 << 20
"""Room for the stores of some tests. A server writes no more where a twentieth of the place is left."""


@contextlib.asynccontextmanager
async def session(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to PostgreSQL, closed at the end."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass(frozen=True)
class Place:
    """Where the data of one store rest, empty at first. `where` is a folder (SQLite) or a DSN (PostgreSQL)."""

    engine: str
    where: str

    def instance(self, *, schema: Schema = SCHEMA, clock: Clock | None = None) -> Store:
        """A store on this place, not open yet."""
        clock = clock or SystemClock()
        if self.engine == "sqlite":
            return PatientSqlite(Path(self.where), schema, clock=clock, read_seconds=READ_SECONDS)
        return PatientPostgres(self.where, schema, clock=clock, read_seconds=READ_SECONDS)

    @contextlib.asynccontextmanager
    async def opened(self, *, schema: Schema = SCHEMA, clock: Clock | None = None) -> AsyncIterator[Store]:
        """An open store on this place, closed at the end."""
        store = self.instance(schema=schema, clock=clock)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    async def execute(self, statement: str) -> None:
        """Run SQL behind the engine's back, with no store open in this process: to plant damage."""
        if self.engine == "sqlite":
            connection = apsw.Connection(str(Path(self.where) / "main.db"))
            try:
                connection.execute(statement)
            finally:
                connection.close()
        else:
            async with session(self.where) as client:
                await client.execute(statement)


async def written(place: Place) -> int:
    """A number that rises with each transaction that writes: to see that something wrote nothing."""
    if place.engine == "sqlite":
        # The index of the log counts transactions (sqlite.org/walformat.html, iChange); the log itself begins anew.
        return int.from_bytes((Path(place.where) / "main.db-shm").read_bytes()[8:12], sys.byteorder)
    async with session(place.where) as client:
        return int(await client.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))


async def writes_nothing(place: Place, act: Callable[[], Awaitable[None]]) -> bool:
    """Whether one of three goes wrote nothing: a store wakes workers late."""
    quiet = []
    for _ in range(3):
        before = await written(place)
        await act()
        quiet.append(await written(place) == before)
    return any(quiet)


class Databases:
    """Databases with the engine's tables, all empty, made once and emptied after each use: that is much faster."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._idle: list[str] = []
        self._tables: dict[str, str] = {}
        """The tables of each database that were empty when they were made: all but the migrations' own."""

    async def take(self) -> str:
        """The DSN of an empty database that nobody else uses."""
        return self._idle.pop() if self._idle else await self._make()

    async def give_back(self, dsn: str) -> None:
        """Empty the database for the next test."""
        async with session(dsn) as connection:
            await connection.execute(f"TRUNCATE {self._tables[dsn]}")
        self._idle.append(dsn)

    async def _make(self) -> str:
        name = f"ripstop_test_{os.getpid()}_places_{len(self._tables)}"
        dsn = self._server.dsn_of(name)
        async with session(self._server.dsn) as connection:
            await connection.execute(f'CREATE DATABASE "{name}"')
        async with Place("postgres", dsn).opened():
            pass
        async with session(dsn) as connection:
            tables = await connection.fetch("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
            self._tables[dsn] = ", ".join(
                [table for (table,) in tables if not await connection.fetchval(f"SELECT EXISTS (TABLE {table})")]
            )
        return dsn

    async def drop_all(self) -> None:
        async with session(self._server.dsn) as connection:
            for dsn in self._tables:
                await connection.execute(f'DROP DATABASE "{urlsplit(dsn).path[1:]}" WITH (FORCE)')


NewPlace = Callable[[], Awaitable[Place]]


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder in memory where the machine has room there: an engine that is tested commits thousands of times."""
    folder = Path(tempfile.mkdtemp(prefix="ripstop-", dir=memory_folder(MEMORY_BYTES)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def databases(postgres_server: PostgresServer) -> Iterator[Databases]:
    """Those of the whole run."""
    databases = Databases(postgres_server)
    yield databases
    asyncio.run(databases.drop_all())


@contextlib.asynccontextmanager
async def a_place(engine: str, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """An empty place on an engine; PostgreSQL is started for the first one that asks."""
    if engine == "sqlite":
        with temporary_folder() as folder:
            yield Place(engine, str(folder / "data"))
    else:
        databases: Databases = request.getfixturevalue("databases")
        dsn = await databases.take()
        try:
            yield Place(engine, dsn)
        finally:
            await databases.give_back(dsn)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of each engine in turn."""
    return str(request.param)


@pytest.fixture
async def new_place(engine: str, request: pytest.FixtureRequest) -> AsyncIterator[NewPlace]:
    """Makes empty places on the engine."""
    async with contextlib.AsyncExitStack() as stack:

        async def make() -> Place:
            return await stack.enter_async_context(a_place(engine, request))

        yield make


@pytest.fixture
async def place(new_place: NewPlace) -> Place:
    """One empty place on each engine."""
    return await new_place()


@pytest.fixture(params=[*ENGINES, "model"])
async def waist(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """An open, empty store on each engine, and the model, which has the operations on rows only."""
    if request.param == "model":
        yield cast(Store, Model(SCHEMA, SystemClock()))
        return
    async with contextlib.AsyncExitStack() as stack:
        place = await stack.enter_async_context(a_place(request.param, request))
        yield await stack.enter_async_context(place.opened())


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    """An open, empty store on each engine."""
    async with place.opened() as store:
        yield store
