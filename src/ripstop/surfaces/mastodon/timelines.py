"""Timelines: home and the server's own; what one account posted; the thread around a post."""

from typing import Annotated

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.feeds import (
    Home,
    Page,
    Window,
    account_posts,
    local_timeline,
    pinned_posts,
    tag_timeline,
    thread_context,
)
from ripstop.domain.text import tag_name
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, page
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.present.status import StatusPresenter

MOST = 40
"""Longest page."""
MOST_OTHER_TAGS = 4
"""Hashtags that each list beside the one in the path may name."""


class Paging(msgspec.Struct, kw_only=True):
    """How a list of posts is paged."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 20
    max_id: Id | None = None
    since_id: Id | None = None
    min_id: Id | None = None

    @property
    def window(self) -> Window:
        return Window(limit=min(self.limit, MOST), max_id=self.max_id, since_id=self.since_id, min_id=self.min_id)


class PublicParams(Paging):
    """Which public posts: `local` and `remote` exclude each other's."""

    local: bool = False
    remote: bool = False
    only_media: bool = False


class TagParams(PublicParams, kw_only=True):
    """Which posts with a hashtag: also those with any of others, but only with all of some and none of others."""

    hashtag: str
    any: Annotated[list[str], msgspec.Meta(max_length=MOST_OTHER_TAGS)] = []
    all: Annotated[list[str], msgspec.Meta(max_length=MOST_OTHER_TAGS)] = []
    none: Annotated[list[str], msgspec.Meta(max_length=MOST_OTHER_TAGS)] = []


class AccountPostsParams(Paging):
    """Which of an account's posts."""

    id: int
    exclude_replies: bool = False
    exclude_reblogs: bool = False
    only_media: bool = False
    pinned: bool = False
    tagged: str | None = None


class Timelines:
    """Handlers of everything that lists posts."""

    def __init__(self, graph: Graph, home: Home, statuses: StatusPresenter) -> None:
        self._graph = graph
        self._home = home
        self._statuses = statuses

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/timelines/home", self.home, scope="read:statuses", auth=Auth.USER, params=Paging),
            Route("GET", "/api/v1/timelines/public", self.public, auth=Auth.OPTIONAL, params=PublicParams),
            Route("GET", "/api/v1/timelines/tag/{hashtag}", self.tag, auth=Auth.OPTIONAL, params=TagParams),
            Route("GET", "/api/v1/accounts/{id}/statuses", self.account, auth=Auth.OPTIONAL, params=AccountPostsParams),
            Route("GET", "/api/v1/statuses/{id}/context", self.context, auth=Auth.OPTIONAL),
        ]

    async def home(self, request: Request, params: Paging) -> Response:
        """Posts and reposts of those whom the viewer follows."""
        viewer = request.account
        return await self._answer(request, viewer, await self._home.read(viewer, params.window))

    async def public(self, request: Request, params: PublicParams) -> Response:
        """Public posts. There are none of other servers yet, so `remote` is empty."""
        viewer = viewer_of(request)
        if params.remote:
            return await self._answer(request, viewer, Page([], None, None))
        found = await local_timeline(self._graph, viewer, params.window, only_media=params.only_media)
        return await self._answer(request, viewer, found)

    async def tag(self, request: Request, params: TagParams) -> Response:
        """Public posts with hashtags; nothing for what cannot be one."""
        viewer = viewer_of(request)
        tags = _tags([params.hashtag, *params.any])
        if params.remote or not tags:
            return await self._answer(request, viewer, Page([], None, None))
        found = await tag_timeline(
            self._graph,
            viewer,
            tags,
            params.window,
            all_of=_tags(params.all),
            none_of=_tags(params.none),
            only_media=params.only_media,
        )
        return await self._answer(request, viewer, found)

    async def account(self, request: Request, params: AccountPostsParams) -> Response:
        """Posts and reposts of one account. With `pinned`, those that it shows first, all at once."""
        viewer = viewer_of(request)
        await access_account(self._graph, params.id)
        if params.pinned:
            return await self._answer(request, viewer, await pinned_posts(self._graph, viewer, params.id))
        found = await account_posts(
            self._graph,
            viewer,
            params.id,
            params.window,
            exclude_replies=params.exclude_replies,
            exclude_reposts=params.exclude_reblogs,
            only_media=params.only_media,
            tag=None if params.tagged is None else tag_name(params.tagged) or "",
        )
        return await self._answer(request, viewer, found)

    async def context(self, request: Request, params: None) -> bytes:
        """What a post answers, and what answers it."""
        viewer = viewer_of(request)
        around = await thread_context(self._graph, viewer, int(request.args["id"]))
        return await self._statuses.render_context(viewer, around.ancestors, around.descendants)

    async def _answer(self, request: Request, viewer: int | None, found: Page) -> Response:
        body = await self._statuses.render_list(viewer, found.items)
        return page(request, body, next_max_id=found.next_max_id, prev_min_id=found.prev_min_id)


def _tags(names: list[str]) -> list[str]:
    """Those that can be hashtags, in lower case."""
    return [tag for name in names if (tag := tag_name(name)) is not None]


def viewer_of(request: Request) -> int | None:
    """The account that asks, if one does."""
    return request.viewer.account if request.viewer is not None else None
