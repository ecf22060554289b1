"""How accounts stand to each other."""

import asyncio
from collections.abc import Sequence

import msgspec

from ripstop.domain.follows.model import (
    BLOCKED_BY,
    BLOCKS,
    FOLLOWED_BY,
    FOLLOWS,
    MUTES,
    MUTES_NOTIFICATIONS,
    NO_REPOSTS,
    NOTIFY,
    FollowData,
)
from ripstop.engines import base
from ripstop.machinery.graph import Graph

MOST_FOLLOWERS_HELD = 1_000
"""Longest list of followers that is held as a set to tell who of many follows back."""

_RELATIONS = (FOLLOWS, BLOCKS, BLOCKED_BY, MUTES)


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """How one account, the viewer, stands to another, `id`. `follow` is the id of the follow, if there is one."""

    id: int
    follow: int | None = None
    shows_reposts: bool = False
    notifies: bool = False
    languages: tuple[str, ...] = ()
    followed_by: bool = False
    blocks: bool = False
    blocked_by: bool = False
    mutes: bool = False
    mutes_notifications: bool = False

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
    back = await graph.find(other, (FOLLOWS,), (viewer,))
    return _relation(other, rows, followed_by=bool(back))


async def relations_to(graph: Graph, viewer: int, others: Sequence[int]) -> list[Relation]:
    """How the viewer stands to several others, in their order.

    At most two engine calls; for a viewer with more than `MOST_FOLLOWERS_HELD` followers one more for each other
    account, since the list of followers is kept by time only.
    """
    rows: dict[int, list[base.Association]] = {}
    for row in await graph.find(viewer, _RELATIONS, others):
        rows.setdefault(row.target, []).append(row)
    back = await _followers_among(graph, viewer, others)
    return [_relation(other, rows.get(other, ()), followed_by=other in back) for other in others]


async def _followers_among(graph: Graph, viewer: int, others: Sequence[int]) -> frozenset[int]:
    held = await graph.members(viewer, FOLLOWED_BY, most=MOST_FOLLOWERS_HELD)
    if held is not None:
        return held
    found = await asyncio.gather(*(graph.find(other, (FOLLOWS,), (viewer,)) for other in others))
    return frozenset(row.source for rows in found for row in rows)


def _relation(other: int, rows: Sequence[base.Association], *, followed_by: bool) -> Relation:
    by_type = {row.type: row for row in rows}
    follow = by_type.get(FOLLOWS.number)
    mute = by_type.get(MUTES.number)
    blocks = BLOCKS.number in by_type
    return Relation(
        id=other,
        follow=None if follow is None else follow.order,
        shows_reposts=follow is not None and not follow.flags & NO_REPOSTS,
        notifies=follow is not None and bool(follow.flags & NOTIFY),
        languages=_languages(follow),
        # A block ends the follow of the blocked, though it takes a moment until the row is gone.
        followed_by=followed_by and not blocks,
        blocks=blocks,
        blocked_by=BLOCKED_BY.number in by_type,
        mutes=mute is not None,
        mutes_notifications=mute is not None and bool(mute.flags & MUTES_NOTIFICATIONS),
    )


def _languages(follow: base.Association | None) -> tuple[str, ...]:
    if follow is None or follow.data is None:
        return ()
    return msgspec.json.decode(follow.data, type=FollowData).languages
