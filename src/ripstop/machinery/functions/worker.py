"""The worker: takes due calls under lease, and keeps leases and time limits while they run."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

import msgspec

from ripstop.engines.base import CallLimit, Criticality, Store
from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import RipstopError, Unavailable
from ripstop.kernel.ids import IdSource, slot_of
from ripstop.kernel.metrics import Metrics
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions.company import Company
from ripstop.machinery.functions.function import CALLS_TOPIC, Functions
from ripstop.machinery.functions.metrics import CallMetrics
from ripstop.machinery.functions.pacing import Beat
from ripstop.machinery.functions.reporter import Reporter
from ripstop.machinery.functions.run import Interruption
from ripstop.machinery.functions.runner import Runner
from ripstop.machinery.functions.schedule import Schedule, put_next
from ripstop.machinery.functions.shifting import Shifting
from ripstop.machinery.functions.steering import STEERING_TOPIC, steering
from ripstop.machinery.functions.whole import forget_ended

logger = logging.getLogger(__name__)

SHARES = {Criticality.CRITICAL: 1.0, Criticality.HIGH: 0.9, Criticality.NORMAL: 0.75, Criticality.LOW: 0.5}
"""How full a worker may be, as a share of its concurrency, and still take calls of a class."""

STEERING_SECONDS = 0.5
"""Between two looks at what operators have set, for messages that were lost."""

PROGRESS_SECONDS = 1.0
"""Between two reports of how far big work is."""

ORDER_SECONDS = 30.0
"""Between two looks whether what operators cancelled or paused is still there."""

SCHEDULE_SECONDS = 1.0
"""Between two looks whether the next firing of each schedule waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a worker takes on. Durations are seconds.

    :param concurrency: calls held at once.
    :param lease: how long a lease lasts unless renewed; what a call waits when the process that ran it was killed.
    :param poll: longest pause between two looks at the queue, with nothing on the bus.
    :param gather: how long an end waits for company while other calls run.
    :param grace: how long running handlers may go on after a stop.
    :param objective: how long a commit should take; while it takes longer, the worker fills itself less.
    :param lag: how late the event loop may be; while it is later, the worker leaves what can wait.
    """

    concurrency: int = 256
    lease: float = 15.0
    poll: float = 0.25
    gather: float = 0.001
    grace: float = 5.0
    objective: float = 0.125
    lag: float = 0.05


async def _nothing() -> None:
    """For workers without a cache."""


class Worker:
    """Runs calls of declared functions. Any number of workers, in any processes, share one store.

    The store and the bus are open before, and closed after. One of `run` and `drain` at a time.

    :param ids: mints the ids of the parts of a split.
    :param before_round: awaited after calls were leased and before the first of them starts, and again before a
        handler whose effect was refused runs once more: brings caches up to what the callers had committed.
    :param schedules: what is called by the calendar. All workers of a store should know the same.
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
        schedules: Sequence[Schedule] = (),
        limits: Limits | None = None,
        random: Random | None = None,
    ) -> None:
        self._store = store
        self._ids = ids
        self._schedules = schedules
        self._bus = bus
        self._monotonic = clock.monotonic
        self._metrics = metrics or CallMetrics(Metrics())
        self._limits = limits or Limits()
        self._random = random or Random()  # noqa: S311 - it spreads load and guards nothing
        self._rooms = {int(class_): max(1, int(self._limits.concurrency * share)) for class_, share in SHARES.items()}
        """How many calls may be held while one of a class is taken."""
        self._beat = Beat(self._limits.gather)
        self._company = Company(self._limits.concurrency, clock.monotonic)
        self._hungry = asyncio.Event()
        """Set when there may be calls to lease."""
        self._called = asyncio.Event()
        """Set when somebody has made calls."""
        self._no_newcomers = asyncio.Event()
        """Set unless newcomers are being leased."""
        self._no_newcomers.set()
        self._is_round_asked = False
        """Whether a request is under way that may bring all that functions with limits may have."""
        self._steered = asyncio.Event()
        """Set when operators may have changed how functions are steered."""
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
            most=self._limits.concurrency,
            objective=self._limits.objective,
        )
        self._shifting = Shifting(
            store,
            functions,
            self._runner.desks,
            window=self._runner.store,
            monotonic=clock.monotonic,
            random=self._random,
            ids=ids,
            most=self._limits.concurrency,
            held=lambda: len(self._runner.runs),
            lag=self._limits.lag,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then let running handlers end within the grace, and hand back all other leases."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._bus.subscribe(CALLS_TOPIC, lambda _topic, _payload: self._wake()))
            stack.callback(self._bus.subscribe(STEERING_TOPIC, lambda _topic, _payload: self._steered.set()))
            stack.callback(asyncio.create_task(self._wake_at(stop)).cancel)
            await self._look_at_steering()
            await self._shifting.begin()
            stack.callback(asyncio.create_task(self._follow_steering()).cancel)
            stack.callback(asyncio.create_task(self._keep_schedules()).cancel)
            stack.callback(asyncio.create_task(self._keep_telling_progress()).cancel)
            stack.callback(asyncio.create_task(self._reporter().run()).cancel)
            stack.callback(asyncio.create_task(self._keep_order()).cancel)
            stack.callback(asyncio.create_task(self._shifting.run()).cancel)
            await stack.enter_async_context(self._watching())
            leasing = [
                asyncio.create_task(self._lease_until(stop)),
                asyncio.create_task(self._lease_newcomers_until(stop)),
            ]
            try:
                await asyncio.gather(*leasing)
            finally:
                for each in leasing:
                    each.cancel()
                await self._runner.let_go(self._limits.grace)
                await self._tell_progress()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake()

    def _wake(self) -> None:
        self._hungry.set()
        self._called.set()

    async def _follow_steering(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._steered.wait(), STEERING_SECONDS)
            self._steered.clear()
            await self._look_at_steering()

    async def _keep_schedules(self) -> None:
        while self._schedules:
            for schedule in self._schedules:
                try:
                    await put_next(self._store, self._ids, schedule)
                except RipstopError as error:
                    logger.warning("Cannot see to the schedule %s now: %s", schedule.name, error)
            await asyncio.sleep(SCHEDULE_SECONDS * self._random.uniform(0.8, 1.2))

    def _reporter(self) -> Reporter:
        slot = slot_of(self._ids.new(0))
        return Reporter(self._store, self._runner.desks, self._metrics, slot=slot, monotonic=self._monotonic)

    async def _keep_telling_progress(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            await self._tell_progress()

    async def _tell_progress(self) -> None:
        try:
            await self._runner.tally.tell(self._store)
        except RipstopError as error:
            logger.warning("Cannot tell how far big work is: %s", error)

    async def _keep_order(self) -> None:
        while True:
            await asyncio.sleep(ORDER_SECONDS * self._random.uniform(0.8, 1.2))
            try:
                await forget_ended(self._store)
            except RipstopError as error:
                logger.warning("Cannot see which marks of operators are of no use any more: %s", error)

    async def _look_at_steering(self) -> None:
        try:
            self._runner.desks.steer(await steering(self._store))
        except (RipstopError, msgspec.DecodeError) as error:
            logger.warning("Cannot read how functions are steered: %s", error)

    async def drain(self, *, most: int = 100_000) -> int:
        """Run everything that is due, and what that causes, until nothing is due any more. For tests and commands.

        Calls whose time has not come are left, retries that back off among them, and what others hold under lease
        with what waits for it.

        :returns: how often a call was taken.
        :raises RuntimeError: still not done after `most` calls.
        """
        runner = self._runner
        count = 0
        runner.desks.draining = True
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
            runner.desks.draining = False
            await self._tell_progress()
        raise RuntimeError(f"Still not drained after {count} calls: some function keeps calling itself.")

    # Leasing

    # A lease that was asked for is always awaited: what it takes would else be held by nobody.

    async def _lease_until(self, stop: asyncio.Event) -> None:
        """Take calls in rounds."""
        while not stop.is_set():
            await self._appetite()
            if rest := self._company.rest():
                await asyncio.sleep(rest)
            await self._no_newcomers.wait()
            self._hungry.clear()
            await self._beat.next(hurry=not self._runner.runs)
            await self._patiently(self._round())

    async def _lease_newcomers_until(self, stop: asyncio.Event) -> None:
        """While lines flood this worker, take what others call at once: beside the round under way, not after it."""
        while not stop.is_set():
            await self._called.wait()
            self._called.clear()
            if closed := self._company.but_floods():
                await self._patiently(self._newcomers(closed))

    async def _patiently(self, request: Awaitable[None]) -> None:
        try:
            await request
        except Unavailable as error:
            logger.warning("Cannot take calls now: %s", error)
            await asyncio.sleep(self._random.uniform(0.5, 1.5))

    async def _round(self) -> None:
        """Take as much as there is room for."""
        classes, room = self._appetites()
        if not classes:
            return
        asked = self._monotonic()
        self._is_round_asked = True
        try:
            taken = await self._lease(classes, room, self._runner.desks.limits(self._rooms))
        finally:
            self._is_round_asked = False
        self._company.leased(self._monotonic() - asked)
        if taken == room:
            self._hungry.set()

    async def _newcomers(self, closed: Sequence[CallLimit]) -> None:
        """Take a few calls of lines that are not closed; the next round waits until they are there."""
        classes, room = self._appetites()
        if not classes:
            return
        asked = self._monotonic()
        self._no_newcomers.clear()
        try:
            limits = self._runner.desks.limits(self._rooms, beside=self._is_round_asked)
            taken = await self._lease(classes, min(room, self._company.few), [*closed, *limits])
        finally:
            self._no_newcomers.set()
        if not taken:  # a flood that is being made wakes as others do: looking for them must not take all the time
            await asyncio.sleep(self._monotonic() - asked)

    def _appetites(self) -> tuple[list[int], int]:
        """Of which classes to take calls now, and how many. The fuller the worker, the higher a class must be.

        Under pressure of the store it counts as full the sooner, but not for critical calls.
        """
        most = self._company.most()
        self._runner.leases_ahead = most is None
        held = self._runner.held()
        share = self._runner.store.share
        chunk = max(1, int(self._limits.concurrency * share) // 16)  # a few places are not worth a lease
        room = {
            class_: max(1, int(places * (share if class_ else 1.0))) - held for class_, places in self._rooms.items()
        }
        classes = [class_ for class_, places in room.items() if places >= chunk]
        self._runner.starved = len(classes) < len(SHARES)
        places = min((room[class_] for class_ in classes), default=0)
        return classes, places if most is None else min(places, most)

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

    async def _lease(self, classes: Sequence[int], limit: int, limits: Sequence[CallLimit] = ()) -> int:
        """Take calls and start them; says how many there were."""
        seconds = self._limits.lease
        taken = (await self._store.call_lease(classes, limit=limit, seconds=seconds, limits=limits)).taken
        if taken:
            self._company.took(taken, asked=limit, limits=limits)
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
            now = self._monotonic()
            self._runner.store.look(now)
            if not runs:
                continue
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
