"""Keyspaces and the text index: derived data, outside of batches."""

import itertools
import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from ripstop.engines.base import Cursor, Direction, Schema
from ripstop.engines.common import name_shard
from ripstop.engines.derived import (
    CounterAdd,
    Entry,
    KeyspaceChange,
    KeyspaceKind,
    KeyspaceType,
    ListDrop,
    ListFill,
    ListOpen,
    ListPush,
    ListTouch,
    Slice,
    TextDocument,
    TextHit,
    ValuePut,
)
from ripstop.engines.postgres.connections import RETRIED, Connections
from ripstop.engines.postgres.pool import Connection
from ripstop.engines.postgres.reads import bounds
from ripstop.engines.statements import load
from ripstop.kernel.errors import Unavailable
from ripstop.kernel.ids import shard_of

_SQL: Final = load(__package__, "sql/derived.sql")

_TRIES: Final = 5

_WORD: Final = re.compile(r"\w+")

_LONGEST_WORD: Final = 500
"""Characters after which a word is cut, in documents and queries alike: PostgreSQL holds 2,046 bytes."""

_MOST_BYTES: Final = 1_000_000
"""Bytes of distinct words of a document that are indexed, most: a tsvector ends at 2^20."""


class Keyspaces:
    """Named spaces of values, counters and lists, in UNLOGGED tables."""

    def __init__(self, connections: Connections, schema: Schema) -> None:
        self._connections = connections
        self._types = schema.keyspaces
        self._writers: Mapping[type, Callable[[Connection, KeyspaceType, Any], Awaitable[dict[str, int] | None]]] = {
            ValuePut: self._put_values,
            CounterAdd: self._add_counters,
            ListOpen: self._open,
            ListPush: self._push,
            ListFill: self._fill,
            ListTouch: self._touch,
            ListDrop: self._drop,
        }

    async def get(self, keyspace: str, keys: Sequence[str]) -> dict[str, bytes | int]:
        """See `ripstop.engines.base.Engine.keyspace_get`."""
        statement = _SQL["counters_get" if self._types[keyspace].kind is KeyspaceKind.COUNTERS else "values_get"]
        rows = await self._connections.fetch(statement, keyspace, [name_shard(key) for key in keys], keys)
        return dict(cast(Iterable[tuple[str, bytes | int]], rows))

    async def range(
        self, keyspace: str, key: int, *, after: Cursor | None, before: Cursor | None, limit: int, direction: Direction
    ) -> Slice | None:
        """See `ripstop.engines.base.Engine.keyspace_range`."""
        statement = _SQL["list_range_newest" if direction is Direction.NEWEST_FIRST else "list_range_oldest"]
        rows = await self._connections.fetch(
            statement, shard_of(key), keyspace, key, *bounds(after, before), max(0, limit)
        )
        if not rows:
            return None
        return Slice(rows[0][0], [Entry(row[1], row[2]) for row in rows if row[1] is not None])

    async def write(self, keyspace: str, changes: Sequence[KeyspaceChange]) -> dict[str, int]:
        """See `ripstop.engines.base.Engine.keyspace_write`. Neighbours of one kind are written by one statement."""
        type_ = self._types[keyspace]
        counters: dict[str, int] = {}
        for kind, run in itertools.groupby(changes, key=type):
            group = list(run)
            for attempt in range(_TRIES):
                try:
                    async with self._connections.writer() as connection:
                        counters.update(await self._writers[kind](connection, type_, group) or {})
                    break
                except RETRIED as error:
                    if attempt == _TRIES - 1:
                        raise Unavailable("Others write the same keys at the same time.", cause=error) from error
        return counters

    async def _put_values(self, connection: Connection, type_: KeyspaceType, changes: Sequence[ValuePut]) -> None:
        last = {change.key: change.value for change in changes}
        put = {key: value for key, value in last.items() if value is not None}
        removed = [key for key, value in last.items() if value is None]
        if put:
            shards = [name_shard(key) for key in put]
            await connection.execute(
                _SQL["values_put"], type_.name, shards, list(put), list(put.values()), _milliseconds(type_)
            )
        if removed:
            await connection.execute(_SQL["values_remove"], type_.name, [name_shard(key) for key in removed], removed)

    async def _add_counters(
        self, connection: Connection, type_: KeyspaceType, changes: Sequence[CounterAdd]
    ) -> dict[str, int]:
        sums: dict[str, int] = {}
        for change in changes:
            sums[change.key] = sums.get(change.key, 0) + change.delta
        shards = [name_shard(key) for key in sums]
        rows = await connection.fetch(
            _SQL["counters_add"], type_.name, shards, list(sums), list(sums.values()), _milliseconds(type_)
        )
        return dict(cast(Iterable[tuple[str, int]], rows))

    async def _open(self, connection: Connection, type_: KeyspaceType, changes: Sequence[ListOpen]) -> None:
        floors: dict[int, int] = {}
        for change in changes:
            floors.setdefault(change.key, change.floor)
        shards = [shard_of(key) for key in floors]
        await connection.execute(
            _SQL["lists_open"], type_.name, shards, list(floors), list(floors.values()), _milliseconds(type_)
        )

    async def _push(self, connection: Connection, type_: KeyspaceType, changes: Sequence[ListPush]) -> None:
        await self._add(connection, type_, [(key, change.entry) for change in changes for key in change.keys])

    async def _fill(self, connection: Connection, type_: KeyspaceType, changes: Sequence[ListFill]) -> None:
        for change in changes:
            async with connection.transaction():
                await self._add(connection, type_, [(change.key, entry) for entry in change.entries])
                await connection.execute(
                    _SQL["list_lower"], shard_of(change.key), type_.name, change.key, change.floor,
                    _milliseconds(type_) or 0,
                )  # fmt: skip

    async def _add(self, connection: Connection, type_: KeyspaceType, rows: Sequence[tuple[int, Entry]]) -> None:
        if rows:
            await connection.execute(
                _SQL["list_add"], type_.name, type_.cap, [shard_of(key) for key, _ in rows], [key for key, _ in rows],
                [entry.order for _, entry in rows], [entry.member for _, entry in rows],
            )  # fmt: skip

    async def _touch(self, connection: Connection, type_: KeyspaceType, changes: Sequence[ListTouch]) -> None:
        keys = [key for change in changes for key in change.keys]
        if type_.ttl is not None:
            await connection.execute(
                _SQL["lists_touch"], type_.name, [shard_of(key) for key in keys], keys, _milliseconds(type_)
            )

    async def _drop(self, connection: Connection, type_: KeyspaceType, changes: Sequence[ListDrop]) -> None:
        keys = [key for change in changes for key in change.keys]
        await connection.execute(_SQL["lists_drop"], type_.name, [shard_of(key) for key in keys], keys)


class TextIndex:
    """Documents found by all of their words, under a `tsvector` with positions left out."""

    def __init__(self, connections: Connections, schema: Schema) -> None:
        self._connections = connections
        self._indexes = schema.text_indexes

    async def write(self, index: str, documents: Sequence[TextDocument]) -> None:
        """See `ripstop.engines.base.Engine.text_write`."""
        self._check(index)
        last = {document.id: document for document in documents}
        put = [document for document in last.values() if document.text is not None]
        removed = [document.id for document in last.values() if document.text is None]
        async with self._connections.writer() as connection:
            if put:
                await connection.execute(
                    _SQL["text_put"], index, [shard_of(document.id) for document in put],
                    [document.id for document in put], [document.order for document in put],
                    [_lexemes(document.text or "") for document in put],
                    [_array(document.filters) for document in put],
                )  # fmt: skip
            if removed:
                await connection.execute(_SQL["text_remove"], index, [shard_of(id) for id in removed], removed)

    async def query(
        self, index: str, query: str, *, filters: Sequence[str], limit: int, budget: float
    ) -> list[TextHit]:
        """See `ripstop.engines.base.Engine.text_query`.

        :raises Overloaded: the budget did not suffice.
        """
        self._check(index)
        wanted = " & ".join(sorted({f"'{word}'" for word in _words(query)}))
        held = [f"={index}", *filters]
        if limit <= 0 or not (wanted or filters or not query.strip()):  # punctuation alone: no document holds that
            return []
        rows = await self._connections.fetch_within(budget, _SQL["text_query"], index, wanted, held, limit)
        return [TextHit(row[0], row[1]) for row in rows]

    def _check(self, index: str) -> None:
        if index not in self._indexes:
            raise ValueError(f"There is no text index {index}.")


def _milliseconds(type_: KeyspaceType) -> int | None:
    return None if type_.ttl is None else round(type_.ttl * 1000)


def _words(text: str) -> Iterable[str]:
    """The words of a text, folded so that case and width do not matter."""
    return (word[:_LONGEST_WORD] for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _lexemes(text: str) -> str:
    """A text as the input of `tsvector`: its distinct words, quoted. A word has no quote and no backslash in it."""
    distinct = list(dict.fromkeys(_words(text)))
    ends = itertools.accumulate(len(word.encode()) for word in distinct)
    return " ".join(f"'{word}'" for word, end in zip(distinct, ends, strict=True) if end <= _MOST_BYTES)


def _array(words: Sequence[str]) -> str:
    """Texts as the input of `text[]`, since arrays of arrays of different lengths do not exist."""
    quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "{" + ",".join(f'"{word}"' for word in quoted) + "}"
