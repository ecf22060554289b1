"""Slots for minting ids where processes of several machines write to one store: leased names in that store.

Of the 64 slots (`ripstop.kernel.ids`) a process leases one under the name ``slot/N``, so that no two have the same, and
keeps a *mark* under ``slot-mark/N``: no id of this slot is at or beyond it. It mints below its mark only and moves the
mark ahead while it holds the lease. So the mark is the fence: a process that was stopped for so long that its lease
ran out finds no room below the mark, and whoever has the slot now begins at the mark.
"""

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ripstop.engines.base import Store
from ripstop.engines.batch import AnyOperation, Batch, NameSet
from ripstop.engines.slots import mark_name
from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import RipstopError, Unavailable
from ripstop.kernel.ids import SLOTS, IdSource

log = logging.getLogger(__name__)


class SlotLost(Exception):
    """Somebody else has the slot now; this process can mint no more ids."""


class LeasedSlot:
    """A slot under lease. Satisfies `ripstop.kernel.ids.Slot`. Made by :meth:`take`, renewed while :meth:`kept`."""

    LEASE_MS = 15_000
    """How long the lease holds when it is not renewed."""
    AHEAD_MS = 8_000
    """How far ahead of the clock the mark is set."""
    RENEW_SECONDS = 2.0

    def __init__(self, store: Store, clock: Clock, number: int, *, holder: int, begins_ms: int, mark_ms: int) -> None:
        self._store = store
        self._clock = clock
        self._number = number
        self._holder = holder
        self._high_water_ms = begins_ms
        self._mark_ms = mark_ms

    @classmethod
    async def take(cls, store: Store, clock: Clock) -> "LeasedSlot":
        """Lease the first slot that is free.

        :raises Unavailable: all are leased.
        """
        holder = secrets.randbits(62) + 1
        held = await store.name_get([_lease(number) for number in range(SLOTS)])
        marks = await store.name_get([mark_name(number) for number in range(SLOTS)])
        for number in range(SLOTS):
            if _lease(number) in held:
                continue
            old = marks.get(mark_name(number))
            begins_ms = old.holder if old is not None else 0
            mark_ms = max(begins_ms, clock.now_ms()) + cls.AHEAD_MS
            lease = NameSet(_lease(number), None, holder, await store.now_ms() + cls.LEASE_MS)
            mark = NameSet(mark_name(number), old.holder if old is not None else None, mark_ms)
            if await _commit(store, [lease, mark]):
                return cls(store, clock, number, holder=holder, begins_ms=begins_ms, mark_ms=mark_ms)
        raise Unavailable(f"All {SLOTS} slots for minting ids are taken: too many processes write to this store.")

    @property
    def number(self) -> int:
        return self._number

    @property
    def high_water_ms(self) -> int:
        return self._high_water_ms

    def raise_high_water(self, ms: int) -> None:
        """Allow ids below `ms`, or below the mark where that is nearer.

        :raises Unavailable: the mark could not be moved ahead for a while; no id may be minted.
        """
        if ms - IdSource.AHEAD_MS >= self._mark_ms:
            raise Unavailable("The server cannot reach its store.", cause=f"slot {self._number}: mark {self._mark_ms}")
        self._high_water_ms = min(ms, self._mark_ms)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew the lease for as long as this is entered. Whoever loses it is told to stop: he can write no more."""
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self.RENEW_SECONDS)
            try:
                await self.renew()
            except RipstopError as error:
                log.warning("slot %d cannot be renewed now: %s", self._number, error.cause or error)
            except SlotLost:
                log.critical("slot %d was lost while this process did not run; it ends", self._number)
                os.kill(os.getpid(), signal.SIGTERM)
                return

    async def renew(self) -> None:
        """Move lease and mark ahead.

        :raises SlotLost: somebody else has the slot.
        """
        mark_ms = max(self._mark_ms, self._clock.now_ms() + self.AHEAD_MS)
        expires = await self._store.now_ms() + self.LEASE_MS
        lease = NameSet(_lease(self._number), self._holder, self._holder, expires)
        mark = NameSet(mark_name(self._number), self._mark_ms, mark_ms)
        if not await _commit(self._store, [lease, mark]):
            raise SlotLost(f"slot {self._number} was lost")
        self._mark_ms = mark_ms

    async def release(self, *, minted_ms: int | None = None) -> None:
        """Give the slot back, with the mark no further ahead than ids may have been minted.

        If the store cannot be reached, the lease runs out by itself.

        :param minted_ms: the time of the last id, where it is known.
        """
        ahead_ms = self._high_water_ms if minted_ms is None else minted_ms + 1
        lease = NameSet(_lease(self._number), self._holder, None)
        mark = NameSet(mark_name(self._number), self._mark_ms, max(1, min(self._mark_ms, ahead_ms)))
        self._mark_ms = 0
        try:
            await _commit(self._store, [lease, mark])
        except RipstopError as error:
            log.warning("slot %d cannot be given back: %s", self._number, error.cause or error)


def _lease(number: int) -> str:
    return f"slot/{number}"


async def _commit(store: Store, operations: Sequence[AnyOperation]) -> bool:
    (outcome,) = await store.commit([Batch(0, operations)])
    return outcome.applied
