"""People to be found without a name, and servers that nobody is to be heard from."""

from typing import Annotated, Literal

import msgspec

from ripstop.domain.feeds.rows import read_rows
from ripstop.domain.follows.domains import block_domain, blocked_names, unblock_domain
from ripstop.domain.follows.model import BLOCKS_DOMAIN
from ripstop.domain.search.people import directory, dismiss, suggestions
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import MOST_ACCOUNTS, ListParams, row_page
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.status import json_list
from ripstop.surfaces.mastodon.timelines import viewer_of

MOST_OFFSET = 10_000


class DirectoryParams(msgspec.Struct, kw_only=True):
    """Which part of the directory, and in which order. Everybody in it lives here, `local` or not."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 40
    offset: Annotated[int, msgspec.Meta(ge=0, le=MOST_OFFSET)] = 0
    order: Literal["active", "new"] = "active"
    local: bool = False


class SuggestionsParams(msgspec.Struct, kw_only=True):
    """How many suggestions."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 40


class DomainParams(msgspec.Struct, kw_only=True):
    """The name of a server."""

    domain: str = ""


class People:
    """Handlers of the directory, suggestions and blocked servers."""

    def __init__(self, graph: Graph, accounts: AccountPresenter) -> None:
        self._graph = graph
        self._accounts = accounts

    def routes(self) -> list[Route]:
        suggested, domains = "/api/v{}/suggestions", "/api/v1/domain_blocks"
        write = "write:blocks"
        return [
            Route("GET", "/api/v1/directory", self.directory, auth=Auth.OPTIONAL, params=DirectoryParams),
            Route("GET", suggested.format(1), self.suggested, scope="read", auth=Auth.USER, params=SuggestionsParams),
            Route("GET", suggested.format(2), self.explained, scope="read", auth=Auth.USER, params=SuggestionsParams),
            Route("DELETE", "/api/v1/suggestions/{id}", self.dismiss, scope="write", auth=Auth.USER),
            Route("GET", domains, self.domains, scope="read:blocks", auth=Auth.USER, params=ListParams),
            Route("POST", domains, self.block_domain, scope=write, auth=Auth.USER, params=DomainParams),
            Route("DELETE", domains, self.unblock_domain, scope=write, auth=Auth.USER, params=DomainParams),
        ]

    async def directory(self, request: Request, params: DirectoryParams) -> bytes:
        """At most four engine calls, beside the viewer's relations."""
        found = await directory(
            self._graph,
            viewer_of(request),
            active=params.order == "active",
            limit=min(params.limit, MOST_ACCOUNTS),
            offset=params.offset,
        )
        return json_list(await self._accounts.render_list(found))

    async def suggested(self, request: Request, params: SuggestionsParams) -> bytes:
        """At most nine engine calls, beside the viewer's relations."""
        found = await suggestions(self._graph, request.account, limit=min(params.limit, MOST_ACCOUNTS))
        return json_list(await self._accounts.render_list([one.account for one in found]))

    async def explained(self, request: Request, params: SuggestionsParams) -> bytes:
        """The same, with the reason. At most nine engine calls, beside the viewer's relations."""
        found = await suggestions(self._graph, request.account, limit=min(params.limit, MOST_ACCOUNTS))
        cards = await self._accounts.cards([one.account for one in found])
        return json_list(
            b'{"source":%b,"sources":[%b],"account":%b}' % (*_REASONS[one.by_friends], cards[one.account])
            for one in found
            if one.account in cards
        )

    async def dismiss(self, request: Request, params: None) -> Response:
        """A commit."""
        await dismiss(self._graph, request.account, int(request.args["id"]))
        return empty()

    async def domains(self, request: Request, params: ListParams) -> Response:
        """Servers that the viewer blocks. One engine call."""
        rows = await read_rows(self._graph, request.account, BLOCKS_DOMAIN, params.window)
        return row_page(request, json(blocked_names(rows)).body, rows, params.window)

    async def block_domain(self, request: Request, params: DomainParams) -> Response:
        """One engine call and a commit."""
        await block_domain(self._graph, request.account, _named(params))
        return empty()

    async def unblock_domain(self, request: Request, params: DomainParams) -> Response:
        """A commit."""
        await unblock_domain(self._graph, request.account, _named(params))
        return empty()


_REASONS = {True: (b'"past_interactions"', b'"friends_of_friends"'), False: (b'"staff"', b'"featured"')}
"""Why somebody is suggested, in the words of before Mastodon 4.3 and of since."""


def _named(params: DomainParams) -> str:
    if not params.domain.strip():
        raise Invalid("Validation failed: Domain can't be blank")
    return params.domain
