"""The store on SQLite as the origin of a move; see `ripstop.engines.moving`.

Triggers take the notes: they belong to the file, so every process that writes takes them, in its own transactions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from ripstop.engines.base import Counted, Schema, Table
from ripstop.engines.moving import KEYS, PAGE, Noted, Row
from ripstop.engines.sqlite.clock import EngineClock
from ripstop.engines.sqlite.connection import connect
from ripstop.engines.sqlite.folder import DataFolder, FileLock
from ripstop.engines.statements import load
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.errors import RipstopError

_SQL = load(__package__, "statements/moving.sql", "statements/transaction.sql")

_CACHE_KB = 32 << 10

_START: dict[Table, Row] = {
    Table.OBJECTS: (-1,),
    Table.ASSOCIATIONS: (-1, -1, -1, -1),
    Table.COUNTS: (-1, -1),
    Table.NAMES: ("",),
    Table.CALLS: (-1,),
}


class SqliteOrigin:
    """Satisfies `ripstop.engines.moving.Origin`. Reads beside a running server."""

    _connection: apsw.Connection
    _lock: FileLock
    """While nobody else writes."""

    def __init__(self, folder: Path, schema: Schema) -> None:
        self._folder = DataFolder(folder)
        self._striped = {number for number, type_ in schema.associations.items() if type_.counted is Counted.STRIPED}

    @property
    def moved_to(self) -> str | None:
        return self._folder.moved_to

    def follow(self) -> str:
        self._open()
        if not self._rows("follows")[0][0]:
            with self._writing():
                self._connection.execute(_SQL["follow"])
        return str(self._rows("token")[0][0])

    def forget(self) -> None:
        self._open()
        with self._writing():
            self._connection.execute(_SQL["forget"])

    def _open(self) -> None:
        if not self._folder.main.exists():
            raise RipstopError(f"There is no store in {self._folder.path} to be moved.")
        self._connection = connect(self._folder.main, cache_kb=_CACHE_KB, durable=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write as the writers of the store do, one at a time."""
        with self.stopped():
            self._connection.execute(_SQL["begin"])
            try:
                yield
            except BaseException:
                self._connection.execute(_SQL["rollback"])
                raise
            self._connection.execute(_SQL["commit"])

    def page(self, table: Table, after: Row | None, limit: int) -> list[Row]:
        start = _START[table] if after is None else after
        return self._shown(table, self._rows(f"rows_{table.value}", (*start, limit)))

    @contextmanager
    def snapshot(self) -> Iterator[int]:
        self._connection.execute(_SQL["snapshot"])
        try:
            yield int(self._rows("last")[0][0])
        finally:
            self._connection.execute(_SQL["commit"])

    def noted(self, table: Table, after: int, until: int) -> Noted:
        keys = self._rows(f"keys_{table.value}", (after, until))
        statement = _SQL[f"row_{table.value}"]
        found = [row for key in keys for row in self._connection.execute(statement, key)]
        return Noted(keys, self._shown(table, found))

    def all(self, table: Table) -> Iterator[list[Row]]:
        after: Row | None = None
        while rows := self.page(table, after, PAGE):
            yield rows
            after = rows[-1][: KEYS[table]]

    @contextmanager
    def stopped(self) -> Iterator[None]:
        lock = self._lock = FileLock(self._folder.write_lock(self._folder.main))
        lock.acquire()
        try:
            lock.note_after(EngineClock(SystemClock()))
            yield
        finally:
            lock.release()
            lock.close()

    def marks(self) -> Mapping[int, int]:
        found = {}
        for path in (self._folder.path / "slots").glob("[0-9]*"):
            text = path.read_text(encoding="ascii").strip()
            if path.name.isdigit() and text.isdigit() and int(text) > 0:
                found[int(path.name)] = int(text)
        return found

    def close_for(self, place: str) -> None:
        self._lock.seal()  # first: who finds it sealed, and no note, goes on
        self._folder.note_move(place)

    def _rows(self, statement: str, values: Row = ()) -> list[Any]:
        return self._connection.execute(_SQL[statement], values).fetchall()

    def _shown(self, table: Table, rows: list[Row]) -> list[Row]:
        """Without the newest order of striped lists, which not every engine keeps with their counts."""
        if table is not Table.COUNTS:
            return rows
        return [(*row[:3], None) if row[1] in self._striped else row for row in rows]
