"""What a worker keeps for one function: the calls at hand, and whether one of them may start."""

from collections import Counter, deque
from typing import Any

import msgspec

from ripstop.engines.base import CallLimit
from ripstop.machinery.functions.downstream import Downstream
from ripstop.machinery.functions.function import Function
from ripstop.machinery.functions.quota import WINDOW_MS, Quota
from ripstop.machinery.functions.steering import Steer

_UNSTEERED = Steer()


class Desk:
    """The calls of one function that a worker holds: `waiting` for leave to start, and how many run."""

    __slots__ = (
        "allowed",
        "busy",
        "decode",
        "downstreams",
        "function",
        "held",
        "is_refilling",
        "quota",
        "started",
        "steer",
        "waiting",
    )

    def __init__(self, function: Function[Any], quota: Quota, downstreams: list[Downstream]) -> None:
        self.function = function
        self.downstreams = downstreams
        self.decode = msgspec.json.Decoder(function.arguments).decode
        self.quota = quota
        self.steer = _UNSTEERED
        self.busy = 0
        self.started = 0
        """Runs since this worker began."""
        self.waiting: deque[Any] = deque()
        """Runs for which there is no place yet, or no leave."""
        self.held: Counter[str | None] = Counter()
        """Calls held under lease, by namespace."""
        self.allowed: int | None = None
        """How many more the last request for leases might have brought; None if it was not limited."""
        self.is_refilling = False

    @property
    def concurrency(self) -> int | None:
        """How many may run at once in this worker."""
        return self.function.concurrency if self.steer.concurrency is None else self.steer.concurrency

    @property
    def rate(self) -> float | None:
        """How many may start in a second, over all workers."""
        return self.function.rate if self.steer.rate is None else self.steer.rate

    @property
    def is_limited(self) -> bool:
        """Whether a request for leases may have to be told of this function, though nothing of it is held."""
        function = self.function
        return bool(function.concurrency or function.rate or function.downstreams or self.steer is not _UNSTEERED)

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
        if self.rate is None:
            return True
        self.quota.expire(now_ms)
        return self.quota.tokens > 0

    def take(self, namespace: str | None) -> None:
        """A call was leased."""
        self.held[namespace] += 1
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
        has_tokens = self.quota.tokens > 0  # then something else keeps calls from starting
        return self.rate is not None and not (has_tokens or self.is_refilling or self.is_full() or self.steer.paused)

    def enter(self) -> None:
        """A run begins."""
        self.busy += 1
        self.started += 1
        if self.rate is not None:
            self.quota.tokens -= 1

    def leave(self) -> None:
        """A run has ended."""
        self.busy -= 1

    def takes_more(self) -> bool:
        """Whether calls may have been left in the store for want of room here, and there is some now."""
        return self.allowed is not None and self.allowed <= 0 and len(self.waiting) <= self._most_waiting() // 2

    def _most_waiting(self) -> int:
        """How many calls are kept at hand beside those that run."""
        most = [1 << 30]
        if self.concurrency is not None:
            most.append(self.concurrency)
        if self.rate is not None:
            # No more than start in one window: the others may be started sooner elsewhere.
            most.append(max(1, round(self.rate * WINDOW_MS / 1000)))
        return min(most)

    def limits(self, room: int, now: float) -> list[CallLimit]:
        """What a request for leases must be told of this function, if anything.

        :param room: how many calls of its class this worker may hold. One function gets three quarters of it at most,
            and one namespace half, so that others find a place at once.
        """
        name = self.function.name
        limits = [CallLimit(name, 0, namespace) for namespace in self.steer.paused_namespaces]
        for namespace, held in self.held.items():
            if namespace is not None and 2 * held >= room // 2:
                limits.append(CallLimit(name, max(0, room // 2 - held), namespace))
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
                return f"bound by downstream {name} at {downstream.share * 100:.0f} %"
        if self.rate is not None and self.waiting and self.quota.tokens <= 0:
            return f"bound by its rate of {self.rate:g} starts a second"
        if self.is_full() and (self.waiting or self.allowed == 0):
            return f"bound by its concurrency of {self.concurrency}"
        if self.steer.paused_namespaces:
            return f"paused by an operator for {', '.join(self.steer.paused_namespaces)}"
        return None
