"""The change log as its readers see it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ripstop.engines.base import Changes
from ripstop.engines.postgres.connections import Connections
from ripstop.engines.statements import load

_CHANGES: Final = load(__package__, "sql/changes.sql")["changes"]

MOST_ROWS: Final = 5_000
"""Who is further behind than so many groups is told to drop everything."""


@dataclass(frozen=True, slots=True)
class _Answer:
    low: int
    """The oldest transaction that was still under way: the next cursor."""
    high: int
    trimmed: int
    rows: Sequence[tuple[int, list[int], list[int], list[int]]]
    """Transaction, ids, and the lists as sources and types."""


class ChangeLog:
    """Asks for changes, once for all who ask while another question is on its way.

    A cursor is the oldest transaction that had not ended when it was handed out. Everything before it was seen by
    then; whatever is at or beyond it is told again, since transactions do not end in the order of their numbers.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._pending: asyncio.Task[_Answer] | None = None
        """Not sent yet: whoever asks now shares it."""
        self._running: asyncio.Task[_Answer] | None = None
        self._lowest = 0
        """The lowest cursor of those who share the pending question."""

    async def since(self, cursor: int) -> Changes:
        """See `ripstop.engines.base.Store.changes`."""
        answer = await asyncio.shield(self._question(cursor))
        rows = [row for row in answer.rows if row[0] >= cursor]
        lost = cursor < 0 or cursor <= answer.trimmed or cursor > answer.high or len(answer.rows) > MOST_ROWS
        if lost:
            return Changes(answer.low, (), (), lost=True)
        if not rows:
            return Changes(answer.low, (), (), lost=False)
        ids = {id for row in rows for id in row[1]}
        lists = {each for row in rows for each in zip(row[2], row[3], strict=True)}
        return Changes(answer.low, list(ids), list(lists), lost=False)

    def _question(self, cursor: int) -> asyncio.Task[_Answer]:
        """A question that is sent after now, shared by all who need one."""
        floor = cursor if cursor >= 0 else (1 << 63) - 1
        if self._pending is None:
            self._lowest = floor
            self._pending = asyncio.get_running_loop().create_task(self._ask())
        else:
            self._lowest = min(self._lowest, floor)
        return self._pending

    async def _ask(self) -> _Answer:
        if self._running is not None:
            await asyncio.wait([self._running])
        self._running, self._pending = self._pending, None
        rows = await self._connections.fetch(_CHANGES, self._lowest, MOST_ROWS + 1)
        low, high, trimmed = rows[0][:3]
        return _Answer(low, high, trimmed, [row[3:] for row in rows if row[3] is not None])
