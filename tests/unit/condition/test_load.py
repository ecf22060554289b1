"""What holds a server back, as it is said in words."""

from __future__ import annotations

import pytest

from ripstop.kernel.metrics import Merge, Metrics
from ripstop.machinery.functions.report import Overview
from ripstop.surfaces.condition import load
from ripstop.surfaces.condition.finding import Finding
from ripstop.surfaces.http.admission import LOAD, PRESSURE

IDLE = Overview(0, 0, 0, 0, None, 0, 0.0, [], None)


def process(pressure: float, **loads: float) -> bytes:
    """The figures of one process."""
    metrics = Metrics()
    metrics.gauge(PRESSURE, "").cell().value = pressure
    family = metrics.gauge(LOAD, "", ["signal"], merge=Merge.MAX)
    for signal, share in loads.items():
        family.cell(signal).value = share
    return metrics.snapshot()


def test_nobody_is_turned_away_while_nothing_presses() -> None:
    found = load.processes([process(0.0, lag=0.1, commit=0.5, in_flight=0.0), process(0.0)])
    assert (found.state, found.remedy) == ("fine", "")
    assert "commits at 50%" in found.sentence


@pytest.mark.parametrize(
    ("pressure", "state", "who"),
    [
        (0.3, "warning", "turns away 30% of readers who are not logged in, since"),
        (1.0, "wrong", "turns away readers who are not logged in, since"),
        (1.5, "wrong", "turns away readers who are not logged in and 50% of readers, since"),
        (3.0, "wrong", "turns away readers who are not logged in, readers and whoever writes, since"),
        (4.0, "wrong", "turns away readers who are not logged in, readers, whoever writes and newcomers, since"),
    ],
)
def test_the_busiest_process_says_who_is_turned_away_and_why(pressure: float, state: str, who: str) -> None:
    found = load.processes([process(0.0, lag=0.1), process(pressure, lag=0.2, commit=3.0, in_flight=0.1)])
    assert found.state == state
    assert f"{who} commits take long" in found.sentence
    assert found.remedy


def test_processors_and_memory() -> None:
    assert [load.processors(load=one, count=2).state for one in (0.5, 3.0, 3.1, 6.1)] == [
        "fine",
        "fine",
        "warning",
        "wrong",
    ]
    free = [f"MemTotal: 1000 kB\nMemAvailable: {one} kB\n" for one in (500, 99, 29)]
    assert [load.memory(one).state for one in free] == ["fine", "warning", "wrong"]
    assert load.memory().sentence  # of this machine


def said(**functions: Overview) -> list[tuple[str, str]]:
    """The states of what is found, and its sentences."""
    found: list[Finding] = list(load.functions(functions))
    return [(one.state.value, one.sentence) for one in found]


def test_what_waits_in_the_background_and_why() -> None:
    assert said(mail=IDLE) == [("fine", "Nothing waits in the background that could run.")]
    waits = Overview(0, 7, 0, 0, 3.0, 0, 0.0, [], None)
    assert said(mail=waits) == [("wrong", "7 calls could run, and no worker starts any.")]
    held = Overview(0, 7, 2, 1, 3.0, 2, 4.0, ["bound by downstream mail at 41 %"], None)
    assert said(mail=held) == [
        ("warning", "1 call of mail failed for good."),
        ("warning", "mail is held back: bound by downstream mail at 41 %. 7 calls could run."),
    ]
    paused = Overview(5, 0, 0, 0, 3.0, 0, 0.0, [], "paused")
    assert ("warning", "mail is steered: paused. 5 calls wait.") in said(mail=paused)
