"""The engine's clock: wall-clock time that never steps back while the store is open."""

from ripstop.kernel.clock import Clock


class EngineClock:
    """Follows the wall clock forward; where that steps back, goes on at the pace of the monotonic clock.

    So leases still end and calls still fall due while an operator or NTP has set the clock back. May be asked from
    any thread.
    """

    AHEAD_MS = 2 * 3_600_000
    """Clocks that are set back by more than this are taken to have been wrong before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base_ms = clock.now_ms()
        self._base_seconds = clock.monotonic()

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, never less than said before."""
        wall = self._clock.now_ms()
        seconds = self._clock.monotonic()
        running = self._base_ms + int((seconds - self._base_seconds) * 1000)
        if wall <= running:
            return running
        self._base_ms, self._base_seconds = wall, seconds
        return wall

    def observe(self, ms: int) -> None:
        """Another process of the same store has already reached this instant: do not stay behind it.

        More than `AHEAD_MS` ahead it is not believed.
        """
        if 0 < ms - self.now_ms() <= self.AHEAD_MS:
            self._base_ms, self._base_seconds = ms, self._clock.monotonic()
