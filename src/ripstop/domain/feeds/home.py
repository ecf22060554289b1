"""The home feed: what was pushed, and merges over whatever was not.

For a viewer and a range of ids, home is the union of

- pushed entries at or above the floor of the viewer's list,
- a merge over everybody the viewer follows, below the floor,
- a merge over the large authors among them,
- a merge over those with posts above the fan-out low-water mark, the oldest unfinished fan-out call,
- a merge over those who were followed above the backfill low-water mark,
- a merge over the followed hashtags.

Every entry is checked at read (`Sight`), so unfollowing, blocking and deleting need no clean-up here. A viewer without
a list, new or long away, is served from the merge at once; the same read opens the list and fills it.
"""

from collections.abc import Collection, Iterable

from ripstop.domain.feeds.fan_out import LowWater
from ripstop.domain.feeds.model import HOME, LARGE_AUTHORS, LARGE_ROOT, MOST_LARGE, NEWEST
from ripstop.domain.feeds.page import Page, Stretch, Window, fill_page
from ripstop.domain.feeds.tags import newest_tagged
from ripstop.domain.follows.lists import exclusive_members
from ripstop.domain.follows.model import FOLLOWS
from ripstop.domain.posts.model import POSTED, Post
from ripstop.domain.viewing import Place, Sight, sight_of
from ripstop.engines.base import MAX_ORDER, Direction, Engine
from ripstop.engines.derived import Entry, Slice
from ripstop.kernel.ids import first_id_at
from ripstop.machinery.graph import Graph

MERGE_BUDGET = 10_000
"""Most lists that one merge opens; nobody follows more accounts than that."""
MINTED_AHEAD_MS = 10_000
"""A new list's floor lies so far ahead: further than any id minted before the list was there."""
FILL = 80
"""Entries with which a new list begins."""
CATCH_UP = 800
"""Entries below the floor among which the oldest ones are looked for, when paging up with `min_id`."""
DAY_MS = 86_400_000
REMNANTS = 20
"""Entries of whom the viewer follows no more, met while reading one page, for which the list is not worth keeping."""


class Home:
    """Reads home feeds."""

    def __init__(self, graph: Graph, engine: Engine, low_water: LowWater) -> None:
        self._graph = graph
        self._engine = engine
        self._low_water = low_water
        self._touched: set[int] = set()
        self._touched_day = 0

    async def read(self, viewer: int, window: Window) -> Page:
        """A page of the viewer's home feed. A post that is passed on by several stands in it once.

        Whoever is in an exclusive list of the viewer's is read there and not here.
        """
        graph = self._graph
        sight = await sight_of(graph, viewer)
        apart = await exclusive_members(graph, viewer)
        await self._touch(viewer)

        def keep(post: Post) -> bool:
            return post.author not in apart

        read: list[Slice] = []

        async def skeleton(stretch: Stretch) -> list[int]:
            home = await self._slice(viewer, stretch)
            read.append(home)
            return await self._skeleton(viewer, sight, stretch, home)

        page = await fill_page(graph, sight, Place.HOME, window, skeleton, distinct=True, keep=keep if apart else None)
        if len(read) > 1 and _remnants(read, viewer, sight) >= REMNANTS:
            await HOME.drop(self._engine, [viewer])  # the next read opens it again
        return page

    async def _skeleton(self, viewer: int, sight: Sight, stretch: Stretch, home: Slice) -> list[int]:
        """The ids of a stretch of home, in its direction.

        :param home: what was pushed of that stretch.
        """
        follows = sight.follows
        floor = home.floor
        ids = {entry.order for entry in home.entries if entry.order >= floor}
        newest_first = stretch.direction is Direction.NEWEST_FIRST
        low = -1 if stretch.after is None else stretch.after[0]
        if low < floor and (not newest_first or len(home.entries) < stretch.limit or home.entries[-1].order < floor):
            high = min(stretch.before or (floor, 0), (floor, 0))
            ids.update(await self._merge({*follows, viewer}, stretch._replace(before=high)))
        large = await self._graph.members(LARGE_ROOT, LARGE_AUTHORS, most=MOST_LARGE)
        if large and (among := follows & large):
            ids.update(await self._merge(among, stretch))
        marks = await self._low_water.read()
        mark = marks.fan_out
        if mark is not None and (stretch.before is None or stretch.before[0] > mark):
            late = await self._posted_since(mark, follows, viewer)
            if late:
                after = max(stretch.after or (mark, 0), (mark, 0))
                ids.update(await self._merge(late, stretch._replace(after=after)))
        if marks.backfill is not None:
            fresh = await self._graph.range(viewer, FOLLOWS, after=(marks.backfill, 0), limit=MERGE_BUDGET)
            if fresh:
                ids.update(await self._merge([row.target for row in fresh], stretch))
        if sight.tags:
            ids.update(await self._tagged(sight, stretch))
        return sorted(ids, reverse=newest_first)[: stretch.limit]

    async def _slice(self, viewer: int, stretch: Stretch) -> Slice:
        """What was pushed; opens the list first if there is none."""
        home = await self._pushed(viewer, stretch)
        if home is None:
            await self._open(viewer)
            home = await self._pushed(viewer, stretch)
        return home if home is not None else Slice(MAX_ORDER, [])

    async def _pushed(self, viewer: int, stretch: Stretch) -> Slice | None:
        return await HOME.range(
            self._engine,
            viewer,
            after=stretch.after,
            before=stretch.before,
            limit=stretch.limit,
            direction=stretch.direction,
        )

    async def _open(self, viewer: int) -> None:
        """Open the list, then fill it from a merge.

        Its floor begins ahead of all ids, and comes down after the merge. A post that the merge did not see yet was
        committed after the list was there, and so will be pushed to it; a follow likewise is backfilled.
        """
        graph = self._graph
        await HOME.open(self._engine, viewer, floor=first_id_at(graph.now_ms() + MINTED_AHEAD_MS))
        await graph.sync()
        sight = await sight_of(graph, viewer)
        merge = await graph.merge([*sight.follows, viewer], POSTED, limit=FILL, budget=MERGE_BUDGET)
        if merge.complete:
            entries = [Entry(row.order, row.source) for row in merge.entries]
            floor = entries[-1].order if len(entries) == FILL else 0
            await HOME.open(self._engine, viewer, floor=floor, entries=entries)

    async def _merge(self, authors: Collection[int], stretch: Stretch) -> Iterable[int]:
        newest_first = stretch.direction is Direction.NEWEST_FIRST
        merge = await self._graph.merge(
            list(authors),
            POSTED,
            after=stretch.after,
            before=stretch.before,
            limit=stretch.limit if newest_first else CATCH_UP,
            budget=MERGE_BUDGET,
        )
        ids = [row.order for row in merge.entries]
        return ids if newest_first else ids[-stretch.limit :]

    async def _tagged(self, sight: Sight, stretch: Stretch) -> list[int]:
        newest_first = stretch.direction is Direction.NEWEST_FIRST
        ids = await newest_tagged(
            self._graph,
            list(sight.tags),
            after=stretch.after,
            before=stretch.before,
            limit=stretch.limit if newest_first else CATCH_UP,
        )
        return ids if newest_first else ids[-stretch.limit :]

    async def _posted_since(self, mark: int, follows: frozenset[int], viewer: int) -> list[int]:
        """Who of these has posted above the mark."""
        tallies = await self._graph.tallies([*follows, viewer], NEWEST)
        return [author for author, tally in tallies.items() if tally.counts[0].newest > mark]

    async def _touch(self, viewer: int) -> None:
        """Keep the list from ending; once a day is enough."""
        day = self._graph.now_ms() // DAY_MS
        if day != self._touched_day:
            self._touched_day = day
            self._touched.clear()
        if viewer not in self._touched:
            self._touched.add(viewer)
            await HOME.touch(self._engine, [viewer])


def _remnants(read: Iterable[Slice], viewer: int, sight: Sight) -> int:
    """How many entries are of those whom the viewer follows no more."""
    members = (entry.member for home in read for entry in home.entries)
    return sum(member not in sight.follows and member != viewer for member in members)
