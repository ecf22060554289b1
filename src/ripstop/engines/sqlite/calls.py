"""Leases: how calls are taken from the queue. Lives in the writer's thread, inside of its transactions."""

from array import array
from collections.abc import Callable, Sequence
from typing import Any

import apsw

from ripstop.engines.base import CallState, LeasedCall, Leases
from ripstop.engines.statements import load

_SQL = load(__package__, "statements/calls.sql")

MOVED = 1_000
"""Waiting calls that one request for leases makes ready, and ended leases that it looks at: a bound for its cost."""

Moved = list[tuple[str, int, int]]
"""(function, state left, state entered) of calls."""


class CallLeaser:
    """Takes and renews leases, at a cost that depends on their number and not on the backlog."""

    def __init__(self, cursor: apsw.Cursor) -> None:
        """:param cursor: the transaction's only one, since a statement left open on another would hold its snapshot."""
        self._execute: Callable[..., Any] = cursor.execute
        self._changes = cursor.connection.changes

    def lease(
        self,
        classes: Sequence[int],
        *,
        limit: int,
        now_ms: int,
        until_ms: int,
        shards: tuple[int, int],
        renew: Sequence[tuple[int, int]],
    ) -> tuple[Leases, Moved]:
        """Renew leases, wake what is due, and take the first calls of these classes until an instant."""
        lost = self._renew(renew, until_ms)
        moved: Moved = [
            (function, CallState.WAITING, CallState.READY)
            for (function,) in self._execute(_SQL["call_wake"], (now_ms, MOVED)).fetchall()
        ]
        chosen = self._choose(classes, limit, now_ms, shards) if limit > 0 and classes else []
        if not chosen:
            return Leases([], lost), moved
        moved += [(function, state, CallState.LEASED) for _, _, _, function, state in chosen]
        ids = apsw.carray(array("q", [call[2] for call in chosen]))
        taken = [LeasedCall(*row) for row in self._execute(_SQL["lease_take"], (until_ms, ids)).fetchall()]
        taken.sort(key=lambda call: (call.criticality, call.deadline, call.id))
        return Leases(taken, lost), moved

    def _renew(self, leases: Sequence[tuple[int, int]], until_ms: int) -> list[int]:
        lost = []
        for call, token in leases:
            self._execute(_SQL["call_renew"], (until_ms, call, token))
            if not self._changes():
                lost.append(call)
        return lost

    def _choose(
        self, classes: Sequence[int], limit: int, now_ms: int, shards: tuple[int, int]
    ) -> list[tuple[int, int, int, str, int]]:
        """(criticality, deadline, id, function, state) of the calls to take."""
        found: list[tuple[int, int, int, str, int]] = []
        for class_ in sorted(set(classes)):
            if len(found) < limit:
                found += self._execute(_SQL["lease_ready"], (class_, *shards, limit)).fetchall()
        expired = (now_ms, apsw.carray(array("q", classes)), *shards, MOVED)
        found += self._execute(_SQL["lease_expired"], expired).fetchall()
        return sorted(found)[:limit]
