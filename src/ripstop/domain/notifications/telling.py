"""Telling people, taking it back, and keeping groups in step with what is in them.

The end of a thing may be worked off before its beginning. Both therefore act on one row of `NOTIFIED`, whose key is the
id minted with the thing itself: telling puts it if it is absent; undoing deletes it if it is there, and otherwise
leaves it behind marked as undone, which the telling then finds. In either order nothing is left to be seen.

`GROUPED` changes in the same batches, so a group's number and its newest are always right. Its place in `GROUPS` may be
behind for a moment, as batches of one group may come in any order. So whoever may have left it wrong calls for it to be
*settled* a little later: the row is compared with what is in the group, and mended. Only who begins a group, and who
takes its newest away, knows the row to be right: under the condition that nobody else began it, or that what is the
newest then is still there when the batch is committed.
"""

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
    NOTIFIED,
    OF_KIND,
    RULES,
    UNDONE,
    Head,
    Notice,
    Rules,
    group_id,
    group_key,
    read_head,
    read_notice,
    read_rules,
    request_id,
)
from ripstop.domain.notifications.rules import check_standing, is_unwanted, judge, standing_of
from ripstop.engines import base
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import Call, Done, Function, Functions, Outcome
from ripstop.machinery.graph import Events, Graph, Write

KEPT_MS = 7 * 86_400_000
"""How long a row marked as undone waits for a telling that comes late."""
SETTLE_MS = 1_000
"""After which a group is settled; whatever happens to it meanwhile is settled with it."""


class Forget(msgspec.Struct, frozen=True, kw_only=True):
    """Remove what undoing has left behind."""

    account: int
    id: int


class Known(NamedTuple):
    """What is known of a notification before it is told: its own row, those of its group and of a request, and rules.

    `admitted` says that the account is told whatever this actor does.
    """

    told: base.Association | None
    group: base.Association | None
    request: base.Association | None
    rules: Rules
    admitted: bool


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
        graph = self._graph
        standing = await standing_of(graph, account, notice.actor)
        if await is_unwanted(graph, account, notice, standing):
            return Done()
        key = group_key(kind, id_, notice.post)
        group, request = group_id(account, key), request_id(account, notice.actor)
        known = await self._known(account, id_, group, request, notice.actor)
        if known.told is not None:
            return Done()
        verdict = ACCEPT if known.admitted else await judge(graph, account, known.rules, kind, notice)
        if verdict == DROP:
            return Done()
        write = graph.write(account)
        write.check_association(NOTIFIED, account, id_, present=False)
        check_standing(write, account, notice.actor, standing)
        write.emit(Recorded(account=account, notification=id_))
        if verdict == ACCEPT:
            self.show(write, account, id_, kind, notice)
            if kind in GROUPABLE:
                self._join(write, account, group, id_, known.group, flags=kind, head=Head(notice.actor, notice.post))
            write.emit(Notified(account=account, notification=id_))
            return Done(write.batch(), write.live)
        write.check_association(ADMITS, account, notice.actor, present=False)
        write.put(NOTIFIED, account, id_, order=id_, flags=kind | FILTERED, data=notice)
        write.put(GROUPED, request, id_, order=id_, flags=kind, data=notice)
        head = _asking(id_, notice, known.request)
        self._join(write, account, request, id_, known.request, flags=ASKS, head=head)
        return Done(write.batch(), write.live)

    async def _known(self, account: int, id_: int, group: int, request: int, actor: int) -> Known:
        """One engine call."""
        rows = await self._graph.find(account, (NOTIFIED, GROUPS, ADMITS), (id_, group, request, actor, RULES))
        found = {(row.type, row.target): row for row in rows}
        rules = found.get((ADMITS.number, RULES))
        return Known(
            told=found.get((NOTIFIED.number, id_)),
            group=found.get((GROUPS.number, group)),
            request=found.get((GROUPS.number, request)),
            rules=Rules() if rules is None or rules.data is None else read_rules(rules.data),
            admitted=(ADMITS.number, actor) in found,
        )

    def show(self, write: Write, account: int, id_: int, kind: int, notice: Notice) -> int | None:
        """Put a notification among those that are told, and into its group if it has one; says which."""
        if kind not in GROUPABLE:
            write.put(NOTIFIED, account, id_, order=id_, flags=kind, data=notice)
            return None
        group = group_id(account, group_key(kind, id_, notice.post))
        write.put(NOTIFIED, account, id_, order=id_, flags=kind | kind << IN_GROUP, data=notice)
        write.put(GROUPED, group, id_, order=id_, flags=kind, data=notice)
        return group

    def _join(
        self, write: Write, account: int, group: int, id_: int, row: base.Association | None, *, flags: int, head: Head
    ) -> None:
        """Have the row of a group say that this is its newest notification, unless it has a newer one."""
        if row is None:
            write.check_association(GROUPS, account, group, present=False)
        else:
            self.settle(write, account, group, soon=bool(flags & ASKS))
        if row is None or row.order < id_ or row.flags & AWAY:
            write.put(GROUPS, account, group, order=id_, flags=flags, data=head)

    async def untell(self, account: int, id_: int) -> Outcome:
        """Take it back, or see to it that it is not told any more."""
        rows = await self._graph.find(account, (NOTIFIED,), (id_,))
        if rows and rows[0].flags & UNDONE:
            return Done()
        write = self._graph.write(account)
        write.check_association(NOTIFIED, account, id_, present=bool(rows))
        if rows:
            for group in remove(write, rows[0]):
                await self._leave(write, account, group, id_)
        else:
            write.put(NOTIFIED, account, id_, order=id_, flags=UNDONE)
            write.call(self._forgetting, Forget(account=account, id=id_), due=self._graph.now_ms() + KEPT_MS)
        return Done(write.batch())

    async def _leave(self, write: Write, account: int, group: int, id_: int) -> None:
        """Have the row of a group say what is its newest once a notification has left it. Two engine calls at most.

        Who adds to the group at the same time has found the row there, and has the group settled afterwards.
        """
        rows = await self._graph.find(account, (GROUPS,), (group,))
        row = rows[0] if rows else None
        if row is None or row.flags & (AWAY | ASKS):
            self.settle(write, account, group)
        elif row.order != id_:
            self.settle(write, account, group, soon=False)
        else:
            latest = await self._graph.range(group, GROUPED, limit=2)
            rest = [each for each in latest if each.target != id_]
            if not rest:
                write.remove(GROUPS, account, group)
            else:
                write.check_association(GROUPED, group, rest[0].target)
                flags, head = _row_of(account, group, row, rest[0])
                write.put(GROUPS, account, group, order=rest[0].order, flags=flags, data=head)

    async def _forget(self, call: Call[Forget]) -> Outcome:
        account, id_ = call.arguments.account, call.arguments.id
        rows = await self._graph.find(account, (NOTIFIED,), (id_,))
        if not rows or not rows[0].flags & UNDONE:
            return Done()
        write = self._graph.write(account)
        write.remove(NOTIFIED, account, id_)
        return Done(write.batch())

    def settle(self, write: Write, account: int, group: int, *, soon: bool = True) -> None:
        """Have a group settled after this batch; a little later where its place may be behind and nothing else."""
        due = 0 if soon else self._graph.now_ms() + SETTLE_MS
        write.call(self._settling, Unsettled(account=account, group=group), due=due, key=f"{account}/{group}")

    async def _settle(self, call: Call[Unsettled]) -> Outcome:
        """Compare the row of a group with what is in it, and change it if need be."""
        account, group = call.arguments.account, call.arguments.group
        rows = await self._graph.find(account, (GROUPS,), (group,))
        newest = await self._graph.range(group, GROUPED, limit=1)
        write = self._graph.write(account)
        if not newest:
            if not rows:
                return Done()
            write.remove(GROUPS, account, group)
        else:
            row, last = rows[0] if rows else None, newest[0]
            if row is not None and (row.order == last.order or row.flags & AWAY):
                return Done()
            flags, head = _row_of(account, group, row, last)
            write.put(GROUPS, account, group, order=last.order, flags=flags, data=head)
            write.check_association(GROUPED, group, last.target)
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


def remove(write: Write, row: base.Association) -> list[int]:
    """Remove a notification, of whichever group it is; says which groups may have changed."""
    account, id_ = row.source, row.target
    write.remove(NOTIFIED, account, id_)
    if row.flags & UNDONE or row.data is None:
        return []
    notice, kind = read_notice(row.data), row.flags & OF_KIND
    groups = [group_id(account, group_key(kind, id_, notice.post))] if kind in GROUPABLE else []
    if row.flags & FILTERED:  # it may be let in meanwhile
        groups.append(request_id(account, notice.actor))
    for group in groups:
        write.remove(GROUPED, group, id_)
    return groups
