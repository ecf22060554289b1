"""What it takes to keep a store: room on the disk by kind of row, and the time to start, to check, and to back up."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from pathlib import Path

import apsw
import asyncpg
import msgspec

from bench.servers import Database, running_server, server_environment

DATABASES = ("main.db", "search.db", "derived.db")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One table or index: how many rows it has, and the bytes that it takes, room left in its pages included.

    `rows` is 0 where they are not known, as of a text index.
    """

    name: str
    rows: int
    bytes: int


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds on the wall; `start_empty` is of a store with nothing in it. `sound` says what the check found."""

    start: float
    start_empty: float
    check: float
    check_sound: bool
    backup: float
    backup_bytes: int


def kinds_sqlite(data: Path) -> list[Kind]:
    """Every table and index of the files of a store, the largest first. Reads all of their pages."""
    kinds = []
    for file in DATABASES:
        connection = apsw.Connection(str(data / file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            # Of a table with a rowid the leaves alone hold rows; of an index, and a table without one, all pages do.
            found = connection.execute(
                "SELECT d.name, sum(iif(d.pagetype = 'leaf' OR s.type = 'index' OR s.sql LIKE '%WITHOUT ROWID%',"
                " d.ncell, 0)), sum(d.pgsize) FROM dbstat AS d LEFT JOIN sqlite_schema AS s ON s.name = d.name"
                " GROUP BY d.name"
            )
            stem = file.partition(".")[0]
            for name, rows, size in found:
                of_text = stem == "search"
                kinds.append(Kind(name=f"{stem}.{name}", rows=0 if of_text else int(rows), bytes=int(size)))
        finally:
            connection.close()
    return sorted(kinds, key=lambda kind: -kind.bytes)


async def kinds_postgres(dsn: str) -> list[Kind]:
    """Every table and index of a database, the largest first, with the planner's numbers of rows."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("ANALYZE")
        found = await connection.fetch(
            "SELECT relname, reltuples::bigint, pg_relation_size(oid) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') ORDER BY 3 DESC"
        )
    finally:
        await connection.close()
    return [Kind(name=name, rows=max(0, rows), bytes=size) for name, rows, size in found]


async def measure_keeping(folder: Path, empty: Path, *, database: Database | None, none: Database | None) -> Keeping:
    """Start, check and back up the store in a folder, and start the one in another, which is new.

    :param none: the database of the new one.
    """
    await _start_seconds(empty, none)  # makes it
    start_empty = await _start_seconds(empty, none)
    start = await _start_seconds(folder, database)
    check, sound = await _command(folder, database, "check")
    copy = folder.with_name(folder.name + ".copy")
    try:
        backup, copied = await _command(folder, database, "backup", str(copy))
        if not copied:
            raise RuntimeError("The backup failed.")
        taken = sum(path.stat().st_size for path in copy.rglob("*") if path.is_file())
    finally:
        await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)
    return Keeping(
        start=start, start_empty=start_empty, check=check, check_sound=sound, backup=backup, backup_bytes=taken
    )


async def _start_seconds(folder: Path, database: Database | None) -> float:
    """From the command until the server answers."""
    started = time.monotonic()
    async with running_server(folder, database=database):
        return round(time.monotonic() - started, 2)


async def _command(folder: Path, database: Database | None, *arguments: str) -> tuple[float, bool]:
    """How long a command took, and whether it found nothing to complain about."""
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ripstop",
        *arguments,
        env=server_environment(folder, database),
        stdout=asyncio.subprocess.DEVNULL,
    )
    code = await process.wait()
    return round(time.monotonic() - started, 1), code == 0
