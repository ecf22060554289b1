"""The small world of the engines' tests: a schema with one list type of each sort, and short ways to write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

from ripstop.engines.base import (
    Association,
    AssociationType,
    Counted,
    Engine,
    FunctionBacklog,
    Lane,
    LeasedCall,
    Schema,
    Store,
)
from ripstop.engines.batch import AnyOperation, AssociationDelete, AssociationPut, Batch, CallPut, ObjectPut, Outcome
from ripstop.engines.derived import KeyspaceKind, KeyspaceType
from ripstop.kernel.ids import shard_of
from ripstop.machinery.functions.keyspaces import KEYSPACES

FOLLOWS, FOLLOWED_BY = 1, 2
"""Keyed and counted in both directions."""
LIKES, LIKED_BY = 3, 4
"""Inverse not keyed, counted in stripes."""
TAGGED = 5
"""Without an inverse."""
BOOKMARKS, BOOKMARKED_BY = 6, 7
"""Not counted in either direction; inverse not keyed."""
BLOCKS, BLOCKED_BY = 8, 9
"""Forward counted in stripes, inverse keyed and not counted."""

CAP = 100
"""Of the keyspace "home"."""

BRIEF_MS = 300
"""How long things live in the keyspaces that are called brief."""

THING = 40
"""A type of object."""

SCHEMA = Schema(
    associations={
        each.number: each
        for each in (
            AssociationType(number=FOLLOWS, name="follows", inverse=FOLLOWED_BY),
            AssociationType(number=FOLLOWED_BY, name="followed by", inverse=FOLLOWS, forward=False),
            AssociationType(number=LIKES, name="likes", inverse=LIKED_BY),
            AssociationType(
                number=LIKED_BY, name="liked by", inverse=LIKES, forward=False, keyed=False, counted=Counted.STRIPED
            ),
            AssociationType(number=TAGGED, name="tagged"),
            AssociationType(number=BOOKMARKS, name="bookmarks", inverse=BOOKMARKED_BY, counted=Counted.NO),
            AssociationType(
                number=BOOKMARKED_BY,
                name="bookmarked by",
                inverse=BOOKMARKS,
                forward=False,
                keyed=False,
                counted=Counted.NO,
            ),
            AssociationType(number=BLOCKS, name="blocks", inverse=BLOCKED_BY, counted=Counted.STRIPED),
            AssociationType(number=BLOCKED_BY, name="blocked by", inverse=BLOCKS, forward=False, counted=Counted.NO),
        )
    },
    keyspaces={
        each.name: each
        for each in (
            KeyspaceType(name="home", kind=KeyspaceKind.LISTS, cap=CAP),
            KeyspaceType(name="brief_lists", kind=KeyspaceKind.LISTS, cap=CAP, ttl=BRIEF_MS / 1000),
            KeyspaceType(name="values", kind=KeyspaceKind.VALUES),
            KeyspaceType(name="brief_values", kind=KeyspaceKind.VALUES, ttl=BRIEF_MS / 1000),
            *KEYSPACES.values(),
            KeyspaceType(name="counters", kind=KeyspaceKind.COUNTERS),
            KeyspaceType(name="brief_counters", kind=KeyspaceKind.COUNTERS, ttl=BRIEF_MS / 1000),
        )
    },
    text_indexes=frozenset({"posts", "people"}),
)

HOME = 7
"""The shard where tests live that do not care for shards."""

HOUR_MS = 3_600_000
PATIENCE = 120.0
"""Seconds after which something awaited counts as not coming: a machine that is shared may stand still for many."""


def ident(number: int, shard: int = HOME) -> int:
    """The id of the thing `number` in a shard; ids rise with their numbers."""
    return number << 22 | shard << 12


async def write(store: Engine, *operations: AnyOperation, home: int = HOME) -> Outcome:
    """Commit one batch, whatever becomes of it."""
    [outcome] = await store.commit([Batch(home, operations)], deadline=PATIENCE)
    return outcome


async def apply(store: Engine, *operations: AnyOperation, home: int = HOME) -> tuple[int, ...]:
    """Commit one batch that must be applied; what each operation changed."""
    outcome = await write(store, *operations, home=home)
    assert outcome.refused is None, f"refused at {operations[outcome.refused]}"
    assert len(outcome.changed) == len(operations)
    return outcome.changed


async def apply_each(store: Engine, batches: Sequence[Batch], lane: Lane = Lane.FOREGROUND) -> None:
    """Commit batches that must all be applied, in one call."""
    outcomes = await store.commit(batches, lane=lane, deadline=PATIENCE)
    assert len(outcomes) == len(batches)
    assert all(outcome.applied for outcome in outcomes)


def thing(number: int, shard: int = HOME, **fields: object) -> ObjectPut:
    return ObjectPut(ident(number, shard), THING, json.dumps(fields))


def follow(
    source: int,
    target: int,
    order: int,
    *,
    flags: int = 0,
    data: str | None = None,
    if_absent: bool = False,
    rising: bool = False,
) -> AssociationPut:
    return AssociationPut(source, FOLLOWS, target, order, flags, data, if_absent, rising)


def unfollow(source: int, target: int) -> AssociationDelete:
    return AssociationDelete(source, FOLLOWS, target)


def call(
    number: int,
    function: str = "work",
    *,
    shard: int = HOME,
    due: int = 0,
    deadline: int = 0,
    criticality: int = 2,
    key: str | None = None,
) -> CallPut:
    return CallPut(ident(number, shard), function, "{}", due, deadline, criticality, key)


async def put_list(
    store: Engine, source: int, type: int, rows: Sequence[tuple[int, int]], *, flags: Callable[[int], int] | None = None
) -> None:
    """Fill a list with (order, target); flags from the target, if wanted."""
    operations = [
        AssociationPut(source, type, target, order, flags=flags(target) if flags else 0) for order, target in rows
    ]
    await apply(store, *operations, home=shard_of(source))


async def fields_of(store: Engine, id: int) -> dict[str, object]:
    """The data of an object that must be there."""
    data = json.loads((await store.object_get([id]))[id].data)
    assert isinstance(data, dict)
    return data


async def length(store: Engine, source: int, type: int) -> int:
    """The kept count of a list, 0 when there is none."""
    count = (await store.assoc_counts([source], [type])).get((source, type))
    return count.length if count else 0


async def newest(store: Engine, source: int, type: int) -> int:
    """The kept newest order of a list, -1 when there is none."""
    count = (await store.assoc_counts([source], [type])).get((source, type))
    return count.newest if count else -1


async def rows(store: Engine, source: int, type: int) -> list[Association]:
    """The whole of a short list, newest first."""
    return await store.assoc_range(source, type, limit=1000)


async def targets(store: Engine, source: int, type: int) -> list[int]:
    return [row.target for row in await rows(store, source, type)]


async def backlog(store: Engine, function: str = "work") -> FunctionBacklog:
    """What `call_stats` says of one function; all zeros if it says nothing."""
    return (await store.call_stats([function])).get(function, FunctionBacklog(0, 0, 0, 0, None))


async def lease(
    store: Engine, limit: int = 1, *, seconds: float = 60.0, classes: Sequence[int] = (0, 1, 2, 3)
) -> list[LeasedCall]:
    return (await store.call_lease(classes, limit=limit, seconds=seconds)).taken


async def lease_one(store: Engine, *, seconds: float = 60.0) -> LeasedCall:
    """The one call that is due."""
    [taken] = await lease(store, seconds=seconds)
    return taken


async def clock_passes(store: Store, instant_ms: int) -> None:
    """Return once the engine's clock is past an instant that is near."""
    await eventually(lambda: _is_past(store, instant_ms))


async def _is_past(store: Store, instant_ms: int) -> bool:
    return await store.now_ms() > instant_ms


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once the condition holds. Only for what hangs on the engine's own clock."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110  the clock of an engine sets no event
            await asyncio.sleep(0.01)


async def faults(store: Store) -> list[str]:
    """The sentences of everything that `check` finds."""
    return [fault.sentence async for fault in store.check()]
