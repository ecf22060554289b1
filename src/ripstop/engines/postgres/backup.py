"""Backup and restore: one file for each table in PostgreSQL's binary COPY format, and a manifest.

The format of the files does not depend on the server's version. Keyspaces are left out: they are derived, and lists
that are absent are built again. So is the change log, whose cursors mean nothing in another database.
"""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

import msgspec

from ripstop.engines.backups import new_folder
from ripstop.engines.postgres.connections import Connections
from ripstop.engines.postgres.migrations import migrate, migrations
from ripstop.engines.postgres.pool import Connection
from ripstop.engines.statements import load
from ripstop.kernel.errors import RipstopError
from ripstop.kernel.files import sync

_SQL: Final = load(__package__, "sql/keep.sql")

FORMAT: Final = 1

TABLES: Final = (
    "objects", "associations", "counts", "names", "calls", "call_counts", "text_documents",
)  # fmt: skip


class _Part(msgspec.Struct, frozen=True):
    """One table's file."""

    table: str
    columns: list[str]
    rows: int
    bytes: int
    sha256: str


class _Manifest(msgspec.Struct, frozen=True):
    format: int
    migration: int
    parts: list[_Part]


async def backup(connections: Connections, target: Path) -> None:
    """Write a copy as of one moment into the new folder `target`.

    :raises RipstopError: the folder is there already, or cannot be written to.
    """
    partial = new_folder(target)
    try:
        async with (
            connections.alone() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            migration = await connection.fetchval(_SQL["backup_migrations"])
            parts = [await _copy_out(connection, table, partial) for table in TABLES]
        _write(partial / "manifest.json", msgspec.json.encode(_Manifest(FORMAT, migration, parts)))
        partial.rename(target)
        sync(target.parent)
    except OSError as error:
        raise RipstopError(f"The backup cannot be written: {error.strerror}.", cause=error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


async def _copy_out(connection: Connection, table: str, folder: Path) -> _Part:
    columns = [attribute.name for attribute in (await connection.prepare(f"TABLE {table}")).get_attributes()]
    path = folder / f"{table}.copy"
    status = await connection.copy_from_table(table, output=path, columns=columns, format="binary", timeout=None)
    digest = await asyncio.to_thread(_digest, path)
    sync(path)
    return _Part(table, columns, int(status.rpartition(" ")[2]), path.stat().st_size, digest)


async def restore(connections: Connections, source: Path) -> None:
    """Fill a new database from a copy, which is checked first.

    A copy that an older version made goes into the tables of that version, and is then migrated with them.

    :raises RipstopError: the copy is damaged, not there, or too new, or the database holds a store already.
    """
    manifest = await asyncio.to_thread(_read, source)
    await migrate(connections, until=manifest.migration)
    async with connections.alone() as connection, connection.transaction():
        if await connection.fetchval(_SQL["backup_count"]):
            raise RipstopError("A backup can be restored into a new store only: this database holds one already.")
        for part in manifest.parts:
            status = await connection.copy_to_table(
                part.table, source=source / f"{part.table}.copy", columns=part.columns, format="binary", timeout=None
            )
            if int(status.rpartition(" ")[2]) != part.rows:
                raise RipstopError(f"The backup is damaged: {part.table} has not {part.rows} rows.")
    await migrate(connections)


def _read(source: Path) -> _Manifest:
    """The manifest of a copy whose files are what it says."""
    try:
        manifest = msgspec.json.decode((source / "manifest.json").read_bytes(), type=_Manifest)
        damaged = [part.table for part in manifest.parts if _digest(source / f"{part.table}.copy") != part.sha256]
    except OSError as error:
        raise RipstopError(f"The backup is not complete: {error.filename}: {error.strerror}.", cause=error) from error
    except msgspec.MsgspecError as error:
        raise RipstopError(f"The backup is damaged: {source / 'manifest.json'} cannot be read.", cause=error) from error
    if damaged:
        raise RipstopError(f"The backup is damaged: {', '.join(damaged)}.")
    if manifest.format > FORMAT or manifest.migration > migrations()[-1].number:
        raise RipstopError("The backup was made by a newer Ripstop; restore it with that one.")
    if unknown := {part.table for part in manifest.parts} - set(TABLES):
        raise RipstopError(f"The backup is damaged: it names {', '.join(sorted(unknown))}.")
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)
