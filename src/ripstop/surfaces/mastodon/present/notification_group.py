"""The results of grouped notifications: accounts and statuses once, and groups that name them."""

from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.notifications.groups import Group
from ripstop.domain.notifications.model import NEW_REPORT
from ripstop.kernel.ids import time_ms
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.mastodon.present.account import AccountPresenter, account_fields
from ripstop.surfaces.mastodon.present.instants import instant
from ripstop.surfaces.mastodon.present.notification import TYPES
from ripstop.surfaces.mastodon.present.report import render_reports
from ripstop.surfaces.mastodon.present.status import StatusPresenter, json_list

PARTIAL = ("id", "acct", "url", "avatar", "avatar_static", "avatar_description", "locked", "bot")
"""The keys of a PartialAccountWithAvatar."""


class GroupPresenter:
    """Renders groups of what a viewer was told.

    :param origin: the server's public URL, without a slash at the end.
    """

    def __init__(self, graph: Graph, accounts: AccountPresenter, statuses: StatusPresenter, *, origin: str) -> None:
        self._graph = graph
        self._accounts = accounts
        self._statuses = statuses
        self._origin = origin

    async def render(self, viewer: int, groups: Sequence[Group], *, partial: bool, paged: bool) -> bytes:
        """GroupedNotificationsResults, of groups whose people are still there. At most eight engine calls, and three
        where reports are among them.

        :param partial: only the latest actor of each group is given in full.
        :param paged: say what of each group stands on this page.
        """
        posts = {group.post.post.id: group.post for group in groups if group.post is not None}
        actors = {id_ for group in groups for id_ in group.actors}
        full = {group.actors[0] for group in groups} if partial else actors
        cards = await self._accounts.cards(full, for_staff=True)
        partials = await self._partials(actors - full) if partial else {}
        statuses = await self._statuses.render_each(viewer, list(posts.values()))
        filed = [group.newest for group in groups if group.kind == NEW_REPORT]
        reports = await render_reports(self._graph, self._accounts, filed)
        known = cards.keys() | partials.keys()
        entities = []
        for group in groups:
            named = [id_ for id_ in group.actors if id_ in known]
            report = reports.get(group.newest)
            if group.kind == NEW_REPORT and report is None:
                continue
            if named and (group.post is None or group.post.post.id in statuses):
                entities.append(_entity(group, named, report, paged=paged))
        return b"".join(
            (
                b'{"accounts":',
                json_list(cards.values()),
                b',"partial_accounts":' + json_list(partials.values()) if partial else b"",
                b',"statuses":',
                json_list(statuses.values()),
                b',"notification_groups":',
                json_list(entities),
                b"}",
            )
        )

    async def _partials(self, ids: set[int]) -> dict[int, bytes]:
        """A PartialAccountWithAvatar for each id that is there. At most one engine call."""
        accounts = await self._graph.get_many(ACCOUNT, ids)
        return {id_: entry.rendered.get("partial") or self._partial(entry) for id_, entry in accounts.items()}

    def _partial(self, entry: Entry[Account]) -> bytes:
        fields = account_fields(entry.id, entry.value, self._origin)
        rendered = msgspec.json.encode({name: fields[name] for name in PARTIAL})
        return self._graph.keep_rendered(entry, "partial", rendered)


def _entity(group: Group, actors: Sequence[int], report: bytes | None, *, paged: bool) -> bytes:
    """A NotificationGroup. Clients read `most_recent_notification_id` as a number, and all other ids as texts."""
    on_page = (
        f',"page_min_id":"{group.lowest}","page_max_id":"{group.newest}"'
        f',"latest_page_notification_at":"{instant(time_ms(group.newest))}"'
    )
    named = ",".join(f'"{id_}"' for id_ in actors)
    status = "null" if group.post is None else f'"{group.post.post.id}"'
    text = (
        f'{{"group_key":"{group.key}","notifications_count":{group.size},"type":"{TYPES[group.kind]}"'
        f',"most_recent_notification_id":{group.newest}{on_page if paged else ""}'
        f',"sample_account_ids":[{named}],"status_id":{status}'
    )
    return text.encode() + (b"}" if report is None else b',"report":' + report + b"}")
