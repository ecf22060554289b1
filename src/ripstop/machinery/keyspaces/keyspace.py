"""Declarations of keyspaces, which are their accessors as well.

What a keyspace holds is *derived*: it may be lost at any moment, wholly or in part, and every user of one can do
without or build it again. It is never part of a batch. See docs/build/keyspaces.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from ripstop.engines.base import Cursor, Direction, Engine
from ripstop.engines.derived import (
    CounterAdd,
    Entry,
    KeyspaceKind,
    KeyspaceType,
    ListDrop,
    ListFill,
    ListOpen,
    ListPush,
    ListTouch,
    Slice,
    ValuePut,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Values(Generic[T]):
    """Text keys to values of one type, stored as JSON. A value that cannot be decoded any more counts as missing.

    :param ttl: seconds after which a value ends, counted from its last write; None: never.
    """

    name: str
    type: type[T]
    ttl: float | None = None

    def keyspace_type(self) -> KeyspaceType:
        """What the engine must know."""
        return KeyspaceType(name=self.name, kind=KeyspaceKind.VALUES, ttl=self.ttl)

    async def get(self, engine: Engine, keys: Sequence[str]) -> dict[str, T]:
        """The values of these keys; missing ones are absent."""
        found: dict[str, T] = {}
        for key, data in (await engine.keyspace_get(self.name, keys)).items():
            try:
                found[key] = msgspec.json.decode(data, type=self.type)  # type: ignore[arg-type]  # values are bytes
            except msgspec.DecodeError:
                continue
        return found

    async def put(self, engine: Engine, values: Mapping[str, T]) -> None:
        """Set these values."""
        await engine.keyspace_write(
            self.name, [ValuePut(key, msgspec.json.encode(value)) for key, value in values.items()]
        )

    async def drop(self, engine: Engine, keys: Iterable[str]) -> None:
        """Remove the values of these keys."""
        await engine.keyspace_write(self.name, [ValuePut(key, None) for key in keys])


@dataclass(frozen=True)
class Counters:
    """Text keys to whole numbers that begin at 0.

    :param ttl: seconds after which a counter ends, counted from its last change; None: never.
    """

    name: str
    ttl: float | None = None

    def keyspace_type(self) -> KeyspaceType:
        """What the engine must know."""
        return KeyspaceType(name=self.name, kind=KeyspaceKind.COUNTERS, ttl=self.ttl)

    async def get(self, engine: Engine, keys: Sequence[str]) -> dict[str, int]:
        """The counters of these keys, 0 where there is none."""
        found = await engine.keyspace_get(self.name, keys)
        return {key: int(found.get(key, 0)) for key in keys}

    async def add(self, engine: Engine, deltas: Mapping[str, int]) -> None:
        """Add to these counters."""
        await engine.keyspace_write(self.name, [CounterAdd(key, delta) for key, delta in deltas.items()])


@dataclass(frozen=True)
class Lists:
    """Ids to lists of (order, member), sorted and capped.

    Each list has a *floor*: entries at or above it are complete, those below must be had elsewhere. A push to a list
    that does not exist does nothing, so only lists that somebody reads cost anything.

    :param cap: the newest entries that a list keeps, at least; it holds somewhat more between two trims.
    :param ttl: seconds after which a list ends that nobody touched; None: never.
    """

    name: str
    cap: int
    ttl: float | None = None

    def keyspace_type(self) -> KeyspaceType:
        """What the engine must know."""
        return KeyspaceType(name=self.name, kind=KeyspaceKind.LISTS, cap=self.cap, ttl=self.ttl)

    async def range(
        self,
        engine: Engine,
        key: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        direction: Direction = Direction.NEWEST_FIRST,
    ) -> Slice | None:
        """A page of a list, strictly between two (order, member) cursors; None if there is no such list."""
        return await engine.keyspace_range(self.name, key, after=after, before=before, limit=limit, direction=direction)

    async def push(self, engine: Engine, keys: Sequence[int], entry: Entry) -> None:
        """Add an entry to each of these lists that exist. Idempotent."""
        await engine.keyspace_write(self.name, [ListPush(keys, entry)])

    async def open(self, engine: Engine, key: int, *, floor: int, entries: Sequence[Entry] = ()) -> None:
        """Create a list that is complete from `floor` on, with what is known to stand there.

        If there is one already its floor is lowered to this one if that is lower, and the entries are added.
        """
        await engine.keyspace_write(self.name, [ListOpen(key, floor), ListFill(key, floor, entries)])

    async def touch(self, engine: Engine, keys: Sequence[int]) -> None:
        """Say that these lists are in use, so that they do not end."""
        await engine.keyspace_write(self.name, [ListTouch(keys)])

    async def drop(self, engine: Engine, keys: Sequence[int]) -> None:
        """Remove these lists with all that they hold."""
        await engine.keyspace_write(self.name, [ListDrop(keys)])


Keyspace = Values[Any] | Counters | Lists


def keyspace_types(keyspaces: Iterable[Keyspace]) -> dict[str, KeyspaceType]:
    """The `keyspaces` of an engine's schema.

    :raises ValueError: two have the same name.
    """
    types: dict[str, KeyspaceType] = {}
    for keyspace in keyspaces:
        if keyspace.name in types:
            raise ValueError(f"The keyspace {keyspace.name} is declared twice.")
        types[keyspace.name] = keyspace.keyspace_type()
    return types
