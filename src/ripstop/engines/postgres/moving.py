"""A PostgreSQL database as the destination of a move; see `ripstop.engines.moving`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import msgspec

from ripstop.engines.base import CallState, Fault, Schema, Table
from ripstop.engines.common import call_lane, name_shard
from ripstop.engines.moving import KEYS, PAGE, Noted, Row
from ripstop.engines.postgres import keeping
from ripstop.engines.postgres.connections import Connections
from ripstop.engines.postgres.migrations import migrate
from ripstop.engines.postgres.pool import Connection
from ripstop.engines.statements import load
from ripstop.kernel.errors import RipstopError
from ripstop.kernel.ids import shard_of

_SQL: Final = load(__package__, "sql/moving.sql", "sql/keep.sql", "sql/session.sql")

_COLUMNS: Final = {
    Table.OBJECTS: ("shard", "id", "type", "version", "data", "deleted_ms"),
    Table.ASSOCIATIONS: ("shard", "source", "type", "place", "target", "flags", "data", "keyed"),
    Table.COUNTS: ("shard", "source", "type", "length", "newest", "stripe"),
    Table.NAMES: ("shard", "name", "holder", "expires"),
    Table.CALLS: (
        "shard", "id", "state", "lease_until", "dead_ms", "function", "arguments", "checkpoint", "due", "deadline",
        "criticality", "key", "attempt", "token", "error", "namespace", "parent", "lane",
    ),
}  # fmt: skip

# Rows are looked up by keys, whatever the statistics of tables that are just being filled say.
_SETTINGS: Final = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "synchronous_commit": "off",  # what is lost with the machine is lost with the note that it was done
}


class _Progress(msgspec.Struct):
    """How far a move has come: keys after which to go on by table, which tables are whole, notes that were followed."""

    after: dict[str, list[Any]] = {}
    whole: list[str] = []
    followed: int = 1


class PostgresDestination:
    """Satisfies `ripstop.engines.moving.Destination`.

    :param dsn: of a database that is empty, or holds what there is of this move.
    """

    def __init__(self, dsn: str, schema: Schema) -> None:
        parts = urlsplit(dsn)
        self._place = f"PostgreSQL, {parts.hostname or 'local'}{parts.path}"
        self._schema = schema
        self._connections = Connections(dsn)
        self._parts = AsyncExitStack()
        self._progress = _Progress()
        self._token = ""
        keyed = {number for number, type_ in schema.associations.items() if type_.keyed}
        self._records: dict[Table, Callable[[Row], Row]] = {
            Table.OBJECTS: lambda row: (shard_of(row[0]), *row),
            Table.ASSOCIATIONS: lambda row: (shard_of(row[0]), *row, row[1] in keyed),
            Table.COUNTS: lambda row: (shard_of(row[0]), *row, 0),
            Table.NAMES: lambda row: (name_shard(row[0]), *row),
            Table.CALLS: _call_record,
        }

    @property
    def place(self) -> str:
        return self._place

    async def open(self) -> None:
        """Connect."""
        self._connection: Connection = await self._parts.enter_async_context(self._connections.alone())

    async def close(self) -> None:
        """Let go of the connections."""
        await self._parts.aclose()
        await self._connections.close()

    async def begin(self, token: str) -> None:
        fetch = self._connection.fetchval
        self._token = token
        if await fetch(_SQL["moving_there"]):
            [(found, progress)] = await self._connection.fetch(_SQL["moving_progress"])
            if found != token:
                raise RipstopError("The database holds a part of another store that was moved. Empty it first.")
            self._progress = msgspec.json.decode(progress, type=_Progress)
        else:
            await migrate(self._connections)
            if await fetch(_SQL["backup_count"]):
                raise RipstopError("The database holds a store already; a store is moved into an empty one only.")
            async with self._connection.transaction():
                await self._connection.execute(_SQL["moving_begin"])
                await self._note()
        await self._connection.execute(_SQL["session_settings"], list(_SETTINGS), list(_SETTINGS.values()))

    def copied(self, table: Table) -> tuple[Row | None, bool]:
        after = self._progress.after.get(table.value)
        return None if after is None else tuple(after), table.value in self._progress.whole

    @property
    def followed(self) -> int:
        return self._progress.followed

    async def fill(self, table: Table, rows: Sequence[Row], *, last: bool) -> None:
        async with self._connection.transaction():
            await self._copy(table, rows)
            if rows:
                self._progress.after[table.value] = list(rows[-1][: KEYS[table]])
            if last:
                self._progress.whole.append(table.value)
            await self._note()

    async def follow(self, noted: Mapping[Table, Noted], until: int) -> None:
        async with self._connection.transaction():
            for table, (keys, rows) in noted.items():
                if keys:
                    await self._connection.execute(_SQL[f"drop_{table.value}"], *_key_columns(table, keys))
                    await self._copy(table, rows)
            self._progress.followed = until
            await self._note()

    async def _copy(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows, which are of a later moment than those that are there.

        So where an association was copied under one order and has taken another since, the row under the first goes,
        though the note that says so may come in a later part.
        """
        if not rows:
            return
        records = list(map(self._records[table], rows))
        copy = partial(self._connection.copy_records_to_table, table.value, records=records, columns=_COLUMNS[table])
        if table is not Table.ASSOCIATIONS:
            await copy()
            return
        try:
            async with self._connection.transaction():
                await copy()
        except asyncpg.UniqueViolationError:
            shards, sources, types, _, targets, *_ = zip(*records, strict=True)
            await self._connection.execute(_SQL["drop_twins"], shards, sources, types, targets)
            await copy()

    async def _note(self) -> None:
        await self._connection.execute(_SQL["moving_note"], self._token, msgspec.json.encode(self._progress).decode())

    async def settle(self) -> None:
        async with self._connection.transaction():
            await self._connection.execute(_SQL["moving_call_counts_drop"])
            await self._connection.execute(_SQL["moving_call_counts"])

    async def all(self, table: Table) -> AsyncIterator[list[Row]]:
        async with self._connections.alone() as connection, connection.transaction(readonly=True):
            cursor = await connection.cursor(_SQL[f"rows_{table.value}"])
            while records := await cursor.fetch(PAGE):
                yield list(map(tuple, records))

    async def rows(self, table: Table, keys: Sequence[Row]) -> list[Row]:
        return list(map(tuple, await self._connection.fetch(_SQL[f"row_{table.value}"], *_key_columns(table, keys))))

    async def add_names(self, names: Mapping[str, int]) -> None:
        shards = [name_shard(name) for name in names]
        await self._connection.execute(_SQL["moving_names"], shards, list(names), list(names.values()))

    async def check(self) -> AsyncIterator[Fault]:
        await self._connection.execute(_SQL["moving_analyze"])
        async for fault in keeping.check(self._connections, self._schema):
            yield fault

    async def finish(self) -> None:
        await self._connection.execute(_SQL["session_settings"], ["synchronous_commit"], ["on"])
        await self._connection.execute(_SQL["moving_finish"])


def _call_record(row: Row) -> Row:
    id_, state, instant, function, arguments, checkpoint, due, deadline, criticality, key, *rest = row
    lane = call_lane(criticality, function, row[13])
    lease_until = instant if state == CallState.LEASED else None
    dead_ms = instant if state == CallState.DEAD else None
    return (
        shard_of(id_), id_, state, lease_until, dead_ms, function, arguments, checkpoint, due, deadline,
        criticality, key, *rest, lane,
    )  # fmt: skip


def _key_columns(table: Table, keys: Sequence[Row]) -> list[Sequence[Any]]:
    """Keys as arrays, one for each column, the shard first."""
    shard = name_shard if table is Table.NAMES else shard_of
    return [[shard(key[0]) for key in keys], *map(list, zip(*keys, strict=True))]
