"""Following, blocking and muting. Each action is one commit, and answers how the two stand to each other after it."""

from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.check import is_language
from ripstop.domain.accounts.model import Account
from ripstop.domain.follows.events import Blocked, Followed, Muted, Unfollowed
from ripstop.domain.follows.model import (
    BLOCKED_BY,
    BLOCKS,
    FOLLOWS,
    MUTES,
    MUTES_NOTIFICATIONS,
    NO_REPOSTS,
    NOTIFY,
    FollowData,
)
from ripstop.domain.follows.queries import Relation, relation_to
from ripstop.kernel.errors import Conflict, Forbidden, Invalid
from ripstop.machinery.graph import Entry, Graph, Refused, Write

MOST_FOLLOWS = 7_500
"""Accounts that one account may follow."""
_ROUNDS = 3
"""Times an action looks again when somebody changed the same edge between its read and its commit."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a follower wants to see; None leaves it as it is, or as it is for new follows."""

    reposts: bool | None = None
    notify: bool | None = None
    languages: tuple[str, ...] | None = None


async def follow(graph: Graph, actor: int, target: Entry[Account], wishes: Wishes) -> Relation:
    """Follow somebody, or change what one wants to see of them. Three engine calls and a commit.

    :raises Forbidden: it is the actor itself, or one of them blocks the other.
    :raises Invalid: the actor follows too many, or a language is none.
    """
    if target.id == actor:
        raise Forbidden("This action is not allowed")
    for tag in wishes.languages or ():
        if not is_language(tag):
            raise Invalid("Validation failed: Languages is not a supported value")
    for _ in range(_ROUNDS):
        relation = await relation_to(graph, actor, target.id)
        if relation.blocks or relation.blocked_by:
            raise Forbidden("This action is not allowed")
        wanted = _wanted(relation, wishes)
        if relation.follows and wanted == relation:
            return relation
        if not relation.follows:
            await _check_room(graph, actor)
        write, wanted = _follow_write(graph, actor, relation, wanted)
        try:
            await graph.commit(write)
        except Refused:
            continue
        return wanted
    raise Conflict("Somebody changed this at the same time")


def _wanted(relation: Relation, wishes: Wishes) -> Relation:
    return msgspec.structs.replace(
        relation,
        shows_reposts=wishes.reposts if wishes.reposts is not None else relation.shows_reposts or not relation.follows,
        notifies=wishes.notify if wishes.notify is not None else relation.notifies,
        languages=wishes.languages if wishes.languages is not None else relation.languages,
    )


def _follow_write(graph: Graph, actor: int, relation: Relation, wanted: Relation) -> tuple[Write, Relation]:
    write = graph.write(actor)
    target = relation.id
    id_ = relation.follow
    write.check_association(FOLLOWS, actor, target, present=id_ is not None)
    write.check_association(BLOCKED_BY, actor, target, present=False)
    if id_ is None:
        id_ = write.new_id()
        write.emit(Followed(follower=actor, followed=target, follow=id_))
    data = FollowData(languages=wanted.languages) if wanted.languages else None
    write.put(FOLLOWS, actor, target, order=id_, flags=wanted.flags & (NO_REPOSTS | NOTIFY), data=data)
    return write, msgspec.structs.replace(wanted, follow=id_)


async def _check_room(graph: Graph, actor: int) -> None:
    count = (await graph.counts((actor,), (FOLLOWS,))).get((actor, FOLLOWS.number))
    if count is not None and count.length >= MOST_FOLLOWS:
        raise Invalid(f"Validation failed: You cannot follow more than {MOST_FOLLOWS:,} people")


async def unfollow(graph: Graph, actor: int, target: Entry[Account]) -> Relation:
    """Follow somebody no more. Two engine calls, and a commit if there is something to undo."""
    for _ in range(_ROUNDS):
        relation = await relation_to(graph, actor, target.id)
        if relation.follow is None:
            return relation
        write = graph.write(actor)
        _undo_follow(write, actor, target.id, relation.follow)
        try:
            await graph.commit(write)
        except Refused:
            continue
        return _without_follow(relation)
    raise Conflict("Somebody changed this at the same time")


def _undo_follow(write: Write, follower: int, followed: int, follow: int) -> None:
    write.check_association(FOLLOWS, follower, followed)
    write.remove(FOLLOWS, follower, followed)
    write.emit(Unfollowed(follower=follower, followed=followed, follow=follow))


def _without_follow(relation: Relation) -> Relation:
    return msgspec.structs.replace(relation, follow=None, shows_reposts=False, notifies=False, languages=())


async def remove_follower(graph: Graph, actor: int, follower: Entry[Account]) -> Relation:
    """Make somebody follow the actor no more. Two engine calls and a commit."""
    relation = await relation_to(graph, actor, follower.id)
    if relation.followed_by:
        await do_sever(graph, follower.id, actor)
    return msgspec.structs.replace(relation, followed_by=False)


async def do_sever(graph: Graph, follower: int, followed: int) -> None:
    """End a follow, if it is there."""
    write = await sever_write(graph, follower, followed)
    if write is not None:
        try:
            await graph.commit(write)
        except Refused:  # the follower undid it meanwhile
            return


async def sever_write(graph: Graph, follower: int, followed: int) -> Write | None:
    """What ends a follow, or None if there is none. Its home is the follower's shard."""
    rows = await graph.find(follower, (FOLLOWS,), (followed,))
    if not rows:
        return None
    write = graph.write(follower)
    _undo_follow(write, follower, followed, rows[0].order)
    return write


async def block(graph: Graph, actor: int, target: Entry[Account]) -> Relation:
    """Block somebody: neither meets the other, and both stop following. Two engine calls and a commit.

    The follow in the other direction belongs to the other one's shard, so a function ends it; from this moment on
    the block counts for more.

    :raises Forbidden: it is the actor itself.
    """
    if target.id == actor:
        raise Forbidden("This action is not allowed")
    for _ in range(_ROUNDS):
        relation = await relation_to(graph, actor, target.id)
        if relation.blocks:
            return relation
        write = graph.write(actor)
        write.check_association(BLOCKS, actor, target.id, present=False)
        write.put(BLOCKS, actor, target.id, order=write.new_id())
        if relation.follow is not None:
            _undo_follow(write, actor, target.id, relation.follow)
        write.emit(Blocked(blocker=actor, blocked=target.id))
        try:
            await graph.commit(write)
        except Refused:
            continue
        return msgspec.structs.replace(_without_follow(relation), blocks=True, followed_by=False)
    raise Conflict("Somebody changed this at the same time")


async def unblock(graph: Graph, actor: int, target: Entry[Account]) -> Relation:
    """Block somebody no more; follows do not come back. Two engine calls and a commit."""
    relation = await relation_to(graph, actor, target.id)
    if relation.blocks:
        write = graph.write(actor)
        write.remove(BLOCKS, actor, target.id)
        await graph.commit(write)
    return msgspec.structs.replace(relation, blocks=False)


async def mute(
    graph: Graph, actor: int, target: Entry[Account], *, notifications: bool = True, seconds: int = 0
) -> Relation:
    """Not see somebody, who is not told. Two engine calls and a commit.

    :param notifications: nor what they do to the actor.
    :param seconds: for so long; 0: until it is undone.
    :raises Forbidden: it is the actor itself.
    """
    if target.id == actor:
        raise Forbidden("This action is not allowed")
    relation = await relation_to(graph, actor, target.id)
    write = graph.write(actor)
    id_ = write.new_id()
    write.put(MUTES, actor, target.id, order=id_, flags=MUTES_NOTIFICATIONS if notifications else 0)
    if seconds:
        write.emit(Muted(muter=actor, muted=target.id, mute=id_, until=graph.now_ms() + seconds * 1_000))
    await graph.commit(write)
    return msgspec.structs.replace(relation, mutes=True, mutes_notifications=notifications)


async def unmute(graph: Graph, actor: int, target: Entry[Account]) -> Relation:
    """See somebody again. Two engine calls and a commit."""
    relation = await relation_to(graph, actor, target.id)
    if relation.mutes:
        write = graph.write(actor)
        write.remove(MUTES, actor, target.id)
        await graph.commit(write)
    return msgspec.structs.replace(relation, mutes=False, mutes_notifications=False)


def languages_of(tags: Sequence[str] | None) -> tuple[str, ...] | None:
    """Language tags as they are kept: each once, in lower case."""
    return None if tags is None else tuple(dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip()))
