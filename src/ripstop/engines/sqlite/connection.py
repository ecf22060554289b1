"""Connections to one database file, each for one thread."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from ripstop.engines.common import call_lane
from ripstop.kernel.errors import Overloaded

PAGE_SIZE = 4096
WAL_KEPT = 16 << 20
"""Bytes to which a write-ahead log is cut when it begins anew."""

BUSY_MS = 5_000
STATEMENTS = 128
"""Prepared statements kept by a connection."""

STATEMENT_SECONDS = 0.05
"""How long a statement on the event loop may run."""

_STEPS = 20_000
"""Steps of SQLite's virtual machine, of roughly 30 ns each, between two looks at the clock."""

DAMAGE = (
    apsw.FullError, apsw.IOError, apsw.CorruptError, apsw.NotADBError, apsw.ReadOnlyError, apsw.CantOpenError,
    apsw.NoMemError,
)  # fmt: skip
"""Errors that say something of the file or the machine, not of the statement."""


def connect(path: Path, *, cache_kb: int, durable: bool = False, create: bool = False) -> apsw.Connection:
    """Open a database file, for use by one thread at a time and in the process that opens it only.

    :param durable: whether a commit is on disk when it returns (`synchronous=FULL`), or only consistent (`NORMAL`).
    :param create: make the file if there is none, with all that cannot be changed later.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=STATEMENTS)
    try:
        connection.set_busy_timeout(BUSY_MS)
        if create:
            connection.pragma("page_size", PAGE_SIZE)
            connection.pragma("auto_vacuum", "INCREMENTAL")
            connection.pragma("journal_mode", "WAL")
        # Without it, statements with a range between two bound values are prepared anew whenever one of these changes,
        # so that the planner may look at them: 13 us each time, twice what most of these statements take.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.pragma("synchronous", "FULL" if durable else "NORMAL")
        connection.pragma("cache_size", -cache_kb)
        connection.pragma("mmap_size", 0)
        connection.pragma("temp_store", "MEMORY")
        connection.pragma("journal_size_limit", WAL_KEPT)
        connection.wal_autocheckpoint(0)
        connection.create_scalar_function("call_lane", _call_lane, 3, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _call_lane(*values: object) -> int:
    criticality, function, namespace = values
    return call_lane(int(str(criticality)), str(function), None if namespace is None else str(namespace))


class Reader:
    """A connection for reads, each of which is ended when it runs for too long.

    What counts is CPU time of its thread: that the machine is busy with others is no fault of a statement.
    """

    def __init__(self, path: Path, *, cache_kb: int, seconds: float = STATEMENT_SECONDS) -> None:
        self.connection = connect(path, cache_kb=cache_kb)
        self.connection.pragma("query_only", True)
        self._cursor = self.connection.cursor()
        self._seconds = seconds
        self._limit = seconds
        self._ends = 0.0
        self.connection.set_progress_handler(self._is_too_long, _STEPS)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement.

        :raises Overloaded: it ran for longer than a statement may.
        """
        self._ends = 0.0  # The clock is started by the first look at it, which most statements never live to see.
        try:
            return self._cursor.execute(statement, values).fetchall()
        except apsw.InterruptError as error:
            raise Overloaded(
                "This takes longer than the server can afford now.", cause=f"interrupted: {statement}", retry_after=1
            ) from error

    def rows_within(self, seconds: float, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement that has another limit than usual."""
        self._limit = seconds
        try:
            return self.rows(statement, values)
        finally:
            self._limit = self._seconds

    def _is_too_long(self) -> bool:
        now = time.thread_time()
        if self._ends == 0.0:
            self._ends = now + self._limit
        return now > self._ends

    def close(self) -> None:
        self.connection.close()
