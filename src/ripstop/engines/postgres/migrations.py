"""The schema of the database, as the sum of numbered files. Several processes may open a store at once."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from ripstop.engines.base import Inspection
from ripstop.engines.postgres.connections import Connections
from ripstop.engines.postgres.pool import Connection
from ripstop.engines.statements import load
from ripstop.kernel.errors import RipstopError

_SQL: Final = load(__package__, "sql/keep.sql", "sql/moving.sql")

_FILE: Final = re.compile(r"^(\d{4})_(\w+)\.sql$")

OLDEST_SERVER: Final = 15


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    text: str


@cache
def migrations() -> tuple[Migration, ...]:
    """All that this program knows, in their order, numbered from 1 without a gap."""
    found = []
    for file in files(__package__).joinpath("migrations").iterdir():
        match = _FILE.match(file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.number))


async def migrate(connections: Connections, *, until: int | None = None) -> None:
    """Bring the database to what this program needs. Readers and writers of older processes go on meanwhile.

    :param until: the number of the last migration, for rows that a copy holds as they were after that one.
    :raises RipstopError: the server is too old, or the database was migrated by a newer program.
    """
    async with connections.alone() as connection:
        await _check_server(connection)
        if await connection.fetchval(_SQL["moving_there"]):
            raise RipstopError("A move into this database was begun and is not finished: run `ripstop move` again.")
        newest = migrations()[-1].number
        if await connection.fetchval(_SQL["migrations_there"]):
            applied = await connection.fetchval(_SQL["migrations_applied"])
            _check_newer(applied, newest)
            if applied == newest:
                return
        await connection.execute(_SQL["migrations_lock"])
        await connection.execute(_SQL["migrations_table"])
        applied = await connection.fetchval(_SQL["migrations_applied"])
        _check_newer(applied, newest)
        for migration in migrations()[applied:until]:
            async with connection.transaction():
                await connection.execute(migration.text)
                await connection.execute(_SQL["migrations_add"], migration.number, migration.name)
        await connection.execute(_SQL["migrations_analyze"])


async def inspect(connections: Connections) -> Inspection:
    """See `ripstop.engines.base.Store.inspect`."""
    async with connections.alone() as connection:
        [(_, version, _)] = await connection.fetch(_SQL["server_version"])
        is_there = await connection.fetchval(_SQL["migrations_there"])
        applied = await connection.fetchval(_SQL["migrations_applied"]) if is_there else None
    return Inspection(f"PostgreSQL {version}", applied, migrations()[-1].number)


async def _check_server(connection: Connection) -> None:
    number, version, encoding = await connection.fetchrow(_SQL["server_version"]) or (0, "unknown", "unknown")
    if number < OLDEST_SERVER * 10_000:
        raise RipstopError(f"PostgreSQL {OLDEST_SERVER} or newer is needed; the server is {version}.")
    if encoding != "UTF8":
        raise RipstopError(f"The database must be encoded in UTF8; it is in {encoding}.")


def _check_newer(applied: int, newest: int) -> None:
    if applied > newest:
        raise RipstopError(
            f"The database was migrated by a newer Ripstop (migration {applied}; this one knows {newest}). "
            "Start that version, or restore a backup."
        )
