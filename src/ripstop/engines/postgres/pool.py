"""A small pool of connections, without the ceremony that `asyncpg.Pool` spends on each use (40 us of CPU)."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg

from ripstop.kernel.errors import Unavailable

if TYPE_CHECKING:  # the class is generic in its stubs alone
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection


class Pool:
    """Up to `size` connections, made when they are needed; the one used last is used next.

    Nothing is reset between two uses: whoever takes a connection leaves its settings alone.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int) -> None:
        self._connect = connect
        self._free = size
        """Connections that may still be made."""
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def take(self) -> Connection:
        """A connection, which must be given back.

        :raises Unavailable: the pool is closed.
        """
        while not self._closed:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._free += 1
            if self._free > 0:
                self._free -= 1
                try:
                    return await self._connect()
                except BaseException:
                    self._free += 1
                    self._wake()
                    raise
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        raise Unavailable("The database is not open.")

    async def lent(self) -> "Lent":
        """A connection for one block: ``with await pool.lent() as connection``.

        :raises Unavailable: the pool is closed.
        """
        return Lent(self, await self.take())

    def give(self, connection: Connection, *, is_lost: bool = False) -> None:
        """Give a connection back, whatever state it is in."""
        if self._closed or is_lost:
            connection.terminate()
        if connection.is_closed():
            self._free += 1
        else:
            self._idle.append(connection)
        self._wake()

    async def close(self) -> None:
        """Close all connections; those that are in use when they are given back. Idempotent."""
        self._closed = True
        while self._waiting:
            self._wake()
        while self._idle:
            with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._idle.pop().close(timeout=2)

    def _wake(self) -> None:
        """Let the one who waits longest look again."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


class Lent:
    """A connection that goes back to its pool at the end of a block.

    A session that the server has ended, and whose end has not been read yet, is not closed; what is asked of it then
    fails within the client, and so would all that came after it.
    """

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool, connection: Connection) -> None:
        self._pool = pool
        self._connection = connection

    def __enter__(self) -> Connection:
        return self._connection

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._pool.give(self._connection, is_lost=isinstance(error, asyncpg.InternalClientError))
