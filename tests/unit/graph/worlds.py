"""Two small types and three lists for the graph's tests, and graphs over a store."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import ClassVar

import msgspec

from ripstop.engines.base import Schema, Store
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import MemoryBus
from ripstop.machinery.graph import Events, Graph, ObjectType, TypeSet, association, association_pair
from tests.stores import Place


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    title: str
    note: str | None = None


PAGE = ObjectType(1, "page", Page)
OTHER = ObjectType(2, "other", Page)
LINKS, LINKED_BY = association_pair((1, "links"), (2, "linked_by"))
STARS = association(3, "stars")
COUNTS = TypeSet(LINKS, LINKED_BY)
MARKS = TypeSet(LINKS, STARS)

SCHEMA = Schema(associations={each.number: each.engine for each in (LINKS, LINKED_BY, STARS)})


class CountingSlot:
    """A slot that only this process knows of."""

    taken: ClassVar[int] = 0

    def __init__(self) -> None:
        CountingSlot.taken += 1
        self.number = CountingSlot.taken % 64
        self.high_water_ms = 0

    def raise_high_water(self, ms: int) -> None:
        self.high_water_ms = ms


def graph_over(store: Store, *, events: Events | None = None, bus: MemoryBus | None = None) -> Graph:
    """A graph with a cache of its own, as another process would have it."""
    clock = SystemClock()
    ids = IdSource(clock, CountingSlot())
    return Graph(store, ids=ids, clock=clock, events=events or Events(clock), bus=bus or MemoryBus())


@contextlib.asynccontextmanager
async def two_graphs(place: Place) -> AsyncIterator[tuple[Graph, Graph]]:
    """Two graphs over two instances of the same store."""
    async with place.opened(schema=SCHEMA) as one, place.opened(schema=SCHEMA) as other:
        yield graph_over(one), graph_over(other)
