"""The shard discipline, held to by a store around the store.

On one machine a batch may touch whatever it likes, and the code that does so breaks on many machines. Under the
tests every store is wrapped by this: it refuses each batch that leaves its home shard by more than the contract
allows (`ripstop.engines.batch`), each statement that the protocol does not have (a read by key in a direction
without keys, a keyspace or a type that was never declared), and each value that some engine could not hold.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from ripstop.engines.base import (
    MAX_ORDER,
    Association,
    AssociationType,
    CallLimit,
    CallRow,
    Changes,
    Count,
    Criticality,
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
    Store,
    Table,
)
from ripstop.engines.batch import (
    AnyOperation,
    AssociationDelete,
    AssociationPut,
    Batch,
    CallAgain,
    CallDead,
    CallDone,
    CallPut,
    CheckAssociation,
    CheckLease,
    CheckName,
    CheckObject,
    NameSet,
    ObjectDelete,
    ObjectPatch,
    ObjectPut,
    Outcome,
)
from ripstop.engines.derived import (
    CounterAdd,
    KeyspaceChange,
    KeyspaceKind,
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
from ripstop.kernel.ids import MAX_ID, SHARDS, shard_of
from tests.world import PATIENCE

MAX_FLAGS = (1 << 31) - 1
KINDS = {
    ValuePut: KeyspaceKind.VALUES,
    CounterAdd: KeyspaceKind.COUNTERS,
    **dict.fromkeys((ListOpen, ListPush, ListFill, ListTouch, ListDrop), KeyspaceKind.LISTS),
}


class Undisciplined(AssertionError):
    """What was asked would not work, or not work everywhere, on a store of many machines."""


def wrap(store: Store, schema: Schema) -> Store:
    """The store, refusing whatever breaks the discipline with `Undisciplined`."""
    return DisciplinedStore(store, schema)


def check_batch(batch: Batch, schema: Schema) -> None:
    """Raise `Undisciplined` unless the batch keeps to its home shard and to values that any engine can hold."""
    _demand(0 <= batch.home < SHARDS, f"a batch's home is a shard, not {batch.home}")
    foreign_calls = set()
    for operation in batch.operations:
        _check_values(operation, schema)
        touched = _touched(operation)
        if touched is None or shard_of(touched) == batch.home:
            continue
        if isinstance(operation, CheckLease | CallDone | CallAgain | CallDead):
            foreign_calls.add(touched)
            _demand(len(foreign_calls) == 1, f"a batch ends one call of another shard at most: {operation}")
            continue
        raise Undisciplined(f"a batch of shard {batch.home} touches shard {shard_of(touched)}: {operation}")


def _touched(operation: AnyOperation) -> int | None:
    """The id in whose shard the operation happens; None for names, which may be touched from anywhere."""
    match operation:
        case CheckName() | NameSet():
            return None
        case CheckObject(id=id) | ObjectPut(id=id) | ObjectPatch(id=id) | ObjectDelete(id=id) | CallPut(id=id):
            return id
        case CheckAssociation(source=id) | AssociationPut(source=id) | AssociationDelete(source=id):
            return id
        case CheckLease(call=id) | CallDone(call=id) | CallAgain(call=id) | CallDead(call=id):
            return id


def _check_values(operation: AnyOperation, schema: Schema) -> None:
    match operation:
        case ObjectPut(id=id, data=data):
            _check_id(id)
            _check_json(data)
        case ObjectPatch(patch=patch):
            _check_json(patch)
        case AssociationPut(source=source, target=target, order=order, flags=flags, data=data):
            _check_id(source)
            _check_id(target)
            _demand(0 <= order <= MAX_ORDER, f"an order has 63 bits: {operation}")
            _demand(0 <= flags <= MAX_FLAGS, f"flags have 31 bits: {operation}")
            _demand(_type(schema, operation.type).forward, f"batches write forward directions only: {operation}")
            if data is not None:
                _check_json(data)
        case AssociationDelete(type=type):
            _demand(_type(schema, type).forward, f"batches write forward directions only: {operation}")
        case CheckAssociation(type=type):
            _demand(_type(schema, type).keyed, f"this direction is not keyed: {operation}")
        case CheckName(name=name) | NameSet(name=name):
            _check_name(name)
        case CallPut(id=id, function=function):
            _check_id(id)
            _demand(function != "", f"a call names its function: {operation}")
            _demand(operation.criticality in set(Criticality), f"no such criticality: {operation}")
        case _:
            pass


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise Undisciplined(sentence)


def _check_id(id: int) -> None:
    _demand(0 < id <= MAX_ID, f"an id is positive and has 63 bits, not {id}")


def _check_name(name: str) -> None:
    space, slash, _ = name.partition("/")
    _demand(bool(space and slash), f"a name begins with its space and a slash: {name!r}")
    _check_text(name)


def _check_text(text: str) -> None:
    _demand("\0" not in text, f"PostgreSQL holds no NUL in text: {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Undisciplined(f"not Unicode: {text!r}") from error


def _check_json(text: str) -> None:
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise Undisciplined(f"data are the text of a JSON object: {text!r}") from error


def _type(schema: Schema, number: int) -> AssociationType:
    _demand(number in schema.associations, f"no association type {number} was declared")
    return schema.associations[number]


class DisciplinedStore:
    """Hands everything on to another store, after a look."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema

    # Reads

    async def object_get(self, ids: Sequence[int]) -> dict[int, Object]:
        return await self._store.object_get(ids)

    async def assoc_get(self, source: int, types: Sequence[int], targets: Sequence[int]) -> list[Association]:
        for type in types:
            _demand(_type(self._schema, type).keyed, f"association type {type} is not keyed: it answers ranges only")
        return await self._store.assoc_get(source, types, targets)

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
        _type(self._schema, type)
        _check_page(limit, mask, match)
        return await self._store.assoc_range(
            source, type, after=after, before=before, limit=limit, direction=direction, mask=mask, match=match
        )

    async def assoc_counts(self, sources: Sequence[int], types: Sequence[int]) -> dict[tuple[int, int], Count]:
        for type in types:
            _type(self._schema, type)
        return await self._store.assoc_counts(sources, types)

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
        _type(self._schema, type)
        _check_page(limit, mask, match)
        _demand(budget > 0, "a merge without a budget opens nothing")
        return await self._store.assoc_merge(
            sources, type, after=after, before=before, limit=limit, budget=budget, mask=mask, match=match
        )

    async def name_get(self, names: Sequence[str]) -> dict[str, Name]:
        for name in names:
            _check_name(name)
        return await self._store.name_get(names)

    async def name_range(self, space: str, prefix: str, *, after: str | None = None, limit: int) -> list[Name]:
        _check_name(f"{space}/{prefix}")
        _check_page(limit)
        return await self._store.name_range(space, prefix, after=after, limit=limit)

    async def scan(self, table: Table, *, shard: int | None, after: tuple[object, ...] | None, limit: int) -> ScanPage:
        _check_page(limit)
        return await self._store.scan(table, shard=shard, after=after, limit=limit)

    async def text_query(
        self, index: str, query: str, *, filters: Sequence[str] = (), limit: int, budget: float
    ) -> list[TextHit]:
        self._check_index(index)
        _check_page(limit)
        return await self._store.text_query(index, query, filters=filters, limit=limit, budget=budget)

    async def keyspace_get(self, keyspace: str, keys: Sequence[str]) -> dict[str, bytes | int]:
        kind = self._kind(keyspace)
        _demand(kind is not KeyspaceKind.LISTS, f"keyspace {keyspace} holds lists: it answers ranges")
        return await self._store.keyspace_get(keyspace, keys)

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
        _demand(self._kind(keyspace) is KeyspaceKind.LISTS, f"keyspace {keyspace} holds no lists")
        _check_page(limit)
        return await self._store.keyspace_range(
            keyspace, key, after=after, before=before, limit=limit, direction=direction
        )

    async def call_stats(
        self, functions: Sequence[str] | None = None, *, parent: int | None = None
    ) -> dict[str, FunctionBacklog]:
        return await self._store.call_stats(functions, parent=parent)

    # Writes

    async def commit(
        self, batches: Sequence[Batch], *, lane: Lane = Lane.FOREGROUND, deadline: float = PATIENCE
    ) -> list[Outcome]:
        """With more patience than an engine has, since tests share a machine with others."""
        for batch in batches:
            check_batch(batch, self._schema)
        return await self._store.commit(batches, lane=lane, deadline=deadline)

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
        _demand(0 <= shards[0] <= shards[1] <= SHARDS, f"not a half-open range of shards: {shards}")
        _demand(seconds > 0, "a lease lasts for some time")
        return await self._store.call_lease(
            classes, limit=limit, seconds=seconds, shards=shards, renew=renew, limits=limits
        )

    async def keyspace_write(self, keyspace: str, changes: Sequence[KeyspaceChange]) -> dict[str, int]:
        kind = self._kind(keyspace)
        for change in changes:
            _demand(KINDS[type(change)] is kind, f"keyspace {keyspace} holds {kind.value}: {change}")
            match change:
                case ValuePut(key=key) | CounterAdd(key=key):
                    _check_text(key)
                case ListPush(entry=entry):
                    _demand(0 <= entry.order <= MAX_ORDER, f"an order has 63 bits: {change}")
                    _check_id(entry.member)
                case _:
                    pass
        return await self._store.keyspace_write(keyspace, changes)

    async def text_write(self, index: str, documents: Sequence[TextDocument]) -> None:
        self._check_index(index)
        for document in documents:
            _check_id(document.id)
        await self._store.text_write(index, documents)

    # Keeping the store

    @property
    def read_only(self) -> str | None:
        return self._store.read_only

    @property
    def commit_seconds(self) -> float:
        return self._store.commit_seconds

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    async def changes(self, cursor: int) -> Changes:
        return await self._store.changes(cursor)

    async def inspect(self) -> Inspection:
        return await self._store.inspect()

    async def now_ms(self) -> int:
        return await self._store.now_ms()

    async def call_get(self, ids: Sequence[int]) -> dict[int, CallRow]:
        for id in ids:
            _check_id(id)
        return await self._store.call_get(ids)

    async def dead_calls(self, *, after: tuple[int, int] | None, limit: int) -> list[CallRow]:
        _check_page(limit)
        return await self._store.dead_calls(after=after, limit=limit)

    async def sweep(self, *, now_ms: int, limit: int) -> dict[str, int]:
        return await self._store.sweep(now_ms=now_ms, limit=limit)

    async def backup(self, target: Path) -> None:
        await self._store.backup(target)

    async def restore(self, source: Path) -> None:
        await self._store.restore(source)

    def check(self) -> AsyncIterator[Fault]:
        return self._store.check()

    def _kind(self, keyspace: str) -> KeyspaceKind:
        _demand(keyspace in self._schema.keyspaces, f"no keyspace {keyspace} was declared")
        return self._schema.keyspaces[keyspace].kind

    def _check_index(self, index: str) -> None:
        _demand(index in self._schema.text_indexes, f"no text index {index} was declared")


def _check_page(limit: int, mask: int = 0, match: int = 0) -> None:
    _demand(limit > 0, f"a page has entries, not {limit}")
    _demand(match & ~mask == 0, f"match {match} has flags outside of mask {mask}, so nothing can match")
