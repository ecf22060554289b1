"""Counting in one process, and adding up over several."""

from __future__ import annotations

import pytest

from ripstop.kernel.metrics import Merge, Metrics


class Process:
    """One process's metrics; all declare the same families."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.requests = self.metrics.counter("ripstop_test_total", "Requests.", ["route"])
        self.read = self.metrics.counter("ripstop_test_read_total", "Counted elsewhere.")
        self.held = self.metrics.gauge("ripstop_test_held", "Held.")
        self.worst = self.metrics.gauge("ripstop_test_worst", "Worst.", merge=Merge.MAX)
        self.seconds = self.metrics.histogram("ripstop_test_seconds", "Seconds.", bounds=(0.1, 1.0))

    def work(self, times: int) -> None:
        self.requests.cell("/a").value += times
        self.held.cell().value = times
        self.worst.cell().value = times
        for _ in range(times):
            self.seconds.cell().observe(0.5)

    def snapshot(self) -> bytes:
        return self.metrics.snapshot()


def lines(rendered: bytes) -> list[str]:
    return [line for line in rendered.decode().splitlines() if not line.startswith("#")]


def test_processes_are_added_up() -> None:
    one, other = Process(), Process()
    one.work(2)
    other.work(3)
    rendered = lines(one.metrics.render([one.snapshot(), other.snapshot()]))
    assert 'ripstop_test_total{route="/a"} 5.0' in rendered
    assert "ripstop_test_held 5.0" in rendered
    assert "ripstop_test_worst 3.0" in rendered
    assert 'ripstop_test_seconds_bucket{le="0.1"} 0.0' in rendered
    assert 'ripstop_test_seconds_bucket{le="1.0"} 5.0' in rendered
    assert "ripstop_test_seconds_count 5.0" in rendered
    assert "ripstop_test_seconds_sum 2.5" in rendered


def test_what_an_ended_process_counted_stays_and_its_gauges_go() -> None:
    living, ended = Process(), Process()
    living.work(2)
    ended.work(3)
    rendered = lines(living.metrics.render([living.snapshot()], [ended.snapshot()]))
    assert 'ripstop_test_total{route="/a"} 5.0' in rendered
    assert "ripstop_test_held 2.0" in rendered


def test_a_successor_goes_on_counting_and_begins_its_gauges_anew() -> None:
    first, second = Process(), Process()
    first.work(3)
    first.read.cell().read = lambda: 10
    second.metrics.resume(first.snapshot())
    second.read.cell().read = lambda: 5
    second.requests.cell("/a").value += 1
    second.seconds.cell().observe(2.0)
    rendered = lines(second.metrics.render([second.snapshot()]))
    assert 'ripstop_test_total{route="/a"} 4.0' in rendered
    assert "ripstop_test_read_total 15.0" in rendered
    assert "ripstop_test_seconds_count 4.0" in rendered
    assert "ripstop_test_held 0.0" in rendered


def test_families_say_what_they_are() -> None:
    process = Process()
    rendered = process.metrics.render([process.snapshot()]).decode()
    assert "# TYPE ripstop_test_total counter" in rendered
    assert "# TYPE ripstop_test_seconds histogram" in rendered
    assert "# HELP ripstop_test_held Held." in rendered


def test_mistakes_show_when_they_are_made() -> None:
    process = Process()
    with pytest.raises(ValueError, match="declared twice"):
        process.metrics.gauge("ripstop_test_held", "Again.")
    with pytest.raises(ValueError, match="labels"):
        process.requests.cell("/a", "GET")


def test_histograms_of_another_version_are_passed_over() -> None:
    """While processes are replaced one by one, some may know other bounds."""
    old, new = Process(), Metrics()
    old.work(3)
    seconds = new.histogram("ripstop_test_seconds", "Seconds.", bounds=(0.1, 1.0, 10.0))
    new.resume(old.snapshot())
    seconds.cell().observe(20.0)
    rendered = lines(new.render([new.snapshot(), old.snapshot()]))
    assert 'ripstop_test_seconds_bucket{le="+Inf"} 1.0' in rendered
    assert 'ripstop_test_seconds_bucket{le="10.0"} 0.0' in rendered
