"""Dead calls: to be listed, sent again, or dropped."""

from collections.abc import AsyncIterator, Collection
from typing import NamedTuple

import msgspec

from ripstop.engines.base import CallState, Store, Table
from ripstop.engines.batch import Batch, CallAgain, CallDone
from ripstop.kernel.ids import shard_of
from ripstop.machinery.functions.standing import Standing

PAGE = 1_000


class DeadCall(NamedTuple):
    """A row of `Table.CALLS`, of a call that does not run any more. `token` is the one that it died with."""

    id: int
    state: int
    token: int
    function: str
    arguments: str
    checkpoint: str | None
    attempt: int
    due: int
    deadline: int
    criticality: int
    key: str | None
    error: str | None
    namespace: str | None
    parent: int | None


async def dead_calls(store: Store, functions: Collection[str] | None = None) -> AsyncIterator[DeadCall]:
    """All dead calls (of these functions), by shard and id.

    Walks the whole queue, unless `call_stats` says that there is nothing more to be found.
    """
    backlogs = await store.call_stats(None if functions is None else sorted(functions))
    remaining = sum(backlog.dead for backlog in backlogs.values())
    after: tuple[object, ...] | None = None
    while remaining > 0:
        page = await store.scan(Table.CALLS, shard=None, after=after, limit=PAGE)
        for row in page.rows:
            call = msgspec.convert(row, DeadCall)
            if call.state == CallState.DEAD and (functions is None or call.function in functions):
                yield call
                remaining -= 1
        if page.after is None:
            return
        after = page.after


async def retry_dead(store: Store, calls: Collection[DeadCall]) -> int:
    """Send dead calls again, at once and as attempt 1, from their last checkpoint.

    :returns: how many were; the others have been sent again or dropped by somebody else.
    """
    return await _end_each(store, [_again(call) for call in calls])


async def drop_dead(store: Store, calls: Collection[DeadCall]) -> int:
    """Remove dead calls for good. Returns as `retry_dead` does."""
    return await _end_each(store, [CallDone(call.id, call.token) for call in calls])


async def _end_each(store: Store, ends: Collection[CallAgain | CallDone]) -> int:
    outcomes = await store.commit([Batch(shard_of(end.call), (end,)) for end in ends]) if ends else []
    return sum(outcome.applied for outcome in outcomes)


def _again(call: DeadCall) -> CallAgain:
    try:
        standing = Standing.parse(call.checkpoint)
    except ValueError:  # not ours: what killed it may be this very checkpoint
        standing = Standing()
    return CallAgain(call.id, call.token, 0, 1, standing.kept(call.token))
