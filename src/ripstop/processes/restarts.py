"""How soon a process that died is started again."""

from ripstop.kernel.clock import Clock


class Restarts:
    """At once after a life; later and later, up to :data:`MOST` seconds, when it dies at once again and again."""

    A_LIFE = 10.0
    """Seconds after which a death counts as the first."""
    MOST = 30.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._born = clock.monotonic()
        self.deaths = 0
        """Deaths in a row without a life between them."""

    def started(self) -> None:
        self._born = self._clock.monotonic()

    def died(self) -> float:
        """Seconds to wait before the next start."""
        if self._clock.monotonic() - self._born >= self.A_LIFE:
            self.deaths = 0
        self.deaths += 1
        if self.deaths <= 2:
            return 0.0
        return min(self.MOST, 0.25 * 2.0 ** (self.deaths - 3))
