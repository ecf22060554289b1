"""What the rules of an account have held back, by who did it."""

from collections.abc import Sequence
from typing import NamedTuple

from ripstop.domain.notifications.groups import latest_members
from ripstop.domain.notifications.model import ASKS, AWAY, GROUPS, SIZES, read_head
from ripstop.domain.notifications.queries import look
from ripstop.domain.notifications.rules import floor_of
from ripstop.domain.viewing import Seen
from ripstop.engines import base
from ripstop.engines.base import MAX_ORDER, Cursor, Direction
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph

MOST_COUNTED = 100
"""Requests that a summary counts."""


class Request(NamedTuple):
    """All that was held back of what `actor` did: how many notifications, the first and the newest, and a late post."""

    id: int
    actor: int
    size: int
    first: int
    newest: int
    post: Seen | None


class Requests(NamedTuple):
    """A page of requests, the latest first, and the places between which it looked."""

    items: list[Request]
    newest: int | None
    oldest: int | None
    more: bool


class Summary(NamedTuple):
    """How many requests there are, at most `MOST_COUNTED`, and how many notifications in these."""

    requests: int
    notifications: int


async def requests(
    graph: Graph, viewer: int, *, after: Cursor | None, before: Cursor | None, limit: int, direction: Direction
) -> Requests:
    """A page of requests. One engine call if all is cached."""
    floor = await floor_of(graph, viewer)
    rows = await graph.range(
        viewer,
        GROUPS,
        after=_above(floor, after),
        before=before,
        limit=limit,
        direction=direction,
        mask=ASKS | AWAY,
        match=ASKS,
    )
    if direction is Direction.OLDEST_FIRST:
        rows.reverse()
    newest, oldest = (rows[0].order, rows[-1].order) if rows else (None, None)
    return Requests(await _hydrate(graph, viewer, rows), newest, oldest, len(rows) == limit)


async def access_request(graph: Graph, viewer: int, id_: int) -> Request:
    """One request.

    :raises NotFound: there is none of this id.
    """
    floor = await floor_of(graph, viewer)
    rows = [row for row in await graph.find(viewer, (GROUPS,), (id_,)) if row.order > floor]
    found = await _hydrate(graph, viewer, [row for row in rows if row.flags & ASKS and not row.flags & AWAY])
    if not found:
        raise NotFound("Record not found")
    return found[0]


async def summary(graph: Graph, viewer: int) -> Summary:
    """How much is held back, of people whom nobody blocks. One engine call if all is cached."""
    after = _above(await floor_of(graph, viewer))
    rows = await graph.range(viewer, GROUPS, after=after, limit=MOST_COUNTED, mask=ASKS | AWAY, match=ASKS)
    found = await _hydrate(graph, viewer, rows)
    return Summary(len(found), sum(request.size for request in found))


async def is_merged(graph: Graph, viewer: int) -> bool:
    """Whether all that was let in stands among the notifications. One engine call."""
    return not await graph.range(viewer, GROUPS, limit=1, mask=ASKS | AWAY, match=ASKS | AWAY)


def _above(floor: int, after: Cursor | None = None) -> Cursor | None:
    return max(after or (0, 0), (floor, MAX_ORDER)) if floor else after


class _Extent(NamedTuple):
    """How many notifications a request has, and which is the first."""

    size: int
    first: int


async def _extents(graph: Graph, viewer: int, rows: Sequence[base.Association]) -> dict[int, _Extent]:
    """One engine call if it is not cached, or while what was held back before is being removed."""
    if not rows:
        return {}
    ids = [row.target for row in rows]
    if floor := await floor_of(graph, viewer):
        latest = await latest_members(graph, ids, after=_above(floor))
        return {id_: _Extent(len(latest[id_]), latest[id_][-1][0] if latest[id_] else 0) for id_ in ids}
    tallies = await graph.tallies(ids, SIZES)
    return {
        row.target: _Extent(tallies[row.target].counts[0].length, read_head(row.data or "{}").first or row.order)
        for row in rows
    }


async def _hydrate(graph: Graph, viewer: int, rows: Sequence[base.Association]) -> list[Request]:
    """Those in which anything is left, of people whom nobody blocks."""
    extents = await _extents(graph, viewer, rows)
    heads = [read_head(row.data or "{}") for row in rows]
    posts = [head.post for head in heads if head.post is not None]
    eye = await look(graph, viewer, {head.actor for head in heads}, posts)
    return [
        Request(
            id=row.target,
            actor=head.actor,
            size=extents[row.target].size,
            first=extents[row.target].first,
            newest=row.order,
            post=eye.posts.get(head.post or 0),
        )
        for row, head in zip(rows, heads, strict=True)
        if extents[row.target].size and head.actor not in eye.unwanted
    ]
