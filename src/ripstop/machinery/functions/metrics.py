"""What a worker counts."""

from ripstop.kernel.metrics import Counter, Histogram, Metrics


class CallMetrics:
    """The families of the function platform. Made at boot, before the fork."""

    def __init__(self, metrics: Metrics) -> None:
        self.held = metrics.gauge("ripstop_calls_held", "Calls that workers hold under lease.").cell()
        ended = metrics.counter("ripstop_calls_ended_total", "Leases by how they ended.", ["function", "ending"])
        delay = metrics.histogram(
            "ripstop_call_start_delay_seconds", "From the instant a call was due to its start.", ["function"]
        )
        run = metrics.histogram(
            "ripstop_call_run_seconds", "From a call's start to its end, commit included.", ["function"]
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
