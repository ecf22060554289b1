"""How a worker leases while some lines flood it and others have few calls, which should not wait for the floods."""

from collections import Counter
from collections.abc import Callable, Sequence

from ripstop.engines.base import CallLimit, LeasedCall

SECONDS = 1.0
"""For how long a line counts as a flood, or as company, after calls of it were leased."""

PART = 16
"""What one round brings of a worker's places in such company: a sixteenth of them."""

LEAST = 8
"""Calls that a round may always bring, however few places there are."""

REST = 3.0
"""How long no round is asked for after one, measured by what it took to lease it."""

MOST_REST = 0.05
"""Seconds that such a rest lasts at most."""

Line = tuple[str, str | None]
"""A function and a namespace, of which calls wait in one line."""


class Company:
    """Tells lines that flood a worker from those beside them.

    Whatever becomes ready waits for the round under way: what a request brings is leased, started and ended together.
    Floods that are alone may make rounds of any size, and the larger they are the less a call costs. Beside others
    they make small ones and rest between two of them, so that the store and the worker are free for the others most
    of the time.

    :param places: calls that the worker holds at once.
    """

    def __init__(self, places: int, monotonic: Callable[[], float]) -> None:
        self.few = max(LEAST, places // PART)
        """What one round brings in such company, and a request beside it."""
        self._monotonic = monotonic
        self._floods: dict[Line, float] = {}
        """When calls of each flood were leased last."""
        self._others_at = -SECONDS
        """When calls of another line were."""
        self._rested_at = 0.0

    def took(self, calls: Sequence[LeasedCall], *, asked: int, limits: Sequence[CallLimit] = ()) -> None:
        """These were leased together. A line that has its equal share of many calls, and was left more, is a flood.

        :param asked: how many calls could have been leased.
        :param limits: how many of which lines.
        """
        now = self._monotonic()
        lines = Counter([(call.function, call.namespace) for call in calls])
        if len(calls) >= self.few:
            full = {(limit.function, limit.namespace) for limit in limits if _is_reached(limit, lines)}
            for line, count in lines.items():
                was_left_more = len(calls) >= asked or line in full or (line[0], None) in full
                if was_left_more and count * len(lines) >= len(calls):
                    self._floods[line] = now
                else:
                    self._floods.pop(line, None)
        if any(line not in self._floods for line in lines):
            self._others_at = now

    def floods(self) -> list[Line]:
        """The lines that flood this worker."""
        since = self._monotonic() - SECONDS
        self._floods = {line: at for line, at in self._floods.items() if at > since}
        return list(self._floods)

    def most(self) -> int | None:
        """How many calls the next round may bring; None for any number."""
        has_company = self._others_at > self._monotonic() - SECONDS
        return self.few if has_company and self.floods() else None

    def leased(self, seconds: float) -> None:
        """It took so long to lease a round."""
        self._rested_at = self._monotonic() + min(REST * seconds, MOST_REST)

    def rest(self) -> float:
        """Seconds until the next round may be asked for."""
        return 0.0 if self.most() is None else max(0.0, self._rested_at - self._monotonic())

    def but_floods(self) -> list[CallLimit]:
        """What a request must be told that is for the others alone."""
        return [CallLimit(function, 0, namespace) for function, namespace in self.floods()]


def _is_reached(limit: CallLimit, lines: Counter[Line]) -> bool:
    """Whether as many calls were taken as it allows."""
    if limit.namespace is not None:
        return lines[limit.function, limit.namespace] >= limit.most
    return sum(count for (function, _), count in lines.items() if function == limit.function) >= limit.most
