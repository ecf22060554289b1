"""Admission control: under overload, refuse early and honestly, and the cheapest-to-lose work first.

One number, the *pressure*, says how much is refused. Its whole part counts the kinds of request (`Kind`, from the
cheapest to lose up) that are refused altogether, its fraction is the share of the next kind that is. The pressure
rises while a signal of load stands above its limit, and for a dearer kind the limit is higher: a late anonymous
timeline is no reason to refuse a sign-up. It falls, more slowly than it rose, once load is well below the limit.

Signals: how late the event loop runs, how long commits take, how many requests are under way. Nothing here waits:
a request is admitted or refused at once, never queued and never timed out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil

from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import Overloaded
from ripstop.kernel.metrics import Merge, Metrics
from ripstop.surfaces.http.routing import Kind

INTERVAL = 0.1
"""Seconds between two looks at the signals."""
PRESSURE, LOAD = "ripstop_pressure", "ripstop_load"
"""Names of the metrics that say how much is refused, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Where load begins, for the cheapest kind; each dearer kind's limit is twice that of the one before it.

    `lag` and `commit` are seconds, `in_flight` is requests of one process.
    """

    lag: float = 0.050
    commit: float = 0.250
    in_flight: int = 512


class Admission:
    """Decides for one process. Call :meth:`look` every :data:`INTERVAL`, and :meth:`admit` for each request."""

    RISE = 0.15
    """By how much the pressure rises in one interval when load is at twice its limit or more."""
    FALL = 0.02
    """By how much it falls in one: a whole kind takes five seconds to come back."""
    CALM = 0.6
    """The pressure falls only below this share of the limit, so that it does not swing."""

    def __init__(self, clock: Clock, limits: Limits, *, commit_seconds: Callable[[], float], metrics: Metrics) -> None:
        self._clock = clock
        self._limits = limits
        self._commit_seconds = commit_seconds
        self._last_commit = 0.0
        self._commit = 0.0
        self._lag = 0.0
        self._looked = clock.monotonic()
        self._carry = 0.0
        self.pressure = 0.0
        self.in_flight = 0
        shed = metrics.counter(
            "ripstop_shed_requests_total", "Requests refused because of overload, by kind.", ["kind"]
        )
        self._shed = {kind: shed.cell(kind.name.lower()) for kind in Kind}
        lag = metrics.histogram("ripstop_event_loop_lag_seconds", "How late the event loop runs its timers.")
        self._lags = lag.cell()
        metrics.gauge(PRESSURE, "Admission control: 0 admits all, 4 refuses all.").cell().read = lambda: self.pressure
        load = metrics.gauge(
            LOAD, "Signals of load, as shares of where reads are first refused.", ["signal"], merge=Merge.MAX
        )
        for signal in ("lag", "commit", "in_flight"):
            load.cell(signal).read = partial(self._share, signal)
        metrics.gauge("ripstop_requests_in_flight", "Requests under way.").cell().read = lambda: self.in_flight

    def admit(self, kind: Kind) -> None:
        """Return if a request of this kind may go on.

        :raises Overloaded: it may not; nothing was done for it.
        """
        over = self.pressure - kind
        if over <= 0.0:
            return
        if kind is Kind.ALWAYS:
            return
        if over < 1.0:
            # Spread evenly instead of at random: of 10 requests at a share of 0.3 exactly 3 are refused.
            self._carry += over
            if self._carry < 1.0:
                return
            self._carry -= 1.0
        self._shed[kind].value += 1
        raise Overloaded("The server is very busy. Please try again in a moment.", retry_after=self.retry_after())

    def retry_after(self) -> float:
        """Seconds until trying again makes sense: the pressure's way down for one kind, at least two."""
        return 2.0 + self.pressure * 2.0

    def look(self) -> None:
        """Measure, and move the pressure by one step. To be called by a timer set for :data:`INTERVAL`."""
        now = self._clock.monotonic()
        late = max(0.0, now - self._looked - INTERVAL)
        self._looked = now
        self._lags.observe(late)
        self._lag += (late - self._lag) * 0.5
        load = self._load()
        whole = int(self.pressure)
        limit = _limit_of(whole)
        if load > limit:
            step = self.RISE * min(1.0, load / limit - 1.0)
            self.pressure = min(whole + 1.0, self.pressure + step, float(Kind.ALWAYS))
        elif self.pressure:
            # The kind that would be let in again first: at a whole number, the one that is only just refused.
            back = ceil(self.pressure) - 1
            if load < _limit_of(back) * self.CALM:
                self.pressure = max(float(back), self.pressure - self.FALL)

    def _load(self) -> float:
        """The worst of the signals, each as a share of its limit."""
        commit = self._commit_seconds()
        if commit == self._last_commit:
            # No commit since: what was slow then says less and less of now.
            self._commit *= 0.8
        else:
            self._commit = self._last_commit = commit
        return max(self._share("lag"), self._share("commit"), self._share("in_flight"))

    def _share(self, signal: str) -> float:
        """A signal as a share of its limit."""
        if signal == "lag":
            return self._lag / self._limits.lag
        if signal == "commit":
            return self._commit / self._limits.commit
        return self.in_flight / self._limits.in_flight


def _limit_of(kind: int) -> float:
    """The load, as a share of the limit for the cheapest kind, above which this kind is refused."""
    return float(1 << kind)
