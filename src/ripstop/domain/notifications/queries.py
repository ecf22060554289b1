"""What an account was told."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.markers import markers
from ripstop.domain.notifications.model import KINDS, NOTIFIED, UNDONE, Notice
from ripstop.domain.viewing import Place, Seen, filters_of, hydrate, sight_of
from ripstop.domain.viewing.model import NOTIFICATIONS
from ripstop.engines import base
from ripstop.engines.base import MAX_ORDER, Cursor, Direction
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph

_decode = msgspec.json.Decoder(Notice).decode


class Notification(NamedTuple):
    """Something that happened to the viewer: what (one of KINDS), by whom, and to which post."""

    id: int
    kind: int
    actor: int
    post: Seen | None


class Told(NamedTuple):
    """A page of notifications, newest first, and the ids between which it looked."""

    items: list[Notification]
    newest: int | None
    oldest: int | None
    more: bool


async def notifications(
    graph: Graph,
    viewer: int,
    *,
    kinds: Collection[int],
    after: Cursor | None,
    before: Cursor | None,
    limit: int,
    direction: Direction,
) -> Told:
    """A page of what the viewer was told, of these kinds. What its rules hide is left out, so a page may be short."""
    hidden = UNDONE | sum(kind for kind in KINDS if kind not in kinds)
    rows = await graph.range(
        viewer, NOTIFIED, after=after, before=before, limit=limit, direction=direction, mask=hidden, match=0
    )
    if direction is Direction.OLDEST_FIRST:
        rows.reverse()
    if not rows:
        return Told([], None, None, more=False)
    return Told(await _hydrate(graph, viewer, rows), rows[0].target, rows[-1].target, more=len(rows) == limit)


async def count_unread(graph: Graph, viewer: int, *, most: int) -> int:
    """How many notifications there are above the viewer's marker, at most so many. Two engine calls."""
    marked = await markers(graph, viewer, ("notifications",))
    after = (marked[0].last_read, MAX_ORDER) if marked else None
    return len(await graph.range(viewer, NOTIFIED, after=after, limit=most, mask=UNDONE, match=0))


async def access_notification(graph: Graph, viewer: int, id_: int) -> Notification:
    """One thing that the viewer was told.

    :raises NotFound: there is none of this id, or what it told of is gone.
    """
    rows = [row for row in await graph.find(viewer, (NOTIFIED,), (id_,)) if not row.flags & UNDONE]
    found = await _hydrate(graph, viewer, rows)
    if not found:
        raise NotFound("Record not found")
    return found[0]


async def _hydrate(graph: Graph, viewer: int, rows: list[base.Association]) -> list[Notification]:
    """Those whose post, if they are of one, is there and for the viewer to see, and not hidden by a filter."""
    sight = await sight_of(graph, viewer)
    filters, now_ms = await filters_of(graph, viewer), graph.now_ms()
    notices = [_decode(row.data or "{}") for row in rows]
    ids = list(dict.fromkeys(notice.post for notice in notices if notice.post is not None))
    seen = {item.post.id: item for item in await hydrate(graph, sight, ids, Place.SINGLE)}
    found = []
    for row, notice in zip(rows, notices, strict=True):
        post = None if notice.post is None else seen.get(notice.post)
        if notice.actor in sight.blocks or notice.actor in sight.blocked_by:
            continue
        if notice.post is not None and post is None:
            continue
        if post is not None and filters and filters.hides(post.original or post.post, NOTIFICATIONS, now_ms):
            continue
        found.append(Notification(row.target, row.flags, notice.actor, post))
    return found
