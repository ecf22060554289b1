"""Loads a population into a store that the product has created, by the fastest way that each database has.

The server must not be running. What is left behind is what the product would have written, in the same tables; `ripstop
check` finds nothing wrong with it.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import apsw
import asyncpg

from bench.population import Population
from ripstop import boot
from ripstop.domain.search.model import POSTS
from ripstop.engines.common import name_shard
from ripstop.kernel.configuration import Configuration
from ripstop.kernel.ids import shard_of

MAIN = "main.db"
PAGES_CACHED_KB = 512_000
SORTED_MB = 1_024
CHUNK = 100_000
DOCUMENTS = 2_000
"""Documents that are indexed in one transaction."""
TELL_SECONDS = 30.0

Row = TypeVar("Row")


def grow_sqlite(data: Path, population: Population) -> None:
    """Fill the store in a data folder. Not safe against a crash meanwhile: then throw the folder away."""
    database = apsw.Connection(str(data / MAIN))
    for pragma in (
        "locking_mode=EXCLUSIVE",
        "journal_mode=OFF",
        "synchronous=OFF",
        f"cache_size=-{PAGES_CACHED_KB}",
    ):
        database.execute(f"PRAGMA {pragma}").fetchall()
    with database:
        for objects in _chunks("objects", population.objects()):
            database.executemany("INSERT INTO objects VALUES (?, ?, 1, ?, NULL)", objects)
        for edges in _chunks("associations", population.edges()):
            database.executemany("INSERT INTO edges VALUES (?, ?, ?, ?, ?, NULL)", (row[:5] for row in edges))
            keys = ((row.source, row.type, row.target, row.order) for row in edges if row.keyed)
            database.executemany("INSERT INTO edge_keys VALUES (?, ?, ?, ?)", keys)
        for counts in _chunks("counts", population.counts()):
            database.executemany("INSERT INTO counts VALUES (?, ?, ?, ?)", counts)
        for names in _chunks("names", population.names()):
            database.executemany("INSERT INTO names VALUES (?, ?, NULL)", names)
    for pragma in ("journal_mode=WAL", "wal_checkpoint(TRUNCATE)"):
        database.execute(f"PRAGMA {pragma}").fetchall()
    database.close()


async def grow_postgres(dsn: str, population: Population) -> None:
    """Fill the store in a database, and leave it vacuumed, its statistics up to date.

    Indexes are made after the rows, so that their pages are as full as on SQLite, and ten times sooner.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET synchronous_commit = off")
        tables: list[tuple[str, list[str], Iterable[tuple[Any, ...]]]] = [
            ("objects", ["shard", "id", "type", "version", "data"],
             ((shard_of(row.id), row.id, row.type, 1, row.data) for row in population.objects())),
            ("associations", ["shard", "source", "type", "place", "target", "flags", "keyed"],
             ((shard_of(row.source), *row) for row in population.edges())),
            ("counts", ["shard", "source", "type", "stripe", "length", "newest"],
             ((shard_of(row.source), row.source, row.type, 0, row.length, row.newest) for row in population.counts())),
            ("names", ["shard", "name", "holder"],
             ((name_shard(row.name), row.name, row.holder) for row in population.names())),
        ]  # fmt: skip
        for table, columns, rows in tables:
            async with _without_indexes(connection, table):
                for chunk in _chunks(table, rows):
                    await connection.copy_records_to_table(table, records=chunk, columns=columns)
        # What autovacuum would do a minute later, when rows are measured.
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _without_indexes(connection: asyncpg.Connection, table: str) -> AsyncIterator[None]:
    """Take a table's indexes away, and make them again at the end."""
    keys = await connection.fetch(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'p'",
        table,
    )
    indexes = await connection.fetch(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = $1::regclass AND NOT indisprimary",
        table,
    )
    for name, _ in keys:
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        await connection.execute(f"DROP INDEX {name}")
    yield
    await connection.execute(f"SET maintenance_work_mem = '{SORTED_MB}MB'")
    for name, definition in keys:
        await connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        await connection.execute(definition)


async def index_texts(configuration: Configuration, population: Population) -> None:
    """Put the posts of those who agreed to it into the text index, as the product does."""
    async with boot.opened_store(configuration) as store:
        for documents in _chunks("texts", population.documents(), DOCUMENTS):
            await store.text_write(POSTS, documents)


def _chunks(what: str, rows: Iterable[Row], size: int = CHUNK) -> Iterator[list[Row]]:
    """Rows in parts; says now and then how many there were, so that a long run can be watched."""
    rest, done, started = iter(rows), 0, time.monotonic()
    told = started
    while chunk := list(itertools.islice(rest, size)):
        yield chunk
        done += len(chunk)
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            print(f"{done:,} {what}, {done / (told - started):,.0f} a second", file=sys.stderr, flush=True)
