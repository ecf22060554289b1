"""How many calls a worker asks for at a time: fewer while one line has most of the calls and others have some."""

from collections import Counter
from collections.abc import Callable, Sequence

from ripstop.engines.base import LeasedCall

SECONDS = 1.0
"""For how long a line counts as company after a call of it was leased."""

PART = 8
"""What one request brings of a worker's places in such company: an eighth of them."""

CROWD = 0.75
"""A line with more than this part of what a request brings crowds the others."""


class Company:
    """Tells a flood beside which others have calls from one that is alone.

    Whatever becomes ready waits for the round under way: what a request brings is leased, started and ended together.
    A line that is alone may make rounds of any size, and the larger they are the less a call costs. Beside others it
    makes small ones, so that theirs wait for few of its calls.

    :param places: calls that the worker holds at once.
    """

    def __init__(self, places: int, monotonic: Callable[[], float]) -> None:
        self._few = max(1, places // PART)
        self._monotonic = monotonic
        self._crowd: tuple[str, str | None] | None = None
        """The line that had most of the calls, when one had."""
        self._crowd_at = self._others_at = -SECONDS
        """When calls of that line, and of another one, were leased last."""

    def most(self) -> int | None:
        """How many calls the next request may bring; None for any number."""
        since = self._monotonic() - SECONDS
        return self._few if self._crowd_at > since and self._others_at > since else None

    def took(self, calls: Sequence[LeasedCall]) -> None:
        """These were leased together."""
        now = self._monotonic()
        lines = Counter([(call.function, call.namespace) for call in calls])
        line, count = lines.most_common(1)[0]
        if count >= self._few and count > CROWD * len(calls):
            if self._crowd is not None and self._crowd != line:
                self._others_at = self._crowd_at
            self._crowd, self._crowd_at = line, now
        if len(lines) > 1 or line != self._crowd:
            self._others_at = now
