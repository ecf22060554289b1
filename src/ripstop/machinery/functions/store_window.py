"""How much a worker holds, as the store can take it: every call costs it a lease and the commit of its end."""

from collections.abc import Callable

CUT = 0.5
"""By what the window is multiplied when the store is under pressure."""

STEP = 1 / 32
"""By what part of the whole the window grows at each look that finds the store well: all of it in 8 s."""

CUT_SECONDS = 0.5
"""Between two cuts: what was held before the first is still on its way."""

LEAST = 1 / 64
"""The window is never cut below this part, so that its state is found out."""


class StoreWindow:
    """A share, by which a worker fills itself less while the store is under pressure (AIMD, as for downstreams).

    Signals: commits that take longer than the objective, those of this worker and those that the store itself tells
    of; and calls that the store refused (`Unavailable`: overloaded, too late, read only).

    :param objective: seconds that a commit should take at most.
    :param commit_seconds: what the store says of its recent commits.
    """

    def __init__(self, objective: float, *, commit_seconds: Callable[[], float]) -> None:
        self.share = 1.0
        self.seconds = 0.0
        """How long commits took at the last look: the mean; 0.0 if there were none."""
        self._objective = objective
        self._commit_seconds = commit_seconds
        self._last_told = 0.0
        self._sum = 0.0
        self._count = 0
        self._refused = False
        self._cut_at = -1.0

    def committed(self, seconds: float) -> None:
        """A commit of this worker took so long."""
        self._sum += seconds
        self._count += 1

    def refused(self) -> None:
        """The store could not do something."""
        self._refused = True

    def look(self, now: float) -> None:
        """Take stock of what was seen since the last look; to be called about four times a second.

        :param now: on the monotonic clock.
        """
        own = self._sum / self._count if self._count else 0.0
        told = self._commit_seconds()
        if told == self._last_told:
            told = 0.0  # no commit since: what it said before tells nothing of now
        else:
            self._last_told = told
        self.seconds = max(own, told)
        is_pressed = self._refused or self.seconds > self._objective
        self._sum, self._count, self._refused = 0.0, 0, False
        if not is_pressed:
            self.share = min(1.0, self.share + STEP)
        elif now >= self._cut_at + CUT_SECONDS or self._cut_at < 0:
            self._cut_at = now
            self.share = max(LEAST, self.share * CUT)
