"""What one worker may start, and what it asks for: desks, quotas, downstreams and operators, all in one place."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Protocol

import msgspec

from ripstop.engines.base import CallLimit, Engine
from ripstop.kernel.errors import RipstopError
from ripstop.machinery.functions.desk import Desk
from ripstop.machinery.functions.downstream import Downstream
from ripstop.machinery.functions.function import Functions
from ripstop.machinery.functions.growth import Growth, SlowStart
from ripstop.machinery.functions.quota import Quota
from ripstop.machinery.functions.report import Activity
from ripstop.machinery.functions.run import Run
from ripstop.machinery.functions.steering import UNSTEERED, Steer
from ripstop.machinery.functions.store_window import StoreWindow

logger = logging.getLogger(__name__)

REFILL_AGAIN = 0.25
"""Seconds after which starts are asked for again when the engine could not say."""

LEFT_SECONDS = 900.0
"""For which calls of a function that is not declared here are left to others, which may be of a newer version."""

CIRCUITS = 10_000
"""Circuits of namespaces that are remembered; beyond that, those that are closed are forgotten."""


_IDLE = Activity()


class Starter(Protocol):
    """Who runs calls, and hands back those that shall not start."""

    def start(self, run: Run) -> None: ...

    def postpone(self, run: Run, seconds: float) -> None: ...

    def spawn(self, work: Coroutine[None, None, None]) -> None: ...

    def hungry(self, seconds: float) -> None: ...


class Desks:
    """One desk for each function that this worker has met, or that has limits of its own.

    :param store: what the store can take.
    :param most: calls that the worker holds at once; what a downstream may get while nothing is known against it.
    """

    def __init__(
        self, engine: Engine, functions: Functions, starter: Starter, *, store: StoreWindow,
        monotonic: Callable[[], float], random: Random, most: int,
    ) -> None:  # fmt: skip
        self.draining = False
        """Whether limits are passed over, but for those of concurrency."""
        self.ahead_ms = 0.0
        """By how much the engine's clock is ahead of the monotonic one."""
        self._engine = engine
        self._store = store
        self._functions = functions
        self._starter = starter
        self._monotonic = monotonic
        self._random = random
        self._most = most
        self._desks: dict[str, Desk] = {}
        self._restricted = functions.restricted()
        self._steering: dict[str, Steer] = {}
        self._plan: dict[str, float] = {}
        """Starts per second that opportunistic functions are left, of those that are bound."""
        self._spare_places: int | None = None
        self._urgent: Sequence[str] = ()
        self._downstreams: dict[str, Downstream] = {}
        self._strange: dict[str, float] = {}
        """Functions that are not declared here, and when a call of theirs was met first, on the monotonic clock."""
        self._circuits: dict[tuple[str, str], Downstream] = {}
        """By function and namespace, of functions with circuits."""

    def __iter__(self) -> Iterator[Desk]:
        return iter(self._desks.values())

    def engine_ms(self) -> float:
        """The engine's clock, as far as the last lease told it."""
        return self._monotonic() * 1000 + self.ahead_ms

    def get(self, name: str) -> Desk | None:
        """The desk of a function, if that is declared."""
        desk = self._desks.get(name)
        if desk is None:
            function = self._functions.get(name)
            if function is not None:
                downstreams = [self._downstream(each) for each in function.downstreams]
                quota = Quota(self._engine, name)
                growth = Growth(self._engine, name, function.paced or SlowStart(), monotonic=self._monotonic)
                desk = self._desks[name] = Desk(function, quota, growth, downstreams)
                self._set_limits(desk)
        return desk

    def _set_limits(self, desk: Desk) -> None:
        """Tell a desk what operators have set, and what it is left if it is opportunistic."""
        name = desk.function.name
        steer = self._steering.get(name, UNSTEERED)
        if desk.function.opportunistic:
            places = None if name in self._urgent else self._spare_places
            desk.set_limits(steer, planned_rate=self._plan.get(name), spare_places=places)
        else:
            desk.set_limits(steer, planned_rate=None, spare_places=None)

    def leaves(self, name: str) -> bool:
        """Whether calls of a function that is not declared here are left to other workers, for a while."""
        if self.draining:
            return False
        now = self._monotonic()
        met = self._strange.get(name)
        if met is None:
            logger.warning("No function %s is declared here: its calls are left to others for a while.", name)
            met = self._strange[name] = now
        return now - met < LEFT_SECONDS

    def _left(self, now: float) -> list[str]:
        return [name for name, met in self._strange.items() if now - met < LEFT_SECONDS]

    def _downstream(self, name: str) -> Downstream:
        found = self._downstreams.get(name)
        if found is None:
            found = self._downstreams[name] = Downstream(self._most, self._random)
        return found

    # Starting

    def offer(self, run: Run) -> None:
        """Start a call if its function may start one now, or keep it at hand."""
        desk = run.desk
        if not desk.waiting and self._may_start(run):
            self._start(run)
        else:
            desk.waiting.append(run)
            self.start_more(desk)

    def start_more(self, desk: Desk) -> None:
        """Start what is at hand and may; where starts are rationed, ask for more of them."""
        while desk.waiting:
            if self._is_cut_off(desk.waiting[0]):
                run = desk.waiting.popleft()
                self._starter.postpone(run, self._random.uniform(0.05, 0.5))
            elif self._may_start(desk.waiting[0]):
                self._start(desk.waiting.popleft())
            else:
                break
        if desk.waiting and desk.wants_tokens():
            desk.is_refilling = True
            self._starter.spawn(self._refill(desk))

    def _may_start(self, run: Run) -> bool:
        desk = run.desk
        if self.draining:
            return not desk.is_full()
        if desk.is_limited and not desk.may_start(self._monotonic(), self.engine_ms()):
            return False
        return not self._is_cut_off(run)

    def _is_cut_off(self, run: Run) -> bool:
        """Whether the circuit of the call's namespace lets nothing through now."""
        if not run.desk.function.circuit or run.lease.namespace is None or self.draining:
            return False
        circuit = self._circuits.get((run.lease.function, run.lease.namespace))
        return circuit is not None and not circuit.may_start(self._monotonic())

    def _start(self, run: Run) -> None:
        self.enter(run)
        self._starter.start(run)

    def enter(self, run: Run) -> None:
        """A run begins."""
        run.desk.enter()
        for downstream in self._leans_on(run):
            downstream.enter()

    def _leans_on(self, run: Run) -> list[Downstream]:
        namespace = run.lease.namespace
        if not run.desk.function.circuit or namespace is None:
            return run.desk.downstreams
        key = (run.lease.function, namespace)
        circuit = self._circuits.get(key)
        if circuit is None:
            if len(self._circuits) >= CIRCUITS:
                self._forget_circuits()
            circuit = self._circuits[key] = Downstream(self._most, self._random)
        return [*run.desk.downstreams, circuit]

    def _forget_circuits(self) -> None:
        idle = [key for key, each in self._circuits.items() if not each.in_flight and each.share >= 1.0]
        for key in idle:
            del self._circuits[key]

    def left(self, run: Run, seconds: float) -> None:
        """A run has ended after so long, as its `pressure` says: learn from it, and start what waits for its place."""
        run.desk.leave(seconds)
        leans_on = self._leans_on(run)
        if not leans_on:
            self.start_more(run.desk)
            return
        now = self._monotonic()
        for downstream in leans_on:
            downstream.leave()
            if run.pressure is not None:
                downstream.pressed(now, retry_after=run.pressure.retry_after)
                if downstream.open_until > now:
                    self._look_again_after(downstream.open_until - now)
            elif run.went_well:
                downstream.went_well()
        for desk in self._desks.values():
            if desk is run.desk or any(each in leans_on for each in desk.downstreams):
                self.start_more(desk)

    def _look_again_after(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._look_again)

    def _look_again(self) -> None:
        for desk in self._desks.values():
            self.start_more(desk)
        self._starter.hungry(0.0)

    async def _refill(self, desk: Desk) -> None:
        try:
            pause = await desk.refill(self.engine_ms())
        except RipstopError as error:
            logger.warning("Cannot ask how often %s may start: %s", desk.function.name, error)
            pause = REFILL_AGAIN
        if pause > 0:
            asyncio.get_running_loop().call_later(pause, self._refilled, desk)
        else:
            self._refilled(desk)

    def _refilled(self, desk: Desk) -> None:
        desk.is_refilling = False
        self.start_more(desk)
        if desk.takes_more():
            self._starter.hungry(0.0)

    # Telling

    def activities(self, started: Mapping[str, int], seconds: float) -> dict[str, Activity]:
        """What this worker does for each function for which it does something.

        :param started: what `started` said so many seconds ago.
        """
        now = self._monotonic()
        found = {name: Activity(held_back="not declared here, and left to others") for name in self._left(now)}
        for name, desk in self._desks.items():
            activity = Activity(
                held=desk.held.total(),
                running=desk.busy,
                starts=round((desk.started - started.get(name, 0)) / seconds, 1),
                held_back=desk.held_back(now) or self._cut_off_in_words(name, now) or self._store_in_words(desk),
            )
            if activity != _IDLE:
                factor = min([self._store.share, *(each.share for each in desk.downstreams)])
                found[name] = msgspec.structs.replace(activity, factor=round(factor, 3))
        return found

    def started(self) -> dict[str, int]:
        """How many calls of each function were started here."""
        return {name: desk.started for name, desk in self._desks.items()}

    def _cut_off_in_words(self, function: str, now: float) -> str | None:
        names = [
            namespace
            for (name, namespace), circuit in self._circuits.items()
            if name == function and circuit.open_until > now
        ]
        if not names:
            return None
        return f"shut off from {names[0]}" if len(names) == 1 else f"shut off from {len(names)} namespaces"

    def _store_in_words(self, desk: Desk) -> str | None:
        """That a worker which holds this function's calls would hold more, were the store well."""
        share = self._store.share
        return f"bound by the store at {share * 100:.0f} %" if share < 1.0 and desk.held else None

    # Asking

    def limits(self, rooms: Mapping[int, int], *, beside: bool = False) -> list[CallLimit]:
        """What the next request for leases must be told: how much of which functions it may bring.

        :param rooms: by class, how many calls this worker may hold.
        :param beside: another request is under way, which may bring all that functions with limits may have.
        """
        for name in (*self._restricted, *self._plan):
            self.get(name)
        now, now_ms = self._monotonic(), self.engine_ms()
        limits = [
            CallLimit(function, circuit.room(now), namespace)
            for (function, namespace), circuit in self._circuits.items()
            if circuit.share < 1.0
        ]
        limits += [CallLimit(name, 0) for name in self._left(now)]
        for desk in self._desks.values():
            if beside and desk.is_limited:
                limits.append(CallLimit(desk.function.name, 0))
            elif desk.held or desk.is_limited:
                limits += desk.limits(rooms[desk.function.criticality], now, now_ms)
        return limits

    def steer(self, steering: dict[str, Steer]) -> None:
        """Take what operators have set. Calls at hand of what is paused now are handed back."""
        if steering == self._steering:
            return
        changed, self._steering = self._steering.keys() | steering.keys(), steering
        for name in changed:
            desk = self.get(name)
            if desk is not None:
                self._steer(desk)
        self._starter.hungry(0.0)

    def leave_over(self, plan: dict[str, float], spare_places: int | None, urgent: Sequence[str]) -> None:
        """Take what opportunistic functions are left.

        :param plan: starts per second over all workers, of those that are bound.
        :param spare_places: how many of each may run at once in this worker; None: as they like.
        :param urgent: for which that does not count.
        """
        if (plan, spare_places, urgent) == (self._plan, self._spare_places, self._urgent):
            return
        self._plan, self._spare_places, self._urgent = plan, spare_places, urgent
        for desk in self._desks.values():
            if desk.function.opportunistic:
                self._set_limits(desk)
                self.start_more(desk)
        self._starter.hungry(0.0)

    def _steer(self, desk: Desk) -> None:
        self._set_limits(desk)
        steer = desk.steer
        for _ in range(len(desk.waiting)):
            run: Any = desk.waiting.popleft()
            if steer.paused or run.lease.namespace in steer.paused_namespaces:
                self._starter.postpone(run, 0.0)
            else:
                desk.waiting.append(run)
        self.start_more(desk)
