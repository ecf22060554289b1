"""Admin::Account and Admin::Report: what the staff sees."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.moderation.finding import Owner, owners_of
from ripstop.domain.moderation.model import Report
from ripstop.domain.posts.model import POST
from ripstop.domain.settings import settings_of
from ripstop.domain.viewing import Seen
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.mastodon.present.account import AccountPresenter, suspended_fields
from ripstop.surfaces.mastodon.present.instance import rules
from ripstop.surfaces.mastodon.present.instants import instant
from ripstop.surfaces.mastodon.present.report import report_fields
from ripstop.surfaces.mastodon.present.role import role_fields
from ripstop.surfaces.mastodon.present.status import StatusPresenter

Fields = dict[str, Any]


class AdminPresenter:
    """Renders accounts and reports for the staff."""

    def __init__(self, graph: Graph, accounts: AccountPresenter, statuses: StatusPresenter, *, origin: str) -> None:
        self._graph = graph
        self._accounts = accounts
        self._statuses = statuses
        self._origin = origin

    async def accounts(self, entries: Sequence[Entry[Account]]) -> list[Fields]:
        """An Admin::Account for each. At most three engine calls, whatever their number."""
        cards = await self._accounts.cards([entry.id for entry in entries], for_staff=True)
        owners = await owners_of(self._graph, entries)
        return [self._account(entry, cards, owners.get(entry.id, Owner())) for entry in entries]

    def _account(self, entry: Entry[Account], cards: Mapping[int, bytes], owner: Owner) -> Fields:
        account = entry.value
        card = cards.get(entry.id)
        return {
            "id": str(entry.id),
            "username": account.username,
            "domain": account.domain or None,
            "created_at": instant(account.created_at),
            "email": owner.email,
            "ip": None,
            "ips": [],
            "locale": owner.locale,
            "invite_request": owner.reason or None,
            "role": role_fields(account.role),
            "confirmed": True,
            "approved": not account.pending,
            "disabled": account.disabled_at is not None,
            "silenced": account.limited_at is not None,
            "suspended": account.is_suspended,
            "sensitized": account.sensitized_at is not None,
            "account": suspended_fields(entry.id, account, self._origin) if card is None else msgspec.Raw(card),
        }

    async def reports(self, viewer: int, entries: Sequence[Entry[Report]]) -> list[Fields]:
        """An Admin::Report for each whose two accounts are still there. At most five engine calls, and those of a page
        of posts, whatever their number."""
        people = await self._graph.get_many(ACCOUNT, {id_ for entry in entries for id_ in _people_of(entry.value)})
        shown = dict(zip(people, await self.accounts(list(people.values())), strict=True))
        posts = await self._graph.get_many(POST, {id_ for entry in entries for id_ in entry.value.posts})
        known = rules(await settings_of(self._graph))
        statuses = await self._statuses.render_each(viewer, [Seen(post, None) for post in posts.values()])
        return [
            {
                **report_fields(entry),
                "updated_at": instant(entry.value.updated_at or entry.value.created_at),
                "account": shown[entry.value.reporter],
                "target_account": shown[entry.value.account],
                "assigned_account": shown.get(entry.value.assigned or 0),
                "action_taken_by_account": shown.get(entry.value.resolved_by or 0),
                "statuses": [msgspec.Raw(statuses[id_]) for id_ in entry.value.posts if id_ in statuses],
                "rules": [rule for rule in known if rule["id"] in {str(id_) for id_ in entry.value.rules}],
            }
            for entry in entries
            if entry.value.reporter in shown and entry.value.account in shown
        ]


def _people_of(report: Report) -> Iterable[int]:
    people = (report.reporter, report.account, report.assigned, report.resolved_by)
    return [id_ for id_ in people if id_ is not None]
