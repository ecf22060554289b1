"""What a profile shows off: hashtags, and people whom its owner recommends."""

from typing import Annotated

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.feeds.rows import read_rows
from ripstop.domain.follows.endorsements import endorse, unendorse
from ripstop.domain.follows.model import ENDORSES
from ripstop.domain.posts.featured import (
    Featured,
    counted,
    feature_tag,
    featured_tags,
    features_tag,
    suggested_tags,
    unfeature_tag,
)
from ripstop.domain.posts.model import tag_id
from ripstop.domain.posts.tags import follows_tag
from ripstop.domain.text import tag_name
from ripstop.domain.viewing.people import met_among
from ripstop.kernel.errors import Invalid, NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import ListParams, row_page
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.relationship import relationship
from ripstop.surfaces.mastodon.present.status import json_list
from ripstop.surfaces.mastodon.present.tag import featured_fields, tag_fields
from ripstop.surfaces.mastodon.site import Site
from ripstop.surfaces.mastodon.timelines import viewer_of

MOST_NAME = 200
"""Characters of a hashtag as it is sent."""


class FeatureParams(msgspec.Struct, kw_only=True):
    """A hashtag to be shown."""

    name: Annotated[str, msgspec.Meta(max_length=MOST_NAME)]


class FeaturedOnProfiles:
    """Handlers of hashtags and people that profiles show."""

    def __init__(self, graph: Graph, accounts: AccountPresenter, site: Site) -> None:
        self._graph = graph
        self._accounts = accounts
        self._origin = site.origin

    def routes(self) -> list[Route]:
        tags, account = "/api/v1/featured_tags", "/api/v1/accounts/{id}"
        read, write = "read:accounts", "write:accounts"
        endorsing = {"pin": self.endorse, "endorse": self.endorse, "unpin": self.unendorse, "unendorse": self.unendorse}
        return [
            Route("GET", tags, self.own_tags, scope=read, auth=Auth.USER),
            Route("POST", tags, self.feature, scope=write, auth=Auth.USER, params=FeatureParams),
            Route("GET", tags + "/suggestions", self.suggested, scope=read, auth=Auth.USER),
            Route("DELETE", tags + "/{id}", self.remove, scope=write, auth=Auth.USER),
            Route("POST", "/api/v1/tags/{name}/feature", self.feature_named, scope=write, auth=Auth.USER),
            Route("POST", "/api/v1/tags/{name}/unfeature", self.unfeature_named, scope=write, auth=Auth.USER),
            Route("GET", account + "/featured_tags", self.tags_of, auth=Auth.OPTIONAL),
            Route("GET", account + "/endorsements", self.endorsed_by, auth=Auth.OPTIONAL, params=ListParams),
            Route("GET", "/api/v1/endorsements", self.endorsed, scope=read, auth=Auth.USER, params=ListParams),
            *(
                Route("POST", f"{account}/{verb}", handler, scope=write, auth=Auth.USER)
                for verb, handler in endorsing.items()
            ),
        ]

    # Hashtags

    async def own_tags(self, request: Request, params: None) -> Response:
        """At most three engine calls."""
        return await self._tags(request.account)

    async def tags_of(self, request: Request, params: None) -> Response:
        """One engine call where there are none, at most four otherwise."""
        account = await access_account(self._graph, int(request.args["id"]))
        return json([]) if account.value.is_suspended else await self._tags(account.id)

    async def feature(self, request: Request, params: FeatureParams) -> Response:
        """A commit, and at most three engine calls."""
        tag = tag_name(params.name)
        if tag is None:
            raise Invalid("Validation failed: Name is not a hashtag")
        await feature_tag(self._graph, request.account, tag)
        return json(self._featured((await counted(self._graph, request.account, (tag,)))[0]))

    async def remove(self, request: Request, params: None) -> Response:
        """A commit."""
        if not await unfeature_tag(self._graph, request.account, int(request.args["id"])):
            raise NotFound("Record not found")
        return empty()

    async def suggested(self, request: Request, params: None) -> Response:
        """What the viewer used most of late. At most three engine calls."""
        tags = await suggested_tags(self._graph, request.account)
        return json([tag_fields(tag, self._origin, following=None) for tag in tags])

    async def feature_named(self, request: Request, params: None) -> Response:
        """A commit, and at most three engine calls."""
        tag = self._named(request)
        await feature_tag(self._graph, request.account, tag)
        return await self._tag(request.account, tag)

    async def unfeature_named(self, request: Request, params: None) -> Response:
        """A commit, and at most two engine calls."""
        tag = self._named(request)
        await unfeature_tag(self._graph, request.account, tag_id(tag))
        return await self._tag(request.account, tag)

    def _named(self, request: Request) -> str:
        tag = tag_name(str(request.args["name"]))
        if tag is None:
            raise NotFound("Record not found")
        return tag

    async def _tag(self, viewer: int, tag: str) -> Response:
        await self._graph.sync()
        following = await follows_tag(self._graph, viewer, tag)
        featuring = await features_tag(self._graph, viewer, tag)
        return json(tag_fields(tag, self._origin, following=following, featuring=featuring))

    async def _tags(self, account: int) -> Response:
        return json([self._featured(one) for one in await featured_tags(self._graph, account)])

    def _featured(self, featured: Featured) -> dict[str, object]:
        return featured_fields(featured, self._origin)

    # People

    async def endorse(self, request: Request, params: None) -> bytes:
        """Three engine calls and a commit."""
        target = await access_account(self._graph, int(request.args["id"]))
        return relationship(await endorse(self._graph, request.account, target))

    async def unendorse(self, request: Request, params: None) -> bytes:
        """Two engine calls and a commit."""
        target = await access_account(self._graph, int(request.args["id"]))
        return relationship(await unendorse(self._graph, request.account, target))

    async def endorsed(self, request: Request, params: ListParams) -> Response:
        """Whom the viewer recommends. At most three engine calls."""
        return await self._people(request, request.account, params)

    async def endorsed_by(self, request: Request, params: ListParams) -> Response:
        """Whom somebody recommends. At most four engine calls, beside the viewer's relations."""
        account = await access_account(self._graph, params.id)
        if account.value.is_suspended:
            return row_page(request, b"[]", (), params.window)
        return await self._people(request, account.id, params)

    async def _people(self, request: Request, account: int, params: ListParams) -> Response:
        rows = await read_rows(self._graph, account, ENDORSES, params.window)
        people = await met_among(self._graph, viewer_of(request), [row.target for row in rows])
        body = json_list(await self._accounts.render_list(people))
        return row_page(request, body, rows, params.window)
