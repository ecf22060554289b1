"""Dead calls: to be searched, sent again, or dropped; one by one, or all that a search finds."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import NamedTuple

from ripstop.engines.base import CallRow, CallState, Store
from ripstop.engines.batch import Batch, CallAgain, CallDone
from ripstop.kernel.ids import shard_of
from ripstop.machinery.functions.standing import Standing

PAGE = 1_000

TOGETHER = 500
"""Dead calls that are ended in one go."""

DeadCall = CallRow
"""`token` is the one that it died with."""


class Search(NamedTuple):
    """Which dead calls; every condition that is set must hold.

    :ivar functions: of one of these.
    :ivar namespace: of this one.
    :ivar text: its error holds this, in capitals or not.
    :ivar older: died at least so many seconds ago.
    :ivar younger: died at most so many seconds ago.
    """

    functions: Collection[str] | None = None
    namespace: str | None = None
    text: str | None = None
    older: float | None = None
    younger: float | None = None

    def finds(self, call: DeadCall) -> bool:
        """Whether it is one of them, as far as its age is not asked for."""
        return (
            (self.functions is None or call.function in self.functions)
            and self.namespace in (None, call.namespace)
            and (self.text is None or self.text.casefold() in (call.error or "").casefold())
        )

    def in_words(self) -> str:
        """What is searched for, for records of what was done about it."""
        words = [", ".join(sorted(self.functions)) if self.functions else "all functions"]
        words += [f"namespace {self.namespace}"] if self.namespace is not None else []
        words += [f"error {self.text!r}"] if self.text is not None else []
        words += [f"dead for {self.older:g} s or longer"] if self.older is not None else []
        words += [f"dead for {self.younger:g} s at most"] if self.younger is not None else []
        return "; ".join(words)


ALL = Search()


async def dead_calls(store: Store, search: Search = ALL) -> AsyncIterator[DeadCall]:
    """The dead calls that a search finds and that are dead by now, by the instants of their deaths.

    Looks at dead calls alone, at no more of them than have died in the time that is asked for, and at none if there
    are none of these functions.
    """
    functions = None if search.functions is None else sorted(search.functions)
    remaining = sum(backlog.dead for backlog in (await store.call_stats(functions)).values())
    now_ms = await store.now_ms()
    last = now_ms - round((search.older or 0.0) * 1000)
    after = None if search.younger is None else (max(0, now_ms - round(search.younger * 1000) - 1), 0)
    while remaining > 0 and (page := await store.dead_calls(after=after, limit=PAGE)):
        for call in page:
            after = (call.died or 0, call.id)
            if after[0] > last:
                return
            if search.functions is None or call.function in search.functions:
                remaining -= 1
                if search.finds(call):
                    yield call


async def dead_by_id(store: Store, ids: Sequence[int]) -> list[DeadCall]:
    """Those of these calls that are dead."""
    return [call for call in (await store.call_get(ids)).values() if call.state == CallState.DEAD]


async def retry_dead(store: Store, calls: Collection[DeadCall]) -> int:
    """Send dead calls again, at once and as attempt 1, from their last checkpoint.

    :returns: how many were; the others have been sent again or dropped by somebody else.
    """
    return await _end_each(store, [_again(call) for call in calls])


async def drop_dead(store: Store, calls: Collection[DeadCall]) -> int:
    """Remove dead calls for good. Returns as `retry_dead` does."""
    return await _end_each(store, [CallDone(call.id, call.token) for call in calls])


async def retry_all(store: Store, search: Search) -> int:
    """Send all dead calls again that a search finds, some hundred at a time. Returns as `retry_dead` does."""
    return await _in_batches(store, search, retry_dead)


async def drop_all(store: Store, search: Search) -> int:
    """Remove all dead calls that a search finds for good, some hundred at a time. Returns as `retry_dead` does."""
    return await _in_batches(store, search, drop_dead)


async def _in_batches(
    store: Store, search: Search, end: Callable[[Store, Collection[DeadCall]], Awaitable[int]]
) -> int:
    ended = 0
    batch: list[DeadCall] = []
    async for call in dead_calls(store, search):
        batch.append(call)
        if len(batch) == TOGETHER:
            ended += await end(store, batch)
            batch = []
    return ended + await end(store, batch)


async def _end_each(store: Store, ends: Collection[CallAgain | CallDone]) -> int:
    outcomes = await store.commit([Batch(shard_of(end.call), (end,)) for end in ends]) if ends else []
    return sum(outcome.applied for outcome in outcomes)


def _again(call: DeadCall) -> CallAgain:
    try:
        standing = Standing.parse(call.checkpoint)
    except ValueError:  # not ours: what killed it may be this very checkpoint
        standing = Standing()
    return CallAgain(call.id, call.token, 0, 1, standing.kept(call.token))
