"""Lists of accounts, and their timelines."""

from typing import Annotated

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.feeds import Window, list_timeline
from ripstop.domain.feeds.rows import cursors, read_rows
from ripstop.domain.follows.lists import (
    MOST_MEMBERS,
    ListChanges,
    access_list,
    add_members,
    create_list,
    delete_list,
    lists_of,
    lists_with,
    remove_members,
    update_list,
)
from ripstop.domain.follows.model import LISTS_MEMBER, List
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json, page
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.paging import MOST_ACCOUNTS
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.list import list_fields
from ripstop.surfaces.mastodon.present.status import StatusPresenter, json_list
from ripstop.surfaces.mastodon.timelines import Paging

MOST_AT_ONCE = 100
"""Accounts that one request adds or removes."""


class ListParams(msgspec.Struct, kw_only=True):
    """A list as its owner wants it; what is absent stays."""

    title: str | None = None
    replies_policy: str | None = None
    exclusive: bool | None = None

    @property
    def changes(self) -> ListChanges:
        return ListChanges(title=self.title, replies_policy=self.replies_policy, exclusive=self.exclusive)


class MembersParams(msgspec.Struct, kw_only=True):
    """Who is to be added, or removed."""

    account_ids: Annotated[list[Id], msgspec.Meta(max_length=MOST_AT_ONCE)] = []


class MembersPageParams(msgspec.Struct, kw_only=True):
    """A page of a list's members; a limit of 0 means all of them."""

    limit: Annotated[int, msgspec.Meta(ge=0)] = 40
    max_id: Id | None = None
    since_id: Id | None = None
    min_id: Id | None = None

    @property
    def window(self) -> Window:
        limit = min(self.limit, MOST_ACCOUNTS) or 2 * MOST_MEMBERS
        return Window(limit=limit, max_id=self.max_id, since_id=self.since_id, min_id=self.min_id)


class Lists:
    """Handlers of lists. Each serves the owner alone: to others a list is not there."""

    def __init__(self, graph: Graph, accounts: AccountPresenter, statuses: StatusPresenter) -> None:
        self._graph = graph
        self._accounts = accounts
        self._statuses = statuses

    def routes(self) -> list[Route]:
        base, one, user = "/api/v1/lists", "/api/v1/lists/{id}", Auth.USER
        read, write = "read:lists", "write:lists"
        return [
            Route("GET", base, self.several, scope=read, auth=user),
            Route("POST", base, self.create, scope=write, auth=user, params=ListParams),
            Route("GET", one, self.one, scope=read, auth=user),
            Route("PUT", one, self.update, scope=write, auth=user, params=ListParams),
            Route("DELETE", one, self.delete, scope=write, auth=user),
            Route("GET", one + "/accounts", self.members, scope=read, auth=user, params=MembersPageParams),
            Route("POST", one + "/accounts", self.add, scope=write, auth=user, params=MembersParams),
            Route("DELETE", one + "/accounts", self.remove, scope=write, auth=user, params=MembersParams),
            Route("GET", "/api/v1/accounts/{id}/lists", self.holding, scope=read, auth=user),
            Route("GET", "/api/v1/timelines/list/{id}", self.timeline, scope=read, auth=user, params=Paging),
        ]

    async def several(self, request: Request, params: None) -> Response:
        """At most two engine calls."""
        return json([list_fields(entry) for entry in await lists_of(self._graph, request.account)])

    async def create(self, request: Request, params: ListParams) -> Response:
        """At most one engine call, and a commit."""
        return json(list_fields(await create_list(self._graph, request.account, params.changes)))

    async def one(self, request: Request, params: None) -> Response:
        return json(list_fields(await self._named(request)))

    async def update(self, request: Request, params: ListParams) -> Response:
        """One commit."""
        return json(list_fields(await update_list(self._graph, await self._named(request), params.changes)))

    async def delete(self, request: Request, params: None) -> Response:
        """One commit."""
        await delete_list(self._graph, await self._named(request))
        return empty()

    async def members(self, request: Request, params: MembersPageParams) -> Response:
        """At most four engine calls."""
        entry, window = await self._named(request), params.window
        rows = await read_rows(self._graph, entry.id, LISTS_MEMBER, window)
        body = json_list(await self._accounts.render_list([row.target for row in rows]))
        next_max_id, prev_min_id = cursors(rows, window) if params.limit else (None, None)
        return page(request, body, next_max_id=next_max_id, prev_min_id=prev_min_id)

    async def add(self, request: Request, params: MembersParams) -> Response:
        """At most three engine calls, and a commit."""
        await add_members(self._graph, await self._named(request), params.account_ids)
        return empty()

    async def remove(self, request: Request, params: MembersParams) -> Response:
        """One commit."""
        await remove_members(self._graph, await self._named(request), params.account_ids)
        return empty()

    async def holding(self, request: Request, params: None) -> Response:
        """Which of the viewer's lists an account is in."""
        account = await access_account(self._graph, int(request.args["id"]))
        return json([list_fields(entry) for entry in await lists_with(self._graph, request.account, account.id)])

    async def timeline(self, request: Request, params: Paging) -> Response:
        """One engine call for each round of the page when all else is cached."""
        found = await list_timeline(self._graph, await self._named(request), params.window)
        body = await self._statuses.render_list(request.account, found.items)
        return page(request, body, next_max_id=found.next_max_id, prev_min_id=found.prev_min_id)

    async def _named(self, request: Request) -> Entry[List]:
        return await access_list(self._graph, request.account, int(request.args["id"]))
