"""Search: accounts, hashtags, posts."""

import re
from typing import Annotated

import msgspec

from ripstop.domain.accounts.access import access_named_account
from ripstop.domain.posts.featured import features_tag
from ripstop.domain.posts.tags import follows_tag
from ripstop.domain.search.queries import find_accounts, find_hashtags, find_posts
from ripstop.domain.viewing import access_post
from ripstop.engines.base import Engine
from ripstop.kernel.errors import NotFound, Unauthenticated
from ripstop.kernel.ids import MAX_ID
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.status import StatusPresenter, json_list
from ripstop.surfaces.mastodon.present.tag import tag_fields
from ripstop.surfaces.mastodon.site import Site
from ripstop.surfaces.mastodon.timelines import viewer_of

MOST, MOST_ACCOUNTS = 40, 80
MOST_OFFSET = 160
"""How far a search is paged; beyond, it answers nothing."""

Limit = Annotated[int, msgspec.Meta(ge=1)]
Offset = Annotated[int, msgspec.Meta(ge=0)]


class SearchParams(msgspec.Struct, kw_only=True):
    """What is looked for. `resolve` would fetch from other servers, of which this one knows none yet."""

    q: str
    type: str | None = None
    resolve: bool = False
    following: bool = False
    account_id: Id | None = None
    min_id: Id = 0
    max_id: Id = MAX_ID
    limit: Limit = 20
    offset: Offset = 0


class AccountSearchParams(msgspec.Struct, kw_only=True):
    """The same for accounts alone."""

    q: str
    limit: Limit = 40
    offset: Offset = 0
    resolve: bool = False
    following: bool = False


class Search:
    """Handlers of search."""

    def __init__(
        self, graph: Graph, engine: Engine, accounts: AccountPresenter, statuses: StatusPresenter, *, site: Site
    ) -> None:
        self._graph = graph
        self._engine = engine
        self._accounts = accounts
        self._statuses = statuses
        self._site = site
        self._address = re.compile(re.escape(site.origin) + r"/@(\w+)(?:/(\d{1,19}))?/?", re.ASCII)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v2/search", self.search, scope="read:search", auth=Auth.OPTIONAL, params=SearchParams),
            Route(
                "GET",
                "/api/v1/accounts/search",
                self.accounts,
                scope="read:accounts",
                auth=Auth.USER,
                params=AccountSearchParams,
            ),
        ]

    async def accounts(self, request: Request, params: AccountSearchParams) -> bytes:
        """At most three engine calls beside the viewer's relations."""
        limit = min(params.limit, MOST_ACCOUNTS)
        return json_list(
            await self._find_accounts(request, params.q, limit=limit, offset=params.offset, following=params.following)
        )

    async def search(self, request: Request, params: SearchParams) -> bytes:
        """All three kinds, or one. Posts are for those with a token only, as Mastodon has it."""
        viewer = viewer_of(request)
        if viewer is None and (params.offset or params.resolve):
            raise Unauthenticated("Search queries that resolve or page are not supported without authentication")
        named = self._address.fullmatch(params.q.strip())
        if named is not None:
            return await self._at(viewer, named[1], named[2])
        limit, offset = min(params.limit, MOST), params.offset
        accounts: list[bytes] = []
        hashtags: list[str] = []
        statuses = b"[]"
        if params.type in (None, "accounts"):
            accounts = await self._find_accounts(
                request, params.q, limit=limit, offset=offset, following=params.following
            )
        if params.type in (None, "hashtags"):
            hashtags = await find_hashtags(self._graph, viewer, params.q, limit=limit, offset=min(offset, MOST_OFFSET))
        if viewer is not None and params.type in (None, "statuses") and offset <= MOST_OFFSET:
            found = await find_posts(
                self._graph,
                self._engine,
                viewer,
                params.q,
                local_domain=self._site.domain,
                author=params.account_id,
                after=params.min_id,
                before=params.max_id,
                limit=limit,
                offset=offset,
            )
            statuses = await self._statuses.render_list(viewer, found)
        tags = [await self._tag(viewer, tag) for tag in hashtags]
        return _results(json_list(accounts), statuses, msgspec.json.encode(tags))

    async def _tag(self, viewer: int | None, tag: str) -> dict[str, object]:
        """A Tag, and what it is to the viewer, whose hashtags are held: for many at most two engine calls."""
        if viewer is None:
            return tag_fields(tag, self._site.origin, following=None)
        following = await follows_tag(self._graph, viewer, tag)
        featuring = await features_tag(self._graph, viewer, tag)
        return tag_fields(tag, self._site.origin, following=following, featuring=featuring)

    async def _find_accounts(
        self, request: Request, query: str, *, limit: int, offset: int, following: bool
    ) -> list[bytes]:
        if offset > MOST_OFFSET:
            return []
        found = await find_accounts(
            self._graph,
            viewer_of(request),
            query,
            local_domain=self._site.domain,
            following=following,
            limit=limit,
            offset=offset,
        )
        return await self._accounts.render_list(found)

    async def _at(self, viewer: int | None, username: str, post: str | None) -> bytes:
        """The one account or post whose page was given."""
        try:
            if post is not None:
                id_ = min(int(post), MAX_ID)  # which nothing has
                status = await self._statuses.render_one(viewer, await access_post(self._graph, viewer, id_))
                return _results(b"[]", json_list([status]), b"[]")
            account = await access_named_account(self._graph, username, local_domain=self._site.domain)
            return _results(json_list([await self._accounts.render_one(account)]), b"[]", b"[]")
        except NotFound:
            return _results(b"[]", b"[]", b"[]")


def _results(accounts: bytes, statuses: bytes, hashtags: bytes) -> bytes:
    return b"".join((b'{"accounts":', accounts, b',"statuses":', statuses, b',"hashtags":', hashtags, b"}"))
