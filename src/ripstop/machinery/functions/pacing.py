"""When to come again."""

import asyncio
from random import Random


def backoff(attempt: int, *, base: float, cap: float, random: Random) -> float:
    """Seconds to wait after failed attempt number `attempt`: evenly from 0 to ``min(cap, base * 2^(attempt - 1))``.

    This is "full jitter", which spreads calls that failed together better than any part of it (M. Brooker,
    "Exponential Backoff And Jitter", 2015).
    """
    doublings = min(attempt - 1, 60)  # beyond that the product is no number worth having
    return random.uniform(0, min(cap, base * 2.0**doublings))


class Pace:
    """Hands out instants that lie an interval apart, beginning now."""

    def __init__(self) -> None:
        self._next_ms = 0.0

    def slot(self, now_ms: int, *, interval: float, horizon: float) -> int:
        """The next free instant in milliseconds, never more than `horizon` seconds away."""
        slot = min(max(self._next_ms, now_ms), now_ms + horizon * 1000)
        self._next_ms = slot + interval * 1000
        return round(slot)


class Beat:
    """Lets several coroutines go on at the same moment, so that what they ask of the engine forms one group."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.Handle | None = None
        self._hurried = False

    async def next(self, *, hurry: bool) -> None:
        """Return at the next beat: after the pause since it was first asked for, or at once when one is in a hurry."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append(future)
        if self._timer is None or (hurry and not self._hurried):
            if self._timer is not None:
                self._timer.cancel()
            self._hurried = hurry
            self._timer = loop.call_soon(self._strike) if hurry else loop.call_later(self._pause, self._strike)
        await future

    def _strike(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._timer = None
        for future in waiting:
            if not future.done():
                future.set_result(None)
