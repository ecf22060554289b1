"""The worker: takes due calls under lease, and keeps leases and time limits while they run."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from ripstop.engines.base import Criticality, Store
from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import Unavailable
from ripstop.kernel.ids import IdSource
from ripstop.kernel.metrics import Metrics
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions.function import CALLS_TOPIC, Functions
from ripstop.machinery.functions.metrics import CallMetrics
from ripstop.machinery.functions.pacing import Beat
from ripstop.machinery.functions.run import Interruption
from ripstop.machinery.functions.runner import Runner

logger = logging.getLogger(__name__)

SHARES = {Criticality.CRITICAL: 1.0, Criticality.HIGH: 0.9, Criticality.NORMAL: 0.75, Criticality.LOW: 0.5}
"""How full a worker may be, as a share of its concurrency, and still take calls of a class."""

PROBE = 32
PROBE_INTERVALS = {Criticality.CRITICAL: 0.5, Criticality.HIGH: 0.5, Criticality.NORMAL: 0.5, Criticality.LOW: 4.0}
"""So many calls of a clogged class are looked at, each so many seconds, whatever function they are of.

Those of the clogging function are put off again, each at the price of two commits: so nothing that may wait for long is
looked at often.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a worker takes on. Durations are seconds.

    :param concurrency: calls held at once.
    :param lease: how long a lease lasts unless renewed; what a call waits when the process that ran it was killed.
    :param poll: longest pause between two looks at the queue, with nothing on the bus.
    :param gather: how long an end waits for company while other calls run.
    :param grace: how long running handlers may go on after a stop.
    """

    concurrency: int = 256
    lease: float = 15.0
    poll: float = 0.25
    gather: float = 0.001
    grace: float = 5.0


class Order(NamedTuple):
    """What to ask the engine for: at most `limit` calls of these classes. `clogged` is the one that is asked apart."""

    classes: list[int]
    limit: int
    clogged: int | None = None


async def _nothing() -> None:
    """For workers without a cache."""


class Worker:
    """Runs calls of declared functions. Any number of workers, in any processes, share one store.

    The store and the bus are open before, and closed after. One of `run` and `drain` at a time.

    :param ids: mints the ids of the parts of a split.
    :param before_round: awaited after calls were leased and before the first of them starts, and again before a
        handler whose effect was refused runs once more: brings caches up to what the callers had committed.
    """

    def __init__(
        self,
        store: Store,
        functions: Functions,
        *,
        clock: Clock,
        ids: IdSource,
        bus: Bus,
        metrics: CallMetrics | None = None,
        before_round: Callable[[], Awaitable[None]] = _nothing,
        limits: Limits | None = None,
        random: Random | None = None,
    ) -> None:
        self._store = store
        self._bus = bus
        self._monotonic = clock.monotonic
        self._metrics = metrics or CallMetrics(Metrics())
        self._limits = limits or Limits()
        self._random = random or Random()  # noqa: S311 - it spreads load and guards nothing
        self._beat = Beat(self._limits.gather)
        self._hungry = asyncio.Event()
        """Set when there may be calls to lease."""
        self._probe_at: dict[int, float] = {}
        self._runner = Runner(
            store,
            functions,
            clock=clock,
            ids=ids,
            bus=bus,
            metrics=self._metrics,
            refresh=before_round,
            hungry=self._hungry_after,
            beat=self._beat,
            random=self._random,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then let running handlers end within the grace, and hand back all other leases."""
        unsubscribe = self._bus.subscribe(CALLS_TOPIC, lambda _topic, _payload: self._hungry.set())
        alarm = asyncio.create_task(self._wake_at(stop))
        try:
            async with self._watching():
                try:
                    await self._lease_until(stop)
                finally:
                    await self._runner.let_go(self._limits.grace)
        finally:
            unsubscribe()
            alarm.cancel()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._hungry.set()

    async def drain(self, *, most: int = 100_000) -> int:
        """Run everything that is due, and what that causes, until nothing is due any more. For tests and commands.

        Calls whose time has not come are left, retries that back off among them.

        :returns: how often a call was taken.
        :raises RuntimeError: still not done after `most` calls.
        """
        runner = self._runner
        count = 0
        runner.draining = True
        try:
            async with self._watching():
                while count <= most:
                    taken = await self._lease(list(Criticality), self._limits.concurrency)
                    if not taken:
                        return count
                    count += taken
                    while runner.tasks:
                        await asyncio.wait(runner.tasks)
        except BaseException:
            await runner.let_go(self._limits.grace)
            raise
        finally:
            runner.draining = False
        raise RuntimeError(f"Still not drained after {count} calls: some function keeps calling itself.")

    # Leasing

    async def _lease_until(self, stop: asyncio.Event) -> None:
        # A lease that was asked for is always awaited: what it takes would else be held by nobody.
        while not stop.is_set():
            await self._appetite()
            self._hungry.clear()
            await self._beat.next(hurry=not self._runner.runs)
            try:
                for order in self._orders():
                    self._conclude(order, await self._lease(order.classes, order.limit))
            except Unavailable as error:
                logger.warning("Cannot take calls now: %s", error)
                await asyncio.sleep(self._random.uniform(0.5, 1.5))

    def _orders(self) -> list[Order]:
        """What to lease now. The fuller the worker, the higher a class must be.

        Classes that a function without free places clogs are asked for apart: for as many calls as it has places,
        and now and then for more, so that the calls of other functions come through.
        """
        total = self._limits.concurrency
        held = len(self._runner.runs)
        chunk = max(1, total // 16)  # a few places are not worth a lease
        clogs = self._runner.clogs
        room = {int(class_): max(1, int(total * share)) - held for class_, share in SHARES.items()}
        classes = [class_ for class_, places in room.items() if places >= chunk and class_ not in clogs]
        self._runner.starved = len(classes) + len(clogs) < len(SHARES)
        orders = [Order(classes, min(room[class_] for class_ in classes))] if classes else []
        now = self._monotonic()
        for class_, desk in clogs.items():
            places = desk.places()
            if now >= self._probe_at.get(class_, 0.0):
                self._probe_at[class_] = now + PROBE_INTERVALS[Criticality(class_)]
                places += PROBE
            if places >= (desk.function.concurrency or 1) and room[class_] > 0:
                orders.append(Order([class_], min(places, room[class_]), clogged=class_))
        return orders

    def _conclude(self, order: Order, taken: int) -> None:
        """Learn from a lease whether there is more."""
        if order.clogged is not None:
            if taken < order.limit:
                self._runner.clogs.pop(order.clogged, None)
        elif taken == order.limit:
            self._hungry.set()

    async def _appetite(self) -> None:
        """Wait until there may be something to lease: a message, room, a call of ours that falls due, or the poll."""
        if not self._hungry.is_set():
            pause = self._limits.poll * self._random.uniform(0.8, 1.2)
            timer = asyncio.get_running_loop().call_later(pause, self._hungry.set)
            await self._hungry.wait()
            timer.cancel()

    def _hungry_after(self, seconds: float) -> None:
        """There will be something to lease. What is further away than the next poll needs no timer of its own."""
        if seconds <= 0:
            self._hungry.set()
        elif seconds < self._limits.poll:
            asyncio.get_running_loop().call_later(seconds, self._hungry.set)

    async def _lease(self, classes: Sequence[int], limit: int) -> int:
        """Take calls and start them; says how many there were."""
        seconds = self._limits.lease
        taken = (await self._store.call_lease(classes, limit=limit, seconds=seconds)).taken
        if taken:
            # A lease tells the engine's time, which may differ from ours.
            await self._runner.begin(taken, now_ms=taken[0].lease_until - round(seconds * 1000))
        return len(taken)

    # Watching

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Renew leases and keep time limits meanwhile."""
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _watch(self) -> None:
        tick = min(self._limits.lease / 6, 0.25)
        while True:
            await asyncio.sleep(tick)
            runs = self._runner.runs
            self._metrics.held.value = len(runs)
            if not runs:
                continue
            now = self._monotonic()
            for run in runs:
                if run.started_at is not None and now - run.started_at > run.desk.function.time_limit:
                    run.interrupt(Interruption.TIME_LIMIT)
            try:
                await self._renew(now)
            except Exception as error:  # noqa: BLE001 - the watch must go on, and the leases decide
                logger.warning("Cannot renew leases now: %s", error)

    async def _renew(self, now: float) -> None:
        """Renew leases a third into their time; handlers whose lease is gone are cancelled."""
        old = [run for run in self._runner.runs if now - run.renewed_at > self._limits.lease / 3]
        if not old:
            return
        renew = [(run.lease.id, run.lease.token) for run in old]
        leases = await self._store.call_lease((), limit=0, seconds=self._limits.lease, renew=renew)
        lost = set(leases.lost)
        for run in old:
            if run.lease.id in lost:
                run.interrupt(Interruption.LEASE_LOST)
            else:
                run.renewed_at = now
