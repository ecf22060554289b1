"""Who quotes a post, and having one's own quoted no more."""

import msgspec

from ripstop.domain.feeds.rows import quoting_posts
from ripstop.domain.posts.quotes import revoke
from ripstop.domain.viewing import Seen, access_original, access_post
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import id_page
from ripstop.surfaces.mastodon.present.status import StatusPresenter
from ripstop.surfaces.mastodon.timelines import Paging


class QuotesParams(Paging, kw_only=True):
    """A page of the quotes of a post, by when they were made."""

    id: int


class RevokeParams(msgspec.Struct, kw_only=True):
    """Which quote of a post."""

    id: int
    quoting_status_id: int


class Quotes:
    """Handlers of quotes."""

    def __init__(self, graph: Graph, statuses: StatusPresenter) -> None:
        self._graph = graph
        self._statuses = statuses

    def routes(self) -> list[Route]:
        path = "/api/v1/statuses/{id}/quotes"
        return [
            Route("GET", path, self.several, scope="read:statuses", auth=Auth.USER, params=QuotesParams),
            Route(
                "POST",
                path + "/{quoting_status_id}/revoke",
                self.revoke,
                scope="write:statuses",
                auth=Auth.USER,
                params=RevokeParams,
            ),
        ]

    async def several(self, request: Request, params: QuotesParams) -> Response:
        """The posts that quote one, as far as the viewer may see and wants to meet them."""
        viewer = request.account
        post = await access_original(self._graph, viewer, params.id)
        found = await quoting_posts(self._graph, viewer, post.id, params.window)
        return id_page(request, await self._statuses.render_list(viewer, found.items), found)

    async def revoke(self, request: Request, params: RevokeParams) -> bytes:
        """The quoting post, which quotes no more. A commit, and as many engine calls as it takes to show it."""
        viewer = request.account
        quoted = await access_original(self._graph, viewer, params.id)
        await self._quoting(viewer, params.quoting_status_id)
        await revoke(self._graph, viewer, quoted, params.quoting_status_id)
        await self._graph.sync()
        return await self._statuses.render_one(viewer, await self._quoting(viewer, params.quoting_status_id))

    async def _quoting(self, viewer: int, id_: int) -> Seen:
        """The quoting post as the viewer may see it, or else as everybody may: a block does not shield it."""
        try:
            return await access_post(self._graph, viewer, id_)
        except NotFound:
            return await access_post(self._graph, None, id_)
