"""The conversations of an account."""

from collections.abc import Sequence
from typing import NamedTuple

from ripstop.domain.conversations.model import CONVERSING, UNREAD
from ripstop.domain.viewing import Place, Seen, hydrate, sight_of
from ripstop.engines import base
from ripstop.engines.base import Cursor, Direction
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph


class Conversation(NamedTuple):
    """One of the viewer's: the newest post, and with whom, which is with oneself where nobody else is named."""

    id: int
    unread: bool
    accounts: list[int]
    last: Seen


class Conversations(NamedTuple):
    """A page of conversations, the latest first, and the places between which it looked."""

    items: list[Conversation]
    newest: int | None
    oldest: int | None
    more: bool


async def conversations(
    graph: Graph, viewer: int, *, after: Cursor | None, before: Cursor | None, limit: int, direction: Direction
) -> Conversations:
    """A page of conversations. Those whose newest post is not for the viewer to see, or of somebody whom the viewer
    mutes, are left out, so it may be short. One engine call if all is cached.
    """
    rows = await graph.range(viewer, CONVERSING, after=after, before=before, limit=limit, direction=direction)
    if direction is Direction.OLDEST_FIRST:
        rows.reverse()
    newest, oldest = (rows[0].order, rows[-1].order) if rows else (None, None)
    return Conversations(await _hydrate(graph, viewer, rows, Place.PUBLIC), newest, oldest, len(rows) == limit)


async def count_unread(graph: Graph, viewer: int, *, most: int) -> int:
    """How many conversations the viewer has not read, of `most` that are looked at. One engine call, likewise."""
    rows = await graph.range(viewer, CONVERSING, limit=most, mask=UNREAD, match=UNREAD)
    return len(await _hydrate(graph, viewer, rows, Place.PUBLIC)) if rows else 0


async def access_conversation(graph: Graph, viewer: int, id_: int, *, place: Place = Place.SINGLE) -> Conversation:
    """One of the viewer's conversations.

    :param place: where it is to be shown; a page leaves out whom the viewer mutes.

    :raises NotFound: there is none of this id, or it is not for the viewer to see now.
    """
    found = await _hydrate(graph, viewer, await graph.find(viewer, (CONVERSING,), (id_,)), place)
    if not found:
        raise NotFound("Record not found")
    return found[0]


async def _hydrate(graph: Graph, viewer: int, rows: Sequence[base.Association], place: Place) -> list[Conversation]:
    sight = await sight_of(graph, viewer)
    seen = {item.post.id: item for item in await hydrate(graph, sight, [row.order for row in rows], place)}
    found = []
    for row in rows:
        last = seen.get(row.order)
        if last is not None:
            post = last.post.value
            others = [id_ for id_ in (post.author, *(mention.id for mention in post.mentions)) if id_ != viewer]
            accounts = list(dict.fromkeys(others)) or [viewer]
            found.append(Conversation(row.target, bool(row.flags & UNREAD), accounts, last))
    return found
