"""The graph over each engine: what is read is what was last committed, by whomever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from ripstop.engines.base import Object, Store
from ripstop.machinery.graph import Graph, Refused, Write
from tests.stores import Place, session
from tests.unit.graph.worlds import (
    COUNTS,
    LINKED_BY,
    LINKS,
    MARKS,
    OTHER,
    PAGE,
    SCHEMA,
    STARS,
    Page,
    graph_over,
    two_graphs,
)


async def test_an_object_as_it_was_written(place: Place) -> None:
    async with two_graphs(place) as (graph, _):
        write = graph.write_in(5)
        id_ = write.new_id()
        write.create(PAGE, id_, Page("first"))
        await graph.commit(write)
        await graph.sync()
        found = await graph.get(PAGE, id_)
        assert found is not None
        assert (found.id, found.version, found.value) == (id_, 1, Page("first"))
        assert await graph.get(OTHER, id_) is None
        assert await graph.get(PAGE, id_ + 1) is None
        assert await graph.get_many(OTHER, [id_]) == {}


@contextlib.asynccontextmanager
async def slow_transaction(place: Place) -> AsyncIterator[None]:
    """Somebody else's transaction that has begun and does not end; SQLite has one at a time."""
    if place.engine == "sqlite":
        yield
        return
    async with session(place.where) as client, client.transaction():
        await client.execute("SELECT pg_current_xact_id()")
        yield


async def test_a_change_is_seen_while_an_older_transaction_is_under_way(place: Place) -> None:
    async with two_graphs(place) as (one, other):
        write = one.write_in(5)
        id_ = write.new_id()
        write.create(PAGE, id_, Page("0"))
        await one.commit(write)
        async with slow_transaction(place):
            for title in "123":
                for graph in (one, other):
                    await graph.sync()
                    assert await graph.get(PAGE, id_)
                before = other.cursor
                write = one.write(id_)
                write.patch(PAGE, id_, title=title)
                await one.commit(write)
                for graph in (one, other):
                    await graph.sync()
                    found = await graph.get(PAGE, id_)
                    assert found is not None
                    assert found.value.title == title
                assert other.cursor != before


async def test_another_process_sees_a_change_at_its_next_sync(place: Place) -> None:
    async with two_graphs(place) as (one, other):
        write = one.write_in(5)
        id_ = write.new_id()
        write.create(PAGE, id_, Page("old", note="kept"))
        await one.commit(write)
        await other.sync()
        stale = await other.get(PAGE, id_)
        assert stale is not None
        other.keep_rendered(stale, "html", b"<p>old</p>")
        write = one.write(id_)
        write.patch(PAGE, id_, title="new")
        await one.commit(write)
        await other.sync()
        fresh = await other.get(PAGE, id_)
        assert fresh is not None
        assert (fresh.version, fresh.value) == (2, Page("new", note="kept"))
        assert fresh.rendered == {}


async def test_a_deleted_object_is_gone_everywhere(place: Place) -> None:
    async with two_graphs(place) as (one, other):
        write = one.write_in(5)
        id_ = write.new_id()
        write.create(PAGE, id_, Page("x"))
        await one.commit(write)
        await other.sync()
        assert await other.get(PAGE, id_) is not None
        write = one.write(id_)
        write.delete(id_)
        await one.commit(write)
        await other.sync()
        assert await other.get(PAGE, id_) is None


async def test_counts_members_and_marks_follow_the_lists(place: Place) -> None:
    async with two_graphs(place) as (one, other):
        a, b = one.new_id(1), one.new_id(2)
        for _ in range(2):  # the second time they are cached
            await other.sync()
            assert [count.length for count in (await other.tallies([a], COUNTS))[a].counts] == [0, 0]
            assert await other.members(a, LINKS, most=10) == frozenset()
            assert (await other.marks(a, MARKS, [b]))[b] == 0
        write = one.write(a)
        write.put(LINKS, a, b, order=17, flags=4)
        await one.commit(write)
        await other.sync()
        tallies = await other.tallies([a, b], COUNTS)
        assert [tuple(count) for count in tallies[a].counts] == [(1, 17), (0, -1)]
        assert [tuple(count) for count in tallies[b].counts] == [(0, -1), (1, 17)]
        assert await other.members(a, LINKS, most=10) == frozenset({b})
        assert await other.members(b, LINKED_BY, most=10) == frozenset({a})
        assert await other.flagged(a, LINKS, 4, most=10) == frozenset({b})
        assert await other.flagged(a, LINKS, 2, most=10) == frozenset()
        assert (await other.marks(a, MARKS, [b]))[b] == 1
        write = one.write(a)
        write.put(STARS, a, b, order=18)
        write.remove(LINKS, a, b)
        assert (await one.commit(write)).changed == (1, 1)
        await other.sync()
        assert (await other.marks(a, MARKS, [b]))[b] == 2
        assert await other.members(a, LINKS, most=10) == frozenset()


async def test_what_one_has_done_is_read_at_once(place: Place) -> None:
    """Without another `sync`, and where it was refused, so is what refused it."""
    async with two_graphs(place) as (one, other):
        a, b = one.new_id(1), one.new_id(2)
        page = one.new_id(1)
        write = one.write(a)
        write.create(PAGE, page, Page("x"))
        await one.commit(write)
        for graph in (one, other):
            await graph.sync()
            assert (await graph.tallies([b], COUNTS))[b].counts[1].length == 0
            assert await graph.members(a, LINKS, most=10) == await graph.members(b, LINKED_BY, most=10) == frozenset()
            entry = await graph.get(PAGE, page)
            assert entry is not None
            assert entry.value.title == "x"

        def change(graph: Graph, title: str) -> Write:
            write = graph.write(a)
            write.check_association(LINKS, a, b, present=False)
            write.put(LINKS, a, b, order=17)
            write.patch(PAGE, page, title=title)
            return write

        await one.commit(change(one, "y"))
        with pytest.raises(Refused):
            await other.commit(change(other, "z"))
        for graph in (one, other):
            assert (await graph.tallies([b], COUNTS))[b].counts[1].length == 1
            assert await graph.members(a, LINKS, most=10) == frozenset({b})
            assert await graph.members(b, LINKED_BY, most=10) == frozenset({a})
            entry = await graph.get(PAGE, page)
            assert entry is not None
            assert entry.value.title == "y"


async def test_a_list_that_is_too_long_is_not_held(place: Place) -> None:
    async with two_graphs(place) as (graph, _):
        a = graph.new_id(1)
        write = graph.write(a)
        for _ in range(4):
            target = graph.new_id(9)
            write.put(LINKS, a, target, order=target, flags=1)
        await graph.commit(write)
        await graph.sync()
        assert await graph.members(a, LINKS, most=3) is None
        assert await graph.flagged(a, LINKS, 1, most=3) == frozenset()


async def test_a_refusal_names_the_operation_and_nothing_is_done(place: Place) -> None:
    async with two_graphs(place) as (graph, _):
        write = graph.write_in(1)
        id_ = write.new_id()
        write.create(PAGE, id_, Page("x"))
        write.claim("page/x", id_)
        await graph.commit(write)
        write = graph.write_in(1)
        second = write.new_id()
        write.create(PAGE, second, Page("y"))
        index = write.claim("page/x", second)
        with pytest.raises(Refused) as refused:
            await graph.commit(write)
        assert refused.value.index == index
        await graph.sync()
        assert await graph.get(PAGE, second) is None
        assert await graph.names(["page/x", "page/y"]) == {"page/x": id_}


async def test_an_unknown_field_cannot_be_patched(place: Place) -> None:
    async with two_graphs(place) as (graph, _):
        with pytest.raises(ValueError, match="colour"):
            graph.write_in(1).patch(PAGE, 1, colour="red")


class Gate:
    """A store whose next read of objects answers when it is let go: what a slow network does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.read = asyncio.Event()
        self.go = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def object_get(self, ids: Sequence[int]) -> dict[int, Object]:
        found = await self._store.object_get(ids)
        self.read.set()
        await self.go.wait()
        return found


async def test_what_changed_during_a_read_is_not_kept(place: Place) -> None:
    async with place.opened(schema=SCHEMA) as store, place.opened(schema=SCHEMA) as other:
        writer = graph_over(other)
        write = writer.write_in(1)
        id_ = write.new_id()
        write.create(PAGE, id_, Page("old"))
        await writer.commit(write)
        gate = Gate(store)
        graph = graph_over(gate)
        await graph.sync()
        reading = asyncio.ensure_future(graph.get(PAGE, id_))
        await gate.read.wait()
        write = writer.write(id_)
        write.patch(PAGE, id_, title="new")
        await writer.commit(write)
        await graph.sync()
        gate.go.set()
        old = await reading
        assert old is not None
        assert old.value.title == "old"
        new = await graph.get(PAGE, id_)
        assert new is not None
        assert new.value.title == "new"
