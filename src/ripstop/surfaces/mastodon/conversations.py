"""Direct posts by conversation."""

from typing import Annotated

import msgspec

from ripstop.domain.conversations.actions import mark, remove
from ripstop.domain.conversations.queries import access_conversation, conversations
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import ListParams, found_page
from ripstop.surfaces.mastodon.present.conversation import ConversationPresenter
from ripstop.surfaces.mastodon.present.status import json_list

MOST = 40


class ConversationsParams(ListParams, kw_only=True):
    """A page of conversations."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 20


class Conversations:
    """Handlers of conversations."""

    def __init__(self, graph: Graph, presenter: ConversationPresenter) -> None:
        self._graph = graph
        self._presenter = presenter

    def routes(self) -> list[Route]:
        base, write = "/api/v1/conversations", "write:conversations"
        return [
            Route("GET", base, self.several, scope="read:statuses", auth=Auth.USER, params=ConversationsParams),
            Route("DELETE", base + "/{id}", self.remove, scope=write, auth=Auth.USER),
            Route("POST", base + "/{id}/read", self.read, scope=write, auth=Auth.USER),
            Route("POST", base + "/{id}/unread", self.unread, scope=write, auth=Auth.USER),
        ]

    async def several(self, request: Request, params: ConversationsParams) -> Response:
        """One engine call when all is cached."""
        viewer, window = request.account, params.window
        found = await conversations(
            self._graph,
            viewer,
            after=window.after,
            before=window.before,
            limit=min(window.limit, MOST),
            direction=window.direction,
        )
        body = json_list(await self._presenter.render(viewer, found.items))
        return found_page(request, body, found, min_id=window.min_id)

    async def remove(self, request: Request, params: None) -> Response:
        """One engine call and a commit; a function does the rest."""
        await remove(self._graph, request.account, int(request.args["id"]))
        return empty()

    async def read(self, request: Request, params: None) -> bytes:
        """Two engine calls and a commit, and those that show it."""
        return await self._mark(request, unread=False)

    async def unread(self, request: Request, params: None) -> bytes:
        """As `read`."""
        return await self._mark(request, unread=True)

    async def _mark(self, request: Request, *, unread: bool) -> bytes:
        viewer, id_ = request.account, int(request.args["id"])
        await mark(self._graph, viewer, id_, unread=unread)
        rendered = await self._presenter.render(viewer, [await access_conversation(self._graph, viewer, id_)])
        if not rendered:
            raise NotFound("Record not found")
        return rendered[0]
