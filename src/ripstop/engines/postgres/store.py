"""The PostgreSQL engine: each operation goes to the part that knows it."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from ripstop.engines.base import (
    Association,
    CallLimit,
    CallRow,
    Changes,
    Count,
    Cursor,
    Direction,
    Fault,
    FunctionBacklog,
    Inspection,
    Lane,
    Leases,
    Merge,
    Name,
    Object,
    ScanPage,
    Schema,
    Table,
)
from ripstop.engines.batch import Batch, Outcome
from ripstop.engines.derived import KeyspaceChange, Slice, TextDocument, TextHit
from ripstop.engines.postgres import backup, keeping
from ripstop.engines.postgres.calls import Calls, Wakeups
from ripstop.engines.postgres.changes import ChangeLog
from ripstop.engines.postgres.committer import Committer
from ripstop.engines.postgres.connections import READ_SECONDS, Connections
from ripstop.engines.postgres.derived import Keyspaces, TextIndex
from ripstop.engines.postgres.flatten import directions
from ripstop.engines.postgres.migrations import inspect, migrate
from ripstop.engines.postgres.reads import Reads
from ripstop.engines.statements import load
from ripstop.kernel.clock import Clock, SystemClock

_NOW_MS = load(__package__, "sql/reads.sql")["now_ms"]


class PostgresStore:
    """A store in a PostgreSQL database. Satisfies `ripstop.engines.base.Store`.

    :param dsn: ``postgresql://…`` of a database that belongs to the store alone.
    :param read_seconds: after so long a read is interrupted; text queries have budgets of their own.
    """

    def __init__(
        self, dsn: str, schema: Schema, *, clock: Clock | None = None, read_seconds: float = READ_SECONDS
    ) -> None:
        self._schema = schema
        self._connections = connections = Connections(dsn, read_seconds=read_seconds)
        self._wakeups = Wakeups(connections)
        self._committer = Committer(
            connections, directions(schema), clock=clock or SystemClock(), on_calls=self._wakeups.send
        )
        self._reads = Reads(connections, schema)
        self._calls = Calls(connections)
        self._changes = ChangeLog(connections)
        self._keyspaces = Keyspaces(connections, schema)
        self._text = TextIndex(connections, schema)

    @property
    def read_only(self) -> str | None:
        return self._connections.read_only

    @property
    def commit_seconds(self) -> float:
        return self._committer.seconds

    async def inspect(self) -> Inspection:
        return await inspect(self._connections)

    async def open(self) -> None:
        await migrate(self._connections)
        await self._connections.open()

    async def close(self) -> None:
        await self._committer.close()
        await self._wakeups.close()
        await self._connections.close()

    def on_wake(self, callback: Callable[[], None]) -> None:
        """Call back soon after any process put calls. A hint: some are lost, some come for nothing."""
        self._wakeups.on_wake(callback)

    # Reads

    async def object_get(self, ids: Sequence[int]) -> dict[int, Object]:
        return await self._reads.object_get(ids)

    async def assoc_get(self, source: int, types: Sequence[int], targets: Sequence[int]) -> list[Association]:
        return await self._reads.assoc_get(source, types, targets)

    async def assoc_range(
        self,
        source: int,
        type: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        direction: Direction = Direction.NEWEST_FIRST,
        mask: int = 0,
        match: int = 0,
    ) -> list[Association]:
        return await self._reads.assoc_range(
            source, type, after=after, before=before, limit=limit, direction=direction, mask=mask, match=match
        )

    async def assoc_counts(self, sources: Sequence[int], types: Sequence[int]) -> dict[tuple[int, int], Count]:
        return await self._reads.assoc_counts(sources, types)

    async def assoc_merge(
        self,
        sources: Sequence[int],
        type: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        budget: int,
        mask: int = 0,
        match: int = 0,
    ) -> Merge:
        return await self._reads.assoc_merge(
            sources, type, after=after, before=before, limit=limit, budget=budget, mask=mask, match=match
        )

    async def name_get(self, names: Sequence[str]) -> dict[str, Name]:
        return await self._reads.name_get(names)

    async def name_range(self, space: str, prefix: str, *, after: str | None = None, limit: int) -> list[Name]:
        return await self._reads.name_range(space, prefix, after=after, limit=limit)

    async def scan(self, table: Table, *, shard: int | None, after: tuple[object, ...] | None, limit: int) -> ScanPage:
        return await self._reads.scan(table, shard=shard, after=after, limit=limit)

    async def text_query(
        self, index: str, query: str, *, filters: Sequence[str] = (), limit: int, budget: float
    ) -> list[TextHit]:
        return await self._text.query(index, query, filters=filters, limit=limit, budget=budget)

    async def keyspace_get(self, keyspace: str, keys: Sequence[str]) -> dict[str, bytes | int]:
        return await self._keyspaces.get(keyspace, keys)

    async def keyspace_range(
        self,
        keyspace: str,
        key: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        direction: Direction = Direction.NEWEST_FIRST,
    ) -> Slice | None:
        return await self._keyspaces.range(keyspace, key, after=after, before=before, limit=limit, direction=direction)

    async def call_stats(
        self, functions: Sequence[str] | None = None, *, parent: int | None = None
    ) -> dict[str, FunctionBacklog]:
        return await self._calls.stats(functions, parent)

    # Writes

    async def commit(
        self, batches: Sequence[Batch], *, lane: Lane = Lane.FOREGROUND, deadline: float = 2.0
    ) -> list[Outcome]:
        return await self._committer.commit(batches, lane=lane, deadline=deadline)

    async def call_lease(
        self,
        classes: Sequence[int],
        *,
        limit: int,
        seconds: float,
        shards: tuple[int, int] = (0, 1024),
        renew: Sequence[tuple[int, int]] = (),
        limits: Sequence[CallLimit] = (),
    ) -> Leases:
        return await self._calls.lease(classes, limit=limit, seconds=seconds, shards=shards, renew=renew, limits=limits)

    async def keyspace_write(self, keyspace: str, changes: Sequence[KeyspaceChange]) -> dict[str, int]:
        return await self._keyspaces.write(keyspace, changes)

    async def text_write(self, index: str, documents: Sequence[TextDocument]) -> None:
        await self._text.write(index, documents)

    # Keeping

    async def changes(self, cursor: int) -> Changes:
        return await self._changes.since(cursor)

    async def now_ms(self) -> int:
        [(now,)] = await self._connections.fetch(_NOW_MS)
        return int(now)

    async def call_get(self, ids: Sequence[int]) -> dict[int, CallRow]:
        return await self._calls.get(ids)

    async def dead_calls(self, *, after: tuple[int, int] | None, limit: int) -> list[CallRow]:
        return await self._calls.dead(after, limit)

    async def sweep(self, *, now_ms: int, limit: int) -> dict[str, int]:
        return await keeping.sweep(self._connections, now_ms=now_ms, limit=limit)

    async def backup(self, target: Path) -> None:
        await backup.backup(self._connections, target)

    async def restore(self, source: Path) -> None:
        await backup.restore(self._connections, source)

    def check(self) -> AsyncIterator[Fault]:
        return keeping.check(self._connections, self._schema)
