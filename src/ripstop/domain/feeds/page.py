"""Pages of a list, as the Mastodon API asks for them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.posts.model import Post
from ripstop.domain.viewing import Place, Seen, Sight, hydrate
from ripstop.engines.base import MAX_ORDER, Association, Cursor, Direction
from ripstop.machinery.graph import Graph

EXAMINED = 5
"""A page looks at up to so many times its length before it stays short."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list is asked for; all bounds are exclusive ids.

    Without `min_id` the newest entries come first, below `max_id` and above `since_id`. With `min_id` it is the entries
    next above it, of which again the newest comes first.
    """

    limit: int = 20
    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None

    @property
    def direction(self) -> Direction:
        return Direction.NEWEST_FIRST if self.min_id is None else Direction.OLDEST_FIRST

    @property
    def after(self) -> Cursor | None:
        """The low bound."""
        low = self.since_id if self.min_id is None else self.min_id
        return None if low is None else (low, MAX_ORDER)

    @property
    def before(self) -> Cursor | None:
        """The high bound."""
        return None if self.max_id is None else (self.max_id, 0)


class Stretch(NamedTuple):
    """Ids to be read next: at most `limit`, strictly between two cursors, from the end that `direction` names."""

    after: Cursor | None
    before: Cursor | None
    limit: int
    direction: Direction

    def beyond(self, last: int, limit: int) -> "Stretch":
        """What follows once everything up to the id `last` was read."""
        if self.direction is Direction.NEWEST_FIRST:
            return Stretch(self.after, (last, 0), limit, self.direction)
        return Stretch((last, MAX_ORDER), self.before, limit, self.direction)


class Page(NamedTuple):
    """A page, newest first. It may be short, or empty, and yet have a next one.

    `next_max_id` is the lowest id that was examined, if anything may lie below it; `prev_min_id` the highest.
    """

    items: list[Seen]
    next_max_id: int | None
    prev_min_id: int | None


Skeleton = Callable[[Stretch], Awaitable[Sequence[int]]]
"""Reads a stretch of a list: ids of posts in the order that was asked for."""


async def fill_page(
    graph: Graph,
    sight: Sight,
    place: Place,
    window: Window,
    skeleton: Skeleton,
    *,
    distinct: bool = False,
    keep: Callable[[Post], bool] | None = None,
) -> Page:
    """Read ids, hydrate them, apply the rules, and go on while that leaves the page short.

    The first round reads a little more than the page, since rules leave something out of most pages; each further one
    what is missing, up to `EXAMINED` times the page in all.

    :param distinct: show a post once, however often it was passed on.
    :param keep: what else the list asks of a post.
    """
    limit = window.limit
    stretch = Stretch(window.after, window.before, limit + limit // 8 + 1, window.direction)
    items: list[Seen] = []
    shown: set[int] = set()
    first = last = None
    examined = 0
    more = True
    while more and len(items) < limit and examined < EXAMINED * limit:
        ids = await skeleton(stretch)
        more = len(ids) >= stretch.limit
        if not ids:
            break
        first = ids[0] if first is None else first
        last = ids[-1]
        examined += len(ids)
        for seen in await hydrate(graph, sight, ids, place):
            if distinct:
                shown_id = seen.meant.id
                if shown_id in shown:
                    continue
                shown.add(shown_id)
            if keep is None or keep(seen.post.value):
                items.append(seen)
                if len(items) == limit:  # what was read beyond is not examined
                    more = more or seen.post.id != last
                    last = seen.post.id
                    break
        stretch = stretch.beyond(last, max(limit - len(items), limit // 2))
    if window.direction is Direction.OLDEST_FIRST:
        items.reverse()
        return Page(items, first, last)
    return Page(items, last if more else None, first)


def orders(rows: Sequence[Association]) -> list[int]:
    """The ids of a list's posts, where their order is their id."""
    return [row.order for row in rows]
