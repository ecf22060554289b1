"""Keeping a store: scan, sweep, backup and restore. Everything here runs on reader threads, but the sweep."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from ripstop.engines.base import CallRow, ScanPage, Table
from ripstop.engines.common import name_shard
from ripstop.engines.sqlite.apply import LOG_KEPT, MainTransaction
from ripstop.engines.sqlite.connection import Reader, connect
from ripstop.engines.sqlite.folder import DataFolder
from ripstop.engines.sqlite.transaction import FileTransaction
from ripstop.engines.statements import load
from ripstop.kernel.errors import RipstopError
from ripstop.kernel.files import sync

_SQL = load(__package__, "statements/keep.sql")
_CALLS = load(__package__, "statements/calls.sql")

_BACKUP_CACHE_KB = 2 << 10

TOMBSTONE_MS = 30 * 86_400_000
"""How long a deleted object's id is remembered."""

_START: dict[Table, tuple[Any, ...]] = {
    Table.OBJECTS: (-1,),
    Table.ASSOCIATIONS: (-1, -1, -1, -1),
    Table.COUNTS: (-1, -1),
    Table.NAMES: ("",),
    Table.CALLS: (-1,),
}


def _key(table: Table, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What of a row is its key, in the order of the key."""
    match table:
        case Table.ASSOCIATIONS:
            return (row[0], row[1], row[3], row[2])
        case Table.COUNTS:
            return row[:2]
    return row[:1]


def scan(reader: Reader, table: Table, *, shard: int | None, after: Sequence[object] | None, limit: int) -> ScanPage:
    """A page of a table's rows in key order."""
    start = _START[table] if after is None else tuple(after)
    rows = reader.rows(_SQL[f"scan_{table.value}"], (*start, -1 if shard is None else shard, limit))
    return ScanPage(rows, _key(table, rows[-1]) if rows and len(rows) == limit else None)


def dead_calls(reader: Reader, *, after: tuple[int, int] | None, limit: int) -> list[CallRow]:
    """A page of the dead calls by (instant of death, id)."""
    return [CallRow._make(row) for row in reader.rows(_CALLS["dead_calls"], (*(after or (0, 0)), limit))]


def add_functions(connection: apsw.Connection) -> None:
    """Teach a connection what the statements here ask of it."""
    connection.create_scalar_function("name_shard", _name_shard, 1, deterministic=True)


def _name_shard(*values: object) -> int:
    return name_shard(str(values[0]))


def sweep(transaction: MainTransaction, *, now_ms: int, limit: int) -> dict[str, int]:
    """Remove up to `limit` rows of each kind in `main.db` whose end has come."""
    execute = transaction.connection.execute
    swept = {}
    for kind, values in (
        ("names", (now_ms, limit)),
        ("tombstones", (now_ms - TOMBSTONE_MS, limit)),
        ("changes", (LOG_KEPT, limit)),
    ):
        execute(_SQL[f"sweep_{kind}"], values)
        swept[kind] = transaction.connection.changes()
    return swept


def release_pages(transaction: FileTransaction) -> None:
    """Give pages that are free back to the disk, about 4 MB at a time."""
    transaction.connection.execute(_SQL["sweep_pages"]).fetchall()


def backup(folder: DataFolder, target: Path) -> None:
    """Copy each file, as of one moment, into the new folder `target`.

    Rows of record come first: lists copied after them may then know more than they, never less.

    :raises RipstopError: there is no room, or `target` exists.
    """
    try:
        target.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise RipstopError(f"The backup cannot be written to {target}: {error.strerror}.", cause=error) from error
    connections = {path: connect(path, cache_kb=_BACKUP_CACHE_KB) for path in folder.databases}
    try:
        needed = sum(_size(connection) for connection in connections.values())
        free = shutil.disk_usage(target).free
        if needed > free:
            target.rmdir()
            raise RipstopError(f"The backup needs {needed >> 20} MB, and {free >> 20} MB are free at {target}.")
        for path, connection in connections.items():
            copy = target / path.name
            connection.execute(_SQL["copy"], (str(copy),))
            sync(copy)
        sync(target)
    finally:
        for connection in connections.values():
            connection.close()


def _size(connection: apsw.Connection) -> int:
    [(size,)] = connection.execute(_SQL["size"]).fetchall()
    return int(str(size))


def restore(source: Path, folder: DataFolder) -> None:
    """Fill a new data folder from a copy, which is checked first. The store must not be open anywhere.

    :raises RipstopError: the copy is damaged or not there, or the folder already holds a store.
    """
    folder.prepare()
    for path in folder.databases:
        if path.exists():
            raise RipstopError(f"A backup can be restored into a new store only: {path} exists.")
    for path in folder.databases:
        _check_copy(source / path.name)
    for path in folder.databases:
        part = path.with_name(path.name + ".part")
        shutil.copyfile(source / path.name, part)
        sync(part)
    for path in reversed(folder.databases):
        path.with_name(path.name + ".part").rename(path)
    sync(folder.path)


def _check_copy(copy: Path) -> None:
    if not copy.is_file():
        raise RipstopError(f"The backup is not complete: {copy} is missing.")
    try:
        connection = apsw.Connection(f"{copy.resolve().as_uri()}?immutable=1", flags=_READ_URI)
        try:
            said = [row[0] for row in connection.execute(_SQL["integrity"])]
        finally:
            connection.close()
    except apsw.Error as error:
        raise RipstopError(f"The backup is damaged: {copy} cannot be read ({error}).", cause=error) from error
    if said != ["ok"]:
        raise RipstopError(f"The backup is damaged: {copy}: {said[0]}", cause=said)


_READ_URI = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
