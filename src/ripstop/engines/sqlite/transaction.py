"""What the transactions of the three database files have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import apsw

from ripstop.engines.statements import load

_SQL = load(__package__, "statements/transaction.sql")
_BEGIN = _SQL["begin"]
_COMMIT = _SQL["commit"]


class FileTransaction:
    """A group on one database file, with parts that can be undone. Lives in the writer's thread.

    There is one cursor only: a statement left open on another one would hold its snapshot beyond the group.
    """

    def __init__(self, connection: apsw.Connection, *, durable: bool) -> None:
        self.connection = connection
        self.now_ms = 0
        self._cursor = connection.cursor()
        self._execute: Callable[..., Any] = self._cursor.execute
        self._changes = connection.changes
        self._can_be_durable = durable
        self._is_durable = durable

    def begin(self, now_ms: int, *, durable: bool) -> None:
        """Begin a group at an instant; `durable` if it must be on disk once committed."""
        if self._can_be_durable and durable is not self._is_durable:
            self.connection.pragma("synchronous", "FULL" if durable else "NORMAL")
            self._is_durable = durable
        self._execute(_BEGIN)
        self.now_ms = now_ms

    def commit(self) -> None:
        self._execute(_COMMIT)

    def rollback(self) -> None:
        if self.connection.in_transaction:
            self._execute(_SQL["rollback"])

    def run(self, acts: Sequence[Any]) -> list[Any]:
        """Do what a group asks for; the results, in the same order."""
        return [act(self) for act in acts]

    def run_part(self, acts: Sequence[Any]) -> list[Any]:
        """The same, so that nothing of it remains should it raise."""
        self._execute(_SQL["savepoint"])
        try:
            results = self.run(acts)
        except BaseException:
            if self.connection.in_transaction:
                self._execute(_SQL["savepoint_undo"])
                self._execute(_SQL["savepoint_release"])
            raise
        self._execute(_SQL["savepoint_release"])
        return results

    def close(self) -> None:
        self.connection.close()
