"""What the viewer wants to be told, and requests of those whom that leaves out."""

from typing import Annotated, Literal

import msgspec

from ripstop.domain.notifications.actions import admit, admit_all, refuse, refuse_all
from ripstop.domain.notifications.model import ACCEPT, FILTER
from ripstop.domain.notifications.requests import access_request, is_merged, requests, summary
from ripstop.domain.notifications.rules import change_rules, rules_of
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import MOST_ACCOUNTS, ListParams, found_page
from ripstop.surfaces.mastodon.present.notification import NotificationPresenter, old_policy, policy
from ripstop.surfaces.mastodon.present.status import json_list

Verdict = Literal["accept", "filter", "drop"]


class PolicyParams(msgspec.Struct, kw_only=True):
    """What is to be done about notifications of whom; what is not given stays as it is."""

    for_not_following: Verdict | None = None
    for_not_followers: Verdict | None = None
    for_new_accounts: Verdict | None = None
    for_private_mentions: Verdict | None = None
    for_limited_accounts: Verdict | None = None
    for_bots: Verdict | None = None

    @property
    def changes(self) -> dict[str, str]:
        given = msgspec.structs.asdict(self).items()
        return {name.removeprefix("for_"): verdict for name, verdict in given if verdict is not None}


class OldPolicyParams(msgspec.Struct, kw_only=True):
    """Version 1: whether to filter notifications of whom."""

    filter_not_following: bool | None = None
    filter_not_followers: bool | None = None
    filter_new_accounts: bool | None = None
    filter_private_mentions: bool | None = None

    @property
    def changes(self) -> dict[str, str]:
        given = msgspec.structs.asdict(self).items()
        return {
            name.removeprefix("filter_"): FILTER if filters else ACCEPT
            for name, filters in given
            if filters is not None
        }


class SeveralParams(msgspec.Struct, kw_only=True):
    """Several requests."""

    id: Annotated[list[Id], msgspec.Meta(max_length=MOST_ACCOUNTS)] = []


class NotificationPolicy:
    """Handlers of policy and requests."""

    def __init__(self, graph: Graph, presenter: NotificationPresenter) -> None:
        self._graph = graph
        self._presenter = presenter

    def routes(self) -> list[Route]:
        read, write, user = "read:notifications", "write:notifications", Auth.USER
        new, old, base = (
            "/api/v2/notifications/policy",
            "/api/v1/notifications/policy",
            "/api/v1/notifications/requests",
        )
        return [
            Route("GET", new, self.policy, scope=read, auth=user),
            Route("PATCH", new, self.change_policy, scope=write, auth=user, params=PolicyParams),
            Route("GET", old, self.old_policy, scope=read, auth=user),
            Route("PATCH", old, self.change_old_policy, scope=write, auth=user, params=OldPolicyParams),
            Route("PUT", old, self.change_old_policy, scope=write, auth=user, params=OldPolicyParams),
            Route("GET", base, self.several, scope=read, auth=user, params=ListParams),
            Route("GET", base + "/merged", self.merged, scope=read, auth=user),
            Route("GET", base + "/{id}", self.one, scope=read, auth=user),
            Route("POST", base + "/accept", self.accept_several, scope=write, auth=user, params=SeveralParams),
            Route("POST", base + "/dismiss", self.dismiss_several, scope=write, auth=user, params=SeveralParams),
            Route("POST", base + "/{id}/accept", self.accept, scope=write, auth=user),
            Route("POST", base + "/{id}/dismiss", self.dismiss, scope=write, auth=user),
        ]

    async def policy(self, request: Request, params: None) -> Response:
        """Two engine calls, and one for what is not cached."""
        rules = await rules_of(self._graph, request.account)
        return json(policy(rules, await summary(self._graph, request.account)))

    async def change_policy(self, request: Request, params: PolicyParams) -> Response:
        """As many engine calls as `policy`, and a commit."""
        rules = await change_rules(self._graph, request.account, params.changes)
        return json(policy(rules, await summary(self._graph, request.account)))

    async def old_policy(self, request: Request, params: None) -> Response:
        """As `policy`."""
        rules = await rules_of(self._graph, request.account)
        return json(old_policy(rules, await summary(self._graph, request.account)))

    async def change_old_policy(self, request: Request, params: OldPolicyParams) -> Response:
        """As `change_policy`."""
        rules = await change_rules(self._graph, request.account, params.changes)
        return json(old_policy(rules, await summary(self._graph, request.account)))

    async def several(self, request: Request, params: ListParams) -> Response:
        """One engine call when all is cached."""
        viewer, window = request.account, params.window
        found = await requests(
            self._graph,
            viewer,
            after=window.after,
            before=window.before,
            limit=window.limit,
            direction=window.direction,
        )
        body = json_list(await self._presenter.render_requests(viewer, found.items))
        return found_page(request, body, found, min_id=window.min_id)

    async def one(self, request: Request, params: None) -> bytes:
        """As many engine calls as a list."""
        viewer = request.account
        found = await access_request(self._graph, viewer, int(request.args["id"]))
        rendered = await self._presenter.render_requests(viewer, [found])
        if not rendered:
            raise NotFound("Record not found")
        return rendered[0]

    async def merged(self, request: Request, params: None) -> Response:
        """Whether nothing that was accepted is still on its way. One engine call."""
        return json({"merged": await is_merged(self._graph, request.account)})

    async def accept(self, request: Request, params: None) -> Response:
        """One engine call and a commit; a function moves what was held back."""
        await admit(self._graph, request.account, int(request.args["id"]))
        return empty()

    async def dismiss(self, request: Request, params: None) -> Response:
        """One engine call and a commit; a function removes what was held back."""
        await refuse(self._graph, request.account, int(request.args["id"]))
        return empty()

    async def accept_several(self, request: Request, params: SeveralParams) -> Response:
        """As `accept`; those that are not there are passed over."""
        await admit_all(self._graph, request.account, params.id)
        return empty()

    async def dismiss_several(self, request: Request, params: SeveralParams) -> Response:
        """As `dismiss`; those that are not there are passed over."""
        await refuse_all(self._graph, request.account, params.id)
        return empty()
