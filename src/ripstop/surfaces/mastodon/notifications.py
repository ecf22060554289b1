"""What the viewer was told."""

from typing import Annotated

import msgspec

from ripstop.domain.feeds import Window
from ripstop.domain.notifications.actions import clear, dismiss
from ripstop.domain.notifications.queries import Wanted, access_notification, count_unread, notifications
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import found_page
from ripstop.surfaces.mastodon.present.notification import TYPES, NotificationPresenter
from ripstop.surfaces.mastodon.present.status import json_list

MOST = 80
MOST_UNREAD = 1_000


class KindParams(msgspec.Struct, kw_only=True):
    """Which notifications. Types that this server does not know match nothing."""

    types: list[str] | None = None
    exclude_types: list[str] | None = None
    account_id: Id | None = None

    @property
    def kinds(self) -> list[int]:
        return [
            kind
            for kind, name in TYPES.items()
            if (not self.types or name in self.types) and name not in (self.exclude_types or ())
        ]


class NotificationsParams(KindParams, kw_only=True):
    """A page of them."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 40
    max_id: Id | None = None
    since_id: Id | None = None
    min_id: Id | None = None
    include_filtered: bool = False

    @property
    def wanted(self) -> Wanted:
        window = Window(limit=min(self.limit, MOST), max_id=self.max_id, since_id=self.since_id, min_id=self.min_id)
        return Wanted(
            kinds=self.kinds,
            actor=self.account_id,
            filtered=self.include_filtered,
            after=window.after,
            before=window.before,
            limit=window.limit,
            direction=window.direction,
        )


class UnreadParams(KindParams, kw_only=True):
    """Up to how many are counted."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 100

    @property
    def wanted(self) -> Wanted:
        return Wanted(kinds=self.kinds, actor=self.account_id, limit=min(self.limit, MOST_UNREAD))


class Notifications:
    """Handlers of notifications."""

    def __init__(self, graph: Graph, presenter: NotificationPresenter) -> None:
        self._graph = graph
        self._presenter = presenter

    def routes(self) -> list[Route]:
        base, read, write = "/api/v1/notifications", "read:notifications", "write:notifications"
        return [
            Route("GET", base, self.several, scope=read, auth=Auth.USER, params=NotificationsParams),
            Route("GET", base + "/unread_count", self.unread, scope=read, auth=Auth.USER, params=UnreadParams),
            Route("GET", base + "/{id}", self.one, scope=read, auth=Auth.USER),
            Route("POST", base + "/clear", self.clear, scope=write, auth=Auth.USER),
            Route("POST", base + "/{id}/dismiss", self.dismiss, scope=write, auth=Auth.USER),
        ]

    async def several(self, request: Request, params: NotificationsParams) -> Response:
        """One engine call when all is cached, at most thirteen otherwise."""
        viewer = request.account
        told = await notifications(self._graph, viewer, params.wanted)
        body = json_list(await self._presenter.render(viewer, told.items))
        return found_page(request, body, told, min_id=params.min_id)

    async def unread(self, request: Request, params: UnreadParams) -> Response:
        """How many came since the marker was set, up to the limit. Two engine calls."""
        return json({"count": await count_unread(self._graph, request.account, params.wanted)})

    async def one(self, request: Request, params: None) -> bytes:
        """As many engine calls as a list."""
        viewer = request.account
        notification = await access_notification(self._graph, viewer, int(request.args["id"]))
        rendered = await self._presenter.render(viewer, [notification])
        if not rendered:
            raise NotFound("Record not found")
        return rendered[0]

    async def clear(self, request: Request, params: None) -> Response:
        """Put all away."""
        await clear(self._graph, request.account)
        return empty()

    async def dismiss(self, request: Request, params: None) -> Response:
        """Put one away. One commit."""
        await dismiss(self._graph, request.account, int(request.args["id"]))
        return empty()
