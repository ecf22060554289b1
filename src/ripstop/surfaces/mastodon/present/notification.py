"""The Notification entity, and that of a request to be told."""

from collections.abc import Sequence

import msgspec

from ripstop.domain.notifications.model import (
    EDIT,
    FOLLOW,
    FOLLOW_REQUEST,
    LIKE,
    MENTION,
    NEW_ACCOUNT,
    NEW_POST,
    NEW_REPORT,
    QUOTE,
    QUOTED_EDIT,
    REPOST,
    Rules,
    group_key,
)
from ripstop.domain.notifications.queries import Notification
from ripstop.domain.notifications.requests import Request, Summary
from ripstop.kernel.ids import time_ms
from ripstop.machinery.graph import Graph
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.instants import instant
from ripstop.surfaces.mastodon.present.report import render_reports
from ripstop.surfaces.mastodon.present.status import StatusPresenter

TYPES = {
    FOLLOW: "follow",
    LIKE: "favourite",
    REPOST: "reblog",
    MENTION: "mention",
    FOLLOW_REQUEST: "follow_request",
    NEW_POST: "status",
    EDIT: "update",
    QUOTE: "quote",
    QUOTED_EDIT: "quoted_update",
    NEW_ACCOUNT: "admin.sign_up",
    NEW_REPORT: "admin.report",
}
"""What the API calls each kind."""


class NotificationPresenter:
    """Renders what a viewer was told."""

    def __init__(self, graph: Graph, accounts: AccountPresenter, statuses: StatusPresenter) -> None:
        self._graph = graph
        self._accounts = accounts
        self._statuses = statuses

    async def render(self, viewer: int, items: Sequence[Notification]) -> list[bytes]:
        """A Notification for each item whose people are still there. At most six engine calls, whatever the length, and
        three where reports are among them."""
        if not items:
            return []
        posts = {item.post.post.id: item.post for item in items if item.post is not None}
        statuses = await self._statuses.render_each(viewer, list(posts.values()))
        cards = await self._accounts.cards({item.actor for item in items}, for_staff=True)
        filed = [item.id for item in items if item.kind == NEW_REPORT]
        reports = await render_reports(self._graph, self._accounts, filed)
        return [
            _entity(
                item,
                cards[item.actor],
                None if item.post is None else statuses[item.post.post.id],
                reports.get(item.id),
            )
            for item in items
            if item.actor in cards
            and (item.post is None or item.post.post.id in statuses)
            and (item.kind != NEW_REPORT or item.id in reports)
        ]

    async def render_requests(self, viewer: int, items: Sequence[Request]) -> list[bytes]:
        """A NotificationRequest for each item whose actor is still there. As many engine calls as `render`."""
        posts = {item.post.post.id: item.post for item in items if item.post is not None}
        statuses = await self._statuses.render_each(viewer, list(posts.values()))
        cards = await self._accounts.cards({item.actor for item in items})
        return [
            _request(item, cards[item.actor], statuses.get(item.post.post.id) if item.post is not None else None)
            for item in items
            if item.actor in cards
        ]


def _entity(item: Notification, card: bytes, status: bytes | None, report: bytes | None) -> bytes:
    post = None if item.post is None else item.post.post.id
    key = f"ungrouped-{item.id}" if item.filtered else group_key(item.kind, item.id, post)
    head = (
        f'{{"id":"{item.id}","type":"{TYPES[item.kind]}","created_at":"{instant(time_ms(item.id))}"'
        f',"group_key":"{key}","account":'
    )
    ending = b',"filtered":true}' if item.filtered else b"}"
    reported = b"" if report is None else b',"report":' + report
    return b"".join((head.encode(), card, b',"status":', status or b"null", reported, ending))


def _request(item: Request, card: bytes, status: bytes | None) -> bytes:
    """The number is a text, as clients take it."""
    head = (
        f'{{"id":"{item.id}","created_at":"{instant(time_ms(item.first))}"'
        f',"updated_at":"{instant(time_ms(item.newest))}","notifications_count":"{item.size}","account":'
    )
    return b"".join((head.encode(), card, b',"last_status":', status or b"null", b"}"))


def policy(rules: Rules, summary: Summary) -> dict[str, object]:
    """A NotificationPolicy."""
    verdicts = {f"for_{name}": verdict for name, verdict in msgspec.structs.asdict(rules).items()}
    return {**verdicts, "summary": _summary(summary)}


def old_policy(rules: Rules, summary: Summary) -> dict[str, object]:
    """A NotificationPolicy as it was in version 1: whether something is filtered at all."""
    names = ("not_following", "not_followers", "new_accounts", "private_mentions")
    filters: dict[str, object] = {f"filter_{name}": getattr(rules, name) != "accept" for name in names}
    return {**filters, "summary": _summary(summary)}


def _summary(summary: Summary) -> dict[str, int]:
    return {"pending_requests_count": summary.requests, "pending_notifications_count": summary.notifications}
