"""What a worker does with the calls that it holds: admit, start, settle, end."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random

import msgspec

from ripstop.engines.base import Lane, LeasedCall, Store
from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import RipstopError, Unavailable
from ripstop.kernel.ids import IdSource, time_ms
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions import lock, whole
from ripstop.machinery.functions.desks import Desks
from ripstop.machinery.functions.ends import Ends, lane_of, released
from ripstop.machinery.functions.function import CALLS_TOPIC, Functions
from ripstop.machinery.functions.metrics import CallMetrics
from ripstop.machinery.functions.outcome import Cancel, Done, Outcome, Retry, Snooze, Split
from ripstop.machinery.functions.pacing import Beat, Pace
from ripstop.machinery.functions.progress import root_of
from ripstop.machinery.functions.run import Interruption, Run, describe
from ripstop.machinery.functions.settling import Ending, dead, hand_back
from ripstop.machinery.functions.standing import TRIALS, Standing
from ripstop.machinery.functions.stepping import Begun
from ripstop.machinery.functions.store_window import StoreWindow

logger = logging.getLogger(__name__)

CONFLICTS = 3
"""How often a handler runs at once, its effect being refused, before that counts as a failed attempt."""

TURN_SECONDS = 0.002
"""For how long handlers that never wait may run before others of the event loop have their turn."""

TRIAL_INTERVAL = 0.01
"""Seconds between two trials."""

BUSY_SECONDS = 0.5
"""For how long a call goes back when the store was too busy to say whether it may begin."""

HAND_BACK = 5.0
"""Seconds that the store has at least to take back, after the grace, what still runs."""

HORIZON = 600.0
"""Seconds that a trial is put off at most."""


Ended = tuple[Run, Outcome | None]
"""A call and what its handler has come to; None if it was interrupted."""


class Runner:
    """The calls of one worker, from their lease to its end.

    :param beat: shared with whoever leases, so that ends and leases go to the engine together.
    :param refresh: brings caches up to what others have committed.
    :param hungry: called when there may be something to lease in so many seconds.
    :param objective: seconds that a commit should take at most.
    """

    def __init__(
        self,
        store: Store,
        functions: Functions,
        *,
        clock: Clock,
        ids: IdSource,
        bus: Bus,
        metrics: CallMetrics,
        refresh: Callable[[], Awaitable[None]],
        hungry: Callable[[float], None],
        beat: Beat,
        random: Random,
        most: int,
        objective: float,
    ) -> None:
        self.runs: set[Run] = set()
        """What is held under lease. A call may be held twice, if its first lease ran out."""
        self.tasks: set[asyncio.Task[None]] = set()
        """What is being done for them. Nothing is held without a task or a place in a desk's queue."""
        self.leases_ahead = True
        """Whether the next calls are leased while the ends of others are being committed."""
        self._ending = 0
        """How many of them have come to their ends, which are being committed."""
        self.starved = False
        """Whether calls may have been left for want of room."""
        self._store = store
        self._now_ms = store.now_ms
        self._most = most
        self._functions = functions
        self._monotonic = clock.monotonic
        self._bus = bus
        self._metrics = metrics
        self._refresh = refresh
        self.hungry = hungry
        self.store = StoreWindow(objective, commit_seconds=lambda: store.commit_seconds)
        self.desks = Desks(
            store, functions, self, store=self.store, monotonic=clock.monotonic, random=random, most=most
        )
        self._ends = Ends(
            store, functions, ids=ids, bus=bus, metrics=metrics, beat=beat, random=random, window=self.store,
            monotonic=clock.monotonic, wake=self._wake_after, spawn=self.spawn,
        )  # fmt: skip
        self.tally = self._ends.tally
        self._started: deque[Run] = deque()
        """Calls that begin in the next turn of the loop, in one task."""
        self._trial: int | None = None
        self._trials = Pace()

    async def begin(self, taken: Sequence[LeasedCall], *, now_ms: int) -> None:
        """Start calls that were just leased, or find out why not. `now_ms` is the engine's time."""
        self.desks.ahead_ms = now_ms - self._monotonic() * 1000
        runs = [run for lease in taken if (run := self._admit(lease, now_ms)) is not None]
        self.runs.update(runs)
        for run in runs:
            run.desk.take(run.lease.namespace, run.lease.deadline)
        try:
            await self._refresh()
        except BaseException:
            for run in runs:
                self._put_back(run, kind="postponed")
            raise
        tried: list[Run] = []
        for run in runs:
            if run.standing.was_lost(run.lease):
                self._set_apart(run, now_ms)
            elif run.standing.trials:
                tried.append(run)
            else:
                self.desks.offer(run)
        if tried:
            self.spawn(self._try_one(tried, now_ms))

    def held(self) -> int:
        """How many calls have a place here. Those whose ends are being committed have none any more, as far as they are
        no more than there are places: so the next ones are leased meanwhile.
        """
        return len(self.runs) - min(self._ending, self._most)

    async def let_go(self, grace: float) -> None:
        """End all that is held: handlers may go on for `grace` seconds, what has not begun is handed back at once."""
        for desk in self.desks:
            while desk.waiting:
                self._put_back(desk.waiting.popleft(), kind="stop")
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=grace)
        for run in self.runs:
            run.interrupt(Interruption.STOP)
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=max(grace, HAND_BACK))
            for task in late:
                task.cancel()
            if late:
                logger.warning("%d calls could not be handed back; they start again when their leases end.", len(late))
                await asyncio.wait(late, timeout=grace)
        await self._ends.close()

    # Admission

    def _admit(self, lease: LeasedCall, now_ms: int) -> Run | None:
        """Make sense of a call; one that makes none is dead, and kept."""
        desk = self.desks.get(lease.function)
        try:
            standing = Standing.parse(lease.checkpoint)
            if desk is not None:
                arguments = desk.decode(lease.arguments)
                late = (now_ms - max(lease.due, time_ms(lease.id))) / 1000
                return Run(lease, desk, standing, arguments, taken_at=self._monotonic(), late=max(0.0, late))
        except msgspec.DecodeError as reason:
            error = f"What is stored for {lease.function} cannot be decoded: {reason}"
        else:
            error = f"No function {lease.function} is declared here."
            if self.desks.leaves(lease.function):
                self.spawn(self._leave(lease, standing))
                return None
        logger.error("Call %d dies: %s", lease.id, error)
        self.spawn(self._bury(lease, error))
        return None

    async def _leave(self, lease: LeasedCall, standing: Standing) -> None:
        await self._end(lease, hand_back(lease, standing, kind="postponed"))

    async def _bury(self, lease: LeasedCall, error: str) -> None:
        await self._end(lease, dead(lease, error))

    # Calls whose worker died: docs/build/functions.md, "Poison"

    def _set_apart(self, run: Run, now_ms: int) -> None:
        """Hand back a call whose lease ran out, as one to be tried apart; after too many trials it is dead."""
        trials = run.standing.trials
        if trials >= TRIALS:
            error = f"Its worker died, or lost its lease, in each of {trials} trials of this call apart from others."
            logger.error("Call %d of %s dies: %s", run.lease.id, run.lease.function, error)
            self.spawn(self._release(run, dead(run.lease, error)))
        else:
            due = self._trial_slot(now_ms)
            self._put_back(run, kind="set apart", due=due, trials=trials + 1, wake_after=(due - now_ms) / 1000)

    async def _try_one(self, tried: Sequence[Run], now_ms: int) -> None:
        """Run one of these calls while no other trial is under way here; the others go back first, blameless."""
        first = None
        if self._trial is None and not tried[0].desk.is_full():
            first = tried[0]
            self.desks.enter(first)
            self._trial = first.lease.id
        await asyncio.gather(*(self._postpone(run, now_ms) for run in tried if run is not first))
        if first is not None:
            try:
                await self._in_its_place(first, self._run(first))
            finally:
                self._trial = None

    async def _postpone(self, run: Run, now_ms: int) -> None:
        due = self._trial_slot(now_ms)
        wake_after = (due - now_ms) / 1000
        await self._release(run, hand_back(run.lease, run.standing, kind="postponed", due=due, wake_after=wake_after))

    def _trial_slot(self, now_ms: int) -> int:
        interval = 0.0 if self.desks.draining else TRIAL_INTERVAL
        return self._trials.slot(now_ms, interval=interval, horizon=HORIZON)

    # Running

    def start(self, run: Run) -> None:
        """Run a call, for which its desk has made a place."""
        if _asks_first(run):
            self.spawn(self._in_its_place(run, self._run(run)))
            return
        if not self._started:
            self.spawn(self._run_started())
        self._started.append(run)

    def postpone(self, run: Run, seconds: float) -> None:
        """Hand back a call that shall not start here and now."""
        self.spawn(self._hand_back_for(run, seconds))

    async def _hand_back_for(self, run: Run, seconds: float) -> None:
        due = await self._now_ms() + round(seconds * 1000) if seconds > 0 else 0
        await self._release(run, hand_back(run.lease, run.standing, kind="postponed", due=due, wake_after=seconds))

    async def _in_its_place(self, run: Run, work: Awaitable[None]) -> None:
        """Bring a call to its end and free its place."""
        run.task = asyncio.current_task()
        try:
            await work
        except BaseException:
            self._make_room(run)
            raise
        self._ran(run)

    def _ran(self, run: Run) -> None:
        seconds = self._make_room(run)
        late = 0.0 if run.started_at is None else run.started_at - run.taken_at
        self._metrics.ran(run.lease.function, delay=run.late + late, seconds=seconds)

    def _make_room(self, run: Run) -> float:
        """Free the place of a call; for how long it had it."""
        seconds = 0.0 if run.started_at is None else self._monotonic() - run.started_at
        self.desks.left(run, seconds)
        if run.refused:
            self.store.refused()
        self._forget(run)
        return seconds

    async def _run_started(self) -> None:
        started, self._started = self._started, deque()
        await self._run_together(started, [])

    async def _run_together(self, runs: deque[Run], ended: list[Ended]) -> None:
        """Run calls one after the other, and end together those that come to their ends without waiting.

        One that waits has this task to itself: the others, and what has ended so far, go on in another.
        """
        task = asyncio.current_task()
        until = self._monotonic() + TURN_SECONDS
        while runs:
            run = runs.popleft()
            run.task = task
            run.started_at = self._monotonic()
            handling = Begun(run.handle())
            if handling.waits:
                if runs or ended:
                    self.spawn(self._run_together(runs, ended))
                await self._in_its_place(run, self._go_on(run, handling))
                return
            ended.append((run, handling.result))
            if runs and run.started_at > until:
                self.spawn(self._run_together(runs, []))
                break
        await self._end_together(ended)

    async def _end_together(self, ended: Sequence[Ended]) -> None:
        """End those that are done in one commit for each lane, all others each by itself."""
        lanes: dict[Lane, list[tuple[Run, Done, Ending]]] = {}
        for run, outcome in ended:
            if isinstance(outcome, Done):
                with contextlib.suppress(Exception):  # it comes again where the call ends by itself
                    lanes.setdefault(lane_of(run.lease), []).append((run, outcome, self._ends.ending(run, outcome)))
                    continue
            self.spawn(self._in_its_place(run, self._conclude(run, outcome)))
        await asyncio.gather(*(self._commit_together(lane, each) for lane, each in lanes.items()))

    async def _commit_together(self, lane: Lane, done: Sequence[tuple[Run, Done, Ending]]) -> None:
        batches = [ending.batch for _, _, ending in done]
        self._begin_to_end([run for run, _, _ in done])
        try:
            results = await self._ends.commit(lane, batches, alone=len(self.runs) <= 1)
        except Exception as error:  # noqa: BLE001 - each shall hear what the engine says of its own
            logger.info("%d calls end one by one: %s", len(done), error)
            for run, outcome, _ in done:
                self._stay(run)
                self.spawn(self._in_its_place(run, self._conclude(run, outcome)))
            return
        except BaseException:
            for run, _, _ in done:
                self._make_room(run)
            raise
        for (run, _, ending), result in zip(done, results, strict=True):
            refused = self._ends.note(run.lease, ending, result)
            if refused is None:
                self._ran(run)
            else:
                self._stay(run)
                self.spawn(self._in_its_place(run, self._run_again(run, refused)))

    def _begin_to_end(self, runs: Sequence[Run]) -> None:
        """Make room for others before the ends of these are committed."""
        if not self.leases_ahead:
            return
        for run in runs:
            if run in self.runs and not run.is_ending:
                run.is_ending = True
                self._ending += 1
                run.desk.let_go(run.lease.namespace)
        if self.starved:
            self.hungry(0.0)

    def _stay(self, run: Run) -> None:
        """Have a place again: the end could not be committed."""
        if run.is_ending:
            run.is_ending = False
            self._ending -= 1
            run.desk.take(run.lease.namespace, run.lease.deadline)

    async def _run(self, run: Run) -> None:
        """Run a call that has to ask the store first."""
        run.started_at = self._monotonic()
        try:
            if not await self._may_begin(run):
                return
        except Unavailable as error:
            logger.warning("Call %d of %s cannot begin now: %s", run.lease.id, run.lease.function, error)
            due = round(self.desks.engine_ms() + BUSY_SECONDS * 1000)
            ending = hand_back(run.lease, run.standing, kind="postponed", due=due, wake_after=BUSY_SECONDS)
            await self._end(run.lease, ending)
            return
        await self._conclude(run, await run.handle())

    async def _go_on(self, run: Run, handling: Begun[Outcome | None]) -> None:
        await self._conclude(run, await handling.rest())

    async def _conclude(self, run: Run, outcome: Outcome | None) -> None:
        """Bring about what a handler has come to, or that it was interrupted."""
        if outcome is None:
            await self._interrupted(run)
        elif (refused := await self._settle(run, outcome)) is not None:
            await self._run_again(run, refused)

    async def _run_again(self, run: Run, refused: int) -> None:
        """Run a handler anew whose effect was refused at this operation, a few times."""
        for _ in range(CONFLICTS - 1):
            await self._refresh()
            outcome = await run.handle()
            if outcome is None:
                await self._interrupted(run)
                return
            place = await self._settle(run, outcome)
            if place is None:
                return
            refused = place
        await self._refresh()
        await self._settle(run, Retry(f"Its effect was refused {CONFLICTS} times, at last at operation {refused}."))

    async def _may_begin(self, run: Run) -> bool:
        """Whether the handler runs; if not, the call has ended or gone back. An exclusive one has its lock then.

        :raises ripstop.kernel.errors.Unavailable: the store cannot say.
        """
        lease, standing, function = run.lease, run.standing, run.desk.function
        if standing.parts and not await self._joined(run):
            return False
        steer = run.desk.steer
        if steer.cancelled and whole.is_cancelled(steer, lease):
            await self._settle(run, Cancel("An operator cancelled it."))
            if lease.id in steer.cancelled:
                with contextlib.suppress(RipstopError):  # a mark that stays does no harm
                    await whole.forget(self._store, lease.function, lease.id)
            return False
        return not function.exclusive or lease.key is None or await self._lock(run)

    async def _joined(self, run: Run) -> bool:
        """Whether all parts of a call have ended; while some are left, it goes back, for longer the older it is."""
        left = await whole.parts_of(self._store, run.lease.id)
        if left.is_finished:
            return True
        if whole.must_be_marked(run.desk.steer, run.lease):
            with contextlib.suppress(RipstopError):  # others do the same; it is looked at again
                await whole.mark(self._store, self._bus, run.lease.function, run.lease.id)
        pause = _pause(run, now_ms := await self._now_ms())
        if self.desks.draining and (left.ready or self._holds_part_of(run.lease.id)):
            pause = 0.0  # a drain comes to its parts, unless others hold them
        due = now_ms + round(pause * 1000) if pause else 0
        await self._end(run.lease, hand_back(run.lease, run.standing, kind="postponed", due=due, wake_after=pause))
        return False

    def _holds_part_of(self, call: int) -> bool:
        leases = (run.lease for run in self.runs)
        return any(call in (lease.parent, root_of(lease.namespace, lease.parent)) for lease in leases)

    async def _lock(self, run: Run) -> bool:
        """Take the lock of an exclusive call; while another has it, this one goes back, for longer the older it is."""
        now_ms = await self._now_ms()
        run.lock = await lock.take(self._store, run.lease, seconds=run.desk.function.time_limit, now_ms=now_ms)
        if run.lock is not None:
            return True
        pause = _pause(run, now_ms)
        due = now_ms + round(pause * 1000)
        await self._end(run.lease, hand_back(run.lease, run.standing, kind="postponed", due=due, wake_after=pause))
        return False

    async def _interrupted(self, run: Run) -> None:
        if run.interruption is Interruption.STOP:
            await self._end(run.lease, released(run, hand_back(run.lease, run.standing, kind="stop")))
        else:
            self._metrics.ended(run.lease.function, "lost")

    async def _settle(self, run: Run, outcome: Outcome) -> int | None:
        """Commit an outcome; None when the lease has ended, else the operation of the effect that was refused."""
        lease = run.lease
        if isinstance(outcome, Retry | Cancel):
            logger.info("Call %d of %s: %s: %s", lease.id, lease.function, type(outcome).__name__, outcome.reason)
        now_ms = await self._now_ms() if isinstance(outcome, Retry | Snooze | Split) else 0
        try:
            return await self._end(lease, self._ends.ending(run, outcome, now_ms=now_ms))
        except Exception as error:
            if isinstance(outcome, Retry):
                raise
            logger.exception("The outcome of call %d of %s cannot be committed.", lease.id, lease.function)
            return await self._settle(run, Retry(describe(error)))

    # Ends

    async def _end(self, lease: LeasedCall, ending: Ending) -> int | None:
        """Commit an ending. Returns as `_settle` does."""
        [result] = await self._ends.commit(lane_of(lease), [ending.batch], alone=len(self.runs) <= 1)
        return self._ends.note(lease, ending, result)

    def _wake_after(self, seconds: float) -> None:
        """Have the queue looked at: here, and in all workers where something is due at once."""
        self.hungry(seconds)
        if seconds <= 0 and not self.desks.draining:
            self._bus.publish(CALLS_TOPIC)

    def _put_back(
        self, run: Run, *, kind: str, due: int = 0, trials: int | None = None, wake_after: float = 0.0
    ) -> None:
        ending = hand_back(run.lease, run.standing, kind=kind, due=due, trials=trials, wake_after=wake_after)
        self.spawn(self._release(run, ending))

    async def _release(self, run: Run, ending: Ending) -> None:
        """End a lease without having run the call."""
        try:
            await self._end(run.lease, ending)
        finally:
            self._forget(run)

    def _forget(self, run: Run) -> None:
        if run in self.runs:
            self.runs.discard(run)
            if run.is_ending:
                self._ending -= 1
            else:
                run.desk.let_go(run.lease.namespace)
        if self.starved or run.desk.takes_more():
            self.hungry(0.0)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do something that the runner waits for before it lets go."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A call was left to the end of its lease.", exc_info=error)


def _asks_first(run: Run) -> bool:
    """Whether a call may begin is for the store to say, or for an operator's mark: see `Runner._may_begin`."""
    is_locked = run.desk.function.exclusive and run.lease.key is not None
    return bool(is_locked or run.standing.parts or run.desk.steer.cancelled)


def _pause(run: Run, now_ms: int) -> float:
    """Seconds for which a call waits that looks again and again: a sixteenth of its age, 5 s at most."""
    return min(max((now_ms - time_ms(run.lease.id)) / 16_000, 0.05), 5.0)
