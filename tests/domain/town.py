"""A small town for the feeds' tests: people by name over a real store, with a reader and a worker as two processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from ripstop.domain.accounts import model as accounts
from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.feeds import FanOut, Home, LowWater, Window, list_timeline
from ripstop.domain.feeds import model as feeds
from ripstop.domain.follows import actions as following
from ripstop.domain.follows import lists as listing
from ripstop.domain.follows import model as follows
from ripstop.domain.follows.functions import ListKeeping
from ripstop.domain.follows.model import LIST, List
from ripstop.domain.notifications import model as notifications
from ripstop.domain.posts import actions as posting
from ripstop.domain.posts import model as posts
from ripstop.domain.posts.draft import Draft
from ripstop.domain.posts.model import POST, Post
from ripstop.domain.viewing import model as viewing
from ripstop.engines.base import Schema, Store
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import time_ms
from ripstop.machinery.bus import MemoryBus
from ripstop.machinery.functions import Functions
from ripstop.machinery.functions.worker import Worker
from ripstop.machinery.graph import Entry, Events
from ripstop.machinery.keyspaces import keyspace_types
from tests import discipline
from tests.stores import Place
from tests.unit.graph.worlds import graph_over

ORIGIN = "http://town.test"

SCHEMA = Schema(
    associations={
        association.number: association.engine
        for package in (accounts, follows, posts, viewing, notifications, feeds)
        for association in package.ASSOCIATIONS
    },
    keyspaces=keyspace_types(feeds.KEYSPACES),
)


class Town:
    """One reading process and one working process over a store."""

    def __init__(self, store: Store) -> None:
        clock = SystemClock()
        events = Events(clock)
        functions = Functions()
        self.store = store
        self.graph = graph_over(store, events=events)
        self._working = graph_over(store, events=events)
        FanOut(self._working, store).register(functions, events)
        ListKeeping(self._working).register(functions, events)
        self.home = Home(self.graph, store, LowWater(self.graph, store))
        self._worker = Worker(
            store,
            functions,
            clock=clock,
            ids=self._working.ids,
            bus=MemoryBus(),
            before_round=self._working.sync,
        )

    async def people(self, *names: str) -> list[Entry[Account]]:
        """New accounts."""
        ids = []
        for shard, name in enumerate(names):
            write = self.graph.write_in(shard % 7)
            id_ = write.new_id()
            write.create(ACCOUNT, id_, Account(username=name, created_at=self.graph.now_ms()))
            await self.graph.commit(write)
            ids.append(id_)
        await self.graph.sync()
        found = await self.graph.get_many(ACCOUNT, ids)
        return [found[id_] for id_ in ids]

    async def follow(self, who: Entry[Account], whom: Entry[Account], *, reposts: bool = True) -> None:
        await self.graph.sync()
        await following.follow(self.graph, who.id, whom, following.Wishes(reposts=reposts))

    async def unfollow(self, who: Entry[Account], whom: Entry[Account]) -> None:
        await self.graph.sync()
        await following.unfollow(self.graph, who.id, whom)

    async def list_of(self, owner: Entry[Account], *members: Entry[Account], **wishes: Any) -> int:
        """A new list with these members."""
        await self.graph.sync()
        entry = await listing.create_list(self.graph, owner.id, listing.ListChanges(title="friends", **wishes))
        await self.add(entry.id, *members)
        return entry.id

    async def a_list(self, id_: int) -> Entry[List]:
        await self.graph.sync()
        entry = await self.graph.get(LIST, id_)
        assert entry is not None
        return entry

    async def add(self, list_: int, *members: Entry[Account]) -> None:
        entry = await self.a_list(list_)
        await listing.add_members(self.graph, entry, [member.id for member in members])

    async def list_ids(self, list_: int, **window: int) -> list[int]:
        """The ids of one page of the list's timeline."""
        entry = await self.a_list(list_)
        return [item.post.id for item in (await list_timeline(self.graph, entry, Window(**window))).items]

    async def post(
        self, who: Entry[Account], text: str = "hello", *, to: int | None = None, visibility: str = "public"
    ) -> int:
        await self.graph.sync()
        parent = None if to is None else await self.graph.get(POST, to)
        published = await posting.publish(
            self.graph,
            who,
            Draft(text=text, visibility=visibility),
            parent=parent,
            application=None,
            key=None,
            origin=ORIGIN,
            domain="town.test",
        )
        assert not isinstance(published, int)
        await self._pass(published.id)
        return published.id

    async def _pass(self, id_: int) -> None:
        """Let the millisecond of an id go by: within it, ids of several shards do not sort by when they were minted."""
        await asyncio.sleep(max(0, time_ms(id_) + 2 - self.graph.now_ms()) / 1_000)

    async def a_post(self, id_: int) -> Entry[Post]:
        await self.graph.sync()
        post = await self.graph.get(POST, id_)
        assert post is not None
        return post

    async def repost(self, who: Entry[Account], id_: int) -> int:
        repost = await posting.repost(self.graph, who.id, await self.a_post(id_))
        await self._pass(repost)
        return repost

    async def delete(self, who: Entry[Account], id_: int) -> None:
        await posting.delete(self.graph, who.id, await self.a_post(id_))

    async def drain(self) -> int:
        """Let the worker do all that is due; says how many calls it took."""
        return await self._worker.drain()

    async def home_ids(self, who: Entry[Account], **window: int) -> list[int]:
        """The ids of one page."""
        await self.graph.sync()
        return [item.post.id for item in (await self.home.read(who.id, Window(**window))).items]

    async def whole_home(self, who: Entry[Account], *, limit: int = 5) -> list[int]:
        """All pages from the newest to the last."""
        await self.graph.sync()
        ids: list[int] = []
        max_id: int | None = None
        while True:
            page = await self.home.read(who.id, Window(limit=limit, max_id=max_id))
            assert len(page.items) <= limit
            ids.extend(item.post.id for item in page.items)
            if page.next_max_id is None:
                return ids
            assert max_id is None or page.next_max_id < max_id
            max_id = page.next_max_id


@contextlib.asynccontextmanager
async def a_town(place: Place) -> AsyncIterator[Town]:
    """An empty town, under the shard discipline."""
    store = discipline.wrap(place.instance(schema=SCHEMA), SCHEMA)
    await store.open()
    try:
        yield Town(store)
    finally:
        await store.close()


def newest_first(ids: Sequence[int]) -> list[int]:
    return sorted(ids, reverse=True)
