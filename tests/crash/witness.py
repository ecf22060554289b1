"""What the writers of the crash tests write, what was acknowledged of it, and whether it is there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from ripstop.engines.base import Store
from ripstop.engines.batch import (
    AnyOperation,
    AssociationDelete,
    AssociationPut,
    Batch,
    CallDone,
    CallPut,
    NameSet,
    ObjectDelete,
    ObjectPatch,
    ObjectPut,
)
from ripstop.kernel.ids import shard_of
from tests.world import FOLLOWED_BY, FOLLOWS, LIKED_BY, LIKES, THING, backlog, eventually, faults, ident, length

FAR = 900
"""The shard of whoever is followed: the inverse halves rest in another shard than the batches' own."""

IDOL = ident(1, 1000)
"""Whoever all lanes of all processes like: a count that everybody changes."""

NOBODY = 1
"""Who holds the name of a batch that came too late."""

CALLS = (0, 1, 2, 3)
DONE = '{"done":true}'
PAGE = 100
"""How many batches are looked at in one read."""

RECENT = 30
"""How many of a lane's last batches are looked at after each kill; at the end all are."""


def effect_of(call: int) -> int:
    """The object whose version tells how often the call had its effect: 1 never, 2 once."""
    return call + 1


def batch_of(shard: int, number: int) -> Batch:
    """The batch of a lane with this number: some of everything. Every fourth takes back a part of earlier ones."""
    lane, thing, call = ident(1, shard), ident(number, shard) + 2, ident(number, shard)
    operations: list[AnyOperation] = [
        ObjectPut(thing, THING, '{"text":"x"}'),
        ObjectPut(effect_of(call), THING, "{}"),
        AssociationPut(lane, FOLLOWS, ident(number, FAR), number),
        AssociationPut(thing, LIKES, IDOL, number),
        NameSet(name_of(shard, number), None, thing),
        CallPut(call, "effect", "{}", criticality=number % 4),
    ]
    if number % 4 == 0:
        operations += [
            ObjectDelete(ident(number - 1, shard) + 2),
            AssociationDelete(lane, FOLLOWS, ident(number - 2, FAR)),
            AssociationDelete(ident(number - 2, shard) + 2, LIKES, IDOL),
        ]
    return Batch(shard, operations)


def name_of(shard: int, number: int) -> str:
    return f"crash/{shard}/{number}"


class Witness:
    """Knows of each lane which batches were applied, and holds a store to it."""

    def __init__(self) -> None:
        self.applied: dict[int, set[int]] = defaultdict(set)
        self._next: dict[int, int] = defaultdict(lambda: 4)
        """The first number that the lane has not acknowledged; it may be in doubt."""

    def acknowledged(self, shard: int, number: int) -> None:
        assert number >= self._next[shard], "acknowledged twice"
        self.applied[shard].add(number)
        self._next[shard] = number + 1

    async def settle(self, store: Store, shard: int) -> int:
        """The lane's process died: find out what became of its batch in doubt. The number to go on with.

        A database server may still be at work on what a dead client sent. So this does not look, it claims the name
        that the batch claims: one of the two comes first, and the other is refused.
        """
        number = self._next[shard]
        [outcome] = await store.commit([Batch(shard, [NameSet(name_of(shard, number), None, NOBODY)])], deadline=60)
        if not outcome.applied:
            self.applied[shard].add(number)
        self._next[shard] = number + 1
        return number + 1

    async def look(self, store: Store, shards: Iterable[int], *, everything: bool = False) -> None:
        """Raise unless everything (or what is recent) of these lanes is there, and nothing else of them."""
        for shard in shards:
            last = self._next[shard]
            first = 1 if everything else max(1, last - RECENT)
            for start in range(first, last, PAGE):
                await self._look_at(store, shard, range(start, min(start + PAGE, last)))
        if everything:
            await self._look_at_counts(store, shards)

    async def _look_at(self, store: Store, shard: int, numbers: range) -> None:
        applied = self.applied[shard]
        names = await store.name_get([name_of(shard, number) for number in numbers])
        held = {name.name for name in names.values() if name.holder != NOBODY}
        assert held == {name_of(shard, number) for number in numbers if number in applied}
        things = {ident(number, shard) + 2 for number in numbers if self._thing_stays(shard, number)}
        assert set(await store.object_get([ident(number, shard) + 2 for number in numbers])) == things
        followed = {ident(number, FAR) for number in numbers if self._edges_stay(shard, number)}
        rows = await store.assoc_get(ident(1, shard), [FOLLOWS], [ident(number, FAR) for number in numbers])
        assert {row.target for row in rows} == followed
        effects = await store.object_get([effect_of(ident(number, shard)) for number in numbers])
        assert set(effects) == {effect_of(ident(number, shard)) for number in numbers if number in applied}
        assert all(effect.version in (1, 2) for effect in effects.values()), "a call had its effect twice"

    def _thing_stays(self, shard: int, number: int) -> bool:
        applied = self.applied[shard]
        return number in applied and not ((number + 1) % 4 == 0 and number + 1 in applied)

    def _edges_stay(self, shard: int, number: int) -> bool:
        applied = self.applied[shard]
        return number in applied and not ((number + 2) % 4 == 0 and number + 2 in applied)

    async def _look_at_counts(self, store: Store, shards: Iterable[int]) -> None:
        staying = {shard: sum(self._edges_stay(shard, number) for number in self.applied[shard]) for shard in shards}
        for shard, expected in staying.items():
            assert await length(store, ident(1, shard), FOLLOWS) == expected
        assert await length(store, IDOL, LIKED_BY) == sum(staying.values())
        followed = {number for shard in staying for number in self.applied[shard] if self._edges_stay(shard, number)}
        for number in sorted(followed)[-RECENT:]:
            followers = sum(self._edges_stay(shard, number) for shard in staying)
            assert await length(store, ident(number, FAR), FOLLOWED_BY) == followers

    async def drain(self, store: Store) -> None:
        """Let all calls have their effect, once the writers are gone and their leases over."""

        async def all_done() -> bool:
            leases = await store.call_lease(CALLS, limit=500, seconds=60)
            outcomes = await store.commit(
                [
                    Batch(shard_of(call.id), [ObjectPatch(effect_of(call.id), DONE), CallDone(call.id, call.token)])
                    for call in leases.taken
                ],
                deadline=60,
            )
            assert all(outcome.applied for outcome in outcomes)
            await asyncio.sleep(0)
            return not any((await backlog(store, "effect"))[:4])

        await eventually(all_done)

    async def look_at_everything(self, store: Store) -> None:
        """The end: every batch, every count, every call's effect exactly once, and no fault."""
        await self.drain(store)
        await self.look(store, list(self.applied), everything=True)
        for shard, applied in self.applied.items():
            numbers = sorted(applied)
            for start in range(0, len(numbers), PAGE):
                calls = [ident(number, shard) for number in numbers[start : start + PAGE]]
                effects = await store.object_get([effect_of(call) for call in calls])
                assert [effects[effect_of(call)].version for call in calls] == [2] * len(calls)
        assert await faults(store) == []
