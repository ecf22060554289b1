"""Ids of 63 bits that sort by time and carry their logical shard.

Layout, from the highest bit: 41 bits of milliseconds since :data:`EPOCH_MS`, 10 bits of logical shard, 6 bits of
process slot, 6 bits of sequence. From July 2022 until September 2084 an id has 19 decimal digits, so that clients
which sort ids as strings sort them right.
"""

import hashlib
import threading
from collections.abc import Callable
from typing import Protocol

from ripstop.kernel.clock import Clock

EPOCH_MS = 1_420_070_400_000
"""2015-01-01T00:00:00Z in milliseconds since the Unix epoch."""

SHARDS = 1024
"""Number of logical shards, fixed for ever: a stored id names its shard."""

SLOTS = 64
"""Processes that may mint ids for one store at the same time."""

MAX_ID = (1 << 63) - 1

_SHARD_SHIFT = 12
_SLOT_SHIFT = 6
_TIME_SHIFT = 22
_SEQUENCES = 64


def shard_of(id_: int) -> int:
    """The logical shard, 0 to 1,023, where an object lives."""
    return (id_ >> _SHARD_SHIFT) & (SHARDS - 1)


def slot_of(id_: int) -> int:
    """The slot, 0 to 63, of the process that minted an id."""
    return (id_ >> _SLOT_SHIFT) & (SLOTS - 1)


def time_ms(id_: int) -> int:
    """When an id was minted, in milliseconds since the Unix epoch."""
    return (id_ >> _TIME_SHIFT) + EPOCH_MS


def first_id_at(ms: int) -> int:
    """The lowest id that could be minted at `ms`, milliseconds since the Unix epoch; a bound for ranges."""
    return max(0, ms - EPOCH_MS) << _TIME_SHIFT


def derived_id(shard: int, text: str) -> int:
    """An id in this shard that follows from a text, for lists that are found by what they are and have no object."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") & MAX_ID & ~((SHARDS - 1) << _SHARD_SHIFT) | shard << _SHARD_SHIFT


class Slot(Protocol):
    """A process's exclusive right to one of the :data:`SLOTS`, with a durable high-water mark."""

    @property
    def number(self) -> int: ...

    @property
    def high_water_ms(self) -> int:
        """No id was minted in this slot at or after this time, by this process or one before it."""
        ...

    def raise_high_water(self, ms: int) -> None:
        """Make a higher mark durable before any id at or beyond the old one is minted.

        It may be less than `ms`, but beyond the time of the id that is wanted, :data:`IdSource.AHEAD_MS` before that.
        """
        ...


class IdSource:
    """Mints ids, strictly rising within a process and shard, never the same twice in a store.

    Ids of different shards sort by their millisecond, and within one by their shard.

    A clock that steps back does not matter: minting goes on from the last time used. The slot's high-water mark
    is persisted :data:`AHEAD_MS` ahead, so a restart begins beyond everything that was minted before it. Beyond
    64 ids in one millisecond the next millisecond is borrowed.
    """

    AHEAD_MS = 3_000

    def __init__(self, clock: Clock, slot: Slot) -> None:
        self._now_ms: Callable[[], int] = clock.now_ms
        self._slot = slot
        self._slot_bits = slot.number << _SLOT_SHIFT
        self._high_water_ms = slot.high_water_ms
        self._first_ms = max(self._high_water_ms, EPOCH_MS)
        self._last_ms = self._first_ms - 1
        self._sequence = _SEQUENCES
        self._lock = threading.Lock()

    @property
    def minted_ms(self) -> int | None:
        """The time of the last id minted here, milliseconds since the Unix epoch; None if there was none."""
        return self._last_ms if self._last_ms >= self._first_ms else None

    def end(self) -> int | None:
        """Mint no more, which the slot refuses once it is given back; the time of the last id, as `minted_ms`."""
        with self._lock:
            self._high_water_ms = 0
            return self.minted_ms

    def new(self, shard: int) -> int:
        """A fresh id in `shard`, 0 to 1,023. May be called from any thread."""
        with self._lock:
            ms = self._now_ms()
            if ms > self._last_ms:
                self._last_ms = ms
                self._sequence = 0
            elif self._sequence >= _SEQUENCES:
                self._last_ms += 1
                self._sequence = 0
            if self._last_ms >= self._high_water_ms:
                # Only what the slot has taken counts: it may refuse, or take less.
                self._slot.raise_high_water(self._last_ms + self.AHEAD_MS)
                self._high_water_ms = self._slot.high_water_ms
            sequence = self._sequence
            self._sequence = sequence + 1
            return (self._last_ms - EPOCH_MS) << _TIME_SHIFT | shard << _SHARD_SHIFT | self._slot_bits | sequence
