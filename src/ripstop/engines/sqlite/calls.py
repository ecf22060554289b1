"""The queue: how calls are put, leased and ended. Lives in the writer's thread, inside of its transactions."""

from array import array
from collections.abc import Callable, Sequence
from typing import Any

import apsw

from ripstop.engines.base import CallState, LeasedCall, Leases
from ripstop.engines.batch import CallAgain, CallDead, CallDone, CallPut
from ripstop.engines.statements import load
from ripstop.kernel.ids import shard_of

_SQL = load(__package__, "statements/calls.sql")
_CALL_SAME = _SQL["call_same"]
_CALL_PUT = _SQL["call_put"]
_CALL_DONE = _SQL["call_done"]
_CALL_READY = _SQL["call_ready"]
_CALL_WAIT = _SQL["call_wait"]
_CALL_DEAD = _SQL["call_dead"]
_CALL_COUNT = _SQL["call_count"]

_REFUSED = -1

MOVED = 1_000
"""Waiting calls that one request for leases makes ready, and ended leases that it looks at: a bound for its cost."""


class CallWriter:
    """Writes calls, and keeps the difference that the group makes to the counts of each function."""

    def __init__(self, cursor: apsw.Cursor) -> None:
        """:param cursor: the transaction's only one, since a statement left open on another would hold its snapshot."""
        self.now_ms = 0
        self._cursor = cursor
        self._execute: Callable[..., Any] = cursor.execute
        self._changes = cursor.connection.changes
        self._deltas: dict[str, list[int]] = {}
        self.appliers: dict[type, Callable[[Any], int]] = {
            CallPut: self._put,
            CallDone: self._done,
            CallAgain: self._again,
            CallDead: self._dead,
        }

    def flush(self) -> None:
        """Write the counts that the group has changed."""
        if self._deltas:
            deltas = sorted((function, *counts) for function, counts in self._deltas.items() if any(counts))
            self._deltas = {}
            if deltas:
                self._cursor.executemany(_CALL_COUNT, deltas)

    def forget(self) -> None:
        """What the group did is undone."""
        self._deltas = {}

    def _count(self, function: str, left: int | None, entered: int | None) -> None:
        counts = self._deltas.get(function)
        if counts is None:
            counts = self._deltas[function] = [0, 0, 0, 0]
        if left is not None:
            counts[left] -= 1
        if entered is not None:
            counts[entered] += 1

    # Operations of a batch

    def _put(self, operation: CallPut) -> int:
        id_, function, key, due = operation.id, operation.function, operation.key, operation.due
        if key is not None and self._execute(_CALL_SAME, (function, key, shard_of(id_))).fetchone():
            return 0
        if due <= self.now_ms:
            state, lane, rank = CallState.READY, operation.criticality, operation.deadline
        else:
            state, lane, rank = CallState.WAITING, 0, due
        self._execute(
            _CALL_PUT,
            (
                id_,
                state,
                lane,
                rank,
                function,
                operation.arguments,
                due,
                operation.deadline,
                operation.criticality,
                key,
            ),
        )
        self._count(function, None, state)
        return 1

    def _done(self, operation: CallDone) -> int:
        rows = self._execute(_CALL_DONE, (operation.call, operation.token)).fetchall()
        if not rows:
            return _REFUSED
        [(function, left)] = rows
        self._count(function, left, None)
        return 1

    def _again(self, operation: CallAgain) -> int:
        is_due = operation.due <= self.now_ms
        entered, statement = (CallState.READY, _CALL_READY) if is_due else (CallState.WAITING, _CALL_WAIT)
        values = (
            operation.due, operation.attempt, operation.checkpoint, operation.error, operation.call, operation.token,
        )  # fmt: skip
        for left in (CallState.LEASED, CallState.DEAD):
            rows = self._execute(statement, (*values, left)).fetchall()
            if rows:
                self._count(rows[0][0], left, entered)
                return 1
        return _REFUSED

    def _dead(self, operation: CallDead) -> int:
        values = (self.now_ms, operation.error, operation.call, operation.token)
        rows = self._execute(_CALL_DEAD, values).fetchall()
        if not rows:
            return _REFUSED
        self._count(rows[0][0], CallState.LEASED, CallState.DEAD)
        return 1

    # Leases

    def lease(
        self,
        classes: Sequence[int],
        *,
        limit: int,
        until_ms: int,
        shards: tuple[int, int],
        renew: Sequence[tuple[int, int]],
    ) -> Leases:
        """Renew leases, wake what is due, and take the first calls of these classes until an instant."""
        lost = self._renew(renew, until_ms)
        return Leases(self._take(classes, limit, until_ms, shards), lost)

    def _renew(self, leases: Sequence[tuple[int, int]], until_ms: int) -> list[int]:
        lost = []
        for call, token in leases:
            self._execute(_SQL["call_renew"], (until_ms, call, token))
            if not self._changes():
                lost.append(call)
        return lost

    def _take(self, classes: Sequence[int], limit: int, until_ms: int, shards: tuple[int, int]) -> list[LeasedCall]:
        for (function,) in self._execute(_SQL["call_wake"], (self.now_ms, MOVED)).fetchall():
            self._count(function, CallState.WAITING, CallState.READY)
        if limit <= 0 or not classes:
            return []
        found: list[tuple[int, int, int, str, int]] = []
        for class_ in sorted(set(classes)):
            if len(found) < limit:
                found += self._execute(_SQL["lease_ready"], (class_, *shards, limit)).fetchall()
        found += self._execute(
            _SQL["lease_expired"], (self.now_ms, apsw.carray(array("q", classes)), *shards, MOVED)
        ).fetchall()
        if not found:
            return []
        chosen = sorted(found)[:limit]
        for _, _, _, function, state in chosen:
            self._count(function, CallState(state), CallState.LEASED)
        ids = apsw.carray(array("q", [call[2] for call in chosen]))
        taken = [LeasedCall(*row) for row in self._execute(_SQL["lease_take"], (until_ms, ids)).fetchall()]
        taken.sort(key=lambda call: (call.criticality, call.deadline, call.id))
        return taken
