"""What is refused under overload, and when it is taken again."""

from __future__ import annotations

import pytest

from ripstop.kernel.clock import ManualClock
from ripstop.kernel.errors import Overloaded
from ripstop.kernel.metrics import Metrics
from ripstop.surfaces.http.admission import INTERVAL, Admission, Limits
from ripstop.surfaces.http.routing import Kind


class Load:
    """An admission control, and the load that it sees."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.commit = 0.0
        self.admission = Admission(
            self.clock,
            Limits(lag=0.05, commit=0.25, in_flight=100),
            commit_seconds=lambda: self.commit,
            metrics=Metrics(),
        )

    def last(self, seconds: float, *, lag: float = 0.0, in_flight: int = 0, commit: float = 0.0) -> None:
        """Let time pass under this load."""
        self.admission.in_flight = in_flight
        passed = 0.0
        while passed < seconds:
            # Never twice the same, as measured figures are.
            self.commit = commit + passed * 1e-9 if commit else self.commit
            self.clock.advance(INTERVAL + lag)
            passed += INTERVAL + lag
            self.admission.look()

    def admitted(self, kind: Kind, of: int = 100) -> int:
        """How many of so many requests of this kind are let in."""
        let_in = 0
        for _ in range(of):
            try:
                self.admission.admit(kind)
            except Overloaded:
                continue
            let_in += 1
        return let_in


KINDS = (Kind.ANONYMOUS_READ, Kind.READ, Kind.WRITE, Kind.SIGN_UP, Kind.ALWAYS)


def test_without_load_everything_is_let_in() -> None:
    load = Load()
    load.last(60, lag=0.005, in_flight=20, commit=0.02)
    assert [load.admitted(kind) for kind in KINDS] == [100, 100, 100, 100, 100]


@pytest.mark.parametrize("signal", [{"lag": 0.08}, {"commit": 0.4}, {"in_flight": 160}])
def test_each_signal_of_load_turns_away_anonymous_reads_and_nothing_else(signal: dict[str, float]) -> None:
    load = Load()
    load.last(30, **signal)  # type: ignore[arg-type] # each signal has its own type
    assert [load.admitted(kind) for kind in KINDS] == [0, 100, 100, 100, 100]


def test_dearer_requests_are_turned_away_only_by_heavier_load_and_sign_ups_last() -> None:
    shares = []
    for in_flight in (90, 150, 300, 700, 2000):
        load = Load()
        load.last(60, in_flight=in_flight)
        shares.append([load.admitted(kind) for kind in KINDS])
    assert shares == [
        [100, 100, 100, 100, 100],
        [0, 100, 100, 100, 100],
        [0, 0, 100, 100, 100],
        [0, 0, 0, 100, 100],
        [0, 0, 0, 0, 100],
    ]


def test_what_is_turned_away_grows_by_shares_not_at_a_blow() -> None:
    load = Load()
    load.last(0.5, in_flight=130)
    some = load.admitted(Kind.ANONYMOUS_READ)
    assert 0 < some < 100
    assert load.admitted(Kind.ANONYMOUS_READ) == pytest.approx(some, abs=1), "the same share each time"
    load.last(0.5, in_flight=130)
    assert load.admitted(Kind.ANONYMOUS_READ) < some


def test_it_neither_swings_nor_forgets_at_once() -> None:
    load = Load()
    load.last(30, in_flight=160)
    held = load.admission.pressure
    load.last(30, in_flight=70)
    assert load.admission.pressure == held, "between calm and load nothing changes"
    load.last(1, in_flight=10)
    assert load.admitted(Kind.ANONYMOUS_READ) < 50, "it comes back slowly"
    load.last(10, in_flight=10)
    assert load.admitted(Kind.ANONYMOUS_READ) == 100


def test_a_slow_commit_of_long_ago_keeps_nobody_out() -> None:
    load = Load()
    load.last(10, commit=1.0)
    assert load.admitted(Kind.ANONYMOUS_READ) == 0
    load.last(20)
    assert load.admitted(Kind.ANONYMOUS_READ) == 100


def test_a_refusal_says_when_to_come_back() -> None:
    load = Load()
    load.last(30, in_flight=160)
    with pytest.raises(Overloaded) as caught:
        load.admission.admit(Kind.ANONYMOUS_READ)
    assert caught.value.retry_after is not None
    assert 1 <= caught.value.retry_after <= 30
