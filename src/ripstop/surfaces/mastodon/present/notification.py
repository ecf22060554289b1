"""The Notification entity."""

from collections.abc import Sequence

from ripstop.domain.notifications.model import FOLLOW, FOLLOW_REQUEST, LIKE, MENTION, REPOST
from ripstop.domain.notifications.queries import Notification
from ripstop.kernel.ids import time_ms
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.instants import instant
from ripstop.surfaces.mastodon.present.status import StatusPresenter

TYPES = {FOLLOW: "follow", LIKE: "favourite", REPOST: "reblog", MENTION: "mention", FOLLOW_REQUEST: "follow_request"}
"""What the API calls each kind."""


class NotificationPresenter:
    """Renders what a viewer was told."""

    def __init__(self, accounts: AccountPresenter, statuses: StatusPresenter) -> None:
        self._accounts = accounts
        self._statuses = statuses

    async def render(self, viewer: int, items: Sequence[Notification]) -> list[bytes]:
        """A Notification for each item whose people are still there. At most six engine calls, whatever the length."""
        if not items:
            return []
        posts = {item.post.post.id: item.post for item in items if item.post is not None}
        statuses = await self._statuses.render_each(viewer, list(posts.values()))
        cards = await self._accounts.cards({item.actor for item in items})
        return [
            _entity(item, cards[item.actor], None if item.post is None else statuses[item.post.post.id])
            for item in items
            if item.actor in cards and (item.post is None or item.post.post.id in statuses)
        ]


def _entity(item: Notification, card: bytes, status: bytes | None) -> bytes:
    head = (
        f'{{"id":"{item.id}","type":"{TYPES[item.kind]}","created_at":"{instant(time_ms(item.id))}"'
        f',"group_key":"ungrouped-{item.id}","account":'
    )
    return b"".join((head.encode(), card, b',"status":', status or b"null", b"}"))
