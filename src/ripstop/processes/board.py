"""Memory that the processes of a server share: each writes its metrics and its pulse, and any may read all.

Made by the supervisor before it forks; nothing of it is a file. A slot outlives the process that writes it, so the
one started in its place goes on counting where it stopped.
"""

import mmap
import os
import struct
import time
from typing import NamedTuple

_HEADER = struct.Struct("=QIId")
"""Sequence (odd while the slot is being written), process id, length of the payload, pulse."""


class Slot(NamedTuple):
    """What a process last wrote: its id, when (monotonic seconds), and its payload."""

    pid: int
    pulse: float
    payload: bytes


class Board:
    """A fixed number of slots, each with one writer. Memory is taken up only as far as slots are filled."""

    SLOT_BYTES = 1 << 19
    PULSE_SECONDS = 5.0
    """Seconds after its last writing for which a process counts as alive."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._memory = mmap.mmap(-1, slots * self.SLOT_BYTES)

    def write(self, slot: int, payload: bytes) -> None:
        """Replace a slot's content, and beat its pulse. Only the process that owns the slot may call it."""
        if len(payload) > self.SLOT_BYTES - _HEADER.size:
            msg = f"a payload of {len(payload)} bytes does not fit into a slot"
            raise ValueError(msg)
        start = slot * self.SLOT_BYTES
        sequence = _HEADER.unpack_from(self._memory, start)[0] | 1
        pid = os.getpid()
        _HEADER.pack_into(self._memory, start, sequence, pid, 0, 0.0)
        body = start + _HEADER.size
        self._memory[body : body + len(payload)] = payload
        _HEADER.pack_into(self._memory, start, sequence + 1, pid, len(payload), time.monotonic())

    def read(self, slot: int) -> Slot | None:
        """What was last written whole, or None: nothing yet, or it is being written this moment again and again."""
        start = slot * self.SLOT_BYTES
        body = start + _HEADER.size
        for _ in range(100):
            sequence, pid, length, pulse = _HEADER.unpack_from(self._memory, start)
            if sequence == 0:
                return None
            if sequence % 2 == 0:
                payload = self._memory[body : body + length]
                if _HEADER.unpack_from(self._memory, start)[0] == sequence:
                    return Slot(pid, pulse, payload)
            time.sleep(0)
        return None

    def payloads(self) -> tuple[list[bytes], list[bytes]]:
        """What processes that are alive wrote last, and what those wrote that are not, or show no pulse."""
        living: list[bytes] = []
        ended: list[bytes] = []
        now = time.monotonic()
        for slot in map(self.read, range(self._slots)):
            if slot is not None:
                (living if now - slot.pulse < self.PULSE_SECONDS else ended).append(slot.payload)
        return living, ended
