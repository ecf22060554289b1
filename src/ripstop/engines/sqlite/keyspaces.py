"""Keyspaces: values, counters and capped sorted lists in `derived.db`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import apsw

from ripstop.engines.base import Cursor, Direction
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
    ValuePut,
)
from ripstop.engines.sqlite.connection import Reader
from ripstop.engines.sqlite.reads import bounds, numbers
from ripstop.engines.sqlite.transaction import FileTransaction
from ripstop.engines.statements import load

_SQL = load(__package__, "statements/keyspaces.sql")
_ENTRIES = {Direction.NEWEST_FIRST: _SQL["entries_newest"], Direction.OLDEST_FIRST: _SQL["entries_oldest"]}

TRIM_EVERY = 64
"""Additions to a list between two trims."""

_TOUCH_SHARE = 8
"""A touch moves the end of a list only if it is so large a part of the time to live nearer than it should be."""

_LIST_CHANGES = (ListOpen, ListPush, ListFill, ListTouch, ListDrop)
_KINDS: dict[KeyspaceKind, tuple[type, ...]] = {
    KeyspaceKind.VALUES: (ValuePut,),
    KeyspaceKind.COUNTERS: (CounterAdd,),
    KeyspaceKind.LISTS: _LIST_CHANGES,
}


def number_keyspaces(connection: apsw.Connection, keyspaces: Mapping[str, KeyspaceType]) -> dict[str, int]:
    """The numbers by which the file knows these keyspaces; new ones are given numbers."""
    with connection:
        connection.executemany(_SQL["keyspace_add"], [(name,) for name in sorted(keyspaces)])
    rows: list[Any] = connection.execute(_SQL["keyspace_numbers"]).fetchall()
    return dict(rows)


def note_boot(connection: apsw.Connection, boot: str) -> bool:
    """Note under which boot of the machine the file is used; whether its lists had to be dropped.

    Commits here are not forced to disk one by one. So when the machine (not only a process) went down without a
    clean close, lists may have lost entries whose causes are known as done, and no list can be trusted any more.
    Must be called under the folder's lock for opening.
    """
    [(before,)] = connection.execute(_SQL["boot_get"]).fetchall()
    if before == boot:
        return False
    connection.pragma("synchronous", "FULL")
    with connection:
        if before:
            connection.execute(_SQL["forget_entries"])
            connection.execute(_SQL["forget_lists"])
        connection.execute(_SQL["boot_set"], (boot,))
    connection.pragma("synchronous", "NORMAL")
    return bool(before)


def note_clean_close(connection: apsw.Connection) -> None:
    """Put everything on disk and say so. Only for the last process that has the file open."""
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.pragma("synchronous", "FULL")
    connection.execute(_SQL["boot_set"], ("",))


class KeyspaceReader:
    """Reads, in place on the event loop."""

    def __init__(self, reader: Reader, keyspaces: Mapping[str, KeyspaceType], numbers_: Mapping[str, int]) -> None:
        self._reader = reader
        self._rows = reader.rows
        self._numbers = {name: numbers_[name] for name in keyspaces}

    def get(self, keyspace: str, keys: Sequence[str], now_ms: int) -> dict[str, bytes | int]:
        number = self._numbers[keyspace]
        if not keys:
            return {}
        return dict(self._rows(_SQL["cells_get"], (number, apsw.carray(tuple(keys)), now_ms)))

    def range(
        self,
        keyspace: str,
        key: int,
        *,
        after: Cursor | None,
        before: Cursor | None,
        limit: int,
        direction: Direction,
        now_ms: int,
    ) -> Slice | None:
        # One statement, so that the floor and the entries are of one moment.
        place = (self._numbers[keyspace], key, now_ms)
        rows = self._rows(_ENTRIES[direction], (*place, *bounds(after, before), limit)) if limit > 0 else []
        if rows:
            return Slice(rows[0][0], [Entry(order, member) for _, order, member in rows])
        floors = self._rows(_SQL["list_floor"], place)
        return Slice(floors[0][0], []) if floors else None

    def close(self) -> None:
        self._reader.close()


class KeyspaceTransaction(FileTransaction):
    """A group of changes to `derived.db`. Lives in the writer's thread."""

    def __init__(
        self, connection: apsw.Connection, keyspaces: Mapping[str, KeyspaceType], numbers_: Mapping[str, int]
    ) -> None:
        super().__init__(connection, durable=False)
        self._keyspaces = keyspaces
        self._numbers = numbers_
        self._appliers: dict[type, Callable[[KeyspaceType, int, Any], None]] = {
            ValuePut: self._value_put,
            ListOpen: self._list_open,
            ListPush: self._list_push,
            ListFill: self._list_fill,
            ListTouch: self._list_touch,
            ListDrop: self._list_drop,
        }

    def write(self, keyspace: str, changes: Sequence[KeyspaceChange]) -> dict[str, int]:
        """Apply changes in order; answers with the counters that were added to."""
        type_ = self._keyspaces[keyspace]
        number = self._numbers[keyspace]
        allowed = _KINDS[type_.kind]
        counters: dict[str, int] = {}
        for change in changes:
            if type(change) not in allowed:
                raise ValueError(f"The keyspace {keyspace} holds {type_.kind.value}, which know no {change!r}.")
            if isinstance(change, CounterAdd):
                counters[change.key] = self._counter_add(type_, number, change)
            else:
                self._appliers[type(change)](type_, number, change)
        return counters

    def _ends(self, keyspace: KeyspaceType) -> int | None:
        return None if keyspace.ttl is None else self.now_ms + round(keyspace.ttl * 1000)

    def _value_put(self, keyspace: KeyspaceType, number: int, change: ValuePut) -> None:
        if change.value is None:
            self._execute(_SQL["value_drop"], (number, change.key))
        else:
            self._execute(_SQL["value_put"], (number, change.key, change.value, self._ends(keyspace)))

    def _counter_add(self, keyspace: KeyspaceType, number: int, change: CounterAdd) -> int:
        values = (number, change.key, change.delta, self._ends(keyspace), self.now_ms)
        [(value,)] = self._execute(_SQL["counter_add"], values).fetchall()
        return int(value)

    def _list_open(self, keyspace: KeyspaceType, number: int, change: ListOpen) -> None:
        if keyspace.ttl is not None:
            ended = self._execute(_SQL["drop_ended"], (number, change.key, self.now_ms)).fetchall()
            self._drop([list_ for (list_,) in ended])
        self._execute(_SQL["list_open"], (number, change.key, change.floor, self._ends(keyspace)))

    def _list_push(self, keyspace: KeyspaceType, number: int, change: ListPush) -> None:
        if not change.keys:
            return
        # Three statements, whatever the number of lists: the rest happens inside of SQLite.
        keys = numbers(change.keys)
        self._execute(_SQL["push_entries"], (*change.entry, number, keys, self.now_ms))
        self._execute(_SQL["push_counts"], (number, keys))
        full = self._execute(_SQL["push_full"], (number, keys, TRIM_EVERY)).fetchall()
        self._trim([list_ for (list_,) in full], keyspace.cap)

    def _list_fill(self, keyspace: KeyspaceType, number: int, change: ListFill) -> None:
        found = self._execute(_SQL["list_head"], (number, change.key, self.now_ms)).fetchall()
        if not found:
            return
        list_ = found[0][0]
        self._cursor.executemany(_SQL["fill_entry"], [(list_, *entry) for entry in change.entries])
        self._execute(_SQL["fill_head"], (change.floor, len(change.entries), list_))
        full = self._execute(_SQL["push_full"], (number, numbers([change.key]), TRIM_EVERY)).fetchall()
        self._trim([list_ for (list_,) in full], keyspace.cap)

    def _trim(self, lists: Sequence[int], cap: int) -> None:
        if not lists or cap <= 0:
            return
        values = [(list_, cap - 1) for list_ in lists]
        self._cursor.executemany(_SQL["trim_entries"], values)
        self._cursor.executemany(_SQL["trim_floor"], values)

    def _list_touch(self, keyspace: KeyspaceType, number: int, change: ListTouch) -> None:
        ends = self._ends(keyspace)
        if ends is None or not change.keys:
            return
        nearer = ends - round((keyspace.ttl or 0) * 1000 / _TOUCH_SHARE)
        self._execute(_SQL["touch"], (ends, number, numbers(change.keys), self.now_ms, nearer))

    def _list_drop(self, keyspace: KeyspaceType, number: int, change: ListDrop) -> None:
        if change.keys:
            found = self._execute(_SQL["drop_find"], (number, numbers(change.keys))).fetchall()
            self._drop([list_ for (list_,) in found])

    def _drop(self, lists: Sequence[int]) -> None:
        if lists:
            self._execute(_SQL["drop_entries"], (numbers(lists),))
            self._execute(_SQL["drop_lists"], (numbers(lists),))

    def sweep(self, *, now_ms: int, limit: int) -> dict[str, int]:
        """Remove up to `limit` of each: cells and lists that have ended."""
        self._execute(_SQL["sweep_cells"], (now_ms, limit))
        cells = self._changes()
        lists = [list_ for (list_,) in self._execute(_SQL["sweep_lists"], (now_ms, limit)).fetchall()]
        self._drop(lists)
        return {"cells": cells, "lists": len(lists)}
