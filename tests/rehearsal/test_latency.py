"""Percentiles of recorded durations."""

from __future__ import annotations

import pytest

from ripstop.rehearsal.latency import Latencies


def recorded(*milliseconds: float) -> Latencies:
    latencies = Latencies()
    for each in milliseconds:
        latencies.record(each / 1e3)
    return latencies


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 1.0])
def test_a_percentile_is_off_by_less_than_two_percent(share: float) -> None:
    latencies = recorded(*(each / 100 for each in range(1, 100_001)))
    assert latencies.percentile(share) == pytest.approx(share, rel=0.02)


def test_no_percentile_is_above_the_longest() -> None:
    assert recorded(1.0, 777.7).percentile(1.0) == pytest.approx(0.7777)
    assert Latencies().percentile(0.5) == 0.0


def test_merged_histograms_hold_both() -> None:
    merged = recorded(1.0, 1.0, 1.0)
    merged.merge(recorded(100.0))
    assert merged.count == 4
    assert merged.total == pytest.approx(0.103)
    assert merged.percentile(0.75) == pytest.approx(0.001, rel=0.02)
    assert merged.percentile(1.0) == pytest.approx(0.1)
