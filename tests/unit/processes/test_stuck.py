"""Finding who sits on a lock."""

from __future__ import annotations

from ripstop.kernel.clock import ManualClock
from ripstop.processes.stuck import Holder, StuckHolder


class Lock:
    """A lock, and somebody who looks at it every second."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.holder: Holder | None = None
        self.watch = StuckHolder(lambda: self.holder, self.clock, seconds=5)

    def held(self, holder: Holder | None, seconds: int) -> int | None:
        """What the watch says after so long."""
        self.holder = holder
        found = None
        for _ in range(seconds):
            self.clock.advance(1)
            found = self.watch()
        return found


def test_who_holds_it_for_too_long_is_named() -> None:
    lock = Lock()
    assert lock.held((17, 1000), 5) is None
    assert lock.held((17, 1000), 2) == 17


def test_who_lets_go_in_between_is_left_alone() -> None:
    lock = Lock()
    for since in range(10):
        assert lock.held((17, since), 4) is None
    assert lock.held(None, 20) is None
    assert lock.held((17, 9), 5) is None, "time without the lock does not count"


def test_a_wall_clock_that_is_set_makes_nobody_look_stuck() -> None:
    lock = Lock()
    lock.held((17, 1000), 3)
    lock.clock.step(3600)
    assert lock.held((17, 1000), 1) is None
