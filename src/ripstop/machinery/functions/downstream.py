"""How much a worker asks of what functions lean on: as much as is taken, found out by trying."""

from random import Random

from ripstop.machinery.functions.outcome import Outcome

CUT = 0.5
"""By what the window is multiplied when the downstream is under pressure."""

CUT_SECONDS = 0.25
"""Between two cuts: calls that were under way together tell of one and the same trouble."""

FAILURES = 8
"""So many calls in a row, and as many as the window holds, that met with pressure open the circuit as well."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
"""Seconds for which a circuit stays open, at first and at most."""


class Pressure(Exception):
    """What a function leans on cannot take it now: HTTP 429 or 503, a refusal, a time-out.

    The call goes back and uses up no attempt, unless it says how it ends.

    :param retry_after: seconds for which the other side asked, if it did.
    :param outcome: how the call ends all the same; None: it goes back.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, outcome: Outcome | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.outcome = outcome

    @classmethod
    def of_http(cls, status: int, retry_after: str | None = None) -> "Pressure | None":
        """What an answer over HTTP tells of pressure: 429 and 503; None for any other.

        :param retry_after: its header field of this name. A date in it is not understood, and counts as none.
        """
        if status not in (429, 503):
            return None
        is_number = retry_after is not None and retry_after.isdecimal() and retry_after.isascii()
        return cls(f"HTTP {status}", retry_after=float(retry_after) if retry_after and is_number else None)


class Downstream:
    """One worker's window over one downstream: how many calls that lean on it may be under way at once.

    The window is cut by a factor under pressure and regained by one for each window of calls that went well (AIMD, as
    in TCP: V. Jacobson, "Congestion Avoidance and Control", 1988), so that workers which know nothing of each other
    settle on equal shares of what the downstream can do. Below one call at a time, when no call goes through at all, or
    when the other side asks for a pause, the circuit opens: nothing is asked for as long, or for a pause that doubles
    while trials fail; then one call tries. If it goes well, the window begins at one and doubles with each round until
    where it was last cut to (slow start).
    """

    def __init__(self, most: int, random: Random) -> None:
        """:param most: the window while nothing is known against it."""
        self.most = float(most)
        self.window = float(most)
        self.in_flight = 0
        self.open_until = 0.0
        """Until when the circuit is open, on the monotonic clock; 0.0 while it is closed."""
        self._threshold = float(most)
        self._cut_at = -1.0
        self._pause = FIRST_PAUSE
        self._failures = 0
        self._random = random

    @property
    def share(self) -> float:
        """The window as a share of what it is without pressure."""
        return 0.0 if self.open_until else self.window / self.most

    def may_start(self, now: float) -> bool:
        """Whether one more call may be under way."""
        if self.open_until:
            return now >= self.open_until and self.in_flight == 0
        return self.in_flight < max(1, int(self.window))

    def room(self, now: float) -> int:
        """How many more may be under way."""
        if self.open_until:
            return int(self.may_start(now))
        return max(0, max(1, int(self.window)) - self.in_flight)

    def enter(self) -> None:
        self.in_flight += 1

    def leave(self) -> None:
        self.in_flight -= 1

    def went_well(self) -> None:
        """A call is through."""
        self._failures = 0
        if self.open_until:
            self.open_until, self._pause, self.window = 0.0, FIRST_PAUSE, 1.0
        elif self.window < self._threshold:
            self.window = min(self._threshold, self.window + 1.0)
        else:
            self.window = min(self.most, self.window + 1.0 / self.window)

    def pressed(self, now: float, *, retry_after: float | None = None) -> None:
        """A call met with pressure."""
        self._failures += 1
        if now < self.open_until:
            # It began before the circuit opened, and is no trial.
            self.open_until = max(self.open_until, now + min(retry_after or 0.0, LONGEST_PAUSE))
        elif self.open_until or retry_after is not None or self._failures >= max(FAILURES, self.window):
            self._open(now, retry_after)
        elif now >= self._cut_at + CUT_SECONDS or self._cut_at < 0:
            self._cut_at = now
            window = min(self.window, self.in_flight + 1.0) * CUT
            self._threshold = max(1.0, window)
            if window < 1.0:
                self._open(now, retry_after)
            else:
                self.window = window

    def _open(self, now: float, retry_after: float | None) -> None:
        pause = max(self._pause * self._random.uniform(0.75, 1.25), min(retry_after or 0.0, LONGEST_PAUSE))
        self.window = 1.0
        self.open_until = now + pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
