"""What opportunistic functions are left by the others: the controller of time shifting. Pure.

Load is counted in *busy seconds in a second*: how many calls run at the same time, in the mean. The controller
remembers the mean load that has *arrived* over as long as calls can wait, and lets opportunistic ones fill what
reserved ones leave below this level: nothing of it at the peak, most of it at night. So what is executed is as even
as what arrives in the mean, whatever the capacity; and as much more as deadlines demand.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

LONGEST_HORIZON = 86_400.0
"""Seconds over which the level is a mean, at most: after a day all comes again."""

SMALL = 0.5
"""Busy seconds in a second, of all functions, below which shifting anything is not worth its cost."""

SMALL_BACKLOG = 5.0
"""Busy seconds that may wait meanwhile."""

CUSHION, THRIFT = 1 / 12, 0.15
"""While less waits than would keep the level for this part of the horizon, the level is lowered by up to this share, so
that something is left for the quietest hours."""

UNKNOWN_COST = 0.01
"""What a call is taken to cost, in seconds, of a function that has not run yet."""

MARGIN = 0.75
"""What waits is to be done in so much of the time that its first call has left."""

URGENT = 1 / 8
"""A function whose first call has less than this part of its time left is not bound at all."""

SMOOTHING = 0.3
"""The weight of the latest step in costs, arrivals and the load of reserved functions."""


class Seen(NamedTuple):
    """What was seen of an opportunistic function since the step before.

    :ivar deadline: seconds that its calls may wait.
    :ivar ready: calls that could start now.
    :ivar started: calls that did start, on all workers.
    :ivar ended: calls whose run has ended.
    :ivar busy: seconds for which these ran.
    :ivar first: the first deadline of the calls that were taken, in milliseconds; None if none was.
    :ivar oldest: an instant before which no deadline can be, since no call is older; None if there is no call.
    """

    deadline: float
    ready: int = 0
    started: int = 0
    ended: int = 0
    busy: float = 0.0
    first: int | None = None
    oldest: int | None = None


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What the controller remembers of an opportunistic function.

    :ivar cost: busy seconds of a call.
    :ivar ready: calls that could start, at the last step.
    :ivar arrivals: calls that arrive in a second.
    :ivar first: the first deadline of those, as far as is known: what was taken had one that was no later.
    """

    cost: float = UNKNOWN_COST
    ready: int = 0
    arrivals: float = 0.0
    first: int = 0


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """What opportunistic functions are left, and what the next step goes by.

    :ivar at_ms: when it was made, on the engine's clock.
    :ivar level: mean load that has arrived.
    :ivar watched: seconds over which that is the mean.
    :ivar reserved: present load of reserved functions.
    :ivar rates: starts per second, over all workers, of functions that are bound; the others run as they like.
    :ivar is_small: whether there is too little work for shifting it.
    :ivar urgent: functions whose deadlines are so near that they are as good as reserved.
    """

    at_ms: int = 0
    level: float = 0.0
    watched: float = 0.0
    reserved: float = 0.0
    rates: dict[str, float] = {}
    urgent: tuple[str, ...] = ()
    is_small: bool = False
    known: dict[str, Known] = {}


def step(plan: Plan, now_ms: int, *, reserved_busy: float, seen: Mapping[str, Seen]) -> Plan:
    """The next plan.

    :param reserved_busy: seconds for which calls of reserved functions ran since the plan before.
    :param seen: all opportunistic functions.
    """
    passed = (now_ms - plan.at_ms) / 1000
    if passed <= 0 or not plan.at_ms:  # the first one, or the clock went back
        known = {name: plan.known.get(name, Known(ready=each.ready)) for name, each in seen.items()}
        return msgspec.structs.replace(plan, at_ms=now_ms, known=known)
    known = {name: _learn(plan.known.get(name, Known()), each, now_ms, passed) for name, each in seen.items()}
    reserved = plan.reserved + SMOOTHING * (reserved_busy / passed - plan.reserved)
    arrived = sum(each.arrivals * each.cost for each in known.values())
    horizon = min(LONGEST_HORIZON, max((each.deadline for each in seen.values()), default=60.0))
    watched = min(horizon, plan.watched + passed)
    level = plan.level + min(1.0, passed / watched) * (reserved_busy / passed + arrived - plan.level)
    urgent = tuple(name for name, each in known.items() if each.ready and _is_urgent(each, seen[name], now_ms))
    waiting = sum(each.ready * each.cost for each in known.values())
    is_small = max(level, reserved + arrived) < SMALL and waiting < SMALL_BACKLOG
    plan = Plan(now_ms, level, watched, reserved, {}, urgent, is_small, known)
    if is_small:
        return plan
    rates = _rates(plan, seen, passed, arrived=arrived, waiting=waiting, cushion=horizon * CUSHION)
    return msgspec.structs.replace(plan, rates=rates)


def _learn(known: Known, seen: Seen, now_ms: int, passed: float) -> Known:
    """What is known of a function after what was seen of it."""
    cost = known.cost
    if seen.ended:
        cost += SMOOTHING * (seen.busy / seen.ended - cost)
    arrived = max(0, seen.ready - known.ready + seen.started) / passed
    if seen.ready:
        first = max(known.first if seen.first is None else seen.first, seen.oldest or 0)
    else:
        first = now_ms + round(seen.deadline * 1000)
    return Known(cost, seen.ready, known.arrivals + SMOOTHING * (arrived - known.arrivals), first)


def _is_urgent(known: Known, seen: Seen, now_ms: int) -> bool:
    return (known.first - now_ms) / 1000 <= seen.deadline * URGENT


def _rates(
    plan: Plan, seen: Mapping[str, Seen], passed: float, *, arrived: float, waiting: float, cushion: float
) -> dict[str, float]:
    """How often the functions that are bound may start in a second; those that need not be are absent.

    :param passed: seconds since the step before.
    :param arrived: load of the opportunistic calls that arrive.
    :param waiting: busy seconds of those that wait.
    :param cushion: seconds of the level's work that should wait.
    """
    known, level = plan.known, plan.level
    thrift = THRIFT * max(0.0, 1 - waiting / (level * cushion)) if level else 0.0
    room = max(0.0, level * (1 - thrift) - plan.reserved)
    if arrived + waiting / passed <= room:
        return {}
    needs = {}
    for name, each in known.items():
        if name not in plan.urgent:
            # At least as often as deadlines demand: of what waits, the last would start with the first's.
            left = max(seen[name].deadline * URGENT, (each.first - plan.at_ms) / 1000)
            needs[name] = (each.ready + each.arrivals * passed) / (left * MARGIN)
    needed = sum(rate * known[name].cost for name, rate in needs.items())
    factor = max(1.0, room / needed) if needed else 1.0
    return {name: rate * factor for name, rate in needs.items()}
