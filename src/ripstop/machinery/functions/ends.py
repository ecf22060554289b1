"""How leases end: what is committed for them, and who is told."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from random import Random

from ripstop.engines.base import Criticality, Lane, LeasedCall, Store
from ripstop.engines.batch import Batch
from ripstop.engines.batch import Outcome as Result
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions import lock
from ripstop.machinery.functions.finisher import Finisher
from ripstop.machinery.functions.function import Functions
from ripstop.machinery.functions.metrics import CallMetrics
from ripstop.machinery.functions.outcome import Outcome
from ripstop.machinery.functions.pacing import Beat
from ripstop.machinery.functions.progress import Tally, gained
from ripstop.machinery.functions.results import Results
from ripstop.machinery.functions.run import Run
from ripstop.machinery.functions.settling import Ending, Settler
from ripstop.machinery.functions.store_window import StoreWindow

logger = logging.getLogger(__name__)


class Ends:
    """The ends of one worker's leases.

    :param wake: called when there will be something to lease in so many seconds that an end has caused.
    :param spawn: has work done in the background.
    """

    def __init__(
        self,
        store: Store,
        functions: Functions,
        *,
        ids: IdSource,
        bus: Bus,
        metrics: CallMetrics,
        beat: Beat,
        random: Random,
        window: StoreWindow,
        monotonic: Callable[[], float],
        wake: Callable[[float], None],
        spawn: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self.tally = Tally()
        self._functions = functions
        self._bus = bus
        self._metrics = metrics
        self._wake = wake
        self._settler = Settler(ids, random)
        self._finishers = {
            lane: Finisher(store, lane, beat=beat, random=random, window=window, monotonic=monotonic) for lane in Lane
        }
        self._results = Results(store, bus, spawn)

    def ending(self, run: Run, outcome: Outcome, *, now_ms: int = 0) -> Ending:
        """What is to be committed for an outcome. It frees the call's lock as well, if it holds one.

        :param now_ms: see `Settler.settle`.
        :raises Exception: it cannot be.
        """
        lease, function = run.lease, run.desk.function
        ending = self._settler.settle(lease, function, run.standing, outcome, now_ms=now_ms)
        if lease.parent is not None:
            ending = ending._replace(gain=gained(function, run.arguments, run.standing, outcome))
        return released(run, ending)

    async def commit(self, lane: Lane, batches: Sequence[Batch], *, alone: bool) -> list[Result]:
        """See `Finisher.commit`."""
        return await self._finishers[lane].commit(batches, alone=alone)

    def note(self, lease: LeasedCall, ending: Ending, result: Result) -> int | None:
        """An ending was committed with this result: the operation of its effect that was refused, None if none was."""
        if result.refused:
            return result.refused - 1
        function = lease.function
        if not result.applied:
            self._metrics.ended(function, "lost")
            logger.warning("Call %d of %s lost its lease, so its effect was refused.", lease.id, function)
            return None
        self._metrics.ended(function, ending.kind)
        if lease.parent is not None:
            self.tally.add(lease, ending.gain)
        if ending.result is not None:
            self._results.ended(lease.id, ending.result)
        if ending.kind == "dead":
            if (declared := self._functions.get(function)) is not None and declared.answers:
                self._results.ended(lease.id, None)
            logger.error("Call %d of %s is dead; see `ripstop functions dead`.", lease.id, function)
        for topic, payload in ending.live:
            self._bus.publish(topic, payload)
        if ending.wake_after is not None:
            self._wake(ending.wake_after)
        return None

    async def close(self) -> None:
        """Give up what is not committed yet."""
        for finisher in self._finishers.values():
            await finisher.close()


def lane_of(lease: LeasedCall) -> Lane:
    """In which lane a call's end is committed."""
    return Lane.FOREGROUND if lease.criticality <= Criticality.HIGH else Lane.BACKGROUND


def released(run: Run, ending: Ending) -> Ending:
    """An ending that frees the call's lock as well, if it holds one."""
    if run.lock is None:
        return ending
    batch = ending.batch
    return ending._replace(batch=Batch(batch.home, [*batch.operations, lock.release(run.lock, run.lease)]))
