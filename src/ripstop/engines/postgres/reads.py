"""Reads of rows: one statement for each operation."""

from collections.abc import Mapping, Sequence
from typing import Final

from ripstop.engines.base import (
    MAX_ORDER,
    Association,
    Count,
    Counted,
    Cursor,
    Direction,
    Merge,
    Name,
    Object,
    ScanPage,
    Schema,
    Table,
)
from ripstop.engines.common import name_shard, prefix_end
from ripstop.engines.postgres.connections import Connections
from ripstop.engines.statements import load
from ripstop.kernel.ids import MAX_ID, SHARDS, shard_of

_SQL: Final = load(__package__, "sql/reads.sql", "sql/scans.sql")

_NOTHING: Final = (1, 0, 0, 0)
"""Bounds between which no place lies."""


def bounds(after: Cursor | None, before: Cursor | None) -> tuple[int, int, int, int]:
    """The exclusive cursors as inclusive low and high places (order, target), which can say "no bound" as well."""
    low, high = (0, 0), (MAX_ORDER, MAX_ORDER)
    if after is not None:
        if after >= high:
            return _NOTHING
        if after >= low:
            low = (after[0], after[1] + 1) if after[1] < MAX_ORDER else (after[0] + 1, 0)
    if before is not None:
        if before <= (0, 0):
            return _NOTHING
        if before <= high:
            high = (before[0], min(before[1] - 1, MAX_ORDER)) if before[1] > 0 else (before[0] - 1, MAX_ORDER)
    return low[0], max(low[1], 0), high[0], high[1]


_HIGHEST: Final = "\U0010ffff" * 8
"""Sorts after every name that there is."""


class Reads:
    """The reads of objects, associations and names."""

    def __init__(self, connections: Connections, schema: Schema) -> None:
        self._fetch = connections.fetch
        self._uncounted = {number for number, type in schema.associations.items() if type.counted is Counted.NO}

    async def object_get(self, ids: Sequence[int]) -> dict[int, Object]:
        """See `ripstop.engines.base.Engine`, as for all of these."""
        wanted = [id for id in ids if 0 < id <= MAX_ID]
        if not wanted:
            return {}
        rows = await self._fetch(_SQL["object_get"], [shard_of(id) for id in wanted], wanted)
        return {row[0]: Object(*row) for row in rows}

    async def assoc_get(self, source: int, types: Sequence[int], targets: Sequence[int]) -> list[Association]:
        if not types or not targets:
            return []
        rows = await self._fetch(
            _SQL["assoc_get"], shard_of(source), source, list(dict.fromkeys(types)), list(dict.fromkeys(targets))
        )
        return [Association(*row) for row in rows]

    async def assoc_range(
        self,
        source: int,
        type: int,
        *,
        after: Cursor | None,
        before: Cursor | None,
        limit: int,
        direction: Direction,
        mask: int,
        match: int,
    ) -> list[Association]:
        if limit <= 0:
            return []
        statement = _SQL["assoc_range_newest" if direction is Direction.NEWEST_FIRST else "assoc_range_oldest"]
        rows = await self._fetch(statement, shard_of(source), source, type, *bounds(after, before), mask, match, limit)
        return [Association(*row) for row in rows]

    async def assoc_counts(self, sources: Sequence[int], types: Sequence[int]) -> dict[tuple[int, int], Count]:
        if not sources or not types:
            return {}
        distinct = list(dict.fromkeys(sources))
        rows = await self._fetch(_SQL["assoc_counts"], [shard_of(source) for source in distinct], distinct, types)
        return {(row[0], row[1]): Count(row[2], row[3]) for row in rows}

    async def assoc_merge(
        self,
        sources: Sequence[int],
        type: int,
        *,
        after: Cursor | None,
        before: Cursor | None,
        limit: int,
        budget: int,
        mask: int,
        match: int,
    ) -> Merge:
        distinct = list(dict.fromkeys(sources))
        if not distinct or limit <= 0:
            return Merge([], complete=True)
        [(found, targets, orders, flags, texts, complete)] = await self._fetch(
            _SQL["assoc_merge"], [shard_of(source) for source in distinct], distinct, type,
            type not in self._uncounted, *bounds(after, before), limit, max(0, budget), mask, match,
        )  # fmt: skip
        entries = [
            Association(source, type, target, order, flag, text)
            for source, target, order, flag, text in zip(found, targets, orders, flags, texts, strict=True)
        ]
        return Merge(entries, complete)

    async def name_get(self, names: Sequence[str]) -> dict[str, Name]:
        if not names:
            return {}
        rows = await self._fetch(_SQL["name_get"], [name_shard(name) for name in names], names)
        return {row[0]: Name(*row) for row in rows}

    async def name_range(self, space: str, prefix: str, *, after: str | None, limit: int) -> list[Name]:
        start = f"{space}/{prefix}"
        exclusive = after is not None and after.encode() >= start.encode()
        low = after if exclusive else start
        rows = await self._fetch(_SQL["name_range"], low, exclusive, prefix_end(start) or _HIGHEST, max(0, limit))
        return [Name(*row) for row in rows]

    async def scan(self, table: Table, *, shard: int | None, after: Sequence[object] | None, limit: int) -> ScanPage:
        """Cursors are the key of the last row, with its shard first."""
        low = list(after) if after is not None else _LOWEST[table]
        shards = (0, SHARDS - 1) if shard is None else (shard, shard)
        rows = await self._fetch(_SQL[f"scan_{table.value}"], *shards, *low, max(0, limit))
        width = len(low)
        page = [tuple(row)[width:] for row in rows]
        return ScanPage(page, tuple(rows[-1])[:width] if len(rows) == limit and rows else None)


_LOWEST: Final[Mapping[Table, list[object]]] = {
    Table.OBJECTS: [-1, 0],
    Table.ASSOCIATIONS: [-1, 0, 0, 0, 0],
    Table.COUNTS: [-1, 0, 0],
    Table.NAMES: [-1, ""],
    Table.CALLS: [-1, 0],
}
"""A cursor before every key of a table."""
