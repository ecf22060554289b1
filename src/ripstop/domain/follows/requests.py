"""Requests to be let follow a locked account: answering them.

A request lives in the requester's shard, as the follow does that comes of it, so that accepting is one batch there.
Whoever answers and whoever withdraws meet at one precondition, that the request is there: exactly one of them is first.
"""

import msgspec

from ripstop.domain.accounts.model import Account
from ripstop.domain.follows.events import Followed, RequestEnded
from ripstop.domain.follows.model import BLOCKED_BY, BLOCKS, FOLLOWS, NOTIFY, REQUESTS, FollowData
from ripstop.domain.follows.queries import Relation, relation_to
from ripstop.domain.follows.watching import watch
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Entry, Graph, Refused, Write


def undo_request(write: Write, requester: int, requested: int, request: int) -> None:
    """End a request; refused if it is not there."""
    write.check_association(REQUESTS, requester, requested)
    write.remove(REQUESTS, requester, requested)
    write.emit(RequestEnded(requester=requester, requested=requested, request=request))


async def accept_write(graph: Graph, requester: int, requested: int) -> Write | None:
    """What makes a request a follow, or None if there is no request or one of them blocks the other.

    One engine call. The follow has an id of its own, above that of the backfill which it calls for.
    """
    rows = {row.type: row for row in await graph.find(requester, (REQUESTS, BLOCKS, BLOCKED_BY), (requested,))}
    row = rows.pop(REQUESTS.number, None)
    if row is None or rows:
        return None
    write = graph.write(requester)
    for blocking in (BLOCKS, BLOCKED_BY):
        write.check_association(blocking, requester, requested, present=False)
    follow = write.new_id()
    write.emit(Followed(follower=requester, followed=requested, follow=follow, asked=True))
    data = None if row.data is None else msgspec.json.decode(row.data, type=FollowData)
    write.put(FOLLOWS, requester, requested, order=follow, flags=row.flags, data=data)
    if row.flags & NOTIFY:
        watch(write, requester, requested)
    undo_request(write, requester, requested, row.order)
    return write


async def accept(graph: Graph, actor: int, requester: Entry[Account]) -> Relation:
    """Let somebody follow who asked to. Three engine calls and a commit.

    :raises NotFound: they do not ask, or no more.
    """
    write = await accept_write(graph, requester.id, actor)
    return await _answer(graph, actor, requester.id, write)


async def reject(graph: Graph, actor: int, requester: Entry[Account]) -> Relation:
    """Refuse somebody who asked to follow; they may ask again. Three engine calls and a commit.

    :raises NotFound: they do not ask, or no more.
    """
    rows = await graph.find(requester.id, (REQUESTS,), (actor,))
    write = graph.write(requester.id) if rows else None
    if write is not None:
        undo_request(write, requester.id, actor, rows[0].order)
    return await _answer(graph, actor, requester.id, write)


async def _answer(graph: Graph, actor: int, requester: int, write: Write | None) -> Relation:
    if write is None:
        raise NotFound("Record not found")
    try:
        await graph.commit(write)
    except Refused as refused:
        raise NotFound("Record not found") from refused
    return await relation_to(graph, actor, requester)
