"""Reads of `main.db`, in place on the event loop: no operation here ever waits for anything but the disk."""

import heapq
from array import array
from collections.abc import Sequence
from typing import Any

import apsw

from ripstop.engines.base import (
    MAX_ORDER,
    Association,
    CallLimit,
    CallRow,
    Changes,
    Count,
    Counted,
    Cursor,
    Direction,
    FunctionBacklog,
    Merge,
    Name,
    Object,
    Schema,
)
from ripstop.engines.common import prefix_end
from ripstop.engines.sqlite.commits import CommitCounter
from ripstop.engines.sqlite.connection import Reader
from ripstop.engines.sqlite.lines import Budgets, has_open_line
from ripstop.engines.statements import load

_SQL = load(__package__, "statements/reads.sql", "statements/calls.sql")
_OBJECT_GET = _SQL["object_get"]
_OBJECT_GET_1 = _SQL["object_get_1"]
_ASSOC_GET = _SQL["assoc_get"]
_ASSOC_GET_1 = _SQL["assoc_get_1"]
_ASSOC_RANGE = {Direction.NEWEST_FIRST: _SQL["assoc_newest"], Direction.OLDEST_FIRST: _SQL["assoc_oldest"]}
_ASSOC_COUNTS = _SQL["assoc_counts"]
_MERGE_ROWS = _SQL["merge_rows"]
_CHANGES = _SQL["changes"]

_BOTTOM: Cursor = (-1, -1)
_TOP: Cursor = (MAX_ORDER, MAX_ORDER)


def bounds(after: Cursor | None, before: Cursor | None) -> tuple[int, int, int, int]:
    """Two exclusive cursors as statements want them: the low one exclusive, the high one inclusive."""
    return (*(after or _BOTTOM), *((before[0], before[1] - 1) if before else _TOP))


MERGE_CHUNK = 32
"""Lists that a merge opens with its first statement; each further one opens twice as many."""

HIGHEST = "\U0010ffff" * 8
"""Sorts after every name that there is."""


def numbers(ids: Sequence[int]) -> Any:
    """Integers as one array that a statement reads as a table; there must be at least one."""
    return apsw.carray(array("q", ids))


class MainReader:
    """The reads on rows of record, on one connection of the event loop's thread."""

    def __init__(self, reader: Reader, schema: Schema, commits: CommitCounter) -> None:
        self.reader = reader
        self._rows = reader.rows
        self._commits = commits
        self._followed: tuple[int, int] | None = None
        """The number of commits and the cursor that were read together."""
        self._uncounted = {number for number, type_ in schema.associations.items() if type_.counted is Counted.NO}

    def object_get(self, ids: Sequence[int]) -> dict[int, Object]:
        if len(ids) == 1:
            rows = self._rows(_OBJECT_GET_1, (ids[0],))
        elif ids:
            rows = self._rows(_OBJECT_GET, (numbers(ids),))
        else:
            return {}
        return {row[0]: Object._make(row) for row in rows}

    def assoc_get(self, source: int, types: Sequence[int], targets: Sequence[int]) -> list[Association]:
        if not types or not targets:
            return []
        if len(types) == 1:
            rows = self._rows(_ASSOC_GET_1, (source, types[0], numbers(list(dict.fromkeys(targets)))))
        else:
            rows = self._rows(_ASSOC_GET, (source, numbers(types), numbers(targets)))
        return list(map(Association._make, rows))

    def assoc_range(
        self,
        source: int,
        type_: int,
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
        rows = self._rows(_ASSOC_RANGE[direction], (source, type_, *bounds(after, before), mask, match, limit))
        return list(map(Association._make, rows))

    def assoc_counts(self, sources: Sequence[int], types: Sequence[int]) -> dict[tuple[int, int], Count]:
        if not sources or not types:
            return {}
        rows = self._rows(_ASSOC_COUNTS, (numbers(sources), numbers(types)))
        return {(source, type_): Count(length, newest) for source, type_, length, newest in rows}

    def assoc_merge(
        self,
        sources: Sequence[int],
        type_: int,
        *,
        after: Cursor | None,
        before: Cursor | None,
        limit: int,
        budget: int,
        mask: int,
        match: int,
    ) -> Merge:
        """Lists are opened in the order of their newest entries, in chunks, until no other one can contribute."""
        if not sources or limit <= 0:
            return Merge([], True)
        low_order, low_target, *high = bounds(after, before)
        lists = self._by_newest(sources, type_, low_order)
        if mask == 0:
            low_order, low_target = max((low_order, low_target), (_floor(lists, high[0], limit), -1))
        found: list[tuple[Any, ...]] = []
        opened, size = 0, MERGE_CHUNK
        while opened < len(lists):
            chunk = [source for newest, source in lists[opened : opened + size] if newest >= low_order]
            if not chunk:
                break
            if opened + len(chunk) > budget:
                chunk = chunk[: max(0, budget - opened)]
                if not chunk:
                    return Merge(list(map(Association._make, found)), False)
            opened += len(chunk)
            size *= 2
            rows = self._rows(_MERGE_ROWS, (numbers(chunk), type_, low_order, low_target, *high, mask, match, limit))
            found = list(heapq.merge(found, rows, key=_place, reverse=True))[:limit] if found else rows
            if len(found) == limit:
                # What is on the page already bounds from below what may still come onto it.
                low_order, low_target = max((low_order, low_target), _place(found[-1]))
        return Merge(list(map(Association._make, found)), True)

    def _by_newest(self, sources: Sequence[int], type_: int, lowest: int) -> list[tuple[int, int]]:
        """(newest order, source) of the lists that have something at or above an order, highest first."""
        if type_ in self._uncounted:
            # Nothing is known of their newest rows, so each may contribute.
            return [(MAX_ORDER, source) for source in dict.fromkeys(sources)]
        rows: list[Any] = self._rows(_SQL["merge_newest"], (numbers(list(dict.fromkeys(sources))), type_, lowest))
        return rows

    def name_get(self, names: Sequence[str], now_ms: int) -> dict[str, Name]:
        if not names:
            return {}
        rows = self._rows(_SQL["name_get"], (apsw.carray(tuple(names)), now_ms))
        return {row[0]: Name._make(row) for row in rows}

    def name_range(self, space: str, prefix: str, *, after: str | None, limit: int, now_ms: int) -> list[Name]:
        low = f"{space}/{prefix}"
        high = prefix_end(low) or HIGHEST
        rows = self._rows(_SQL["name_range"], (low, after or "", high, now_ms, limit))
        return list(map(Name._make, rows))

    def call_stats(self, functions: Sequence[str] | None, parent: int | None) -> dict[str, FunctionBacklog]:
        if parent is not None:
            rows = self._rows(_SQL["call_stats_parts"], (parent,))
            rows = [row for row in rows if functions is None or row[0] in functions]
        elif functions is None:
            rows = self._rows(_SQL["call_stats"])
        elif functions:
            rows = self._rows(_SQL["call_stats_of"], (apsw.carray(tuple(functions)),))
        else:
            return {}
        return {row[0]: FunctionBacklog._make(row[1:]) for row in rows}

    def call_get(self, ids: Sequence[int]) -> dict[int, CallRow]:
        rows = self._rows(_SQL["call_get"], (numbers(ids),)) if ids else []
        return {row[0]: CallRow._make(row) for row in rows}

    def lease_any(self, classes: Sequence[int], now_ms: int, limits: Sequence[CallLimit]) -> bool:
        """Whether a request for leases would find anything to do."""
        if not classes:
            return False
        if has_open_line(self._rows, classes, Budgets(limits)):
            return True
        [(moves,)] = self._rows(_SQL["lease_moves"], (now_ms,))
        return bool(moves)

    def changes(self, cursor: int) -> Changes:
        commits = self._commits.number  # before the log is read: what comes between is read twice, and never missed
        if self._followed == (commits, cursor):
            return Changes(cursor, (), (), False)
        found = self._changes(cursor)
        self._followed = None if commits & 1 else (commits, found.cursor)
        return found

    def _changes(self, cursor: int) -> Changes:
        if cursor < 0:
            return self._lost()
        rows = self._rows(_CHANGES, (cursor,))
        if rows and rows[0][0] == cursor:
            del rows[0]
        elif cursor > 0 or (rows and rows[0][0] > 1):
            return self._lost()  # trimmed, or of another store
        if not rows:
            return Changes(cursor, (), (), False)
        ids = array("q")
        flat = array("q")
        for _, packed_ids, packed_lists in rows:
            ids.frombytes(packed_ids)
            flat.frombytes(packed_lists)
        return Changes(rows[-1][0], ids, list(zip(flat[::2], flat[1::2], strict=True)), False)

    def _lost(self) -> Changes:
        [(last,)] = self._rows(_SQL["changes_last"])
        return Changes(last, (), (), True)

    def close(self) -> None:
        self.reader.close()
        self._commits.close()


def _floor(lists: list[tuple[int, int]], high_order: int, limit: int) -> int:
    """An order that every row on the page reaches: so many lists have their newest row between it and the cursor.

    Only where no flags are asked for, since the newest row may not have them.
    """
    below = [newest for newest, _ in lists if newest < high_order]
    return below[limit - 1] if len(below) >= limit else -1


def _place(row: tuple[Any, ...]) -> Cursor:
    return row[3], row[2]
