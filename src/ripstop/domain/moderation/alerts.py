"""Telling the staff of reports and newcomers, among its notifications, and taking that back when they are gone."""

from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.events import AccountDeleted, SignedUp
from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.accounts.staff import has_staff, staff_with
from ripstop.domain.moderation.events import Reported
from ripstop.domain.moderation.reports import Stretch, reports
from ripstop.domain.notifications.model import NEEDS, NEW_ACCOUNT, NEW_REPORT, NOTIFIED, Notice
from ripstop.domain.notifications.telling import Telling
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import MAX_PARTS, Call, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Events, Graph, Listening

PAGE = MAX_PARTS - 1
"""People of the staff who are told in one call each; the others are one more."""
MOST_REPORTS = 40
"""Reports by, and about, a deleted account that are taken back, the newest ones; others are not shown either."""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tell the one `account`, or (None) all of the staff above the id `after` whom it concerns, of something of this
    `kind` by `actor`, about `subject` if that is somebody else; `id` is that of what happened. Or take it back.
    """

    kind: int
    id: int
    actor: int
    subject: int | None = None
    account: int | None = None
    after: int = 0
    undo: bool = False


class Alerting:
    """The functions that listen to what concerns the staff."""

    def __init__(self, graph: Graph, telling: Telling) -> None:
        self._graph = graph
        self._telling = telling
        self._alert = Function(
            name="moderation.alert",
            arguments=Alert,
            handler=self._tell_staff,
            criticality=Criticality.LOW,
            deadline=600.0,
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions and have them called."""
        low, late = Criticality.LOW, 600.0
        functions.declare(self._alert)
        listen = Listening(functions, events)
        listen.to(
            SignedUp,
            self._signed_up,
            name="moderation.signed_up",
            when=lambda event: event.alerts,
            criticality=low,
            deadline=late,
        )
        listen.to(Reported, self._reported, name="moderation.reported")
        listen.to(
            AccountDeleted,
            self._gone,
            name="moderation.account_gone",
            when=lambda event: event.again == 0,
            criticality=low,
            deadline=late,
        )

    async def _signed_up(self, call: Call[SignedUp]) -> Outcome:
        account = call.arguments.account
        return await self._spread([Alert(kind=NEW_ACCOUNT, id=account, actor=account)])

    async def _reported(self, call: Call[Reported]) -> Outcome:
        event = call.arguments
        return await self._spread(
            [Alert(kind=NEW_REPORT, id=event.report, actor=event.reporter, subject=event.account)]
        )

    async def _gone(self, call: Call[AccountDeleted]) -> Outcome:
        """Take back that somebody came, and what they reported, or was reported of them."""
        account = call.arguments.account
        if not await has_staff(self._graph):
            return Done()
        undone = [Alert(kind=NEW_ACCOUNT, id=account, actor=account, undo=True)]
        for stretch in (Stretch(reporter=account, limit=MOST_REPORTS), Stretch(account=account, limit=MOST_REPORTS)):
            found = await reports(self._graph, stretch)
            undone += [Alert(kind=NEW_REPORT, id=one.id, actor=one.value.reporter, undo=True) for one in found]
        return await self._spread(undone)

    async def _spread(self, alerts: Sequence[Alert]) -> Outcome:
        """A call for each of the staff, or where these are many, one for all of them."""
        write = self._graph.write(alerts[0].id)
        for alert in alerts:
            staff = await staff_with(self._graph, NEEDS[alert.kind])
            if len(alerts) * len(staff) > PAGE:
                write.call(self._alert, alert)
                continue
            for account in staff:
                write.call(self._alert, msgspec.structs.replace(alert, account=account))
        return Done(write.batch() if write.operations else None)

    async def _tell_staff(self, call: Call[Alert]) -> Outcome:
        work = call.arguments
        staff = await staff_with(self._graph, NEEDS[work.kind])
        if work.account is None:
            rest = [account for account in staff if account > work.after]
            parts = [msgspec.structs.replace(work, account=account) for account in rest[:PAGE]]
            if len(rest) > PAGE:
                parts.append(msgspec.structs.replace(work, after=rest[PAGE - 1]))
            return Split(parts) if parts else Done()
        if work.undo:
            rows = await self._graph.find(work.account, (NOTIFIED,), (work.id,))
            return await self._telling.untell(work.account, work.id, work.kind) if rows else Done()
        if work.account not in staff or work.account == work.actor:
            return Done()
        people = {work.actor, work.subject or work.actor}
        if len(await self._graph.get_many(ACCOUNT, people)) < len(people):  # somebody is gone meanwhile
            return Done()
        return await self._telling.tell(work.account, work.id, work.kind, Notice(work.actor))
