"""What a worker counts."""

from typing import NamedTuple

from ripstop.kernel.metrics import SECONDS, Counter, Histogram, Metrics

CALL_SECONDS = (*SECONDS, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Upper bounds for start delays and run times: calls may wait for long."""

_LEAVING = frozenset({"done", "cancel", "split", "dead"})
"""Endings after which a call is not in the backlog any more."""

Counted = dict[str, int]
"""How many leases had which ending."""


class Seen(NamedTuple):
    """What was counted of a function so far.

    :ivar delays: start delays, by the places of `CALL_SECONDS`, and one for what is longer.
    :ivar runs: run times, in the same way.
    :ivar ended: calls that are finished, or dead.
    """

    delays: tuple[int, ...] = ()
    runs: tuple[int, ...] = ()
    ended: int = 0
    retried: int = 0
    died: int = 0


class CallMetrics:
    """The families of the function platform. Made at boot, before the fork."""

    def __init__(self, metrics: Metrics) -> None:
        self.held = metrics.gauge("ripstop_calls_held", "Calls that workers hold under lease.").cell()
        ended = metrics.counter("ripstop_calls_ended_total", "Leases by how they ended.", ["function", "ending"])
        delay = metrics.histogram(
            "ripstop_call_start_delay_seconds",
            "From the instant a call was due to its start.",
            ["function"],
            bounds=CALL_SECONDS,
        )
        run = metrics.histogram(
            "ripstop_call_run_seconds",
            "From a call's start to its end, commit included.",
            ["function"],
            bounds=CALL_SECONDS,
        )
        self._ended, self._delay, self._run = ended, delay, run
        self._cells: dict[tuple[str, str], Counter] = {}
        self._histograms: dict[str, tuple[Histogram, Histogram]] = {}

    def ended(self, function: str, ending: str) -> None:
        """Count one ending."""
        cell = self._cells.get((function, ending))
        if cell is None:
            cell = self._cells[function, ending] = self._ended.cell(function, ending)
        cell.value += 1

    def ran(self, function: str, *, delay: float, seconds: float) -> None:
        """Count one run: how late it began, and how long it took."""
        cells = self._histograms.get(function)
        if cells is None:
            cells = self._histograms[function] = (self._delay.cell(function), self._run.cell(function))
        cells[0].observe(delay)
        cells[1].observe(seconds)

    def seen(self) -> dict[str, Seen]:
        """What was counted in this process so far, by function."""
        endings: dict[str, Counted] = {name: {} for name in self._histograms}
        for (name, ending), cell in self._cells.items():
            endings.setdefault(name, {})[ending] = int(cell.value)
        return {name: self._seen(name, counted) for name, counted in endings.items()}

    def _seen(self, name: str, endings: Counted) -> Seen:
        delay, run = self._histograms.get(name, (None, None))
        return Seen(
            delays=() if delay is None else tuple(delay.counts),
            runs=() if run is None else tuple(run.counts),
            ended=sum(count for ending, count in endings.items() if ending in _LEAVING),
            retried=endings.get("retry", 0),
            died=endings.get("dead", 0),
        )
