"""The queue's own operations: leases, the backlog, and the wake-up of whoever waits for calls."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

import asyncpg

from ripstop.engines.base import CallLimit, CallRow, FunctionBacklog, LeasedCall, Leases
from ripstop.engines.common import CLASSES, NAMESPACE_BITS, call_line
from ripstop.engines.postgres.connections import RETRIED, Connections
from ripstop.engines.statements import load
from ripstop.kernel.errors import RipstopError, Unavailable
from ripstop.kernel.ids import shard_of

CHANNEL: Final = "ripstop_calls"

_READS: Final = load(__package__, "sql/reads.sql")
_WRITES: Final = load(__package__, "sql/writes.sql")

NOTIFY_SECONDS: Final = 0.005
"""Between two notifications of one process, at least."""

_TRIES: Final = 5

_NAMESPACE: Final = (1 << NAMESPACE_BITS) - 1


class Calls:
    """Leases and statistics of calls."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def lease(
        self,
        classes: Sequence[int],
        *,
        limit: int,
        seconds: float,
        shards: tuple[int, int],
        renew: Sequence[tuple[int, int]],
        limits: Sequence[CallLimit],
    ) -> Leases:
        """See `ripstop.engines.base.Engine.call_lease`."""
        lows = [call_line(limit.function, limit.namespace) for limit in limits]
        highs = [low | _NAMESPACE if limit.namespace is None else low for low, limit in zip(lows, limits, strict=True)]
        arguments = (
            sorted(set(classes) & set(range(CLASSES))), limit, round(seconds * 1000), *shards,
            [shard_of(id) for id, _ in renew], [id for id, _ in renew], [token for _, token in renew],
            lows, highs, [limit.most for limit in limits],
        )  # fmt: skip
        for _ in range(_TRIES):
            with contextlib.suppress(*RETRIED):
                async with self._connections.writer() as connection:
                    rows = await connection.fetch(_WRITES["lease"], *arguments)
                return Leases(
                    [LeasedCall(*row[:13]) for row in rows if not row["lost"]],
                    [row["id"] for row in rows if row["lost"]],
                )
        raise Unavailable("Others take the same calls at the same time.", retry_after=1)

    async def stats(self, functions: Sequence[str] | None, parent: int | None) -> dict[str, FunctionBacklog]:
        """See `ripstop.engines.base.Engine.call_stats`."""
        if parent is None:
            rows = await self._connections.fetch(_READS["call_stats"], functions)
        else:
            rows = await self._connections.fetch(_READS["call_stats_parts"], functions, parent)
        return {row[0]: FunctionBacklog(*row[1:]) for row in rows}

    async def get(self, ids: Sequence[int]) -> dict[int, CallRow]:
        """See `ripstop.engines.base.Store.call_get`."""
        rows = await self._connections.fetch(_READS["call_get"], [shard_of(id) for id in ids], ids)
        return {row[0]: CallRow(*row) for row in rows}

    async def dead(self, after: tuple[int, int] | None, limit: int) -> list[CallRow]:
        """See `ripstop.engines.base.Store.dead_calls`."""
        rows = await self._connections.fetch(_READS["dead_calls"], *(after or (0, 0)), max(0, limit))
        return [CallRow(*row) for row in rows]


class Wakeups:
    """Tells workers of all processes, at once but without promise, that calls were put.

    A notification is a transaction of its own, after the commit of the group: within it, it would make all commits
    of the database wait for each other. However many groups ask meanwhile, one is on its way at a time.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._callbacks: list[Callable[[], None]] = []
        self._wanted = False
        self._sender: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None

    def on_wake(self, callback: Callable[[], None]) -> None:
        """Call back when calls were put by any process. Opens a connection that listens, with the first callback."""
        self._callbacks.append(callback)
        if self._listener is None:
            self._listener = asyncio.get_running_loop().create_task(self._listen())

    def send(self) -> None:
        """Wake everybody, soon."""
        self._wanted = True
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send())

    async def close(self) -> None:
        """Stop listening; a notification that is under way is given up. Idempotent."""
        for task in (self._sender, self._listener):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._sender = self._listener = None

    async def _send(self) -> None:
        while self._wanted:
            self._wanted = False
            # A lost one costs a worker no more than its next look into the queue.
            with contextlib.suppress(RipstopError):
                await self._connections.fetch(_WRITES["wake"])
            await asyncio.sleep(NOTIFY_SECONDS)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(RipstopError, asyncpg.PostgresError):
                await self._listen_on_one_connection()
            await asyncio.sleep(1)

    async def _listen_on_one_connection(self) -> None:
        gone = asyncio.Event()
        async with self._connections.alone() as connection:
            connection.add_termination_listener(lambda _: gone.set())
            await connection.add_listener(CHANNEL, self._heard)
            self._wake()  # for whatever was put while nobody listened
            await gone.wait()

    def _heard(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self._wake()

    def _wake(self) -> None:
        for callback in self._callbacks:
            callback()
