"""What an account was told, one by one. For groups see `groups`."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.markers import markers
from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.accounts.roles import NO_ROLE, POWERS
from ripstop.domain.follows.model import MUTES, MUTES_NOTIFICATIONS
from ripstop.domain.notifications.model import (
    FILTERED,
    KINDS,
    NEEDS,
    NOTIFIED,
    OF_KIND,
    UNDONE,
    Notice,
    read_notice,
)
from ripstop.domain.notifications.rules import floor_of
from ripstop.domain.viewing import Place, Seen, filters_of, hydrate, sight_of
from ripstop.domain.viewing.hydrate import absent_accounts
from ripstop.domain.viewing.model import NOTIFICATIONS
from ripstop.domain.viewing.sight import MOST_OTHERS
from ripstop.engines import base
from ripstop.engines.base import MAX_ORDER, Cursor, Direction
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph

EXAMINED = 500
"""Rows that are read at once where only those of one actor are wanted."""
ROUNDS = 10
"""How often more is read for one page of those."""
_FOR_STAFF = sum(NEEDS)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which notifications: of these kinds, of what `actor` did (None: anybody), between two places, newest first or,
    with `direction`, those next above `after`. With `filtered`, what the account's rules held back as well.
    """

    kinds: Collection[int] = KINDS
    actor: int | None = None
    filtered: bool = False
    after: Cursor | None = None
    before: Cursor | None = None
    limit: int = 40
    direction: Direction = Direction.NEWEST_FIRST

    def above(self, floor: int) -> "Wanted":
        """Those of them with an id above this one."""
        if not floor or (self.after or (0, 0)) >= (floor, MAX_ORDER):
            return self
        return msgspec.structs.replace(self, after=(floor, MAX_ORDER))

    @property
    def hidden(self) -> int:
        """The flags of rows that are not wanted."""
        held_back = 0 if self.filtered else FILTERED
        shown = sum(kind for kind in KINDS if kind in self.kinds)
        return UNDONE | held_back | OF_KIND & ~shown


class Notification(NamedTuple):
    """Something that happened to the viewer: what (one of KINDS), by whom, to which post; `filtered` says that the
    viewer's rules held it back."""

    id: int
    kind: int
    actor: int
    post: Seen | None
    filtered: bool = False


class Told(NamedTuple):
    """A page of notifications, newest first, and the ids between which it looked."""

    items: list[Notification]
    newest: int | None
    oldest: int | None
    more: bool


async def notifications(graph: Graph, viewer: int, wanted: Wanted) -> Told:
    """A page of what the viewer was told. What its rules hide is left out, so a page may be short."""
    wanted = wanted.above(await floor_of(graph, viewer))
    rows, more, last = await read_rows(graph, viewer, wanted, mask=wanted.hidden)
    newest, oldest = (rows[0].order, rows[-1].order) if rows else (None, None)
    if last is not None and wanted.direction is Direction.NEWEST_FIRST:
        oldest = last
    return Told(await _hydrate(graph, viewer, rows), newest, oldest, more)


async def read_rows(
    graph: Graph, viewer: int, wanted: Wanted, *, mask: int
) -> tuple[list[base.Association], bool, int | None]:
    """A page of rows, newest first, whether there may be more, and the order of the last that was looked at.

    One engine call; where one actor is asked for, at most `ROUNDS`.
    """
    oldest_first = wanted.direction is Direction.OLDEST_FIRST
    after, before = wanted.after, wanted.before
    found: list[base.Association] = []
    more, last = True, None
    rounds = 1 if wanted.actor is None else ROUNDS
    while rounds and more and len(found) < wanted.limit:
        rounds -= 1
        limit = wanted.limit if wanted.actor is None else EXAMINED
        rows = await graph.range(
            viewer, NOTIFIED, after=after, before=before, limit=limit, direction=wanted.direction, mask=mask
        )
        more = len(rows) == limit
        if not rows:
            break
        last = rows[-1].order
        if oldest_first:
            after = (last, MAX_ORDER)
        else:
            before = (last, 0)
        found += rows if wanted.actor is None else [row for row in rows if _is_by(row, wanted.actor)]
    if len(found) > wanted.limit:
        del found[wanted.limit :]
        more, last = True, found[-1].order
    if oldest_first:
        found.reverse()
    return found, more, last


def _is_by(row: base.Association, actor: int) -> bool:
    return read_notice(row.data or "{}").actor == actor


async def read_from(graph: Graph, viewer: int) -> Cursor | None:
    """The place above which nothing is read yet; None if no marker was ever set. One engine call."""
    marked = await markers(graph, viewer, ("notifications",))
    return (marked[0].last_read, MAX_ORDER) if marked else None


async def count_unread(graph: Graph, viewer: int, wanted: Wanted) -> int:
    """How many notifications the viewer is shown above its marker, of `wanted.limit` at most that are looked at.

    An engine call beside those of a page: a number tells of what is hidden as well as a list does.
    """
    wanted = msgspec.structs.replace(wanted, after=await read_from(graph, viewer))
    wanted = wanted.above(await floor_of(graph, viewer))
    rows, _, _ = await read_rows(graph, viewer, wanted, mask=wanted.hidden)
    return len(await _hydrate(graph, viewer, rows))


async def access_notification(graph: Graph, viewer: int, id_: int) -> Notification:
    """One thing that the viewer was told.

    :raises NotFound: there is none of this id, or what it told of is gone.
    """
    floor = await floor_of(graph, viewer)
    rows = await graph.find(viewer, (NOTIFIED,), (id_,)) if id_ > floor else []
    rows = [row for row in rows if not row.flags & UNDONE]
    found = await _hydrate(graph, viewer, rows)
    if not found:
        raise NotFound("Record not found")
    return found[0]


async def _hydrate(graph: Graph, viewer: int, rows: Sequence[base.Association]) -> list[Notification]:
    """Those whose post, if they are of one, is there and for the viewer to see, and not hidden by a filter."""
    rows = await for_viewer(graph, viewer, rows)
    notices = [read_notice(row.data or "{}") for row in rows]
    posts = [notice.post for notice in notices if notice.post is not None]
    eye = await look(graph, viewer, {notice.actor for notice in notices}, posts)
    return [
        Notification(
            row.target,
            row.flags & OF_KIND,
            notice.actor,
            eye.posts.get(notice.post or 0),
            filtered=bool(row.flags & FILTERED),
        )
        for row, notice in zip(rows, notices, strict=True)
        if eye.shows(notice)
    ]


async def for_viewer(graph: Graph, viewer: int, rows: Sequence[base.Association]) -> Sequence[base.Association]:
    """Those that are not for the staff alone, or that the viewer's role still allows. At most one engine call, and none
    for those who were never of the staff."""
    if not any(row.flags & _FOR_STAFF for row in rows):
        return rows
    account = await graph.get(ACCOUNT, viewer)
    powers = POWERS[NO_ROLE if account is None else account.value.role]
    return [row for row in rows if NEEDS.get(row.flags & OF_KIND, powers) in powers]


class Eye(NamedTuple):
    """What the viewer may see of some notices.

    `unwanted` are those of their actors of whom the viewer is to be told nothing, `posts` those of their posts that
    are to be shown, by id.
    """

    unwanted: frozenset[int]
    posts: dict[int, Seen]

    def shows(self, notice: Notice) -> bool:
        """Whether the viewer is to be told of it."""
        return notice.actor not in self.unwanted and (notice.post is None or notice.post in self.posts)


async def look(graph: Graph, viewer: int, actors: set[int], posts: Sequence[int]) -> Eye:
    """Find what the viewer may see of what these people did to these posts."""
    sight = await sight_of(graph, viewer)
    if sight.is_partial and actors:
        sight = await sight.knowing(graph, actors)
    silenced = await graph.flagged(viewer, MUTES, MUTES_NOTIFICATIONS, most=MOST_OTHERS)
    unwanted = (actors & sight.blocks) | (actors & sight.blocked_by) | (actors & silenced)
    unwanted |= set(await absent_accounts(graph, actors))
    seen = await hydrate(graph, sight, list(dict.fromkeys(posts)), Place.SINGLE)
    filters, now_ms = await filters_of(graph, viewer), graph.now_ms()
    if filters:
        seen = [item for item in seen if not filters.hides(item.meant, NOTIFICATIONS, now_ms)]
    return Eye(frozenset(unwanted), {item.post.id: item for item in seen})
