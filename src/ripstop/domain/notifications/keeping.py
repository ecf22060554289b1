"""What is done to many notifications at once: putting away, letting in, and keeping no more than there is room for.

Each function works through a list page by page, every page in a batch of its own, so it may stop and go on anywhere.
"""

from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.follows.events import Blocked, Muted
from ripstop.domain.notifications.events import Admitted, Cleared, Discarded, Merged, Recorded
from ripstop.domain.notifications.model import (
    ADMITS,
    FILTERED,
    FLOOR,
    GROUPED,
    GROUPS,
    NOTIFIED,
    OF_KIND,
    UNDONE,
    read_notice,
)
from ripstop.domain.notifications.telling import Telling, remove
from ripstop.domain.posts.events import PostDeleted
from ripstop.engines import base
from ripstop.engines.base import Criticality, Cursor, Direction
from ripstop.machinery.functions import Call, Checkpoint, Done, Function, Functions, Outcome
from ripstop.machinery.graph import Events, Graph, Listening

PAGE = 25
"""Notifications that one batch changes: each is up to three rows, and may call for its group to be settled."""
LOOK = 1_000
"""Rows that are looked at in one call where few are expected to be changed."""
MOST_KEPT = 10_000
"""Notifications that are kept of one account, and so the most that stand in one group."""
LATE = 600.0
"""Seconds within which it should begin."""
TRIM_EVERY = 500
"""About how many notifications are told until the oldest are looked for."""


class Keeping:
    """Works through lists of notifications."""

    def __init__(self, graph: Graph, telling: Telling) -> None:
        self._graph = graph
        self._telling = telling
        self._putting_away = Function(
            name="notifications.put_away",
            arguments=Discarded,
            handler=self._put_away,
            criticality=Criticality.LOW,
            deadline=LATE,
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        functions.declare(self._putting_away)
        events.durable(Discarded, self._putting_away)
        listen = Listening(functions, events)
        low = Criticality.LOW
        listen.to(Cleared, self._clear, name="notifications.clear", criticality=low, deadline=LATE)
        listen.to(Admitted, self._let_in, name="notifications.let_in")
        listen.to(Blocked, self._blocked, name="notifications.blocked")
        listen.to(Muted, self._muted, name="notifications.muted", when=lambda event: event.notifications)
        listen.to(PostDeleted, self._deleted, name="notifications.of_deleted", criticality=low)
        listen.to(
            Recorded,
            self._trim,
            name="notifications.trim",
            when=lambda event: is_time_to_trim(event.notification),
            criticality=low,
            deadline=LATE,
            opportunistic=True,
        )

    async def _blocked(self, call: Call[Blocked]) -> Outcome:
        """Neither is to see what the other did; each has a list in a shard of its own."""
        event = call.arguments
        write = self._graph.write(event.blocker)
        write.call(self._putting_away, Discarded(account=event.blocker, actor=event.blocked))
        write.call(self._putting_away, Discarded(account=event.blocked, actor=event.blocker))
        return Done(write.batch())

    async def _muted(self, call: Call[Muted]) -> Outcome:
        write = self._graph.write(call.arguments.muter)
        write.call(self._putting_away, Discarded(account=call.arguments.muter, actor=call.arguments.muted))
        return Done(write.batch())

    async def _deleted(self, call: Call[PostDeleted]) -> Outcome:
        """Likes and reposts of a deleted post are told no more. They are all newer than the post.

        Where the author is deleted, everything that it was told goes with it.
        """
        event = call.arguments
        if await self._graph.get(ACCOUNT, event.author) is None:
            return Done()
        if not await self._graph.range(event.author, NOTIFIED, after=(event.post, 0), limit=1):
            return Done()
        write = self._graph.write(event.author)
        write.call(self._putting_away, Discarded(account=event.author, post=event.post))
        return Done(write.batch())

    async def _put_away(self, call: Call[Discarded]) -> Outcome:
        """A page at a time from the newest on; the state is where it has come to."""
        work = call.arguments
        before = _cursor(call.checkpoint) or (None if work.upto is None else (work.upto + 1, 0))
        if work.group is not None:
            rows = await self._graph.range(work.group, GROUPED, before=before, limit=PAGE)
            found = await self._graph.find(work.account, (NOTIFIED,), [row.target for row in rows]) if rows else []
            more = len(rows) == PAGE
        else:
            after = None if work.post is None else (work.post, 0)
            limit = PAGE if work.actor is None and work.post is None else LOOK
            rows = await self._graph.range(work.account, NOTIFIED, after=after, before=before, limit=limit)
            found = [row for row in rows if _is_of(row, work)]
            more = len(rows) == limit or len(found) > PAGE
            if len(found) > PAGE:
                found = found[:PAGE]
                rows = rows[: rows.index(found[-1]) + 1]
        write = self._graph.write(work.account)
        groups = {group for row in found for group in remove(write, row)}
        if work.group is not None:
            groups.add(work.group)
            for row in rows:
                write.remove(GROUPED, work.group, row.target)
        for group in groups:
            self._telling.settle(write, work.account, group)
        effect = write.batch() if write.operations else None
        return Checkpoint(f"{rows[-1].order}", effect) if more else Done(effect)

    async def _clear(self, call: Call[Cleared]) -> Outcome:
        """As `_put_away`, all of it; with the last goes the floor, so that what comes late is shown."""
        account, upto = call.arguments.account, call.arguments.upto
        before = _cursor(call.checkpoint) or (upto + 1, 0)
        rows = await self._graph.range(account, NOTIFIED, before=before, limit=PAGE, mask=UNDONE)
        write = self._graph.write(account)
        for group in {group for row in rows for group in remove(write, row)}:
            self._telling.settle(write, account, group)
        if len(rows) == PAGE:
            return Checkpoint(f"{rows[-1].order}", write.batch())
        for floor in await self._graph.find(account, (ADMITS,), (FLOOR,)):
            if floor.order <= upto:
                write.check_association(ADMITS, account, FLOOR, order=floor.order)
                write.remove(ADMITS, account, FLOOR)
        return Done(write.batch() if write.operations else None)

    async def _let_in(self, call: Call[Admitted]) -> Outcome:
        work = call.arguments
        rows = await self._graph.range(work.request, GROUPED, limit=PAGE, direction=Direction.OLDEST_FIRST)
        write = self._graph.write(work.account)
        if not rows:
            write.remove(GROUPS, work.account, work.request)
            write.emit(Merged(account=work.account))
            return Done(write.batch(), write.live)
        found = await self._graph.find(work.account, (NOTIFIED,), [row.target for row in rows])
        groups = set()
        for row in found:
            if row.flags & FILTERED and row.data is not None:
                write.check_association(NOTIFIED, work.account, row.target)
                notice = read_notice(row.data)
                groups.add(self._telling.show(write, work.account, row.target, row.flags & OF_KIND, notice))
        for row in rows:
            write.remove(GROUPED, work.request, row.target)
        for group in groups:
            if group is not None:
                self._telling.settle(write, work.account, group)
        return Checkpoint("", write.batch())

    async def _trim(self, call: Call[Recorded]) -> Outcome:
        """Find where the oldest begin that there is no room for, and put them away."""
        account = call.arguments.account
        before: Cursor | None = None
        for _ in range(MOST_KEPT // LOOK):
            rows = await self._graph.range(account, NOTIFIED, before=before, limit=LOOK, mask=UNDONE)
            if len(rows) < LOOK:
                return Done()
            before = (rows[-1].order, rows[-1].target)
        write = self._graph.write(account)
        write.call(self._putting_away, Discarded(account=account, upto=before[0] - 1 if before else 0))
        return Done(write.batch())


def is_time_to_trim(id_: int) -> bool:
    """Whether the telling of this notification looks for the oldest: about every `TRIM_EVERY`th one does."""
    return (id_ >> 22) % TRIM_EVERY == 0


def _cursor(state: str | None) -> Cursor | None:
    return (int(state), 0) if state else None


def _is_of(row: base.Association, work: Discarded) -> bool:
    """Whether a notification is one of those to be put away."""
    if row.flags & UNDONE or row.data is None:
        return False
    notice = read_notice(row.data)
    return work.actor in (None, notice.actor) and work.post in (None, notice.post)
