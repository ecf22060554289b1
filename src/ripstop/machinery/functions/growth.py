"""Slow start: how fast the starts of a function may grow, over all workers together."""

import math
from collections.abc import Callable
from typing import NamedTuple

from ripstop.engines.base import Engine
from ripstop.engines.derived import CounterAdd, KeyspaceKind, KeyspaceType

MINUTE_MS = 60_000

REMEMBERED = 15
"""Minutes for which it is remembered how much was started: what stood still for shorter begins where it was."""

STARTED = KeyspaceType(name="function_growth", kind=KeyspaceKind.COUNTERS, ttl=(REMEMBERED + 5) * 60.0)
"""Starts given out, by function and minute."""

STOCK = 64
"""A worker takes at most so many-th of a minute's starts beyond what it has calls for, to ask less often."""

AHEAD_MS = 250
"""Starts are given out for so long ahead: the same as a window of a quota."""

LONGEST_PAUSE = 1.0
"""Seconds after which starts are asked for again at the latest."""


class SlowStart(NamedTuple):
    """How fast a function may grow.

    :ivar threshold: calls a minute that may always start.
    :ivar growth: by what share more may start than in the best minute of those remembered; infinite: without bound.
    """

    threshold: float = 100.0
    growth: float = 0.2


class Growth:
    """One worker's share of what a function may start in the present minute.

    Each minute has a counter that all workers share. `threshold` starts are given out as they are asked for, those
    above it evenly over the minute. What a worker asks for in vain, or takes and does not use, it gives back, so that
    the counter says how much was started: it is what the next minutes go by. As derived data it may be lost; then
    each worker goes by what it has seen itself, and a function that nobody has seen begins at its threshold.
    """

    def __init__(self, engine: Engine, function: str, slow: SlowStart, *, monotonic: Callable[[], float]) -> None:
        self.slow = slow
        self.tokens = 0
        """Starts that this worker may make in the minute that it last asked for."""
        self._engine = engine
        self._function = function
        self._monotonic = monotonic
        self._minute = -1
        self._cap = slow.threshold
        self._taken = 0
        """How many of this minute's starts are known to be given out."""
        self._unused: tuple[int, int] = (0, 0)
        """Starts of a minute before that were taken and not made: the minute, and how many."""
        self._best: tuple[float, float] = (0.0, -math.inf)
        """The most that was seen to start in a minute, and when it was seen, on the monotonic clock."""

    def expire(self, now_ms: float) -> None:
        """Forget what is left of a minute that has passed."""
        minute = int(now_ms // MINUTE_MS)
        if minute != self._minute:
            if self.tokens:
                self._unused = (self._minute, self.tokens)
            self._minute, self.tokens, self._taken = minute, 0, 0
            self._cap = math.nan  # the next to ask finds out

    def limit(self) -> float:
        """How many calls may start in the present minute, over all workers, as far as is known."""
        return self._known_cap()

    def room(self, now_ms: float) -> int:
        """How many calls are worth having at hand: as many as may start soon, as far as is known."""
        self.expire(now_ms)
        return max(0, self.tokens + self._given_out_by(now_ms) - self._taken)

    async def refill(self, wanted: int, *, now_ms: float) -> float:
        """Take starts of the present minute into `tokens`; says after how many seconds to ask again (0: got some).

        :param wanted: starts for which there are calls at hand.
        :raises ripstop.kernel.errors.RipstopError: the engine cannot do it now.
        """
        self.expire(now_ms)
        minute = self._minute
        if math.isnan(self._cap):
            self._cap = await self._look_back(minute)
        most = self._given_out_by(now_ms)
        if self._taken < most:
            ask = max(wanted, min(most - self._taken, round(most / STOCK)))
            key = self._key(minute)
            changes = [CounterAdd(key, ask)]
            before, unused = self._unused
            if unused:
                changes.append(CounterAdd(self._key(before), -unused))
                self._unused = (0, 0)
            taken = (await self._engine.keyspace_write(STARTED.name, changes))[key]
            in_vain = min(ask, max(0, taken - most))
            if in_vain:
                await self._engine.keyspace_write(STARTED.name, [CounterAdd(key, -in_vain)])
            if minute == self._minute:
                self._taken = taken - in_vain
                self.tokens += ask - in_vain
        return 0.0 if self.tokens > 0 else self._pause()

    def _known_cap(self) -> float:
        """The most starts of a minute, by what this worker has seen itself where nothing else is known."""
        if not math.isnan(self._cap):
            return self._cap
        best, seen_at = self._best
        is_fresh = self._monotonic() - seen_at <= REMEMBERED * 60
        return max(self.slow.threshold, best * (1 + self.slow.growth)) if is_fresh else self.slow.threshold

    def _given_out_by(self, now_ms: float) -> int:
        """How many starts of the minute are given out by now: the threshold at once, the others evenly."""
        cap = self._known_cap()
        passed = min(1.0, (now_ms % MINUTE_MS + AHEAD_MS) / MINUTE_MS)
        return int(self.slow.threshold + (cap - self.slow.threshold) * passed)

    def _pause(self) -> float:
        """Until one more start is given out, or somebody may have given some back."""
        above = self._known_cap() - self.slow.threshold
        return min(LONGEST_PAUSE, max(AHEAD_MS / 1000, 60 / above)) if above > 0 else LONGEST_PAUSE

    async def _look_back(self, minute: int) -> float:
        """The most that may start in a minute, by those before."""
        keys = [self._key(minute - back) for back in range(1, REMEMBERED + 1)]
        found = await self._engine.keyspace_get(STARTED.name, keys)
        best = max((value for value in found.values() if isinstance(value, int)), default=0)
        if best <= 0:  # nothing did start, or a clock has jumped, or the counters are lost
            return self._known_cap()
        self._best = (float(best), self._monotonic())
        return max(self.slow.threshold, best * (1 + self.slow.growth))

    def _key(self, minute: int) -> str:
        return f"{self._function}:{minute}"
