"""The Conversation entity."""

from collections.abc import Sequence

from ripstop.domain.conversations.queries import Conversation
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.status import StatusPresenter, json_list


class ConversationPresenter:
    """Renders conversations of a viewer."""

    def __init__(self, accounts: AccountPresenter, statuses: StatusPresenter) -> None:
        self._accounts = accounts
        self._statuses = statuses

    async def render(self, viewer: int, items: Sequence[Conversation]) -> list[bytes]:
        """A Conversation for each item whose newest post still has an author. At most nine engine calls."""
        if not items:
            return []
        statuses = await self._statuses.render_each(viewer, [item.last for item in items])
        cards = await self._accounts.cards({id_ for item in items for id_ in item.accounts})
        return [
            b"".join(
                (
                    f'{{"id":"{item.id}","unread":{"true" if item.unread else "false"},"accounts":'.encode(),
                    json_list(cards[id_] for id_ in item.accounts if id_ in cards),
                    b',"last_status":',
                    statuses[item.last.post.id],
                    b"}",
                )
            )
            for item in items
            if item.last.post.id in statuses
        ]
