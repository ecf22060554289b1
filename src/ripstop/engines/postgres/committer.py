"""Group commit: batches that wait together are written together, and share one wait for the disk."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ripstop.engines.base import Lane
from ripstop.engines.batch import Batch, Outcome
from ripstop.engines.postgres.connections import RETRIED, Connections
from ripstop.engines.postgres.flatten import Direction, Group, check
from ripstop.engines.postgres.plain import Ends, Puts, ends_of, puts_of
from ripstop.engines.statements import load
from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import BadRequest, DeadlineExceeded, RipstopError, Unavailable

_SQL: Final = load(__package__, "sql/writes.sql")

_DONE: Final = Outcome((1,))

_log = logging.getLogger(__name__)

GATHER_SECONDS: Final = 0.001
"""How long a group waits for company while another one is on its way."""

BACKGROUND_SECONDS: Final = 0.010
"""How long a group of background batches should hold its locks."""

FOREGROUND_OPERATIONS: Final = 2_000
"""A foreground group takes no further request once it holds so many operations."""

TRIES: Final = 8
"""How often a group is tried that meets others' transactions, each time anew and after a longer pause."""

_SMOOTHING: Final = 0.1


@dataclass(slots=True)
class _Request:
    """The batches of one caller, which stay together and in order."""

    batches: Sequence[Batch]
    operations: int
    arrived: float
    deadline: float
    answer: asyncio.Future[list[Outcome]]


@dataclass(slots=True)
class _Queue:
    """One lane: what waits, and how many groups of it are on their way."""

    most_in_flight: int
    most_operations: int
    waiting: deque[_Request] = field(default_factory=deque)
    in_flight: int = 0
    timer: asyncio.TimerHandle | None = None


class Committer:
    """Takes batches and writes them in groups, two at a time for the foreground, one for the background.

    :param on_calls: called after a group that put calls was committed.
    """

    def __init__(
        self,
        connections: Connections,
        directions: dict[int, Direction],
        *,
        clock: Clock,
        on_calls: Callable[[], None],
    ) -> None:
        self._connections = connections
        self._directions = directions
        self._clock = clock
        self._on_calls = on_calls
        self._lanes: Mapping[Lane, _Queue] = {
            Lane.FOREGROUND: _Queue(2, FOREGROUND_OPERATIONS),
            Lane.BACKGROUND: _Queue(1, 200),
        }
        self._tasks: set[asyncio.Task[None]] = set()
        self._random = random.Random()  # noqa: S311 jitter is no secret
        self.closed = False
        self.seconds = 0.0
        """Recent seconds from a foreground batch's arrival to its answer."""

    async def commit(self, batches: Sequence[Batch], *, lane: Lane, deadline: float) -> list[Outcome]:
        """See `ripstop.engines.base.Engine.commit`.

        :raises Unavailable: the connection was lost, and whether the batches were applied is not known.
        """
        if self.closed:
            raise Unavailable("The store is closed.")
        for batch in batches:
            check(batch, self._directions)
        operations = sum(len(batch.operations) for batch in batches)
        if not batches:
            return []
        now = self._clock.monotonic()
        answer = asyncio.get_running_loop().create_future()
        queue = self._lanes[lane]
        queue.waiting.append(_Request(batches, operations, now, now + deadline, answer))
        if queue.timer is None and queue.in_flight < queue.most_in_flight:
            self._wait(lane, GATHER_SECONDS if queue.in_flight else 0.0)
        outcomes: list[Outcome] = await answer
        if lane is Lane.FOREGROUND:
            self.seconds += _SMOOTHING * (self._clock.monotonic() - now - self.seconds)
        return outcomes

    async def close(self) -> None:
        """Answer what is queued. Idempotent."""
        self.closed = True
        while self._tasks or any(queue.waiting for queue in self._lanes.values()):
            if self._tasks:
                await asyncio.wait(self._tasks)
            await asyncio.sleep(0)

    def _wait(self, lane: Lane, seconds: float) -> None:
        """Start a group after a pause; 0 still lets in whatever arrives in the same turn of the loop."""
        self._lanes[lane].timer = asyncio.get_running_loop().call_later(seconds, self._begin, lane)

    def _begin(self, lane: Lane) -> None:
        """Start as many groups as may be on their way, and see to it that nobody waits past a deadline."""
        queue = self._lanes[lane]
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None
        if queue.in_flight < queue.most_in_flight:
            requests = self._take(queue)
            if requests:
                queue.in_flight += 1
                task = asyncio.get_running_loop().create_task(self._write(lane, requests))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        else:
            self._refuse_late(queue)
        if queue.waiting:
            self._wait(lane, GATHER_SECONDS if queue.in_flight < queue.most_in_flight else 0.1)

    def _take(self, queue: _Queue) -> list[_Request]:
        """The next group: requests in the order of their arrival, without those that are late or were given up."""
        now = self._clock.monotonic()
        requests: list[_Request] = []
        operations = 0
        while queue.waiting and (not requests or operations + queue.waiting[0].operations <= queue.most_operations):
            request = queue.waiting.popleft()
            if request.answer.cancelled():
                continue
            if now > request.deadline:
                request.answer.set_exception(_late())
                continue
            requests.append(request)
            operations += request.operations
        return requests

    def _refuse_late(self, queue: _Queue) -> None:
        now = self._clock.monotonic()
        while queue.waiting and (now > queue.waiting[0].deadline or queue.waiting[0].answer.cancelled()):
            request = queue.waiting.popleft()
            if not request.answer.cancelled():
                request.answer.set_exception(_late())

    async def _write(self, lane: Lane, requests: list[_Request]) -> None:
        """Write a group and answer everybody in it; then start the next one."""
        queue = self._lanes[lane]
        began = self._clock.monotonic()
        try:
            await self._answer(requests)
        finally:
            queue.in_flight -= 1
            if lane is Lane.BACKGROUND:
                spent = self._clock.monotonic() - began
                operations = sum(request.operations for request in requests)
                fitting = operations * BACKGROUND_SECONDS / max(spent, 1e-6)
                queue.most_operations = round(min(max(fitting, 50), 2 * queue.most_operations, 2_000))
            if queue.waiting:
                self._begin(lane)

    async def _answer(self, requests: list[_Request]) -> None:
        try:
            outcomes = await self._apply([batch for request in requests for batch in request.batches])
        except (BadRequest, *RETRIED) as error:
            if len(requests) > 1:
                # Somebody's values cannot be stored, or collide again and again: the others must not suffer.
                for request in requests:
                    await self._answer([request])
            elif isinstance(error, BadRequest):
                _fail(requests, error)
            else:
                _fail(requests, Unavailable("Others write the same things at the same time.", cause=error))
        except RipstopError as error:
            _fail(requests, error)
        except Exception as error:  # noqa: BLE001 whatever it is, those who wait must have an answer
            _log.exception("A group of %d requests failed.", len(requests))
            _fail(requests, error)
        except BaseException:
            _fail(requests, Unavailable("The server stops, and what was being written may or may not be there."))
            raise
        else:
            start = 0
            for request in requests:
                end = start + len(request.batches)
                if not request.answer.done():
                    request.answer.set_result(outcomes[start:end])
                start = end

    async def _apply(self, batches: Sequence[Batch]) -> list[Outcome]:
        """What became of batches, after one transaction or two."""
        if (puts := puts_of(batches)) is not None:
            return await self._put_calls(batches, puts)
        if (ends := ends_of(batches)) is not None:
            return await self._end_calls(batches, ends)
        return await self._judge(batches)

    async def _put_calls(self, batches: Sequence[Batch], puts: Puts) -> list[Outcome]:
        if puts.ids:
            await self._execute(_SQL["put_calls"], puts)
            self._on_calls()
        return [Outcome((1,) * len(batch.operations)) for batch in batches]

    async def _end_calls(self, batches: Sequence[Batch], ends: Ends) -> list[Outcome]:
        ended = set((await self._execute(_SQL["end_calls"], ends.arguments))["ended"])
        if len(ended) == len(batches):
            return [_DONE] * len(batches)
        # The others are dead calls, or have lost their leases, or somebody changed them at that moment.
        left = [batch for batch, call in zip(batches, ends.calls, strict=True) if call not in ended]
        rest = iter(await self._judge(left))
        return [_DONE if call in ended else next(rest) for call in ends.calls]

    async def _judge(self, batches: Sequence[Batch]) -> list[Outcome]:
        group = Group(self._directions)
        try:
            for batch in batches:
                group.add(batch)
            arguments = group.arguments()
        except (ValueError, TypeError) as error:
            raise BadRequest("The request holds a value that cannot be stored.", cause=error) from error
        if not group:
            return [Outcome(()) for _ in batches]
        row = await self._execute(_SQL["commit"], arguments)
        if group.puts_calls:
            self._on_calls()
        return group.outcomes(row["changed"], row["refused"])

    async def _execute(self, statement: str, arguments: Sequence[object]) -> Any:
        """The row that a statement answers with, a transaction of its own: tried again where another one was first."""
        for attempt in range(TRIES):
            try:
                async with self._connections.writer() as connection:
                    return await connection.fetchrow(statement, *arguments)
            except RETRIED:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(self._random.random() * 0.002 * 2**attempt)
        raise AssertionError("unreachable")


def _late() -> DeadlineExceeded:
    return DeadlineExceeded("The server is busy, and did nothing of this.", retry_after=2)


def _fail(requests: Sequence[_Request], error: Exception) -> None:
    for request in requests:
        if not request.answer.done():
            request.answer.set_exception(error)
