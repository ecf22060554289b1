"""The graph as the domain sees it: typed objects and associations, read through a coherent cache."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from ripstop.engines import base
from ripstop.engines.base import Count, Cursor, Direction, Lane, Merge, Store
from ripstop.kernel.clock import Clock
from ripstop.kernel.ids import IdSource, shard_of
from ripstop.machinery.bus import Bus
from ripstop.machinery.graph.cache import Cache, Entry, Kept, Marks, Members, Tally
from ripstop.machinery.graph.events import Events
from ripstop.machinery.graph.types import Association, ObjectType, TypeSet
from ripstop.machinery.graph.write import Committed, Refused, Write

T = TypeVar("T", bound=msgspec.Struct)
V = TypeVar("V")

EMPTY = Count(0, -1)
NOBODY: frozenset[int] = frozenset()


class Graph:
    """Objects and associations for one process.

    What is cached is never staler than the last `sync`, which every request and every call begins with. Blocks,
    mutes and visibility come from it as well, and are as fresh.

    :param cache_bytes: bound of the cache, about.
    """

    def __init__(
        self, store: Store, *, ids: IdSource, clock: Clock, events: Events, bus: Bus, cache_bytes: int = 32 << 20
    ) -> None:
        self.ids = ids
        self.clock = clock
        self._store = store
        self._events = events
        self._bus = bus
        self._cache = Cache(cache_bytes)
        self._cursor = -1
        self._learned = 0
        self._waking = False
        self.hits = 0
        self.misses = 0

    @property
    def cache_bytes(self) -> int:
        """About how many bytes the cache holds."""
        return self._cache.bytes

    @property
    def cursor(self) -> int:
        """Changes whenever `sync` learned of a commit."""
        return self._learned

    def now_ms(self) -> int:
        return self.clock.now_ms()

    def new_id(self, shard: int) -> int:
        return self.ids.new(shard)

    async def sync(self) -> None:
        """Catch up with what any process committed before now."""
        changes = await self._store.changes(self._cursor)
        # The cursor may stand although there are changes: an older transaction is still under way.
        if changes.lost:
            self._cache.clear()
            self._learned += 1
        elif changes.ids or changes.lists or changes.cursor != self._cursor:
            self._cache.drop(changes.ids, changes.lists)
            self._learned += 1
        self._cursor = changes.cursor
        self._cache.turn(self.clock.monotonic())

    # Objects

    async def get(self, type_: ObjectType[T], id_: int) -> Entry[T] | None:
        """The object, or None if there is none of this type."""
        entry = self._cache.objects.get(id_)
        if entry is None:
            return (await self.get_many(type_, (id_,))).get(id_)
        self.hits += 1
        return entry if entry.type == type_.number else None

    def peek(self, type_: ObjectType[T], id_: int) -> Entry[T] | None:
        """The object if it is cached."""
        entry = self._cache.objects.get(id_)
        return entry if entry is not None and entry.type == type_.number else None

    async def get_many(self, type_: ObjectType[T], ids: Iterable[int]) -> dict[int, Entry[T]]:
        """Those of the objects that are there and of this type. One engine call if any is not cached."""
        objects = self._cache.objects
        young = objects.young
        number = type_.number
        found: dict[int, Entry[T]] = {}
        missing: list[int] = []
        for id_ in ids:
            entry = young.get(id_) or objects.get(id_)
            if entry is None:
                missing.append(id_)
            elif entry.type == number:
                found[id_] = entry
        self.hits += len(found)
        if missing:
            self.misses += len(missing)
            fetch = self._cache.begin_fetch()
            try:
                rows = await self._store.object_get(missing)
            finally:
                self._cache.end_fetch(fetch)
            for id_, row in rows.items():
                if row.type != number:
                    continue
                read = Entry(row.type, id_, row.version, type_.decode(row.data), 2 * len(row.data))
                found[id_] = read
                if fetch.fresh(id_):
                    objects.put(id_, read)
        return found

    def keep_rendered(self, holder: Entry[Any] | Tally, key: object, data: bytes) -> bytes:
        """Keep bytes that follow from this entry or tally alone, for as long as it is cached."""
        holder.rendered[key] = data
        holder.size += len(data)
        kept = self._cache.objects if isinstance(holder, Entry) else self._cache.tallies_of(holder.types)
        kept.grew(len(data))
        return data

    # Associations

    async def find(self, source: int, types: Sequence[Association], targets: Sequence[int]) -> list[base.Association]:
        """Which of these associations lead from the source to any of the targets."""
        return await self._store.assoc_get(source, [t.number for t in types], targets)

    async def range(
        self,
        source: int,
        association: Association,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        direction: Direction = Direction.NEWEST_FIRST,
        mask: int = 0,
        match: int = 0,
    ) -> list[base.Association]:
        """A page of one list; see `Engine.assoc_range`."""
        return await self._store.assoc_range(
            source,
            association.number,
            after=after,
            before=before,
            limit=limit,
            direction=direction,
            mask=mask,
            match=match,
        )

    async def merge(
        self,
        sources: Sequence[int],
        association: Association,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        budget: int,
        mask: int = 0,
        match: int = 0,
    ) -> Merge:
        """The newest entries over many lists; see `Engine.assoc_merge`."""
        return await self._store.assoc_merge(
            sources,
            association.number,
            after=after,
            before=before,
            limit=limit,
            budget=budget,
            mask=mask,
            match=match,
        )

    async def counts(self, sources: Sequence[int], types: Sequence[Association]) -> dict[tuple[int, int], Count]:
        """Lengths and newest orders, not cached; by (source, type number), empty lists absent."""
        return await self._store.assoc_counts(sources, [t.number for t in types])

    async def tallies(self, sources: Collection[int], types: TypeSet) -> dict[int, Tally]:
        """The counts of every source over a set of counted types. One engine call if any is not cached."""
        cache = self._cache
        tallies = cache.tallies_of(types)
        young = tallies.young
        found: dict[int, Tally] = {}
        missing: list[int] = []
        for source in sources:
            tally = young.get(source) or tallies.get(source)
            if tally is None:
                missing.append(source)
            else:
                found[source] = tally
        if missing:
            numbers = types.numbers
            fetch = cache.begin_fetch()
            try:
                counts = await self._store.assoc_counts(missing, numbers)
            finally:
                cache.end_fetch(fetch)
            for source in missing:
                tally = Tally(types, tuple([counts.get((source, number), EMPTY) for number in numbers]))
                found[source] = tally
                if fetch.fresh_lists(source, types):
                    tallies.put(source, tally)
        return found

    def recall(self, source: int, types: TypeSet) -> Any:
        """What `remember` kept, or None."""
        kept = self._cache.kept_of(types).get(source)
        return None if kept is None else kept.value

    async def remember(self, source: int, types: TypeSet, make: Awaitable[V], *, size: Callable[[V], int]) -> V:
        """Work something out from lists of one source, and keep it until one of these lists of that source changes.

        :param make: reads these lists only; awaited here.
        :param size: says about how many bytes the result takes.
        """
        fetch = self._cache.begin_fetch()
        try:
            value = await make
        finally:
            self._cache.end_fetch(fetch)
        if fetch.fresh_lists(source, types):
            self._cache.kept_of(types).put(source, Kept(value, size(value)))
        return value

    async def members(self, source: int, association: Association, *, most: int) -> frozenset[int] | None:
        """All targets of a list, or None if it has more than `most` (always give the same for one association)."""
        known = self._cache.members.get((source, association.number))
        return (known or await self._read_members(source, association, most)).targets

    async def flagged(self, source: int, association: Association, flag: int, *, most: int) -> frozenset[int]:
        """Those targets of a list that have all bits of `flag`; none if it has more than `most`, as for `members`."""
        known = self._cache.members.get((source, association.number))
        members = known or await self._read_members(source, association, most)
        if not members.flags:
            return NOBODY
        return frozenset(target for target, flags in members.flags.items() if flags & flag == flag)

    async def _read_members(self, source: int, association: Association, most: int) -> Members:
        key = (source, association.number)
        fetch = self._cache.begin_fetch()
        try:
            rows = await self._store.assoc_range(source, association.number, limit=most + 1)
        finally:
            self._cache.end_fetch(fetch)
        members = Members(None if len(rows) > most else {row.target: row.flags for row in rows})
        if fetch.fresh(key):
            self._cache.put_members(key, members)
        return members

    async def marks(self, source: int, types: TypeSet, targets: Collection[int]) -> dict[int, int]:
        """For every target, which types of the set lead to it from the source: bit i for ``types.types[i]``.

        The answer may hold further targets. One engine call if any is not cached.
        """
        kept = self._cache.marks_of(types)
        marks = kept.get(source)
        if marks is None:
            marks = Marks()
            missing: Collection[int] = targets
        else:
            known = marks.bits
            missing = [target for target in targets if target not in known]
        if not missing:
            return marks.bits
        fetch = self._cache.begin_fetch()
        try:
            rows = await self._store.assoc_get(source, types.numbers, list(missing))
        finally:
            self._cache.end_fetch(fetch)
        bits = dict.fromkeys(missing, 0)
        for row in rows:
            bits[row.target] |= 1 << types.numbers.index(row.type)
        if not fetch.fresh_lists(source, types) or len(marks.bits) > MARKS_KEPT:
            kept.drop(source)
            return {**marks.bits, **bits}
        if kept.get(source) is not marks:
            kept.put(source, marks)
        marks.bits.update(bits)
        marks.size += 100 * len(bits)
        kept.grew(100 * len(bits))
        return marks.bits

    # Names

    async def names(self, names: Sequence[str]) -> dict[str, int]:
        """Who holds these names now; free ones are absent."""
        return {name: row.holder for name, row in (await self._store.name_get(names)).items()}

    async def names_from(self, space: str, prefix: str, *, after: str | None = None, limit: int) -> list[base.Name]:
        """Names that begin with ``space + "/" + prefix``, in byte order, after an exclusive whole name; uncached."""
        return await self._store.name_range(space, prefix, after=after, limit=limit)

    # Calls

    async def oldest_call(self, function: str) -> int | None:
        """The lowest id of the calls of a function, by its name, that have not ended; None if there is none."""
        row = (await self._store.call_stats((function,))).get(function)
        return None if row is None else row.oldest

    # Writes

    def write(self, home: int) -> Write:
        """Begin a batch whose home is the shard of the id `home`."""
        return self.write_in(shard_of(home))

    def write_in(self, shard: int) -> Write:
        """Begin a batch whose home is this shard, 0 to 1,023."""
        return Write(shard, ids=self.ids, events=self._events, now_ms=self.clock.now_ms)

    async def commit(self, write: Write, *, lane: Lane = Lane.FOREGROUND) -> Committed:
        """Do all of the write or nothing; durable on return. What is read then is as new as that.

        :raises Refused: a precondition did not hold. What is read then is at least as new as what refused it.
        :raises ripstop.kernel.errors.Unavailable: the store does not take it now; nothing was done.
        """
        (outcome,) = await self._store.commit((write.batch(),), lane=lane)
        if outcome.refused is not None:
            await self.sync()  # somebody has changed what is known here
            raise Refused(write.operations[outcome.refused], outcome.refused)
        self._cache.drop(write.ids, write.lists)
        for topic, payload in write.live:
            self._bus.publish(topic, payload)
        if write.wakes and not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._wake_workers)
        return Committed(outcome.changed)

    def _wake_workers(self) -> None:
        self._waking = False
        self._bus.publish("calls")


MARKS_KEPT = 4000
"""Marks kept for one source; beyond, they are begun anew."""
