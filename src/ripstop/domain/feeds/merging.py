"""Merging what several accounts posted, exactly, from either end."""

import bisect
import operator
from collections.abc import Collection

from ripstop.domain.feeds.model import NEWEST
from ripstop.domain.feeds.page import Stretch
from ripstop.domain.posts.model import POSTED
from ripstop.engines.base import MAX_ORDER, Direction
from ripstop.machinery.graph import Graph

AT_ONCE = 800
"""Entries that one merge reads when the oldest ones are looked for."""


async def merged(graph: Graph, authors: Collection[int], stretch: Stretch, *, at_once: int = AT_ONCE) -> list[int]:
    """The ids of a stretch of what these accounts posted, in its direction.

    One engine call from the newest end, beside what is not known of who posted last. A merge has no other end, so the
    oldest entries are found by halving the ids above the low bound until fewer than `at_once` are left, of which
    enough are there: one call where fewer lie above it, and at most one for each bit of an id. The lists should be no
    more than an engine opens in one call.
    """
    sources = list(authors)
    if stretch.direction is Direction.NEWEST_FIRST:
        sources = await _latest(graph, sources, stretch)
        merge = await graph.merge(
            sources, POSTED, after=stretch.after, before=stretch.before, limit=stretch.limit, budget=len(sources)
        )
        return [row.order for row in merge.entries]
    low = 0 if stretch.after is None else stretch.after[0]
    before, above, top = stretch.before, list[int](), -1
    while True:
        merge = await graph.merge(
            sources, POSTED, after=stretch.after, before=before, limit=at_once, budget=len(sources)
        )
        ids = [row.order for row in merge.entries]
        if len(ids) == at_once:  # there may be older ones
            above, top = ids, ids[-1]
        else:
            found = [*above, *ids] if before == (top, 0) else ids
            if len(found) >= stretch.limit or top < 0:
                return found[: -stretch.limit - 1 : -1]
            low = before[0] if before is not None else low
        before = (top if low >= top else (low + top + 1) // 2, 0)


async def _latest(graph: Graph, authors: list[int], stretch: Stretch) -> list[int]:
    """Those of the authors who can have something in the newest part of a stretch.

    As many as it is long have posted below its high bound and at or above the order that is found here, so nobody who
    posted last before that comes into it. Of those who posted since the high bound nothing is known.
    """
    if len(authors) <= stretch.limit:
        return authors
    high = MAX_ORDER if stretch.before is None else stretch.before[0]
    tallies = await graph.tallies(authors, NEWEST)
    newest = [tally.counts[0].newest for tally in tallies.values()]
    falling = sorted(newest, reverse=True)
    last = bisect.bisect_right(falling, -high, key=operator.neg) + stretch.limit - 1
    if last >= len(falling):
        return authors
    lowest = falling[last]
    return [author for author, order in zip(tallies, newest, strict=True) if order >= lowest]
