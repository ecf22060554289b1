"""What the bench counts as used."""

from bench.processes import Cpu


def test_a_helper_that_ended_takes_nothing_from_others() -> None:
    before, after = Cpu(total=10.0, helper=6.0), Cpu(total=11.0, helper=0.0)
    assert after.since(before) == Cpu(total=1.0)
