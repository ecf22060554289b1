"""How often calls of a function may start, over all workers together."""

import math

from ripstop.engines.base import Engine
from ripstop.engines.derived import CounterAdd, KeyspaceKind, KeyspaceType

STARTS = KeyspaceType(name="function_starts", kind=KeyspaceKind.COUNTERS, ttl=60.0)
"""Starts that workers have taken for themselves, by function and window."""

WINDOW_MS = 250
"""A quota is given out anew so often: what is called smooth here."""

RESERVE = 16
"""While less than half of a window is taken, a worker takes so many-th of it in stock, to ask less often."""


class Quota:
    """One worker's share of the starts of one function.

    Each window has a counter that all workers share. A worker adds what it wants, and is told the sum: what goes
    beyond the window's number it has not got. So the first who ask get all there is and never more, whatever the
    workers do at the same time, and one round trip pays for many starts. The counter is derived data: if it is lost,
    one window may be given out twice.
    """

    def __init__(self, engine: Engine, function: str) -> None:
        self._engine = engine
        self._function = function
        self._window = -1
        self._is_scarce = True
        self.tokens = 0
        """Starts that this worker may make in the window that it last asked for."""

    def of_window(self, window: int, rate: float) -> int:
        """The starts of a window: whole numbers, which add up to `rate` in every second of windows."""
        per_window = rate * WINDOW_MS / 1000
        return math.floor(per_window * (window + 1)) - math.floor(per_window * window)

    def expire(self, now_ms: float) -> None:
        """Forget what is left of a window that has passed."""
        window = int(now_ms // WINDOW_MS)
        if window != self._window:
            self._window, self.tokens, self._is_scarce = window, 0, False

    async def refill(self, wanted: int, rate: float, *, now_ms: float) -> float:
        """Take starts of the present window into `tokens`; says after how many seconds to ask again (0: got some).

        :param wanted: starts for which there are calls at hand.
        :param rate: starts per second over all workers.
        :raises ripstop.kernel.errors.RipstopError: the engine cannot do it now.
        """
        self.expire(now_ms)
        window = self._window
        most = self.of_window(window, rate)
        ask = wanted if self._is_scarce else max(wanted, most // RESERVE)
        if most > 0:
            key = f"{self._function}:{window}"
            taken = (await self._engine.keyspace_write(STARTS.name, [CounterAdd(key, ask)]))[key]
            if window == self._window:
                self.tokens += max(0, ask - max(0, taken - most))
                self._is_scarce = taken > most // 2
        return 0.0 if self.tokens > 0 else ((window + 1) * WINDOW_MS - now_ms) / 1000 + 0.001
