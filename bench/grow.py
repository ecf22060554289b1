"""Loads a population into a store that the product has created, by the fastest way that each database has.

The server must not be running. What is left behind is what the product would have written, in the same tables; `ripstop
check` finds nothing wrong with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg

from bench.population import EdgeRow, Population
from ripstop.engines.common import name_shard
from ripstop.kernel.ids import shard_of

MAIN = "main.db"
PAGES_CACHED_KB = 512_000
CHUNK = 100_000


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
        database.executemany("INSERT INTO objects VALUES (?, ?, 1, ?, NULL)", population.objects())
        database.executemany("INSERT INTO edges VALUES (?, ?, ?, ?, ?, NULL)", (row[:5] for row in population.edges()))
        database.executemany("INSERT INTO edge_keys VALUES (?, ?, ?, ?)", _keys(population.edges()))
        database.executemany("INSERT INTO counts VALUES (?, ?, ?, ?)", population.counts())
        database.executemany("INSERT INTO names VALUES (?, ?, NULL)", population.names())
    for pragma in ("journal_mode=WAL", "wal_checkpoint(TRUNCATE)"):
        database.execute(f"PRAGMA {pragma}").fetchall()
    database.close()


async def grow_postgres(dsn: str, population: Population) -> None:
    """Fill the store in a database, and leave it vacuumed, its statistics up to date."""
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
            for chunk in _chunks(rows):
                await connection.copy_records_to_table(table, records=chunk, columns=columns)
        # What autovacuum would do a minute later, when rows are measured.
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _keys(edges: Iterable[EdgeRow]) -> Iterator[tuple[int, int, int, int]]:
    return ((row.source, row.type, row.target, row.order) for row in edges if row.keyed)


def _chunks(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    rest = iter(rows)
    while chunk := list(itertools.islice(rest, CHUNK)):
        yield chunk
