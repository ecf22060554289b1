"""What a worker says of itself, once a second: what it does now, and what it has seen in the last minute."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from ripstop.engines.base import Store
from ripstop.kernel.errors import RipstopError
from ripstop.machinery.functions.desks import Desks
from ripstop.machinery.functions.metrics import CallMetrics, Seen
from ripstop.machinery.functions.report import Activity, put_report

logger = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
"""Between two reports of a worker that works."""

RATE_LOOKS, TIME_LOOKS = 10, 60
"""Reports over which rates are told, and delays and run times."""


class _Look(NamedTuple):
    """What was seen at an instant of the monotonic clock."""

    at: float
    seen: dict[str, Seen]
    busy: dict[str, float]
    """Seconds that runs took so far."""
    unfinished: dict[str, int] | None
    """Calls that are not finished, of the whole store."""


class Reporter:
    """Reports for one worker.

    :param slot: that of this process, which names it among all workers.
    """

    def __init__(
        self, store: Store, desks: Desks, metrics: CallMetrics, *, slot: int, monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._desks = desks
        self._metrics = metrics
        self._slot = slot
        self._monotonic = monotonic
        self._looks: deque[_Look] = deque([self._look(None)], TIME_LOOKS + 1)
        self._was_busy = False

    async def run(self) -> None:
        """Report until cancelled. An idle worker writes nothing, once a minute has passed."""
        while True:
            started, began = self._desks.started(), self._monotonic()
            await asyncio.sleep(REPORT_SECONDS)
            activities = self._desks.activities(started, max(self._monotonic() - began, 0.001))
            try:
                await self._report(activities)
            except RipstopError as error:
                logger.warning("Cannot report now: %s", error)

    async def _report(self, activities: dict[str, Activity]) -> None:
        unfinished = await self._unfinished() if activities or self._was_busy else None
        self._looks.append(self._look(unfinished))
        told = self._told(activities)
        if told or self._was_busy:
            await put_report(self._store, self._slot, told)
        self._was_busy = bool(told)

    async def _unfinished(self) -> dict[str, int]:
        return {name: sum(backlog[:3]) for name, backlog in (await self._store.call_stats()).items()}

    def _look(self, unfinished: dict[str, int] | None) -> _Look:
        busy = {desk.function.name: desk.ran_seconds for desk in self._desks}
        return _Look(self._monotonic(), self._metrics.seen(), busy, unfinished)

    def _told(self, activities: Mapping[str, Activity]) -> dict[str, Activity]:
        """What is done now, and what was seen, of each function of which there is something to be told."""
        now, first = self._looks[-1], self._looks[0]
        recent = self._looks[max(0, len(self._looks) - 1 - RATE_LOOKS)]
        growing = self._growing()
        names = activities.keys() | growing.keys()
        names |= {name for name, seen in now.seen.items() if seen != first.seen.get(name)}
        desks = {desk.function.name: desk for desk in self._desks}
        found = {}
        for name in sorted(names):
            activity = activities.get(name, Activity())
            seen, before, long_before = (look.seen.get(name, Seen()) for look in (now, recent, first))
            seconds = max(now.at - recent.at, 0.001)
            desk = desks.get(name)
            found[name] = msgspec.structs.replace(
                activity,
                growing=growing.get(name),
                ended=round((seen.ended - before.ended) / seconds, 2),
                retries=round((seen.retried - before.retried) / seconds, 2),
                deaths=round((seen.died - before.died) / seconds, 2),
                busy=round((now.busy.get(name, 0.0) - recent.busy.get(name, 0.0)) / seconds, 4),
                delays=_less(seen.delays, long_before.delays),
                runs=_less(seen.runs, long_before.runs),
                rate=None if desk is None else desk.rate,
                growth=None if desk is None or desk.growth is None else round(desk.growth.limit(), 1),
            )
        return found

    def _growing(self) -> dict[str, float]:
        """By how many calls a second the backlog of each function grows, where it does or falls."""
        known = [look for look in list(self._looks)[-1 - RATE_LOOKS :] if look.unfinished is not None]
        if len(known) < 2 or self._looks[-1].unfinished is None:
            return {}
        first, last = known[0].unfinished or {}, known[-1].unfinished or {}
        seconds = max(known[-1].at - known[0].at, 0.001)
        names = first.keys() | last.keys()
        return {name: round((last.get(name, 0) - first.get(name, 0)) / seconds, 2) for name in names}


def _less(counts: tuple[int, ...], before: tuple[int, ...]) -> tuple[int, ...]:
    """What a histogram has gained; without its empty end."""
    gained = [each - before[place] if before else each for place, each in enumerate(counts)]
    while gained and not gained[-1]:
        gained.pop()
    return tuple(gained)
