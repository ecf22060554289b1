"""Hashtags: what they are, and following them."""

from ripstop.domain.feeds.rows import read_rows
from ripstop.domain.posts.featured import features_tag
from ripstop.domain.posts.model import FOLLOWS_TAG
from ripstop.domain.posts.tags import follow_tag, followed_names, follows_tag, unfollow_tag
from ripstop.domain.text import tag_name
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import ListParams, row_page
from ripstop.surfaces.mastodon.present.tag import tag_fields
from ripstop.surfaces.mastodon.site import Site
from ripstop.surfaces.mastodon.timelines import viewer_of


class Tags:
    """Handlers of hashtags. Their posts are a timeline."""

    def __init__(self, graph: Graph, site: Site) -> None:
        self._graph = graph
        self._origin = site.origin

    def routes(self) -> list[Route]:
        tag = "/api/v1/tags/{name}"
        return [
            Route("GET", tag, self.one, auth=Auth.OPTIONAL),
            Route("POST", f"{tag}/follow", self.follow, scope="write:follows", auth=Auth.USER),
            Route("POST", f"{tag}/unfollow", self.unfollow, scope="write:follows", auth=Auth.USER),
            Route(
                "GET", "/api/v1/followed_tags", self.followed, scope="read:follows", auth=Auth.USER, params=ListParams
            ),
        ]

    async def one(self, request: Request, params: None) -> Response:
        """At most two engine calls."""
        tag, viewer = _tag(request), viewer_of(request)
        if viewer is None:
            return json(tag_fields(tag, self._origin, following=None))
        return json(await self._fields(viewer, tag, following=await follows_tag(self._graph, viewer, tag)))

    async def follow(self, request: Request, params: None) -> Response:
        """A commit, and at most two engine calls."""
        tag = _tag(request)
        await follow_tag(self._graph, request.account, tag)
        return json(await self._fields(request.account, tag, following=True))

    async def unfollow(self, request: Request, params: None) -> Response:
        """A commit, and at most one engine call."""
        tag = _tag(request)
        await unfollow_tag(self._graph, request.account, tag)
        return json(await self._fields(request.account, tag, following=False))

    async def _fields(self, viewer: int, tag: str, *, following: bool) -> dict[str, object]:
        featuring = await features_tag(self._graph, viewer, tag)
        return tag_fields(tag, self._origin, following=following, featuring=featuring)

    async def followed(self, request: Request, params: ListParams) -> Response:
        """What the viewer follows, by when it began to. At most two engine calls."""
        rows = await read_rows(self._graph, request.account, FOLLOWS_TAG, params.window)
        shown = [await self._fields(request.account, name, following=True) for name in followed_names(rows)]
        return row_page(request, json(shown).body, rows, params.window)


def _tag(request: Request) -> str:
    """The hashtag that the path names.

    :raises NotFound: this cannot be one.
    """
    tag = tag_name(str(request.args["name"]))
    if tag is None:
        raise NotFound("Record not found")
    return tag
