"""Following, blocking and muting. Each action is one commit, and answers how the two stand to each other after it."""

from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.check import is_language
from ripstop.domain.accounts.model import Account
from ripstop.domain.follows.events import Blocked, Followed, FollowRequested, Muted, Unfollowed
from ripstop.domain.follows.lists import has_lists
from ripstop.domain.follows.model import (
    BLOCKED_BY,
    BLOCKS,
    ENDORSES,
    FOLLOWS,
    MUTES,
    MUTES_NOTIFICATIONS,
    NO_REPOSTS,
    NOTIFY,
    REQUESTS,
    FollowData,
    MuteData,
)
from ripstop.domain.follows.queries import Relation, relation_to
from ripstop.domain.follows.requests import undo_request
from ripstop.domain.follows.watching import watch
from ripstop.kernel.errors import Conflict, Forbidden, Invalid, NotFound
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
    """Follow somebody, ask to where that takes a request, or change what one wants to see of them.

    Three engine calls and a commit. Whether the account is locked is as of the start of the request; a function looks
    at each request again (`follows.settle_request`), so none is left waiting for an account that was just unlocked.

    :raises Forbidden: it is the actor itself, or one of them blocks the other.
    :raises NotFound: it is suspended.
    :raises Invalid: the actor follows too many, or a language is none.
    """
    if target.id == actor:
        raise Forbidden("This action is not allowed")
    if target.value.is_suspended:
        raise NotFound("Record not found")
    for tag in wishes.languages or ():
        if not is_language(tag):
            raise Invalid("Validation failed: Languages is not a supported value")
    for _ in range(_ROUNDS):
        relation = await relation_to(graph, actor, target.id)
        if relation.blocks or relation.blocked_by:
            raise Forbidden("This action is not allowed")
        wanted = _wanted(relation, wishes)
        waits = target.value.locked and not relation.follows
        if (relation.follows or (waits and relation.request is not None)) and wanted == relation:
            return relation
        if not relation.follows:
            await _check_room(graph, actor)
        write, wanted = _follow_write(graph, actor, relation, wanted, waits=waits)
        try:
            await graph.commit(write)
        except Refused:
            continue
        return wanted
    raise Conflict("Somebody changed this at the same time")


def _wanted(relation: Relation, wishes: Wishes) -> Relation:
    is_new = relation.follow is None and relation.request is None
    return msgspec.structs.replace(
        relation,
        shows_reposts=wishes.reposts if wishes.reposts is not None else relation.shows_reposts or is_new,
        notifies=wishes.notify if wishes.notify is not None else relation.notifies,
        languages=wishes.languages if wishes.languages is not None else relation.languages,
    )


def _follow_write(
    graph: Graph, actor: int, relation: Relation, wanted: Relation, *, waits: bool
) -> tuple[Write, Relation]:
    """What makes the follow, or with `waits` the request, as wanted; and how the two stand then."""
    write = graph.write(actor)
    target = relation.id
    write.check_association(FOLLOWS, actor, target, present=relation.follow is not None)
    write.check_association(REQUESTS, actor, target, present=relation.request is not None)
    write.check_association(BLOCKS, actor, target, present=False)
    write.check_association(BLOCKED_BY, actor, target, present=False)
    flags = wanted.flags & (NO_REPOSTS | NOTIFY)
    data = FollowData(languages=wanted.languages) if wanted.languages else None
    if waits:
        request = relation.request
        if request is None:
            request = write.new_id()
            write.emit(FollowRequested(requester=actor, requested=target, request=request))
        write.put(REQUESTS, actor, target, order=request, flags=flags, data=data)
        return write, msgspec.structs.replace(wanted, request=request)
    follow = relation.follow
    if follow is None:
        follow = write.new_id()
        write.emit(Followed(follower=actor, followed=target, follow=follow))
    write.put(FOLLOWS, actor, target, order=follow, flags=flags, data=data)
    if wanted.notifies and not (relation.follows and relation.notifies):
        watch(write, actor, target)
    if relation.request is not None:
        undo_request(write, actor, target, relation.request)
    return write, msgspec.structs.replace(wanted, follow=follow, request=None)


async def _check_room(graph: Graph, actor: int) -> None:
    """Whoever waits to be let follow takes up room, or accepting would go beyond it."""
    counts = await graph.counts((actor,), (FOLLOWS, REQUESTS))
    if sum(count.length for count in counts.values()) >= MOST_FOLLOWS:
        raise Invalid(f"Validation failed: You cannot follow more than {MOST_FOLLOWS:,} people")


async def unfollow(graph: Graph, actor: int, target: Entry[Account]) -> Relation:
    """Follow somebody no more, nor ask to. At most three engine calls, and a commit if there is something to undo."""
    listed = await has_lists(graph, actor)
    for _ in range(_ROUNDS):
        relation = await relation_to(graph, actor, target.id)
        if relation.follow is None and relation.request is None:
            return relation
        write = graph.write(actor)
        _undo_either(write, actor, target.id, follow=relation.follow, request=relation.request, listed=listed)
        try:
            await graph.commit(write)
        except Refused:
            continue
        return _without_follow(relation)
    raise Conflict("Somebody changed this at the same time")


def _undo_either(
    write: Write, follower: int, followed: int, *, follow: int | None, request: int | None, listed: bool = True
) -> None:
    """End the follow and the request that were found; refused if that was not all, or is no more.

    :param listed: whether the follower may have the followed in a list.
    """
    write.check_association(FOLLOWS, follower, followed, present=follow is not None)
    if follow is not None:
        write.remove(FOLLOWS, follower, followed)
        write.remove(ENDORSES, follower, followed)
        write.emit(Unfollowed(follower=follower, followed=followed, follow=follow, listed=listed))
    if request is not None:
        undo_request(write, follower, followed, request)
    else:
        write.check_association(REQUESTS, follower, followed, present=False)


def _without_follow(relation: Relation) -> Relation:
    return msgspec.structs.replace(
        relation, follow=None, request=None, shows_reposts=False, notifies=False, languages=(), endorses=False
    )


async def remove_follower(graph: Graph, actor: int, follower: Entry[Account]) -> Relation:
    """Make somebody follow the actor no more. Two engine calls and a commit."""
    relation = await relation_to(graph, actor, follower.id)
    if relation.followed_by:
        await do_sever(graph, follower.id, actor)
    return msgspec.structs.replace(relation, followed_by=False)


async def do_sever(graph: Graph, follower: int, followed: int) -> None:
    """End a follow or a request, if it is there."""
    write = await sever_write(graph, follower, followed)
    if write is not None:
        try:
            await graph.commit(write)
        except Refused:  # the follower undid it meanwhile
            return


async def sever_write(graph: Graph, follower: int, followed: int) -> Write | None:
    """What ends a follow or a request, or None if there is none. Its home is the follower's shard."""
    orders = {row.type: row.order for row in await graph.find(follower, (FOLLOWS, REQUESTS), (followed,))}
    if not orders:
        return None
    write = graph.write(follower)
    _undo_either(write, follower, followed, follow=orders.get(FOLLOWS.number), request=orders.get(REQUESTS.number))
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
        _undo_either(write, actor, target.id, follow=relation.follow, request=relation.request)
        write.emit(Blocked(blocker=actor, blocked=target.id))
        try:
            await graph.commit(write)
        except Refused:
            continue
        return msgspec.structs.replace(_without_follow(relation), blocks=True, followed_by=False, requested_by=False)
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
    until = graph.now_ms() + seconds * 1_000 if seconds else 0
    flags, data = MUTES_NOTIFICATIONS if notifications else 0, MuteData(until) if until else None
    write.put(MUTES, actor, target.id, order=id_, flags=flags, data=data)
    write.emit(Muted(muter=actor, muted=target.id, mute=id_, until=until, notifications=notifications))
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
