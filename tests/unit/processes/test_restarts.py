"""How soon what died is started again."""

from __future__ import annotations

from ripstop.kernel.clock import ManualClock
from ripstop.processes.restarts import Restarts


def deaths(lives: list[float]) -> list[float]:
    """The waits after lives of so many seconds."""
    clock = ManualClock()
    restarts = Restarts(clock)
    waits = []
    for life in lives:
        restarts.started()
        clock.advance(life)
        waits.append(restarts.died())
        clock.advance(waits[-1])
    return waits


def test_after_a_life_it_is_started_at_once() -> None:
    assert deaths([3600, 60, 11, 10]) == [0, 0, 0, 0]


def test_what_dies_again_and_again_waits_longer_and_longer_up_to_a_bound() -> None:
    assert deaths([0.1] * 12) == [0, 0, 0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_life_in_between_forgives() -> None:
    assert deaths([0.1, 0.1, 0.1, 0.1, 20, 0.1, 0.1]) == [0, 0, 0.25, 0.5, 0, 0, 0.25]
