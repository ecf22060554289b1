"""What is done about follows, requests, blocks and mutes in the background."""

import msgspec

from ripstop.domain.accounts.events import Unlocked
from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.follows.actions import sever_write
from ripstop.domain.follows.events import Blocked, FollowRequested, ListDeleted, Muted, Unfollowed
from ripstop.domain.follows.lists import MOST_LISTS, has_lists
from ripstop.domain.follows.model import FOLLOWS, HOLDS_LIST, LISTS_MEMBER, MUTES, REQUESTED_BY
from ripstop.domain.follows.requests import accept_write
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import MAX_PARTS, Call, Checkpoint, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Events, Graph, Listening, Write


class Severing:
    """Ends the follow, or the request, of somebody who was blocked, and mutes whose time is over."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        listen = Listening(functions, events)
        listen.to(Blocked, self._sever, name="follows.sever", criticality=Criticality.HIGH, deadline=10.0)
        listen.to(
            Muted,
            self._end_mute,
            name="follows.end_mute",
            when=lambda event: event.until > 0,
            due=lambda event: event.until,
            criticality=Criticality.LOW,
        )

    async def _sever(self, call: Call[Blocked]) -> Outcome:
        write = await sever_write(self._graph, call.arguments.blocked, call.arguments.blocker)
        return Done(None if write is None else write.batch())

    async def _end_mute(self, call: Call[Muted]) -> Outcome:
        mute = call.arguments
        rows = await self._graph.find(mute.muter, (MUTES,), (mute.muted,))
        if not any(row.order == mute.mute for row in rows):  # undone, or muted anew
            return Done()
        write = self._graph.write(mute.muter)
        write.remove(MUTES, mute.muter, mute.muted)
        return Done(write.batch())


PAGE = MAX_PARTS - 1
"""Requests that one call lists: each is a part, in the requester's shard, and the rest is one more."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Accept what waits for an account: the one `requester`, or (None) all below the cursor `before`."""

    account: int
    requester: int | None = None
    before: tuple[int, int] | None = None


class Unlocking:
    """Accepts requests to an account that takes none any more.

    A request that was on its way when the account was unlocked is found by the one or the other: whichever commits
    last, the function of that one sees both.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._accept = Function(name="follows.accept_waiting", arguments=Waiting, handler=self._accept_waiting)

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        functions.declare(self._accept)
        listen = Listening(functions, events)
        listen.to(Unlocked, self._unlocked, name="follows.unlocked")
        listen.to(FollowRequested, self._settle, name="follows.settle_request")

    async def _unlocked(self, call: Call[Unlocked]) -> Outcome:
        write = self._graph.write(call.arguments.account)
        write.call(self._accept, Waiting(account=call.arguments.account))
        return Done(write.batch())

    async def _settle(self, call: Call[FollowRequested]) -> Outcome:
        return await self._accept_one(call.arguments.requested, call.arguments.requester)

    async def _accept_waiting(self, call: Call[Waiting]) -> Outcome:
        work = call.arguments
        if work.requester is not None:
            return await self._accept_one(work.account, work.requester)
        rows = await self._graph.range(work.account, REQUESTED_BY, before=work.before, limit=PAGE)
        parts = [Waiting(account=work.account, requester=row.target) for row in rows]
        if len(rows) == PAGE:
            parts.append(Waiting(account=work.account, before=(rows[-1].order, rows[-1].target)))
        return Split(parts) if parts else Done()

    async def _accept_one(self, account: int, requester: int) -> Outcome:
        entry = await self._graph.get(ACCOUNT, account)
        if entry is None or entry.value.locked:
            return Done()
        write = await accept_write(self._graph, requester, account)
        return Done(None if write is None else write.batch())


class ListKeeping:
    """Takes those out of lists who are followed no more, and clears up after deleted lists."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        listen = Listening(functions, events)
        low = Criticality.LOW
        listen.to(
            Unfollowed,
            self._unfollowed,
            name="lists.drop_unfollowed",
            when=lambda event: event.listed,
            criticality=low,
            deadline=600.0,
        )
        listen.to(
            ListDeleted,
            self._deleted,
            name="lists.empty_deleted",
            criticality=low,
            deadline=3_600.0,
            opportunistic=True,
        )

    async def _unfollowed(self, call: Call[Unfollowed]) -> Outcome:
        """Out of all lists of the follower, unless it was put there after being followed again."""
        graph, owner, account = self._graph, call.arguments.follower, call.arguments.followed
        if not await has_lists(graph, owner):
            return Done()
        again = await graph.find(owner, (FOLLOWS,), (account,))
        write = graph.write(owner)
        write.check_association(FOLLOWS, owner, account, present=bool(again))
        await drop_from_lists(graph, write, owner, account, before=again[0].order if again else None)
        return Done(write.batch())

    async def _deleted(self, call: Call[ListDeleted]) -> Outcome:
        list_ = call.arguments.list
        rows = await self._graph.range(list_, LISTS_MEMBER, limit=MAX_PARTS)
        write = self._graph.write(list_)
        for row in rows:
            write.remove(LISTS_MEMBER, list_, row.target)
        return Checkpoint("", write.batch()) if len(rows) == MAX_PARTS else Done(write.batch())


async def drop_from_lists(graph: Graph, write: Write, owner: int, account: int, *, before: int | None = None) -> None:
    """Take an account out of all of somebody's lists in a batch; with `before`, where it was put in before that id."""
    for list_ in await graph.members(owner, HOLDS_LIST, most=2 * MOST_LISTS) or ():
        for row in await graph.find(list_, (LISTS_MEMBER,), (account,)):
            if before is None or row.order < before:
                write.remove(LISTS_MEMBER, list_, account)
