"""Telling people, taking it back, and keeping groups in step with what is in them.

The end of a thing may be worked off before its beginning. Both therefore act on one row of `NOTIFIED`, whose key is the
id minted with the thing itself: telling puts it if it is absent; undoing deletes it if it is there, and otherwise
leaves it behind marked as undone, which the telling then finds. In either order nothing is left to be seen.

`GROUPED` changes in the same batches, so a group's number and its newest are always right. So does its place in
`GROUPS`, although batches of one group may come in any order: who joins puts a row that only rises, and who leaves does
so on the condition that the newest is still what it was. Where the newest leaves, another that is older may join at
that moment and find the row above it; and where many are put away or let in, nobody says which is the newest. Then the
group is *settled* afterwards: the row is compared with what is in the group, and mended. For one that leaves that takes
two sides: who joins below the newest has the group settled; and who leaves as the newest has, unless no telling that
could have begun before that newest was told is under way.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ripstop.domain.notifications.events import Notified, Recorded, Unsettled
from ripstop.domain.notifications.model import (
    ACCEPT,
    ADMITS,
    ASKS,
    AWAY,
    DROP,
    FILTERED,
    GROUPABLE,
    GROUPED,
    GROUPS,
    IN_GROUP,
    LIKE,
    NOTIFIED,
    OF_KIND,
    UNDONE,
    Head,
    Notice,
    group_id,
    group_key,
    read_head,
    read_notice,
    request_id,
)
from ripstop.domain.notifications.rules import STANDING, check_standing, is_unwanted, judge, rules_of
from ripstop.engines import base
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import Call, Done, Function, Functions, Outcome
from ripstop.machinery.graph import Events, Graph, Write

KEPT_MS = 7 * 86_400_000
"""How long a row marked as undone waits for a telling that comes late."""


LATE_MS = 10_000
"""After which a group that its newest has left is settled, once for all that leave meanwhile: an older one may have
been told in the same moment, of which the batch cannot know."""

LIKES = "notifications.liked"
"""The function that tells of likes. The id of its call is below that of the like, in whose batch it is the first."""


class Forget(msgspec.Struct, frozen=True, kw_only=True):
    """Remove what undoing has left behind."""

    account: int
    id: int


class Known(NamedTuple):
    """What is known of a notification before it is told: its own row, that of its group, and what leads from the
    account to the actor, by type: `STANDING`, and `ADMITS` if it is told whatever the actor does.
    """

    told: base.Association | None
    group: base.Association | None
    standing: Mapping[int, base.Association]


class Telling:
    """Tells people, and takes it back; each is the outcome of a function."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._forgetting = Function(
            name="notifications.forget",
            arguments=Forget,
            handler=self._forget,
            criticality=Criticality.LOW,
            deadline=86_400.0,
            opportunistic=True,
        )
        self._settling = Function(
            name="notifications.settle", arguments=Unsettled, handler=self._settle, criticality=Criticality.LOW
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        functions.declare(self._forgetting)
        functions.declare(self._settling)
        events.durable(Unsettled, self._settling)

    async def tell(self, account: int, id_: int, kind: int, notice: Notice) -> Outcome:
        """Tell an account, unless it was told, does not want to be, or it was taken back.

        The batch is refused, and all is looked at again, if that changes meanwhile.
        """
        graph, actor = self._graph, notice.actor
        group = group_of(account, kind, id_, notice.post)
        known = await self._known(account, id_, group, actor)
        if known.told is not None or await is_unwanted(graph, account, notice, known.standing):
            return Done()
        verdict = ACCEPT
        if ADMITS.number not in known.standing:
            verdict = await judge(graph, account, await rules_of(graph, account), kind, notice)
        if verdict == DROP:
            return Done()
        write = graph.write(account)
        write.check_association(NOTIFIED, account, id_, present=False)
        check_standing(write, account, actor, known.standing)
        write.emit(Recorded(account=account, notification=id_))
        if verdict == ACCEPT:
            self.show(write, account, id_, kind, notice)
            if group is not None:
                self._join(write, account, group, known.group, id_, flags=kind, head=Head(actor, notice.post))
            write.emit(Notified(account=account, notification=id_))
        else:
            await self._hold_back(write, account, id_, kind, notice)
        return Done(write.batch(), write.live)

    async def _known(self, account: int, id_: int, group: int | None, actor: int) -> Known:
        """One engine call."""
        types, targets = [*STANDING, ADMITS, NOTIFIED], [actor, id_]
        if group is not None:
            types.append(GROUPS)
            targets.append(group)
        told = of_group = None
        standing = {}
        for row in await self._graph.find(account, types, targets):
            if row.type == NOTIFIED.number:
                told = row if row.target == id_ else told
            elif row.type == GROUPS.number:
                of_group = row if row.target == group else of_group
            elif row.target == actor:
                standing[row.type] = row
        return Known(told, of_group, standing)

    async def _hold_back(self, write: Write, account: int, id_: int, kind: int, notice: Notice) -> None:
        """Put a notification into the request of who did it. One engine call."""
        request = request_id(account, notice.actor)
        rows = await self._graph.find(account, (GROUPS,), (request,))
        row = rows[0] if rows else None
        write.check_association(ADMITS, account, notice.actor, present=False)
        write.put(NOTIFIED, account, id_, order=id_, flags=kind | FILTERED, data=notice)
        write.put(GROUPED, request, id_, order=id_, flags=kind, data=notice)
        if row is None:  # so that the row says which was the first
            write.check_association(GROUPS, account, request, present=False)
        self._join(write, account, request, row, id_, flags=ASKS, head=_asking(id_, notice, row))

    def _join(
        self,
        write: Write,
        account: int,
        group: int,
        row: base.Association | None,
        id_: int,
        *,
        flags: int,
        head: Head,
    ) -> None:
        """Have the row of a group say that this is its newest notification, unless it has a newer one.

        :param row: as it was found; one that is being put away stands there anew.
        """
        is_away = row is not None and bool(row.flags & AWAY)
        if row is not None and is_away:
            write.check_association(GROUPS, account, group, order=row.order)
        elif row is not None and row.order > id_:
            self.settle(write, account, group, after_ms=LATE_MS)  # the newest may leave at this moment
        write.put(GROUPS, account, group, order=id_, flags=flags, data=head, rising=not is_away)

    def show(self, write: Write, account: int, id_: int, kind: int, notice: Notice) -> int | None:
        """Put a notification among those that are told, and into its group if it has one; says which."""
        group = group_of(account, kind, id_, notice.post)
        if group is None:
            write.put(NOTIFIED, account, id_, order=id_, flags=kind, data=notice)
            return None
        write.put(NOTIFIED, account, id_, order=id_, flags=kind | kind << IN_GROUP, data=notice)
        write.put(GROUPED, group, id_, order=id_, flags=kind, data=notice)
        return group

    async def untell(self, account: int, id_: int, kind: int = 0, post: int | None = None) -> Outcome:
        """Take it back, or see to it that it is not told any more. Two engine calls at most.

        :param kind: with `post`, what was told, where that may stand in a group.
        """
        group = group_of(account, kind, id_, post)
        targets = (id_,) if group is None else (id_, group)
        found = {row.type: row for row in await self._graph.find(account, (NOTIFIED, GROUPS), targets)}
        told = found.get(NOTIFIED.number)
        if told is not None and told.flags & UNDONE:
            return Done()
        write = self._graph.write(account)
        write.check_association(NOTIFIED, account, id_, present=told is not None)
        if told is None:
            write.put(NOTIFIED, account, id_, order=id_, flags=UNDONE)
            write.call(self._forgetting, Forget(account=account, id=id_), due=self._graph.now_ms() + KEPT_MS)
            return Done(write.batch())
        for left in remove(write, told):
            row = found.get(GROUPS.number) if left == group else None
            if row is None or row.flags & AWAY:
                self.settle(write, account, left)
            else:
                await self._leave(write, row, id_)
        return Done(write.batch())

    async def _leave(self, write: Write, row: base.Association, id_: int) -> None:
        """Have the row of a group say what is its newest once a notification has left it. Two engine calls at most."""
        account, group = row.source, row.target
        if row.order != id_:
            write.check_association(GROUPED, group, row.order)
            return
        if await self._may_be_joined(row):
            self.settle(write, account, group, after_ms=LATE_MS)
        rest = [each for each in await self._graph.range(group, GROUPED, limit=2) if each.target != id_]
        write.check_association(GROUPS, account, group, order=id_)
        if not rest:
            write.remove(GROUPS, account, group)
        else:
            write.check_association(GROUPED, group, rest[0].target)
            flags, head = _row_of(account, group, row, rest[0])
            write.put(GROUPS, account, group, order=rest[0].order, flags=flags, data=head)

    async def _may_be_joined(self, row: base.Association) -> bool:
        """Whether one below the newest of a group may be told by who has not seen that newest.

        What was told before this look is in the group by now, and what is called after it sees the newest.
        """
        if row.flags & OF_KIND != LIKE:
            return True
        oldest = await self._graph.oldest_call(LIKES)
        return oldest is not None and oldest < row.order

    async def _forget(self, call: Call[Forget]) -> Outcome:
        account, id_ = call.arguments.account, call.arguments.id
        rows = await self._graph.find(account, (NOTIFIED,), (id_,))
        if not rows or not rows[0].flags & UNDONE:
            return Done()
        write = self._graph.write(account)
        write.remove(NOTIFIED, account, id_)
        return Done(write.batch())

    def settle(self, write: Write, account: int, group: int, *, after_ms: int = 0) -> None:
        """Have a group settled after this batch, or so much later."""
        due, key = 0, f"{account}/{group}"
        if after_ms:
            due, key = self._graph.now_ms() + after_ms, f"{key}/later"
        write.call(self._settling, Unsettled(account=account, group=group), due=due, key=key)

    async def _settle(self, call: Call[Unsettled]) -> Outcome:
        """Compare the row of a group with what is in it, and change it if need be."""
        account, group = call.arguments.account, call.arguments.group
        rows = await self._graph.find(account, (GROUPS,), (group,))
        newest = await self._graph.range(group, GROUPED, limit=1)
        row, last = rows[0] if rows else None, newest[0] if newest else None
        if row is None and last is None:
            return Done()
        if row is not None and last is not None and (row.order == last.order or row.flags & AWAY):
            return Done()
        write = self._graph.write(account)
        if row is not None:
            write.check_association(GROUPS, account, group, order=row.order)
        if last is None:
            write.remove(GROUPS, account, group)
        else:
            write.check_association(GROUPED, group, last.target)
            flags, head = _row_of(account, group, row, last)
            write.put(GROUPS, account, group, order=last.order, flags=flags, data=head, rising=row is None)
        return Done(write.batch())


def _row_of(account: int, group: int, row: base.Association | None, last: base.Association) -> tuple[int, Head]:
    """The flags and the data of the row of a group, or of a request, whose newest notification is `last`."""
    notice = read_notice(last.data or "{}")
    if group != request_id(account, notice.actor):
        return last.flags, Head(notice.actor, notice.post)
    return ASKS, _asking(last.target, notice, row)


def _asking(id_: int, notice: Notice, request: base.Association | None) -> Head:
    """What the row of a request says whose newest notification this is."""
    before = _asked_before(request)
    if before is None:
        return Head(notice.actor, notice.post, id_)
    post = before.post if notice.post is None else notice.post
    return Head(notice.actor, post, min(id_, before.first or id_))


def _asked_before(request: base.Association | None) -> Head | None:
    """What the row of a request says, unless it is being put away or let in."""
    if request is None or request.data is None or request.flags & AWAY:
        return None
    return read_head(request.data)


def group_of(account: int, kind: int, id_: int, post: int | None) -> int | None:
    """The group of the account that a notification belongs in, if its kind is told of together."""
    return group_id(account, group_key(kind, id_, post)) if kind in GROUPABLE else None


def remove(write: Write, row: base.Association) -> list[int]:
    """Remove a notification, of whichever group it is; says which groups may have changed."""
    account, id_ = row.source, row.target
    write.remove(NOTIFIED, account, id_)
    if row.flags & UNDONE or row.data is None:
        return []
    notice, kind = read_notice(row.data), row.flags & OF_KIND
    group = group_of(account, kind, id_, notice.post)
    groups = [] if group is None else [group]
    if row.flags & FILTERED:  # it may be let in meanwhile
        groups.append(request_id(account, notice.actor))
    for group in groups:
        write.remove(GROUPED, group, id_)
    return groups
