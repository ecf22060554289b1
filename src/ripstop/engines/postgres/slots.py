"""Process slots in the database: which of the 64 a process mints ids in, where there is no shared folder."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import asyncpg

from ripstop.engines.postgres.connections import Connections, errors
from ripstop.engines.postgres.migrations import migrate
from ripstop.engines.postgres.pool import Connection
from ripstop.engines.statements import load
from ripstop.kernel.errors import RipstopError, Unavailable
from ripstop.kernel.ids import SLOTS

_SQL: Final = load(__package__, "sql/keep.sql")

_SECONDS: Final = 10.0
"""How long the database may take to answer."""

_T = TypeVar("_T")


class PostgresSlot:
    """A slot held by a lock of a session of its own; free as soon as the process, or its connection, ends.

    Whoever takes a slot raises its token, and begins beyond its high-water mark. A process that lost its connection
    can therefore mint up to the mark it had, and no further, unless nobody else has taken the slot meanwhile.

    Satisfies `ripstop.kernel.ids.Slot`, whose methods wait: the connection lives on a thread of its own, so that they
    can be called from an event loop's thread. Must be taken after the fork.
    """

    def __init__(self, dsn: str) -> None:
        """Take the first free slot.

        :raises Unavailable: all slots are held, or the database cannot be reached.
        """
        self._dsn = dsn
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ripstop-slot", daemon=True)
        self._thread.start()
        self._connection: Connection | None = None
        self._token = 0
        self._high_water_ms = 0
        self.number = -1
        try:
            self._wait(self._take())
        except BaseException:
            self._stop()
            raise

    @property
    def high_water_ms(self) -> int:
        """No id was minted in this slot at or after this time, milliseconds since the Unix epoch."""
        return self._high_water_ms

    def raise_high_water(self, ms: int) -> None:
        """Make a higher mark durable before any id at or beyond the old one is minted.

        :raises Unavailable: the database does not take it, or the slot is lost; no id may be minted then.
        """
        self._wait(self._mark(ms))

    def close(self, *, minted_ms: int | None = None) -> None:
        """Let go of the slot. Idempotent.

        :param minted_ms: the time of the last id minted, where it is known: the mark is lowered to just past it, so
            that the next process need not begin in the future.
        """
        if not self._thread.is_alive():
            return
        if minted_ms is not None and minted_ms + 1 < self._high_water_ms:
            with contextlib.suppress(RipstopError):
                self._wait(self._mark(minted_ms + 1))
        self._stop()

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine on the slot's thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(self._in_time(work), self._loop).result()

    @staticmethod
    async def _in_time(work: Coroutine[Any, Any, _T]) -> _T:
        with errors("The database does not answer."):
            async with asyncio.timeout(_SECONDS):
                return await work

    def _stop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(RipstopError):
                self._wait(self._connection.close(timeout=2))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _take(self) -> None:
        await migrate(Connections(self._dsn))
        connection = self._connection = await self._connect()
        for number in range(SLOTS):
            if await connection.fetchval(_SQL["slot_lock"], number):
                row = await connection.fetchrow(_SQL["slot_take"], number)
                if row is None:
                    raise AssertionError("an upsert answers with its row")
                self.number = number
                self._token, self._high_water_ms = row
                return
        raise Unavailable(f"All {SLOTS} slots for minting ids are taken: too many processes use this database.")

    async def _connect(self) -> Connection:
        return await asyncpg.connect(self._dsn, timeout=_SECONDS, server_settings={"application_name": "ripstop slot"})

    async def _mark(self, ms: int) -> None:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await self._connect()
            if not await connection.fetchval(_SQL["slot_lock"], self.number):
                await connection.close()
                raise Unavailable(f"The slot {self.number} for minting ids was lost to another process.")
        if await connection.fetchval(_SQL["slot_mark"], self.number, self._token, ms) is None:
            raise Unavailable(f"The slot {self.number} for minting ids was lost to another process.")
        self._high_water_ms = ms
