"""What the viewer was told, in groups: version 2 of notifications."""

from typing import Literal

from ripstop.domain.notifications.actions import dismiss_group
from ripstop.domain.notifications.groups import access_group, actors_of, count_unread_groups, groups
from ripstop.domain.notifications.model import GROUPABLE
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.notifications import NotificationsParams, UnreadParams
from ripstop.surfaces.mastodon.paging import found_page
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.notification import TYPES
from ripstop.surfaces.mastodon.present.notification_group import GroupPresenter
from ripstop.surfaces.mastodon.present.status import json_list


class GroupsParams(NotificationsParams, kw_only=True):
    """A page of groups. `grouped_types` are those that the client can show in groups; None: all that there are."""

    grouped_types: list[str] | None = None
    expand_accounts: Literal["full", "partial_avatars"] = "full"


class UnreadGroupsParams(UnreadParams, kw_only=True):
    """Up to how many groups are counted."""

    grouped_types: list[str] | None = None


class GroupedNotifications:
    """Handlers of groups."""

    def __init__(self, graph: Graph, presenter: GroupPresenter, accounts: AccountPresenter) -> None:
        self._graph = graph
        self._presenter = presenter
        self._accounts = accounts

    def routes(self) -> list[Route]:
        base, read, write = "/api/v2/notifications", "read:notifications", "write:notifications"
        either = f"{read} {write}"  # the documentation asks for the latter, to read
        return [
            Route("GET", base, self.several, scope=read, auth=Auth.USER, params=GroupsParams),
            Route("GET", base + "/unread_count", self.unread, scope=read, auth=Auth.USER, params=UnreadGroupsParams),
            Route("GET", base + "/{group_key}", self.one, scope=read, auth=Auth.USER),
            Route("GET", base + "/{group_key}/accounts", self.actors, scope=either, auth=Auth.USER),
            Route("POST", base + "/{group_key}/dismiss", self.dismiss, scope=write, auth=Auth.USER),
        ]

    async def several(self, request: Request, params: GroupsParams) -> Response:
        """Two engine calls when all is cached, at most eighteen otherwise."""
        viewer = request.account
        found = await groups(self._graph, viewer, params.wanted, grouped=_kinds(params.grouped_types))
        partial = params.expand_accounts == "partial_avatars"
        body = await self._presenter.render(viewer, found.items, partial=partial, paged=True)
        return found_page(request, body, found, min_id=params.min_id)

    async def unread(self, request: Request, params: UnreadGroupsParams) -> Response:
        """How many groups have something new since the marker was set, up to the limit. Three engine calls."""
        kinds = _kinds(params.grouped_types)
        return json({"count": await count_unread_groups(self._graph, request.account, params.wanted, grouped=kinds)})

    async def one(self, request: Request, params: None) -> bytes:
        """As many engine calls as a list."""
        viewer = request.account
        group = await access_group(self._graph, viewer, str(request.args["group_key"]))
        return await self._presenter.render(viewer, [group], partial=False, paged=False)

    async def actors(self, request: Request, params: None) -> bytes:
        """Those who did what is in a group, the latest first."""
        actors = await actors_of(self._graph, request.account, str(request.args["group_key"]))
        found = await self._accounts.cards(actors, for_staff=True)
        cards = [found[actor] for actor in actors if actor in found]
        if not cards:
            raise NotFound("Record not found")
        return json_list(cards)

    async def dismiss(self, request: Request, params: None) -> Response:
        """Put a group away. Two engine calls and a commit."""
        await dismiss_group(self._graph, request.account, str(request.args["group_key"]))
        return empty()


def _kinds(names: list[str] | None) -> list[int]:
    """The kinds that are to be shown in groups; types that cannot be are left out."""
    return [kind for kind in GROUPABLE if names is None or TYPES[kind] in names]
