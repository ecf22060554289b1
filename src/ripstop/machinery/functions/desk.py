"""What a worker keeps for one function: the calls at hand, and whether one of them may start."""

from collections import Counter, deque
from typing import Any, TypeVar

import msgspec

from ripstop.engines.base import CallLimit
from ripstop.machinery.functions.downstream import Downstream
from ripstop.machinery.functions.function import Function
from ripstop.machinery.functions.growth import Growth, SlowStart
from ripstop.machinery.functions.quota import WINDOW_MS, Quota
from ripstop.machinery.functions.steering import UNSTEERED, Steer

T = TypeVar("T", int, float)


class Desk:
    """The calls of one function that a worker holds: `waiting` for leave to start, and how many run."""

    __slots__ = (
        "allowed",
        "busy",
        "concurrency",
        "crowded",
        "decode",
        "downstreams",
        "first_deadline",
        "function",
        "growing",
        "growth",
        "held",
        "is_limited",
        "is_refilling",
        "planned_rate",
        "quota",
        "ran_seconds",
        "rate",
        "spare_places",
        "started",
        "steer",
        "waiting",
    )

    def __init__(self, function: Function[Any], quota: Quota, growing: Growth, downstreams: list[Downstream]) -> None:
        self.function = function
        self.downstreams = downstreams
        self.decode = msgspec.json.Decoder(function.arguments).decode
        self.quota = quota
        self.growing = growing
        self.growth = None if function.paced is None else growing
        """How many may start while the function grows; None if it may grow as it likes."""
        self.steer = UNSTEERED
        self.planned_rate: float | None = None
        """What an opportunistic function is left by the others, in starts per second over all workers; None: all."""
        self.spare_places: int | None = None
        """What an opportunistic function is left of this worker's places; None: all."""
        self.concurrency = function.concurrency
        """How many may run at once in this worker."""
        self.rate = function.rate
        """How many may start in a second, over all workers."""
        self.busy = 0
        self.started = 0
        """Runs since this worker began."""
        self.ran_seconds = 0.0
        """How long they took, those that have ended."""
        self.first_deadline: int | None = None
        """The first deadline among the calls leased since this was asked for last."""
        self.waiting: deque[Any] = deque()
        """Runs for which there is no place yet, or no leave."""
        self.held: Counter[str | None] = Counter()
        """Calls held under lease, by namespace."""
        self.allowed: int | None = None
        """How many more the last request for leases might have brought; None if it was not limited."""
        self.crowded: list[tuple[str, int]] = []
        """Namespaces of which the last request for leases was told a limit, and below how many that ends."""
        self.is_refilling = False
        self.is_limited = self._is_limited()
        """Whether anything may keep calls at hand from starting, or must be told in a request for leases even though
        none are held."""

    def set_limits(self, steer: Steer, *, planned_rate: float | None, spare_places: int | None) -> None:
        """Take what operators have set, and what an opportunistic function is left."""
        self.steer, self.planned_rate, self.spare_places = steer, planned_rate, spare_places
        self.concurrency = _least(
            self.function.concurrency if steer.concurrency is None else steer.concurrency, spare_places
        )
        self.rate = _least(self.function.rate if steer.rate is None else steer.rate, planned_rate)
        slow = self.function.paced
        if steer.growth is not None:
            slow = (slow or SlowStart())._replace(growth=steer.growth)
        self.growth = None if slow is None else self.growing
        self.growing.slow = slow or self.growing.slow
        self.is_limited = self._is_limited()
        if not (self.is_limited or self.held):
            self.allowed = None

    def _is_limited(self) -> bool:
        return bool(
            self.concurrency is not None
            or self.rate is not None
            or self.downstreams
            or self.growth is not None
            or self.steer != UNSTEERED
        )

    def is_full(self) -> bool:
        """Whether as many run as may."""
        limit = self.concurrency
        return limit is not None and self.busy >= limit

    def may_start(self, now: float, now_ms: float) -> bool:
        """Whether a call that is at hand may start, at this instant of the monotonic and of the engine's clock."""
        if self.is_full() or self.steer.paused:
            return False
        if self.downstreams and not all(each.may_start(now) for each in self.downstreams):
            return False
        if self.rate is not None:
            self.quota.expire(now_ms)
            if self.quota.tokens <= 0:
                return False
        if self.growth is None:
            return True
        self.growth.expire(now_ms)
        return self.growth.tokens > 0

    def take(self, namespace: str | None, deadline: int) -> None:
        """A call was leased."""
        self.held[namespace] += 1
        if self.function.opportunistic and (self.first_deadline is None or deadline < self.first_deadline):
            self.first_deadline = deadline
        if self.allowed is not None:
            self.allowed -= 1

    def let_go(self, namespace: str | None) -> None:
        """A lease has ended."""
        self.held[namespace] -= 1
        if not self.held[namespace]:
            del self.held[namespace]
            if not self.held and not self.is_limited:
                self.allowed = None  # nobody asks this desk for its limits until it holds something again

    def wants_tokens(self) -> bool:
        """Whether starts should be asked for, so that calls at hand can begin."""
        if self.is_refilling or self.is_full() or self.steer.paused:
            return False  # then something else keeps calls from starting
        return (self.rate is not None and self.quota.tokens <= 0) or (
            self.growth is not None and self.growth.tokens <= 0
        )

    async def refill(self, now_ms: float) -> float:
        """Ask for starts of what lacks them; says after how many seconds to ask again (0: got some).

        :raises ripstop.kernel.errors.RipstopError: the engine cannot do it now.
        """
        pause = 0.0
        if self.rate is not None and self.quota.tokens <= 0:
            pause = await self.quota.refill(len(self.waiting), self.rate, now_ms=now_ms)
        if self.growth is not None and self.growth.tokens <= 0:
            pause = max(pause, await self.growth.refill(len(self.waiting), now_ms=now_ms))
        return pause

    def enter(self) -> None:
        """A run begins."""
        self.busy += 1
        self.started += 1
        if self.rate is not None:
            self.quota.tokens -= 1
        if self.growth is not None:
            self.growth.tokens -= 1

    def leave(self, seconds: float) -> None:
        """A run has ended, after so long."""
        self.busy -= 1
        self.ran_seconds += seconds

    def takes_more(self) -> bool:
        """Whether calls may have been left in the store for want of room here, and there is some now."""
        if self.crowded and any(self.held[namespace] < few for namespace, few in self.crowded):
            return True
        return self.allowed is not None and self.allowed <= 0 and len(self.waiting) <= self._most_waiting() // 2

    def _most_waiting(self) -> int:
        """How many calls are kept at hand beside those that run."""
        most = [1 << 30]
        if self.concurrency is not None:
            most.append(self.concurrency)
        if self.rate is not None:
            # No more than start in one window: the others may be started sooner elsewhere.
            most.append(max(int(self.rate > 0), round(self.rate * WINDOW_MS / 1000)))
        return min(most)

    def limits(self, room: int, now: float, now_ms: float) -> list[CallLimit]:
        """What a request for leases must be told of this function, if anything, at this instant of both clocks.

        :param room: how many calls of its class this worker may hold. One function gets three quarters of it at most,
            and one namespace half, so that others find a place at once.
        """
        name = self.function.name
        limits = [CallLimit(name, 0, namespace) for namespace in self.steer.paused_namespaces]
        self.crowded = []
        few = max(1, room // 4)
        for namespace, held in self.held.items():
            if namespace is not None and held >= few:
                limits.append(CallLimit(name, max(0, room // 2 - held), namespace))
                self.crowded.append((namespace, few))
        most = max(1, room * 3 // 4) - self.held.total()
        self.allowed = None
        if self.steer.paused:
            self.allowed = 0
        elif self.concurrency is not None or self.rate is not None:
            places = self._most_waiting() - len(self.waiting)
            if self.concurrency is not None:
                places += self.concurrency - self.busy
            self.allowed = max(0, min(most, places))
        elif 2 * most <= room:
            self.allowed = max(0, most)
        for downstream in self.downstreams:
            if downstream.share < 1.0:
                places = max(0, downstream.room(now) - len(self.waiting))
                self.allowed = places if self.allowed is None else min(self.allowed, places)
        if self.growth is not None:
            places = max(0, self.growth.room(now_ms) - len(self.waiting))
            if places < most:
                self.allowed = places if self.allowed is None else min(self.allowed, places)
        if self.allowed is not None:
            limits.append(CallLimit(name, self.allowed))
        return limits

    def held_back(self, now: float) -> str | None:
        """What keeps further calls from starting here, in words; None if nothing does.

        :param now: on the monotonic clock.
        """
        if self.steer.paused:
            return "paused by an operator"
        for name, downstream in zip(self.function.downstreams, self.downstreams, strict=True):
            if downstream.open_until > now:
                return f"shut off from downstream {name} for {downstream.open_until - now:.1f} s"
            if downstream.share < 1.0 and not downstream.may_start(now):
                return f"bound by downstream {name} at {downstream.share * 100:.0f} % of quota"
        if self.spare_places is not None and self.is_full():
            return f"gives way to reserved functions: {self.spare_places} at once here"
        if self.planned_rate is not None and self.rate == self.planned_rate:
            return f"runs on what reserved functions leave: {self.planned_rate:.3g} starts a second"
        if self.rate is not None and self.waiting and self.quota.tokens <= 0:
            return f"bound by its rate of {self.rate:g} starts a second"
        if self.growth is not None and self.allowed == 0 and self.growth.tokens <= 0:
            return f"bound by its slow start, {self.growth.slow.growth:.0%} a minute"
        if self.is_full() and (self.waiting or self.allowed == 0):
            return f"bound by its concurrency of {self.concurrency}"
        if self.steer.paused_namespaces:
            return f"paused by an operator for {', '.join(self.steer.paused_namespaces)}"
        return None


def _least(declared: T | None, left: T | None) -> T | None:
    """The lower of two bounds, of which either may not be there."""
    if declared is None or left is None:
        return left if declared is None else declared
    return min(declared, left)
