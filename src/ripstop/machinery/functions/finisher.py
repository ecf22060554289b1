"""Commits the endings of many calls together."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from random import Random

from ripstop.engines.base import Engine, Lane
from ripstop.engines.batch import Batch, Outcome
from ripstop.kernel.errors import DeadlineExceeded, ReadOnly, Unavailable
from ripstop.machinery.functions.pacing import Beat
from ripstop.machinery.functions.store_window import StoreWindow

logger = logging.getLogger(__name__)

COMMIT_DEADLINE = 10.0
"""Seconds within which a commit must begin; after that it is tried again, since its leases are still held."""

PAUSE = 0.5
"""Longest pause, in seconds, before a commit is tried again."""

TRIES = 8
"""How often a commit is tried while the engine does not say that it is full or takes no writes at all."""


MOST_OPERATIONS = 200
"""Operations that are handed to the engine in one piece: a background lane counts its time between such pieces."""

Pending = tuple[Sequence[Batch], asyncio.Future[list[Outcome]]]


class Finisher:
    """One lane's endings: while a commit is under way, the next one gathers.

    :param window: told how long commits take, and when one is refused.
    """

    def __init__(
        self, engine: Engine, lane: Lane, *, beat: Beat, random: Random, window: StoreWindow,
        monotonic: Callable[[], float],
    ) -> None:  # fmt: skip
        self._engine = engine
        self._lane = lane
        self._beat = beat
        self._random = random
        self._window = window
        self._monotonic = monotonic
        self._pending: list[Pending] = []
        self._flushing: asyncio.Task[None] | None = None

    async def commit(self, batches: Sequence[Batch], *, alone: bool) -> list[Outcome]:
        """Commit batches in company; durable on return.

        While the engine is overloaded or takes no writes this waits: the leases decide whether the batches still count.

        :param alone: nothing else is about to end, so do not wait for company.
        :raises Exception: what the engine says of these batches in particular: some may have been committed.
        """
        loop = asyncio.get_running_loop()
        pieces: list[Pending] = [(piece, loop.create_future()) for piece in _pieces(batches)]
        self._pending += pieces
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(hurry=alone))
        if len(pieces) == 1:
            return await pieces[0][1]
        return [outcome for some in await asyncio.gather(*(future for _, future in pieces)) for outcome in some]

    async def close(self) -> None:
        """Give up what is still waiting."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)

    async def _flush(self, *, hurry: bool) -> None:
        try:
            while self._pending:
                await self._beat.next(hurry=hurry)
                pending, self._pending = self._pending, []
                await asyncio.gather(*(self._commit(group) for group in _groups(pending)))
                hurry = False
        finally:
            self._flushing = None

    async def _commit(self, group: list[Pending]) -> None:
        try:
            outcomes = await self._patiently([batch for batches, _ in group for batch in batches])
        except Exception as error:  # noqa: BLE001 - it goes to whoever asked for this batch
            if len(group) > 1:  # one of them is to blame, and the others shall not pay for it
                await asyncio.gather(*(self._commit([one]) for one in group))
            elif not group[0][1].done():
                group[0][1].set_exception(error)
            return
        start = 0
        for batches, future in group:
            if not future.done():
                future.set_result(outcomes[start : start + len(batches)])
            start += len(batches)

    async def _patiently(self, batches: list[Batch]) -> list[Outcome]:
        reason: Unavailable
        tries = 0
        while True:
            asked = self._monotonic()
            try:
                outcomes = await self._engine.commit(batches, lane=self._lane, deadline=COMMIT_DEADLINE)
                self._window.committed(self._monotonic() - asked)
                return outcomes
            except (DeadlineExceeded, ReadOnly) as error:
                reason = error
            except Unavailable as error:
                reason = error
                tries += 1
                if tries == TRIES:
                    raise
            self._window.refused()
            logger.warning("Cannot finish %d calls now: %s (%s)", len(batches), reason, reason.cause)
            await asyncio.sleep(self._random.uniform(0, PAUSE))


def _groups(pending: list[Pending]) -> Iterator[list[Pending]]:
    """What to hand over in one piece each, in order."""
    group: list[Pending] = []
    operations = 0
    for one in pending:
        size = sum(len(batch.operations) for batch in one[0])
        operations += size
        if group and operations > MOST_OPERATIONS:
            yield group
            group, operations = [], size
        group.append(one)
    yield group


def _pieces(batches: Sequence[Batch]) -> Iterator[Sequence[Batch]]:
    """What one caller hands over, in pieces that are not larger than a group should be."""
    start = operations = 0
    for place, batch in enumerate(batches):
        operations += len(batch.operations)
        if place > start and operations > MOST_OPERATIONS:
            yield batches[start:place]
            start, operations = place, len(batch.operations)
    yield batches[start:]
