"""What a process keeps of the graph: bounded in bytes, and dropped by the change log.

Nothing here knows how to read the store; `Graph` fills it. A value may be used until the end of the request that took
it: values are never changed in place, but for the rendered fragments that they carry along.
"""

from collections.abc import Hashable, Iterable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from ripstop.engines.base import Count
from ripstop.machinery.graph.types import TypeSet

T = TypeVar("T", bound=msgspec.Struct)


class Sized(Protocol):
    """Anything that knows about how many bytes it takes."""

    size: int


AGE_SECONDS = 300.0
"""Seconds after which a generation gives way however little it holds."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sized)


class Entry(Generic[T]):
    """One object as it is now: its value, and what was rendered from it.

    `rendered` belongs to this version: a presenter puts its bytes there through `Graph.keep_rendered`.
    """

    __slots__ = ("id", "rendered", "size", "type", "value", "version")

    def __init__(self, type_: int, id_: int, version: int, value: T, size: int = 0) -> None:
        self.type = type_
        self.id = id_
        self.version = version
        self.value = value
        self.rendered: dict[Hashable, bytes] = {}
        self.size = size + 400


class Tally:
    """The counts of one source over one `TypeSet`, in its order, and what was rendered from them."""

    __slots__ = ("counts", "rendered", "size", "types")

    def __init__(self, types: TypeSet, counts: tuple[Count, ...]) -> None:
        self.types = types
        self.counts = counts
        self.rendered: dict[Hashable, bytes] = {}
        self.size = 400


class Members:
    """All targets of one list (None: too many to hold), and the flags of those that have any."""

    __slots__ = ("flags", "size", "targets")

    def __init__(self, rows: dict[int, int] | None) -> None:
        self.targets = None if rows is None else frozenset(rows)
        self.flags = {target: flags for target, flags in (rows or {}).items() if flags}
        self.size = 200 + 100 * len(rows or ())


class Kept:
    """Whatever was worked out from the lists of one source over one `TypeSet`."""

    __slots__ = ("size", "value")

    def __init__(self, value: Any, size: int) -> None:
        self.value = value
        self.size = 200 + size


class Marks:
    """Which targets one source is known to lead to, as bits in the order of a `TypeSet`; 0 is known as well."""

    __slots__ = ("bits", "size")

    def __init__(self) -> None:
        self.bits: dict[int, int] = {}
        self.size = 300


class Generations(Generic[K, V]):
    """A map bounded in bytes, which forgets what was not asked for during about one half of its content.

    Two dicts: when the young one holds half of the bytes it becomes the old one, and the old one goes. A hit in the
    old one moves to the young. `turn` does it between requests, so that nothing vanishes during one, and `age` does it
    however little the young one holds.

    `young` is there for loops over many keys, where a call for each would cost more than the look-up: what is not in it
    must be asked for with `get`.
    """

    __slots__ = ("_half", "_old", "_old_bytes", "_young_bytes", "young")

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self.young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._young_bytes = 0
        self._old_bytes = 0

    def get(self, key: K) -> V | None:
        value = self.young.get(key)
        if value is None and self._old:
            value = self._leave_old(key)
            if value is not None:
                self.young[key] = value
                self._young_bytes += value.size
        return value

    def put(self, key: K, value: V) -> None:
        self.young[key] = value
        self._young_bytes += value.size

    def grew(self, by: int) -> None:
        """A value that is kept here takes more bytes than when it was put."""
        self._young_bytes += by

    def drop(self, key: K) -> None:
        value = self.young.pop(key, None)
        if value is not None:
            self._young_bytes -= value.size
        elif self._old:
            self._leave_old(key)

    def clear(self) -> None:
        self.young = {}
        self._old = {}
        self._young_bytes = self._old_bytes = 0

    def turn(self) -> None:
        if self._young_bytes > self._half:
            self.age()

    def age(self) -> None:
        self._old, self._old_bytes = self.young, self._young_bytes
        self.young = {}
        self._young_bytes = 0

    @property
    def bytes(self) -> int:
        """About how many bytes are held."""
        return self._young_bytes + max(0, self._old_bytes)

    def _leave_old(self, key: K) -> V | None:
        value = self._old.pop(key, None)
        if value is not None:
            self._old_bytes -= value.size
        return value


class Fetch:
    """A read of the store that is under way, and what became stale meanwhile."""

    __slots__ = ("everything", "stale")

    def __init__(self) -> None:
        self.stale: set[int | tuple[int, int]] = set()
        self.everything = False

    @property
    def undisturbed(self) -> bool:
        """Whether nothing at all became stale."""
        return not self.stale and not self.everything

    def fresh(self, key: int | tuple[int, int]) -> bool:
        return not self.everything and key not in self.stale

    def fresh_lists(self, source: int, types: TypeSet) -> bool:
        """Whether none of these lists of the source became stale."""
        return self.undisturbed or all(self.fresh((source, number)) for number in types.numbers)


class Cache:
    """The caches of one process and the rules by which a change drops from them.

    :param limit: bytes in all, about; a half of it is for objects with what is rendered from them.
    """

    def __init__(self, limit: int) -> None:
        self.objects: Generations[int, Entry[Any]] = Generations(limit // 2)
        self.members: Generations[tuple[int, int], Members] = Generations(limit // 8)
        self.tallies: dict[TypeSet, Generations[int, Tally]] = {}
        self.marks: dict[TypeSet, Generations[int, Marks]] = {}
        self.kept: dict[TypeSet, Generations[int, Kept]] = {}
        self._limit = limit
        self._ages_at = 0.0
        self._by_type: dict[int, list[Generations[int, Any]]] = {}
        self._held: set[int] = set()
        """Types of which whole lists were ever kept here: most changes are of others."""
        self._all: list[Generations[Any, Any]] = [self.objects, self.members]
        self._fetches: set[Fetch] = set()

    def tallies_of(self, types: TypeSet) -> Generations[int, Tally]:
        """The tallies of a set by their source; dropped by changes of its types."""
        tallies = self.tallies.get(types)
        return self._begin(types, self.tallies, self._limit // 8) if tallies is None else tallies

    def marks_of(self, types: TypeSet) -> Generations[int, Marks]:
        """The marks of a set by their source; dropped by changes of its types."""
        marks = self.marks.get(types)
        return self._begin(types, self.marks, self._limit // 16) if marks is None else marks

    def kept_of(self, types: TypeSet) -> Generations[int, Kept]:
        """What follows from a set by its source; dropped by changes of its types."""
        kept = self.kept.get(types)
        return self._begin(types, self.kept, self._limit // 16) if kept is None else kept

    def _begin(self, types: TypeSet, family: dict[TypeSet, Generations[int, V]], limit: int) -> Generations[int, V]:
        generations: Generations[int, V] = Generations(limit)
        family[types] = generations
        self._all.append(generations)
        for number in types.numbers:
            self._by_type.setdefault(number, []).append(generations)
        return generations

    def put_members(self, key: tuple[int, int], members: Members) -> None:
        """Keep a whole list."""
        self._held.add(key[1])
        self.members.put(key, members)

    def begin_fetch(self) -> Fetch:
        """Must be ended with `end_fetch`; only what is still `fresh` by then may be put."""
        fetch = Fetch()
        self._fetches.add(fetch)
        return fetch

    def end_fetch(self, fetch: Fetch) -> None:
        self._fetches.discard(fetch)

    def drop(self, ids: Iterable[int], lists: Iterable[tuple[int, int]]) -> None:
        """Forget what these changes touch."""
        for id_ in ids:
            self.objects.drop(id_)
        by_type, held = self._by_type, self._held
        for key in lists:
            source, number = key
            if number in held:
                self.members.drop(key)
            for generations in by_type.get(number, ()):
                generations.drop(source)
        for fetch in self._fetches:
            fetch.stale.update(ids)
            fetch.stale.update(lists)

    def clear(self) -> None:
        for generations in self._all:
            generations.clear()
        for fetch in self._fetches:
            fetch.everything = True

    def turn(self, now: float) -> None:
        """Let go of what is beyond the bound, and of what nobody asked for in a while. Between requests only.

        Without the latter each process would grow to its bound, however slowly: on posts that were read once.

        :param now: seconds on a clock that never steps back.
        """
        if now >= self._ages_at:
            self._ages_at = now + AGE_SECONDS
            for generations in self._all:
                generations.age()
            return
        for generations in self._all:
            generations.turn()

    @property
    def bytes(self) -> int:
        return sum(generations.bytes for generations in self._all)
