"""One process's share of the crowd, from its arrival to its part of the ledger."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator

import msgspec

from ripstop.rehearsal.acts import Acts, Founder, Share
from ripstop.rehearsal.graph import Graph
from ripstop.rehearsal.ledger import Ledger
from ripstop.rehearsal.pool import Pool, clock
from ripstop.rehearsal.sender import Attempt, KindTally, Sender
from ripstop.rehearsal.target import Target

TICK_SECONDS = 0.001
EMPTY_HANDED_LIMIT = 50


class Outcome(msgspec.Struct):
    """What a share, or the whole crowd, did and was told.

    `cpu_seconds` is what the generators used: near one core each, they measured themselves rather than the server.
    """

    ledger: Ledger = msgspec.field(default_factory=Ledger)
    tallies: dict[str, KindTally] = {}
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    unsettled: bool = False

    def merge(self, other: Outcome) -> None:
        self.ledger.merge(other.ledger)
        for kind, tally in other.tallies.items():
            self.tallies.setdefault(kind, KindTally()).merge(tally)
        self.seconds = max(self.seconds, other.seconds)
        self.cpu_seconds += other.cpu_seconds
        self.unsettled = self.unsettled or other.unsettled


class Crew:
    """Runs the three parts of a rehearsal for one share: arrive, mingle, traffic."""

    def __init__(self, share: Share) -> None:
        plan = share.plan
        self._share = share
        self._plan = plan
        self._pool = Pool(
            Target.from_url(share.url), size=plan.connections, timeout=plan.timeout, patience=plan.patience
        )
        self._sender = Sender(self._pool, patience=plan.patience)
        graph = Graph(people=plan.people, follows=plan.follows, popularity=plan.popularity, seed=plan.seed)
        self._acts = Acts(share, graph, self._sender)
        self._seconds = 0.0
        self._unsettled = False
        self._cpu = time.process_time()

    async def __aenter__(self) -> Crew:
        await self._pool.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.__aexit__()

    async def arrive(self) -> list[Founder]:
        """Sign this share's founders up, in a closed loop."""
        numbers = iter(range(self._share.index, self._plan.people, self._share.count))

        def next_arrival() -> Attempt | None:
            number = next(numbers, None)
            return None if number is None else self._acts.sign_up(number, clock())

        await self._each_connection(next_arrival)
        return self._acts.own_founders()

    async def mingle(self, founders: list[Founder]) -> None:
        """Follow along the graph, in a closed loop."""
        self._acts.meet(founders)
        await self._each_connection(lambda: self._acts.next_wanted(clock()))

    async def traffic(self) -> None:
        """Run the plan's traffic until its time or its number of requests is used up, and settle what is open."""
        started = clock()
        limit = self._sender.begun + max(1, self._plan.requests // self._share.count)
        rates = msgspec.structs.asdict(self._plan.rates)
        if any(rates.values()):
            if self._plan.closed_loop:
                await self._closed_loop(rates, until=started + self._plan.seconds, limit=limit)
            else:
                await self._open_loop(rates, until=started + self._plan.seconds, limit=limit)
        self._seconds = clock() - started
        await self._settle()

    def outcome(self) -> Outcome:
        return Outcome(
            ledger=self._acts.ledger,
            tallies=self._sender.tallies,
            seconds=self._seconds,
            cpu_seconds=time.process_time() - self._cpu,
            unsettled=self._unsettled,
        )

    async def _open_loop(self, rates: dict[str, float], *, until: float, limit: int) -> None:
        """Begin acts at random moments (a Poisson process), whether or not earlier ones were answered."""
        kinds = self._kinds(rates)
        per_second = sum(rates.values()) / self._share.count
        rng = random.Random(f"{self._plan.seed}+{self._share.index}")
        due = clock() + rng.expovariate(per_second)
        while due < until and self._sender.begun < limit:
            await asyncio.sleep(max(TICK_SECONDS, due - clock()))
            now = clock()
            while due <= min(now, until) and self._sender.begun < limit:
                attempt = self._acts.by_kind[next(kinds)](due)
                if attempt is not None:
                    self._sender.send(attempt)
                due += rng.expovariate(per_second)

    async def _closed_loop(self, rates: dict[str, float], *, until: float, limit: int) -> None:
        kinds = self._kinds(rates)

        def next_act() -> Attempt | None:
            if clock() >= until or self._sender.begun >= limit:
                return None
            for _ in range(EMPTY_HANDED_LIMIT):
                attempt = self._acts.by_kind[next(kinds)](clock())
                if attempt is not None:
                    return attempt
            return None

        await self._each_connection(next_act)

    def _kinds(self, rates: dict[str, float]) -> Iterator[str]:
        rng = random.Random(f"{self._plan.seed}-{self._share.index}")
        names, weights = list(rates), list(rates.values())
        while True:
            yield from rng.choices(names, weights, k=256)

    async def _each_connection(self, next_attempt: Callable[[], Attempt | None]) -> None:
        """As many attempts under way as there are connections, until there is no next one and all are settled."""

        def go_on() -> None:
            attempt = next_attempt()
            if attempt is not None:
                attempt.then = go_on
                self._sender.send(attempt)

        for _ in range(self._plan.connections):
            go_on()
        await self._sender.drained(3600.0)

    async def _settle(self) -> None:
        """Wait for the last answers: as long as a request, and the tries after it, may take."""
        self._unsettled = not await self._sender.drained(self._plan.patience + 2 * self._plan.timeout)
