"""Time shifting, one worker's part in it: to say what it has done, to plan when it is its turn, to keep to the plan."""

import asyncio
import logging
import time
from collections.abc import Callable
from random import Random

import msgspec

from ripstop.engines.base import FunctionBacklog, Store
from ripstop.engines.derived import CounterAdd, KeyspaceKind, KeyspaceType, ValuePut
from ripstop.kernel.errors import RipstopError
from ripstop.kernel.ids import SLOTS, IdSource, slot_of, time_ms
from ripstop.machinery.functions.desks import Desks
from ripstop.machinery.functions.function import Functions
from ripstop.machinery.functions.opportunity import LONGEST_HORIZON, Plan, Seen, step
from ripstop.machinery.functions.store_window import StoreWindow

logger = logging.getLogger(__name__)

LOADS = KeyspaceType(name="function_loads", kind=KeyspaceKind.COUNTERS, ttl=60.0)
"""What all workers did in a second, by what is counted and the second."""

PLANS = KeyspaceType(name="function_plans", kind=KeyspaceKind.VALUES, ttl=2 * LONGEST_HORIZON)
"""The plan, under one key, and what each worker has taken, by the slot in which its process mints ids."""

KEY = "plan"

TICK_SECONDS = 1.0
"""Between two plans."""

_NOTHING = FunctionBacklog(0, 0, 0, 0, None)

LOOK_BACK = 5
"""Seconds of which a plan takes account at most, where nobody made one."""

STALE_MS = 30_000
"""A plan that is older binds nobody: then something is broken, and deadlines count for more."""


class Taken(msgspec.Struct, frozen=True):
    """The first deadlines of the opportunistic calls that a worker took in the second before an instant."""

    at_ms: int
    first: dict[str, int]


class Spare:
    """What this worker leaves to opportunistic functions, as a part of what they get at most.

    Halved while the worker is busy or the store slow, down to nothing; regained by steps of a sixteenth.

    :param lag: seconds by which the event loop may be late.
    """

    BUSY = 0.9
    """The part of a core that the process may use."""
    FULL = 0.75
    """The part of the worker's places that may be taken, by whatever calls."""

    def __init__(self, lag: float) -> None:
        self.share = 1.0
        self._lag = lag

    def look(self, *, lag: float, cpu: float, held: float, store: float) -> None:
        """Take stock, once a second.

        :param lag: seconds by which the event loop was late.
        :param cpu: the part of a core that the process used.
        :param held: the part of its places that is taken.
        :param store: the part of what it could hold that it asks of the store.
        """
        if lag > self._lag or cpu > self.BUSY or held > self.FULL or store < 1.0:
            self.share = self.share / 2 if self.share > 1 / 16 else 0.0
        else:
            self.share = min(1.0, self.share + 1 / 16)


class Shifting:
    """Keeps a worker's opportunistic functions to what the others leave.

    :param ids: tell the slot of this process.
    :param most: calls that the worker holds at once.
    :param held: how many it holds now.
    :param lag: seconds by which its event loop may be late.
    """

    def __init__(
        self,
        store: Store,
        functions: Functions,
        desks: Desks,
        *,
        window: StoreWindow,
        monotonic: Callable[[], float],
        random: Random,
        ids: IdSource,
        most: int,
        held: Callable[[], int],
        lag: float,
    ) -> None:
        self.plan = Plan()
        self._store = store
        self._functions = functions.opportunistic()
        self._desks = desks
        self._window = window
        self._monotonic = monotonic
        self._random = random
        self._ids = ids
        self._most = most
        self._held = held
        self._spare = Spare(lag)
        self._told: dict[str, tuple[int, int, float]] = {}
        """Starts, ends and busy seconds of each function that the counters know of."""

    async def begin(self) -> None:
        """Keep to the plan that there is, before the first call is taken."""
        if self._functions:
            try:
                await self._look(await self._store.now_ms())
            except (RipstopError, msgspec.DecodeError) as error:
                logger.warning("Cannot read what opportunistic functions are left: %s", error)

    async def run(self) -> None:
        """Tick until cancelled; not at all where nothing is opportunistic."""
        cpu = time.process_time()
        while self._functions:
            pause = TICK_SECONDS * self._random.uniform(0.8, 1.2)
            due = self._monotonic() + pause
            await asyncio.sleep(pause)
            lag, used = max(0.0, self._monotonic() - due), time.process_time() - cpu
            cpu += used
            held = self._held() / self._most
            self._spare.look(lag=lag, cpu=used / (pause + lag), held=held, store=self._window.share)
            try:
                await self.tick()
            except (RipstopError, msgspec.DecodeError) as error:
                logger.warning("Cannot see what opportunistic functions are left: %s", error)

    async def tick(self) -> None:
        """Tell what was done since the last tick, make a plan if nobody did in this second, and keep to it."""
        now_ms = await self._store.now_ms()
        second = now_ms // 1000
        changes = self._done(second)
        first = self._taken()
        if first:
            taken = ValuePut(str(slot_of(self._ids.new(0))), _encode(Taken(now_ms, first)))
            await self._store.keyspace_write(PLANS.name, [taken])
        if changes or self.plan.rates:  # whoever does nothing writes nothing
            turn = f"turn:{second}"
            counted = await self._store.keyspace_write(LOADS.name, [*changes, CounterAdd(turn, 1)])
            if counted[turn] == 1:
                await self._make_plan(now_ms)
        await self._look(now_ms)

    async def _look(self, now_ms: int) -> None:
        found = (await self._store.keyspace_get(PLANS.name, [KEY])).get(KEY)
        if isinstance(found, bytes):
            self.plan = _decode(found)
        if self.plan.is_small or abs(now_ms - self.plan.at_ms) > STALE_MS:
            self._desks.leave_over({}, None, ())
        else:
            share = self._spare.share
            places = None if share >= 1.0 else int(self._most / 2 * share)
            self._desks.leave_over(self.plan.rates, places, self.plan.urgent)

    def _taken(self) -> dict[str, int]:
        """The first deadlines of what was taken since this was asked."""
        first = {}
        for desk in self._desks:
            if desk.first_deadline is not None:
                first[desk.function.name] = desk.first_deadline
                desk.first_deadline = None
        return first

    def _done(self, second: int) -> list[CounterAdd]:
        """What this worker did since it told last, as additions to the counters of a second."""
        changes, reserved = [], 0.0
        for desk in self._desks:
            name = desk.function.name
            before = self._told.get(name, (0, 0, 0.0))
            now = self._told[name] = (desk.started, desk.started - desk.busy, desk.ran_seconds)
            starts, ends, busy = now[0] - before[0], now[1] - before[1], now[2] - before[2]
            if not desk.function.opportunistic:
                reserved += busy
            elif starts or ends:
                figures = {"starts": starts, "ends": ends, "busy": round(busy * 1e6)}
                changes += [CounterAdd(f"{what}:{name}:{second}", figure) for what, figure in figures.items()]
        if reserved:
            changes.append(CounterAdd(f"reserved:{second}", round(reserved * 1e6)))
        return changes

    async def _make_plan(self, now_ms: int) -> None:
        last, slots = now_ms // 1000, [str(slot) for slot in range(SLOTS)]
        values = await self._store.keyspace_get(PLANS.name, [KEY, *slots])
        found = values.pop(KEY, None)
        plan = _decode(found) if isinstance(found, bytes) else Plan()
        workers = [_decode_taken(value) for value in values.values() if isinstance(value, bytes)]
        first: dict[str, int] = {}
        for worker in workers:
            if worker.at_ms >= plan.at_ms:
                for name, deadline in worker.first.items():
                    first[name] = min(deadline, first.get(name, deadline))

        seconds = range(max(plan.at_ms // 1000, last - LOOK_BACK), last)
        names = [each.name for each in self._functions]
        whats = ["reserved", *(f"{what}:{name}" for name in names for what in ("starts", "ends", "busy"))]
        counted = await self._store.keyspace_get(LOADS.name, [f"{w}:{second}" for w in whats for second in seconds])

        def total(what: str) -> int:
            return sum(int(counted.get(f"{what}:{second}", 0)) for second in seconds)

        backlogs = await self._store.call_stats(names)
        seen = {}
        for function in self._functions:
            name, backlog = function.name, backlogs.get(function.name, _NOTHING)
            oldest = None if backlog.oldest is None else time_ms(backlog.oldest) + round(function.deadline * 1000)
            seen[name] = Seen(
                deadline=function.deadline,
                ready=backlog.ready,
                started=total(f"starts:{name}"),
                ended=total(f"ends:{name}"),
                busy=total(f"busy:{name}") / 1e6,
                first=first.get(name),
                oldest=oldest,
            )
        plan = step(plan, now_ms, reserved_busy=total("reserved") / 1e6, seen=seen)
        await self._store.keyspace_write(PLANS.name, [ValuePut(KEY, _encode(plan))])


_decode = msgspec.json.Decoder(Plan).decode
_decode_taken = msgspec.json.Decoder(Taken).decode
_encode = msgspec.json.Encoder().encode
