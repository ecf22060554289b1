"""Leases: how calls are taken from the queue. Lives in the writer's thread, inside of its transactions."""

from array import array
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import apsw

from ripstop.engines.base import CallLimit, CallState, LeasedCall, Leases
from ripstop.engines.sqlite.lines import Budgets, Head, open_lines
from ripstop.engines.statements import load

_SQL = load(__package__, "statements/calls.sql")

MOVED = 1_000
"""Waiting calls, and calls whose lease has ended, that one request makes ready: a bound for its cost."""

_BEFORE_ALL = (-(1 << 63), 0)

Moved = list[tuple[str, int, int]]
"""(function, state left, state entered) of calls."""


class CallLeaser:
    """Takes and renews leases, at a cost that depends on their number and not on the backlog."""

    def __init__(self, cursor: apsw.Cursor) -> None:
        """:param cursor: the transaction's only one, since a statement left open on another would hold its snapshot."""
        self._execute: Callable[..., Any] = cursor.execute
        self._changes = cursor.connection.changes
        self._random = Random()  # noqa: S311 - it spreads turns and guards nothing

    def lease(
        self,
        classes: Sequence[int],
        *,
        limit: int,
        now_ms: int,
        until_ms: int,
        shards: tuple[int, int],
        renew: Sequence[tuple[int, int]],
        limits: Sequence[CallLimit],
    ) -> tuple[Leases, Moved]:
        """Renew leases, wake what is due, and take the first calls of these classes until an instant."""
        lost = self._renew(renew, until_ms)
        if limit <= 0 or not classes:
            return Leases([], lost), []
        moved = self._wake(now_ms)
        budgets = Budgets(limits)
        chosen: list[int] = []
        for heads in open_lines(self._rows, classes, budgets, self._random):
            chosen += self._choose(heads, limit - len(chosen), shards, budgets)
            if len(chosen) >= limit:
                break
        if not chosen:
            return Leases([], lost), moved
        rows = self._rows(_SQL["lease_take"], (until_ms, apsw.carray(array("q", chosen))))
        taken = [LeasedCall(*row) for row in rows]
        moved += [(call.function, CallState.READY, CallState.LEASED) for call in taken]
        taken.sort(key=lambda call: (call.criticality, call.deadline, call.id))
        return Leases(taken, lost), moved

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        rows: list[Any] = self._execute(statement, values).fetchall()
        return rows

    def _renew(self, leases: Sequence[tuple[int, int]], until_ms: int) -> list[int]:
        lost = []
        for call, token in leases:
            self._execute(_SQL["call_renew"], (until_ms, call, token))
            if not self._changes():
                lost.append(call)
        return lost

    def _wake(self, now_ms: int) -> Moved:
        """Make calls ready whose time has come, or whose lease has ended."""
        if not self._rows(_SQL["lease_moves"], (now_ms,))[0][0]:
            return []
        return [
            (function, state, CallState.READY)
            for state, statement in ((CallState.WAITING, "call_wake"), (CallState.LEASED, "call_expire"))
            for (function,) in self._rows(_SQL[statement], (now_ms, MOVED))
        ]

    def _choose(self, heads: list[Head], limit: int, shards: tuple[int, int], budgets: Budgets) -> list[int]:
        """What to take of the lines of a class: equal shares, and what one leaves is shared by the others."""
        chosen: list[int] = []
        lines = [(head.lane, _BEFORE_ALL) for head in heads]
        while lines and len(chosen) < limit:
            share, more = divmod(limit - len(chosen), len(lines))
            still_open = []
            for place, (lane, after) in enumerate(lines):
                wanted = share + (place < more)
                room = budgets.room(lane, wanted)
                rows = self._rows(_SQL["line_calls"], (lane, *after, *shards, room)) if room else []
                chosen += [id_ for _, id_ in rows]
                budgets.spend(lane, len(rows))
                if len(rows) == wanted:
                    still_open.append((lane, rows[-1] if rows else after))
            lines = still_open
        return chosen
