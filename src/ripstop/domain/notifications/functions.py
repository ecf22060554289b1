"""Telling people what happened, and taking it back when it is undone.

The end of a thing may be worked off before its beginning. Both therefore act on one row, whose key is the id minted
with the thing itself: telling puts it if it is absent; undoing deletes it if it is there, and otherwise leaves it
behind marked as undone, which the telling then finds. In either order nothing is left to be seen. What was left behind
is removed a week later.
"""

import msgspec

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.follows.events import Followed, FollowRequested, RequestEnded, Unfollowed
from ripstop.domain.follows.model import BLOCKS, MUTES, MUTES_NOTIFICATIONS
from ripstop.domain.notifications.events import Notified
from ripstop.domain.notifications.model import FOLLOW, FOLLOW_REQUEST, LIKE, MENTION, NOTIFIED, REPOST, UNDONE, Notice
from ripstop.domain.posts.events import (
    PostDeleted,
    PostEdited,
    PostLiked,
    PostPublished,
    PostReposted,
    PostUnliked,
    PostUnreposted,
)
from ripstop.domain.posts.threads import is_muted
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import Call, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Events, Graph, TypeSet

UNWANTED = TypeSet(BLOCKS, MUTES)

KEPT_MS = 7 * 86_400_000
"""How long a row marked as undone waits for a telling that comes late."""


class Forget(msgspec.Struct, frozen=True, kw_only=True):
    """Remove what undoing has left behind."""

    account: int
    id: int


class Notifications:
    """The functions that listen to what people do to each other."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._forgetting = Function(
            name="notifications.forget",
            arguments=Forget,
            handler=self._forget,
            criticality=Criticality.LOW,
            deadline=86_400.0,
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions and have them called. Nobody is told of what they do to themselves."""
        followed = Function(name="notifications.followed", arguments=Followed, handler=self._followed)
        unfollowed = Function(name="notifications.unfollowed", arguments=Unfollowed, handler=self._unfollowed)
        liked = Function(name="notifications.liked", arguments=PostLiked, handler=self._liked)
        unliked = Function(name="notifications.unliked", arguments=PostUnliked, handler=self._unliked)
        reposted = Function(name="notifications.reposted", arguments=PostReposted, handler=self._reposted)
        unreposted = Function(name="notifications.unreposted", arguments=PostUnreposted, handler=self._unreposted)
        mentioned = Function(name="notifications.mentioned", arguments=PostPublished, handler=self._mentioned)
        deleted = Function(name="notifications.post_deleted", arguments=PostDeleted, handler=self._deleted)
        functions.declare(self._forgetting)
        for function in (followed, unfollowed, liked, unliked, reposted, unreposted, mentioned, deleted):
            functions.declare(function)
        self._register_requests(functions, events)
        Eraser(self._graph, "notifications", plain=(NOTIFIED,)).register(functions, events)
        edited = Function(name="notifications.post_edited", arguments=PostEdited, handler=self._edited)
        functions.declare(edited)
        events.durable(PostEdited, edited, when=lambda event: bool(event.mentions or event.dropped))
        events.durable(Followed, followed, when=lambda event: not event.asked)
        events.durable(Unfollowed, unfollowed)
        events.durable(PostLiked, liked, when=lambda event: event.author != event.actor)
        events.durable(PostUnliked, unliked, when=lambda event: event.author != event.actor)
        events.durable(PostReposted, reposted, when=lambda event: event.author != event.actor)
        events.durable(PostUnreposted, unreposted, when=lambda event: event.author not in (0, event.actor))
        events.durable(PostPublished, mentioned, when=lambda event: any(m != event.author for m in event.mentions))
        events.durable(PostDeleted, deleted, when=lambda event: any(m != event.author for m in event.mentions))

    def _register_requests(self, functions: Functions, events: Events) -> None:
        requested = Function(
            name="notifications.follow_requested", arguments=FollowRequested, handler=self._follow_requested
        )
        ended = Function(name="notifications.request_ended", arguments=RequestEnded, handler=self._request_ended)
        functions.declare(requested)
        functions.declare(ended)
        events.durable(FollowRequested, requested)
        events.durable(RequestEnded, ended)

    async def _follow_requested(self, call: Call[FollowRequested]) -> Outcome:
        event = call.arguments
        return await self._tell(event.requested, event.request, FOLLOW_REQUEST, Notice(event.requester))

    async def _request_ended(self, call: Call[RequestEnded]) -> Outcome:
        return await self._untell(call.arguments.requested, call.arguments.request)

    async def _followed(self, call: Call[Followed]) -> Outcome:
        event = call.arguments
        return await self._tell(event.followed, event.follow, FOLLOW, Notice(event.follower))

    async def _unfollowed(self, call: Call[Unfollowed]) -> Outcome:
        return await self._untell(call.arguments.followed, call.arguments.follow)

    async def _liked(self, call: Call[PostLiked]) -> Outcome:
        event = call.arguments
        return await self._tell(event.author, event.like, LIKE, Notice(event.actor, event.post))

    async def _unliked(self, call: Call[PostUnliked]) -> Outcome:
        return await self._untell(call.arguments.author, call.arguments.like)

    async def _reposted(self, call: Call[PostReposted]) -> Outcome:
        event = call.arguments
        return await self._tell(event.author, event.repost, REPOST, Notice(event.actor, event.post))

    async def _unreposted(self, call: Call[PostUnreposted]) -> Outcome:
        return await self._untell(call.arguments.author, call.arguments.repost)

    async def _mentioned(self, call: Call[PostPublished]) -> Outcome:
        event = call.arguments
        told = tuple(account for account in event.mentions if account != event.author)
        if len(told) > 1:
            return Split([msgspec.structs.replace(event, mentions=(account,)) for account in told])
        return await self._tell(told[0], event.post, MENTION, Notice(event.author, event.post))

    async def _deleted(self, call: Call[PostDeleted]) -> Outcome:
        event = call.arguments
        told = tuple(account for account in event.mentions if account != event.author)
        if len(told) > 1:
            return Split([msgspec.structs.replace(event, mentions=(account,)) for account in told])
        return await self._untell(told[0], dict(event.told).get(told[0], event.post))

    async def _edited(self, call: Call[PostEdited]) -> Outcome:
        """Tell those whom an edit has named, and take it back from those whom it names no more."""
        event = call.arguments
        told = [account for account in event.mentions if account != event.author]
        dropped = [(account, id_) for account, id_ in event.dropped if account != event.author]
        if len(told) + len(dropped) > 1:
            parts = [msgspec.structs.replace(event, mentions=(account,), dropped=()) for account in told]
            return Split([*parts, *(msgspec.structs.replace(event, mentions=(), dropped=(pair,)) for pair in dropped)])
        if told:
            return await self._tell(told[0], event.revision, MENTION, Notice(event.author, event.post))
        return await self._untell(*dropped[0]) if dropped else Done()

    async def _tell(self, account: int, id_: int, kind: int, notice: Notice) -> Outcome:
        if await self._unwanted(account, notice.actor):
            return Done()
        if notice.post is not None and await is_muted(self._graph, account, notice.post):
            return Done()
        write = self._graph.write(account)
        write.put(NOTIFIED, account, id_, order=id_, flags=kind, data=notice, if_absent=True)
        write.emit(Notified(account=account, notification=id_))
        return Done(write.batch(), write.live)

    async def _untell(self, account: int, id_: int) -> Outcome:
        rows = await self._graph.find(account, (NOTIFIED,), (id_,))
        if rows and rows[0].flags & UNDONE:
            return Done()
        write = self._graph.write(account)
        if rows:
            write.remove(NOTIFIED, account, id_)
        else:
            write.put(NOTIFIED, account, id_, order=id_, flags=UNDONE)
            write.call(self._forgetting, Forget(account=account, id=id_), due=self._graph.now_ms() + KEPT_MS)
        return Done(write.batch())

    async def _forget(self, call: Call[Forget]) -> Outcome:
        account, id_ = call.arguments.account, call.arguments.id
        rows = await self._graph.find(account, (NOTIFIED,), (id_,))
        if not rows or not rows[0].flags & UNDONE:
            return Done()
        write = self._graph.write(account)
        write.remove(NOTIFIED, account, id_)
        return Done(write.batch())

    async def _unwanted(self, account: int, actor: int) -> bool:
        """Whether the account blocks the actor, or mutes it with its notifications."""
        bits = (await self._graph.marks(account, UNWANTED, (actor,)))[actor]
        if not bits:
            return False
        rows = await self._graph.find(account, UNWANTED.types, (actor,))
        return any(row.type == BLOCKS.number or row.flags & MUTES_NOTIFICATIONS for row in rows)
