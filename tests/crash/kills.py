"""How often the crash tests kill: a few times in the suite, 1,000 times for `make crash`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

KILLS = int(os.environ.get("RIPSTOP_CRASH_KILLS", "20"))
SECONDS = float(os.environ.get("RIPSTOP_CRASH_SECONDS", "3600"))
"""For all kills together, of which each test has its share."""

SEED = int(os.environ.get("RIPSTOP_CRASH_SEED", time.time_ns()))


class Kills:
    """A number of kills to go, with a word to the terminal now and then."""

    def __init__(self, what: str, share: float, say: Callable[[str], None]) -> None:
        self._what = what
        self._say = say
        self._wanted = max(2, round(KILLS * share))
        self._ends = time.monotonic() + SECONDS * share
        self._done = 0
        self.seed = f"{SEED} {what}"

    def left(self) -> bool:
        """Whether to go on; a run whose time is up ends early, and says so."""
        late = time.monotonic() > self._ends
        if late or self._done >= self._wanted:
            note = f", out of time before {self._wanted}" if late else ""
            self._say(f"{self._what}: {self._done} kills{note}")
            return False
        return True

    def count(self, kills: int) -> None:
        step = max(1, self._wanted // 10)
        before, self._done = self._done, self._done + kills
        if KILLS > 100 and before // step != self._done // step:
            self._say(f"{self._what}: {self._done} of {self._wanted} kills")


MakeKills = Callable[[str, float], Kills]
"""A test's share: what it kills, and which part of all kills."""
