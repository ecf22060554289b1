"""Who is told what when something happens, and what is taken back when it is undone. How: `telling`.

A further kind is a bit in `model`, its name in the presenter, and two handlers here: one that tells when it begins, one
that takes it back when it ends, both under the id that was minted for it.
"""

from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.follows.events import Followed, FollowRequested, RequestEnded, Unfollowed
from ripstop.domain.follows.model import WATCHED_BY
from ripstop.domain.follows.watching import is_watching
from ripstop.domain.notifications.keeping import Keeping
from ripstop.domain.notifications.model import (
    ADMITS,
    EDIT,
    FOLLOW,
    FOLLOW_REQUEST,
    GROUPS,
    LIKE,
    MENTION,
    NEW_POST,
    NOTIFIED,
    REPOST,
    Notice,
)
from ripstop.domain.notifications.quotes import Quoting
from ripstop.domain.notifications.telling import LIKES, Telling, remove
from ripstop.domain.posts.events import (
    PostDeleted,
    PostEdited,
    PostLiked,
    PostPublished,
    PostReposted,
    PostUnliked,
    PostUnreposted,
)
from ripstop.domain.posts.model import QUOTED_BY, REPOSTED_BY
from ripstop.engines import base
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import MAX_PARTS, Call, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Association, Events, Graph, Listening, Write

PAGE = MAX_PARTS - 1
"""Accounts that are found in one call: each is told in a call of its own, and the rest is one more."""


class Spread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tell the one `account`, or (None) all of a list below the cursor `before`, what `author` did with `post`."""

    post: int
    author: int
    id: int
    account: int | None = None
    before: tuple[int, int] | None = None


class Notifications:
    """The functions that listen to what people do to each other."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._telling = Telling(graph)
        self._keeping = Keeping(graph, self._telling)
        self._quoting = Quoting(graph, self._telling)
        low, late = Criticality.LOW, 600.0
        self._spread_edit = Function(
            name="notifications.spread_edit", arguments=Spread, handler=self._edit_seen, criticality=low, deadline=late
        )
        self._spread_post = Function(
            name="notifications.spread_post", arguments=Spread, handler=self._post_seen, criticality=low, deadline=late
        )

    @property
    def telling(self) -> Telling:
        """How people are told, for packages above that have something to tell."""
        return self._telling

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions and have them called. Nobody is told of what they do to themselves."""
        self._telling.register(functions, events)
        self._keeping.register(functions, events)
        self._quoting.register(functions, events)
        self._register_requests(functions, events)
        Eraser(self._graph, "notifications", plain=(GROUPS, ADMITS), own={NOTIFIED: _erase}).register(functions, events)
        self._register_lists(functions, events)
        listen = Listening(functions, events)
        listen.to(
            PostEdited,
            self._edited,
            name="notifications.post_edited",
            when=lambda event: bool(event.mentions or event.dropped),
        )
        listen.to(Followed, self._followed, name="notifications.followed", when=lambda event: not event.asked)
        listen.to(Unfollowed, self._unfollowed, name="notifications.unfollowed")
        listen.to(PostLiked, self._liked, name=LIKES, when=lambda event: event.author != event.actor)
        listen.to(
            PostUnliked, self._unliked, name="notifications.unliked", when=lambda event: event.author != event.actor
        )
        listen.to(
            PostReposted, self._reposted, name="notifications.reposted", when=lambda event: event.author != event.actor
        )
        listen.to(
            PostUnreposted,
            self._unreposted,
            name="notifications.unreposted",
            when=lambda event: event.author not in (0, event.actor),
        )
        listen.to(
            PostPublished,
            self._mentioned,
            name="notifications.mentioned",
            when=lambda event: bool(_told_of_mention(event)),
        )
        listen.to(
            PostDeleted,
            self._deleted,
            name="notifications.post_deleted",
            when=lambda event: any(m != event.author for m in event.mentions),
        )

    def _register_requests(self, functions: Functions, events: Events) -> None:
        listen = Listening(functions, events)
        listen.to(FollowRequested, self._follow_requested, name="notifications.follow_requested")
        listen.to(RequestEnded, self._request_ended, name="notifications.request_ended")

    def _register_lists(self, functions: Functions, events: Events) -> None:
        """What is told to all of a list."""
        functions.declare(self._spread_post)
        functions.declare(self._spread_edit)
        listen = Listening(functions, events)
        listen.to(PostPublished, self._watched, name="notifications.watched", when=lambda event: event.watched)
        listen.to(PostEdited, self._rewritten, name="notifications.rewritten")

    async def _follow_requested(self, call: Call[FollowRequested]) -> Outcome:
        event = call.arguments
        return await self._tell(event.requested, event.request, FOLLOW_REQUEST, Notice(event.requester))

    async def _request_ended(self, call: Call[RequestEnded]) -> Outcome:
        return await self._untell(call.arguments.requested, call.arguments.request)

    async def _followed(self, call: Call[Followed]) -> Outcome:
        event = call.arguments
        return await self._tell(event.followed, event.follow, FOLLOW, Notice(event.follower))

    async def _unfollowed(self, call: Call[Unfollowed]) -> Outcome:
        return await self._untell(call.arguments.followed, call.arguments.follow, FOLLOW)

    async def _liked(self, call: Call[PostLiked]) -> Outcome:
        event = call.arguments
        return await self._tell(event.author, event.like, LIKE, Notice(event.actor, event.post))

    async def _unliked(self, call: Call[PostUnliked]) -> Outcome:
        event = call.arguments
        return await self._untell(event.author, event.like, LIKE, event.post)

    async def _reposted(self, call: Call[PostReposted]) -> Outcome:
        event = call.arguments
        return await self._tell(event.author, event.repost, REPOST, Notice(event.actor, event.post))

    async def _unreposted(self, call: Call[PostUnreposted]) -> Outcome:
        event = call.arguments
        return await self._untell(event.author, event.repost, REPOST, event.post)

    async def _mentioned(self, call: Call[PostPublished]) -> Outcome:
        event = call.arguments
        told = _told_of_mention(event)
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

    async def _watched(self, call: Call[PostPublished]) -> Outcome:
        event = call.arguments
        write = self._graph.write(event.post)
        write.call(self._spread_post, Spread(post=event.post, author=event.author, id=event.post))
        return Done(write.batch())

    async def _rewritten(self, call: Call[PostEdited]) -> Outcome:
        """Tell those who passed the post on, or quote it, that it says something else."""
        event = call.arguments
        write = self._graph.write(event.post)
        counts = await self._graph.counts((event.post,), (REPOSTED_BY, QUOTED_BY))
        if (event.post, REPOSTED_BY.number) in counts:
            write.call(self._spread_edit, Spread(post=event.post, author=event.author, id=event.revision))
        if (event.post, QUOTED_BY.number) in counts:
            self._quoting.spread_edit(write, event)
        return Done(write.batch() if write.operations else None)

    async def _post_seen(self, call: Call[Spread]) -> Outcome:
        work = call.arguments
        if work.account is None:
            return await self._split(work, work.author, WATCHED_BY)
        if not await is_watching(self._graph, work.account, work.author):
            return Done()
        return await self._tell(work.account, work.id, NEW_POST, Notice(work.author, work.post))

    async def _edit_seen(self, call: Call[Spread]) -> Outcome:
        work = call.arguments
        if work.account is None:
            return await self._split(work, work.post, REPOSTED_BY)
        return await self._tell(work.account, work.id, EDIT, Notice(work.author, work.post))

    async def _split(self, work: Spread, source: int, list_: Association) -> Outcome:
        """A part for each account of a page of the list, and one for the rest of it."""
        rows = await self._graph.range(source, list_, before=work.before, limit=PAGE)
        parts = [msgspec.structs.replace(work, account=row.target) for row in rows if row.target != work.author]
        if len(rows) == PAGE:
            parts.append(msgspec.structs.replace(work, before=(rows[-1].order, rows[-1].target)))
        return Split(parts) if parts else Done()

    async def _tell(self, account: int, id_: int, kind: int, notice: Notice) -> Outcome:
        return await self._telling.tell(account, id_, kind, notice)

    async def _untell(self, account: int, id_: int, kind: int = 0, post: int | None = None) -> Outcome:
        return await self._telling.untell(account, id_, kind, post)


def _told_of_mention(event: PostPublished) -> list[int]:
    """Whom a post names that are told so; whose post it quotes is told of that instead."""
    return [account for account in event.mentions if account not in (event.author, event.quoted_author)]


async def _erase(write: Write, account: int, rows: Sequence[base.Association]) -> None:
    """Remove notifications of a deleted account, and what they stand in."""
    del account
    for row in rows:
        remove(write, row)
