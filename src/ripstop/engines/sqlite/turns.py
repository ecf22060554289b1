"""Whose turn it is to write: how background groups keep out of the way of the foreground, over all processes.

A foreground batch that arrives while the lock of all writers is held waits until it is let go of. So what background
groups cost others is how long each of them holds the lock, and how much of the time all of them do. Beside a
foreground they hold it for a millisecond or so, leave it free for as long again as they had it, and do not stand in
line for it; where there is none they make large groups, which cost less. What writers must know of each other for that
are two instants, which stand in the lock's file, in memory that all processes share.
"""

import mmap
import os
from pathlib import Path

BESIDE_SECONDS = 0.001
"""How long a background group should hold the lock beside a foreground."""

ALONE_SECONDS = 0.010
"""How long it should where nobody else writes."""

COMPANY_SECONDS = 10.0
"""For how long after a foreground batch others are expected."""

FREE = 1.0
"""How long the lock is left free after a background group, as a part of the time for which that held it."""

LONGEST_PAUSE = 0.05
"""What is further away than that was written by a clock of another start of the machine."""

AGAIN_SECONDS = 0.0003
"""After which a background group looks again whether the lock is free."""

PATIENCE_SECONDS = 0.004
"""For how long it looks, before it stands in line as all others."""

MOST_OPERATIONS = 1_024
"""Operations of one background group, whatever they take."""

_FIRST_SECONDS = 1e-5
"""What an operation is held to take until it was measured."""

_SMOOTHING = 0.2

_FROM, _TO = 40, 56
"""Where the instants stand in the lock's file, behind its note and its seal."""


class Turns:
    """One writer's view of when background groups may be written, and how large they may be.

    Instants are of the monotonic clock, which the processes of a machine share; all methods are for the writer's
    thread. Nothing depends on what other processes have written: at worst a group is too large, or comes 50 ms late.
    """

    def __init__(self, lock: Path) -> None:
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size < _TO:
                os.ftruncate(file, _TO)
            self._memory = mmap.mmap(file, _TO)
        finally:
            os.close(file)
        # The last foreground group, and when the lock is for the background again.
        self._instants = memoryview(self._memory)[_FROM:_TO].cast("d")
        self._operation_seconds = _FIRST_SECONDS
        self._waits_since: float | None = None
        """Since when the lock has not been free for a background group whose turn it is."""
        self._again = 0.0
        """When to see whether it is."""

    def pause(self, now: float) -> float:
        """Seconds until a background group may be written, or tried; 0.0: now."""
        if not self._is_beside(now):
            return 0.0
        left = max(self._instants[1], self._again) - now
        return left if 0.0 < left <= LONGEST_PAUSE else 0.0

    def stands_in_line(self, now: float) -> bool:
        """Whether a background group waits for the lock until it is its own; if not, it comes again."""
        if not self._is_beside(now):
            return True
        return self._waits_since is not None and now - self._waits_since >= PATIENCE_SECONDS

    def turned_away(self, now: float) -> None:
        """The lock was not free."""
        self._again = now + AGAIN_SECONDS
        if self._waits_since is None:
            self._waits_since = now

    def room(self, now: float) -> int:
        """Operations of the background that the group of this instant may hold; 0: none."""
        if not self._is_beside(now):
            return self._fitting(ALONE_SECONDS)
        return 0 if self.pause(now) else self._fitting(BESIDE_SECONDS)

    def wrote(self, foreground: int, background: int, *, began: float, ended: float) -> None:
        """A group was written, of so many operations; it had the lock between these instants."""
        operations = foreground + background
        if not operations:
            return
        seconds = ended - began
        if foreground:
            self._instants[0] = ended
        else:
            self._operation_seconds += _SMOOTHING * (seconds / operations - self._operation_seconds)
        if background:
            self._waits_since = None
            self._instants[1] = ended + min(seconds * background / operations * FREE, LONGEST_PAUSE)

    def _is_beside(self, now: float) -> bool:
        """Whether a foreground batch was written lately, by any process."""
        return abs(now - self._instants[0]) <= COMPANY_SECONDS

    def _fitting(self, seconds: float) -> int:
        return min(MOST_OPERATIONS, max(1, round(seconds / self._operation_seconds)))

    def close(self) -> None:
        self._instants.release()
        self._memory.close()
