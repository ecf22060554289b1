"""Finding the process that sits on a lock."""

from collections.abc import Callable

from ripstop.kernel.clock import Clock

Holder = tuple[int, int]
"""Process id, and since when it has held the lock, by whatever clock it notes that."""


class StuckHolder:
    """Looks at who holds a lock, and says when it is the same for too long.

    Time is measured here, from look to look, so that a wall clock which is set does not make anybody look stuck.

    :param look: who holds the lock now, if anybody does.
    """

    def __init__(self, look: Callable[[], Holder | None], clock: Clock, *, seconds: float) -> None:
        self._look = look
        self._clock = clock
        self._seconds = seconds
        self._seen: Holder | None = None
        self._since = 0.0

    def __call__(self) -> int | None:
        """The process id of a holder that was seen for longer than allowed."""
        holder = self._look()
        now = self._clock.monotonic()
        if holder is None or holder != self._seen:
            self._seen = holder
            self._since = now
            return None
        return holder[0] if now - self._since > self._seconds else None
