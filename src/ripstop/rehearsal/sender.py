"""Sends attempts, tries again what may be tried again, and counts what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from ripstop.rehearsal.latency import Latencies
from ripstop.rehearsal.pool import Exchange, Pool, clock
from ripstop.rehearsal.wire import RETRY_SECONDS, Answer


class KindTally(msgspec.Struct):
    """What became of the acts of one kind.

    `latency` runs from the moment when the act was due to its answer, so that waiting for a busy server counts
    (no coordinated omission); `service` from the moment when the request was sent.
    """

    begun: int = 0
    done: int = 0
    shed: int = 0
    """Answers that said to come back later (503, 429); the act itself may have succeeded then."""
    unanswered: int = 0
    """Requests that died without an answer."""
    in_doubt: int = 0
    """Acts that were given up without knowing whether they took effect."""
    refused: dict[str, int] = {}
    """Other answers than success, by status; `unreadable` are successes whose body was not what it had to be."""
    latency: Latencies = msgspec.field(default_factory=Latencies)
    service: Latencies = msgspec.field(default_factory=Latencies)

    def merge(self, other: KindTally) -> None:
        for name in ("begun", "done", "shed", "unanswered", "in_doubt"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for status, count in other.refused.items():
            self.refused[status] = self.refused.get(status, 0) + count
        self.latency.merge(other.latency)
        self.service.merge(other.service)


class Attempt(Exchange):
    """One act through all its tries.

    `settle(attempt, answer)` is called once: with the answer that decided it, or with None when nobody knows whether
    it took effect. `doubt` says that an earlier try may have. Writes are `patient`: tried again until `until`.
    """

    __slots__ = ("doubt", "kind", "patient", "settle", "then", "until")

    def __init__(
        self,
        kind: str,
        request: bytes,
        settle: Callable[[Attempt, Answer | None], None],
        *,
        due: float,
        patient: bool = True,
    ) -> None:
        super().__init__(request, _unsent, due=due)
        self.kind = kind
        self.settle = settle
        self.patient = patient
        self.doubt = False
        self.until = 0.0
        self.then: Callable[[], None] | None = None


class Sender:
    """Sends attempts over a pool. Patient ones are tried again for `patience` seconds."""

    def __init__(self, pool: Pool, *, patience: float) -> None:
        self.tallies: dict[str, KindTally] = {}
        self.begun = 0
        self._pool = pool
        self._patience = patience
        self._outstanding = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def send(self, attempt: Attempt) -> None:
        tally = self.tallies.setdefault(attempt.kind, KindTally())
        tally.begun += 1
        self.begun += 1
        self._outstanding += 1
        self._idle.clear()
        attempt.until = clock() + (self._patience if attempt.patient else 0.0)
        attempt.done = self._answered
        self._pool.submit(attempt)

    async def drained(self, seconds: float) -> bool:
        """Wait until every attempt is settled; False when that took more than `seconds`."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _answered(self, exchange: Exchange, answer: Answer | None) -> None:
        assert isinstance(exchange, Attempt)
        tally = self.tallies[exchange.kind]
        now = clock()
        if answer is not None and answer.ok:
            tally.done += 1
            tally.latency.record(now - exchange.due)
            tally.service.record(now - exchange.sent)
            self._settle(exchange, answer)
            return
        pause = self._pause(exchange, answer, tally)
        if pause is None:
            self._settle(exchange, answer)
        elif now + pause < exchange.until:
            exchange.sent = 0.0
            asyncio.get_running_loop().call_later(pause, self._pool.submit, exchange)
        elif exchange.doubt:
            tally.in_doubt += 1
            self._settle(exchange, None)
        else:
            self._settle(exchange, answer)

    def _pause(self, attempt: Attempt, answer: Answer | None, tally: KindTally) -> float | None:
        """Seconds until the next try; None when the answer decides the act."""
        if answer is None:
            if attempt.sent:
                tally.unanswered += 1
                attempt.doubt = True
            return RETRY_SECONDS
        if answer.shed:
            tally.shed += 1
            return answer.retry_after
        self._refused(attempt, str(answer.status))
        if answer.status >= 500:
            attempt.doubt = True
            return RETRY_SECONDS
        return None

    def _refused(self, attempt: Attempt, why: str) -> None:
        refused = self.tallies[attempt.kind].refused
        refused[why] = refused.get(why, 0) + 1

    def _settle(self, attempt: Attempt, answer: Answer | None) -> None:
        try:
            attempt.settle(attempt, answer)
        except msgspec.MsgspecError:
            # Acknowledged, but not in words that the API knows: what it was about stays in doubt.
            self._refused(attempt, "unreadable")
        self._outstanding -= 1
        if attempt.then is not None:
            attempt.then()
        if not self._outstanding:
            self._idle.set()


def _unsent(_exchange: Exchange, _answer: Answer | None) -> None:
    raise AssertionError("An attempt was submitted without a sender.")
