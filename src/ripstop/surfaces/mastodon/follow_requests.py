"""Requests to be let follow the viewer, whose account is locked."""

from ripstop.domain.accounts.access import access_account
from ripstop.domain.feeds.rows import read_rows
from ripstop.domain.follows.model import REQUESTED_BY
from ripstop.domain.follows.requests import accept, reject
from ripstop.domain.viewing.people import asking_among
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import ListParams, row_page
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.relationship import relationship
from ripstop.surfaces.mastodon.present.status import json_list


class FollowRequests:
    """Handlers of what waits for an answer."""

    def __init__(self, graph: Graph, accounts: AccountPresenter) -> None:
        self._graph = graph
        self._accounts = accounts

    def routes(self) -> list[Route]:
        base, write = "/api/v1/follow_requests", "write:follows"
        return [
            Route("GET", base, self.several, scope="read:follows", auth=Auth.USER, params=ListParams),
            Route("POST", base + "/{id}/authorize", self.authorize, scope=write, auth=Auth.USER),
            Route("POST", base + "/{id}/reject", self.reject, scope=write, auth=Auth.USER),
        ]

    async def several(self, request: Request, params: ListParams) -> Response:
        """Who asks, but for those whom the viewer blocks. One engine call when all is cached."""
        rows = await read_rows(self._graph, request.account, REQUESTED_BY, params.window)
        asking = await asking_among(self._graph, request.account, [row.target for row in rows])
        body = json_list(await self._accounts.render_list(asking))
        return row_page(request, body, rows, params.window)

    async def authorize(self, request: Request, params: None) -> bytes:
        """Three engine calls and a commit."""
        requester = await access_account(self._graph, int(request.args["id"]))
        return relationship(await accept(self._graph, request.account, requester))

    async def reject(self, request: Request, params: None) -> bytes:
        """Three engine calls and a commit."""
        requester = await access_account(self._graph, int(request.args["id"]))
        return relationship(await reject(self._graph, request.account, requester))
