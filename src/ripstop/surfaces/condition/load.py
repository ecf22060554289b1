"""What holds the server back right now: its processes, their processors, and what waits in the background."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ripstop.kernel.metrics import Row, rows
from ripstop.machinery.functions.report import Overview
from ripstop.surfaces.condition.finding import Finding, fine, warning, wrong
from ripstop.surfaces.http.admission import LOAD, PRESSURE
from ripstop.surfaces.http.routing import Kind

BUSY, VERY_BUSY = 1.5, 3.0
"""Processes that want to run for each processor, over the last minute."""
LOW_MEMORY, NO_MEMORY = 0.10, 0.03
"""Free share of the machine's memory."""

REFUSED = {
    Kind.ANONYMOUS_READ: "readers who are not logged in",
    Kind.READ: "readers",
    Kind.WRITE: "whoever writes",
    Kind.SIGN_UP: "newcomers",
}
"""Who is turned away, in this order, as the pressure rises."""
SIGNALS = {
    "lag": (
        "the event loop runs late",
        "The processors are too few for what is asked: give the server more of them, or another machine.",
    ),
    "commit": (
        "commits take long",
        "The disk is slow, or something else uses it; a function that writes much can be paused under Functions.",
    ),
    "in_flight": (
        "many requests are under way at once",
        "Something that is asked for takes long: the metrics of requests by route say what.",
    ),
}
"""What makes the pressure rise, and what helps."""


def processes(snapshots: Iterable[bytes]) -> Finding:
    """Whether anybody is turned away, and why.

    :param snapshots: the figures of each living process.
    """
    pressure, loads = 0.0, dict.fromkeys(SIGNALS, 0.0)
    for row in rows(snapshots):
        pressure = max(pressure, _value(row, PRESSURE))
        if row.name == LOAD and row.labels[0] in loads:
            loads[row.labels[0]] = max(loads[row.labels[0]], row.values[0])
    shares = f"the event loop is at {loads['lag']:.0%}, commits at {loads['commit']:.0%}, and requests under way at "
    shares += f"{loads['in_flight']:.0%} of where reads are first turned away"
    if pressure <= 0:
        return fine("load", f"Nobody is turned away: {shares}.")
    words, remedy = SIGNALS[max(loads, key=lambda signal: loads[signal])]
    refused = [who for kind, who in REFUSED.items() if kind < pressure]
    share = pressure - int(pressure)
    part = f"{share:.0%} of " if share and len(refused) == int(pressure) + 1 else ""
    all_of = f"{', '.join(refused[:-1])} and " if refused[:-1] else ""
    sentence = f"The busiest process turns away {all_of}{part}{refused[-1]}, since {words}: {shares}."
    return (wrong if pressure >= 1 else warning)("load", sentence, remedy)


def _value(row: Row, name: str) -> float:
    return row.values[0] if row.name == name else 0.0


def processors(*, load: float | None = None, count: int | None = None) -> Finding:
    """Whether the machine has as many processors as it has work for; the figures instead of the real ones."""
    load = os.getloadavg()[0] if load is None else load
    count = len(os.sched_getaffinity(0)) if count is None else count
    sentence = f"{load:.1f} processes want to run, on {count} processors."
    remedy = "Give the machine more processors, or less to do beside the server."
    if load > VERY_BUSY * count:
        return wrong("processors", sentence, remedy)
    return warning("processors", sentence, remedy) if load > BUSY * count else fine("processors", sentence)


def memory(text: str | None = None) -> Finding:
    """How much memory is free.

    :param text: instead of the content of /proc/meminfo.
    """
    text = Path("/proc/meminfo").read_text(encoding="ascii") if text is None else text
    kilobytes = {line.partition(":")[0]: int(line.split()[1]) for line in text.splitlines() if len(line.split()) > 1}
    total, free = kilobytes.get("MemTotal", 0), kilobytes.get("MemAvailable", 0)
    sentence = f"{free >> 10:,} MB of {total >> 10:,} MB of memory are free."
    remedy = "Set fewer processes, or give the machine more memory."
    if free < NO_MEMORY * total:
        return wrong("memory", sentence, remedy)
    return warning("memory", sentence, remedy) if free < LOW_MEMORY * total else fine("memory", sentence)


def functions(overviews: Mapping[str, Overview]) -> Iterator[Finding]:
    """What waits in the background and why, and what failed for good."""
    are_worked_for = any(each.running or each.starts or each.held_back or each.leased for each in overviews.values())
    ready = sum(each.ready for each in overviews.values())
    if ready and not are_worked_for:
        yield wrong("calls", f"{_calls(ready)} could run, and no worker starts any.", "Is a worker running?")
    for name, each in overviews.items():
        if each.dead:
            words = "failed for good" if each.dead == 1 else "have failed for good"
            yield warning("calls", f"{_calls(each.dead)} of {name} {words}.", "Send them again, or drop them.")
        waiting = each.waiting + each.ready
        if waiting and each.steered:
            yield warning("calls", f"{name} is steered: {each.steered}. {_calls(waiting)} wait.", "Steer it otherwise.")
        if each.ready and each.held_back:
            held = "; ".join(each.held_back)
            yield warning("calls", f"{name} is held back: {held}. {_calls(each.ready)} could run.", "See what it says.")
    if not ready:
        yield fine("calls", "Nothing waits in the background that could run.")


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"
