"""Brings a database file to the schema that this version of the program knows."""

import re
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import apsw

from ripstop.engines.base import Inspection
from ripstop.engines.sqlite.folder import DataFolder
from ripstop.engines.statements import load
from ripstop.kernel.errors import RipstopError

_SQL = load(__package__, "statements/migrate.sql")
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


class Migration(NamedTuple):
    """One step of a file's schema; versions count up from 1."""

    version: int
    name: str
    script: str


def migrations(database: str) -> list[Migration]:
    """The steps of `main`, `derived` or `search`, in order."""
    found = []
    for file in files(__package__).joinpath("migrations", database).iterdir():
        match = _FILE.fullmatch(file.name)
        if match is not None:
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    return sorted(found)


def inspect(folder: DataFolder) -> Inspection:
    """See `ripstop.engines.base.Store.inspect`."""
    server = f"SQLite {apsw.sqlite_lib_version()}"
    known = sum(len(migrations(path.stem)) for path in folder.databases)
    if not folder.main.exists():
        return Inspection(server, None, known)
    try:
        return Inspection(server, sum(_applied(path) for path in folder.databases if path.exists()), known)
    except apsw.Error as error:
        raise RipstopError(f"The store in {folder.path} cannot be read: {error}.", cause=error) from error


def _applied(path: Path) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return len(connection.execute(_SQL["migrations_done"]).fetchall())
    finally:
        connection.close()


def migrate(connection: apsw.Connection, database: str, *, now_ms: int) -> None:
    """Apply the steps that the file has not seen yet, each in a transaction of its own.

    Must be called under the folder's lock for opening. Other processes go on reading and writing meanwhile.

    :raises RipstopError: the file was written by a newer version of the program.
    """
    steps = migrations(database)
    connection.execute(_SQL["migrations_table"])
    done = {int(version) for (version,) in connection.execute(_SQL["migrations_done"])}
    unknown = done - {step.version for step in steps}
    if unknown:
        raise RipstopError(
            f"The file {database}.db has schema version {max(unknown)}, which this version of Ripstop does not know: "
            "it was written by a newer one."
        )
    for step in steps:
        if step.version not in done:
            with connection:
                connection.execute(step.script)
                connection.execute(_SQL["migrations_note"], (step.version, step.name, now_ms))
