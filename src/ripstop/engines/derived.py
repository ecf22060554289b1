"""Derived data: keyspaces and text documents. Never part of a batch, always rebuildable, may be lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class KeyspaceKind(Enum):
    """What a keyspace holds under a key."""

    VALUES = "values"
    COUNTERS = "counters"
    LISTS = "lists"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyspaceType:
    """A named space of derived data.

    Keys of lists are ids; keys of values and counters are text. A list keeps its newest `cap` entries or somewhat
    more: it is trimmed once in 64 additions, which raises its floor to the oldest entry that was kept. Values and
    counters end `ttl` seconds after they were last written, if it is set; lists when they were not touched so long.
    """

    name: str
    kind: KeyspaceKind
    cap: int = 0
    ttl: float | None = None


class Entry(NamedTuple):
    """One entry of a sorted list; unique by (order, member)."""

    order: int
    member: int


class Slice(NamedTuple):
    """A page of a list. Entries at or above the floor are complete; what lies below must be had elsewhere."""

    floor: int
    entries: list[Entry]


class ValuePut(NamedTuple):
    """Set a value, or remove it (None)."""

    key: str
    value: bytes | None


class CounterAdd(NamedTuple):
    """Add to a counter, which begins at 0."""

    key: str
    delta: int


class ListOpen(NamedTuple):
    """Create an empty list with this floor; nothing happens if there is one."""

    key: int
    floor: int


class ListPush(NamedTuple):
    """Add one entry to each of these lists that exist; the others are left out. Idempotent."""

    keys: Sequence[int]
    entry: Entry


class ListFill(NamedTuple):
    """Add entries to a list that exists and lower its floor to `floor` if that is lower. Idempotent."""

    key: int
    floor: int
    entries: Sequence[Entry]


class ListTouch(NamedTuple):
    """Say that these lists are in use, so that they do not end."""

    keys: Sequence[int]


class ListDrop(NamedTuple):
    """Remove lists with all that they hold."""

    keys: Sequence[int]


KeyspaceChange = ValuePut | CounterAdd | ListOpen | ListPush | ListFill | ListTouch | ListDrop


class TextDocument(NamedTuple):
    """A document of a text index; text None removes it. `filters` are exact words such as ``author:17``."""

    id: int
    text: str | None
    order: int = 0
    filters: Sequence[str] = ()


class TextHit(NamedTuple):
    """A document that was found."""

    id: int
    order: int
