"""How accounts stand to each other."""

import asyncio
from collections.abc import Sequence

import msgspec

from ripstop.domain.follows.model import (
    BLOCKED_BY,
    BLOCKS,
    ENDORSES,
    FOLLOWED_BY,
    FOLLOWS,
    MUTES,
    MUTES_NOTIFICATIONS,
    NO_REPOSTS,
    NOTES,
    NOTIFY,
    REQUESTED_BY,
    REQUESTS,
    FollowData,
    MuteData,
    NoteData,
)
from ripstop.engines import base
from ripstop.machinery.graph import Association, Graph

MOST_FOLLOWERS_HELD = 2_000
"""Longest list of followers, and of requests, that is held as a set."""

_RELATIONS = (FOLLOWS, REQUESTS, BLOCKS, BLOCKED_BY, MUTES, NOTES, ENDORSES)


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """How one account, the viewer, stands to another, `id`. `follow` is the id of the follow, if there is one, and
    `request` that of a request to be let follow; what is wished of the one holds for the other.
    """

    id: int
    follow: int | None = None
    request: int | None = None
    shows_reposts: bool = False
    notifies: bool = False
    languages: tuple[str, ...] = ()
    followed_by: bool = False
    requested_by: bool = False
    blocks: bool = False
    blocked_by: bool = False
    mutes: bool = False
    mutes_notifications: bool = False
    endorses: bool = False
    note: str = ""

    @property
    def follows(self) -> bool:
        return self.follow is not None

    @property
    def flags(self) -> int:
        """The flags of the follow."""
        return (0 if self.shows_reposts else NO_REPOSTS) | (NOTIFY if self.notifies else 0)


async def relation_to(graph: Graph, viewer: int, other: int) -> Relation:
    """How the viewer stands to one other account, as of this moment. Two engine calls."""
    rows = await graph.find(viewer, _RELATIONS, (other,))
    back = {row.type for row in await graph.find(other, (FOLLOWS, REQUESTS), (viewer,))}
    return _relation(other, rows, followed_by=FOLLOWS.number in back, requested_by=REQUESTS.number in back)


async def relations_to(graph: Graph, viewer: int, others: Sequence[int]) -> list[Relation]:
    """How the viewer stands to several others, in their order.

    At most three engine calls; for a viewer with more than `MOST_FOLLOWERS_HELD` followers, or requests, one more for
    each other account, since these lists are kept by time only.
    """
    rows: dict[int, list[base.Association]] = {}
    for row in await graph.find(viewer, _RELATIONS, others):
        rows.setdefault(row.target, []).append(row)
    followers = await followers_among(graph, viewer, others)
    asking = await _back_among(graph, viewer, REQUESTS, REQUESTED_BY, others)
    return [
        _relation(other, rows.get(other, ()), followed_by=other in followers, requested_by=other in asking)
        for other in others
    ]


async def followers_among(graph: Graph, viewer: int, others: Sequence[int]) -> frozenset[int]:
    """Which of the others follow the viewer, perhaps with more that do. One engine call, or as `relations_to` says."""
    return await _back_among(graph, viewer, FOLLOWS, FOLLOWED_BY, others)


async def _back_among(
    graph: Graph, viewer: int, forward: Association, inverse: Association, others: Sequence[int]
) -> frozenset[int]:
    """From which of the others an edge leads to the viewer."""
    held = await graph.members(viewer, inverse, most=MOST_FOLLOWERS_HELD)
    if held is not None:
        return held
    found = await asyncio.gather(*(graph.find(other, (forward,), (viewer,)) for other in others))
    return frozenset(row.source for rows in found for row in rows)


def _relation(other: int, rows: Sequence[base.Association], *, followed_by: bool, requested_by: bool) -> Relation:
    by_type = {row.type: row for row in rows}
    follow = by_type.get(FOLLOWS.number)
    request = by_type.get(REQUESTS.number)
    wishes = follow or request
    note = by_type.get(NOTES.number)
    mute = by_type.get(MUTES.number)
    blocks = BLOCKS.number in by_type
    return Relation(
        id=other,
        follow=None if follow is None else follow.order,
        request=None if request is None else request.order,
        shows_reposts=wishes is not None and not wishes.flags & NO_REPOSTS,
        notifies=wishes is not None and bool(wishes.flags & NOTIFY),
        languages=_languages(wishes),
        # A block ends the follow of the blocked, though it takes a moment until the row is gone.
        followed_by=followed_by and not blocks,
        requested_by=requested_by and not blocks,
        blocks=blocks,
        blocked_by=BLOCKED_BY.number in by_type,
        mutes=mute is not None,
        mutes_notifications=mute is not None and bool(mute.flags & MUTES_NOTIFICATIONS),
        endorses=ENDORSES.number in by_type and follow is not None,
        note="" if note is None or note.data is None else msgspec.json.decode(note.data, type=NoteData).text,
    )


def muted_until(mute: base.Association) -> int | None:
    """When a row of MUTES ends by itself, in milliseconds since the epoch."""
    return None if mute.data is None else msgspec.json.decode(mute.data, type=MuteData).until


def _languages(follow: base.Association | None) -> tuple[str, ...]:
    if follow is None or follow.data is None:
        return ()
    return msgspec.json.decode(follow.data, type=FollowData).languages
