"""Reports, for the staff. Every handler asks for the role of whoever asks, whatever the token allows."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec

from ripstop.domain.accounts.roles import Power
from ripstop.domain.feeds import Window
from ripstop.domain.moderation.authority import Staff, access_staff
from ripstop.domain.moderation.model import Report
from ripstop.domain.moderation.reports import (
    MOST_POSTS,
    Stretch,
    access_report,
    assign,
    reopen,
    reports,
    resolve,
    revise,
    unassign,
)
from ripstop.engines.base import Direction
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json, page
from ripstop.surfaces.http.routing import Auth, Handler, Route
from ripstop.surfaces.mastodon.present.admin import AdminPresenter

MOST = 200
"""Longest page."""

READ, WRITE = "admin:read:reports", "admin:write:reports"

Act = Callable[[Graph, Staff, int], Awaitable[Entry[Report]]]

ACTS: dict[str, Act] = {"assign_to_self": assign, "unassign": unassign, "resolve": resolve, "reopen": reopen}


class ReportsParams(msgspec.Struct, kw_only=True):
    """Which reports: open ones, unless it says otherwise."""

    resolved: bool = False
    account_id: Id | None = None
    target_account_id: Id | None = None
    limit: Annotated[int, msgspec.Meta(ge=1)] = 100
    max_id: Id | None = None
    since_id: Id | None = None
    min_id: Id | None = None


class RevisionParams(msgspec.Struct, kw_only=True):
    """What a report is about, as the staff sees it."""

    category: str | None = None
    rule_ids: Annotated[list[Id], msgspec.Meta(max_length=MOST_POSTS)] | None = None


class AdminReports:
    """Handlers of reports for the staff."""

    def __init__(self, graph: Graph, presenter: AdminPresenter) -> None:
        self._graph = graph
        self._presenter = presenter

    def routes(self) -> list[Route]:
        base = "/api/v1/admin/reports"
        one = base + "/{id}"
        return [
            Route("GET", base, self.several, scope=READ, auth=Auth.USER, params=ReportsParams),
            Route("GET", one, self.one, scope=READ, auth=Auth.USER),
            Route("PUT", one, self.revise, scope=WRITE, auth=Auth.USER, params=RevisionParams),
            *(
                Route("POST", f"{one}/{name}", self._doing(act), scope=WRITE, auth=Auth.USER)
                for name, act in ACTS.items()
            ),
        ]

    async def several(self, request: Request, params: ReportsParams) -> Response:
        """Reports, the newest first. At most seven engine calls, and those of a page of posts."""
        await access_staff(self._graph, request.account, Power.MANAGE_REPORTS)
        window = Window(
            limit=min(params.limit, MOST), max_id=params.max_id, since_id=params.since_id, min_id=params.min_id
        )
        found = list(
            await reports(
                self._graph,
                Stretch(
                    resolved=params.resolved,
                    reporter=params.account_id,
                    account=params.target_account_id,
                    after=window.after,
                    before=window.before,
                    direction=window.direction,
                    limit=window.limit,
                ),
            )
        )
        if window.direction is Direction.OLDEST_FIRST:
            found.reverse()
        shown = json(await self._presenter.reports(request.account, found))
        if not found:
            return shown
        more = len(found) == window.limit or params.min_id is not None
        return page(request, shown.body, next_max_id=found[-1].id if more else None, prev_min_id=found[0].id)

    async def one(self, request: Request, params: None) -> Response:
        """At most six engine calls, and those of a page of posts."""
        await access_staff(self._graph, request.account, Power.MANAGE_REPORTS)
        return await self._shown(request, await access_report(self._graph, int(request.args["id"])))

    async def revise(self, request: Request, params: RevisionParams) -> Response:
        """At most eight engine calls and a commit, and those of a page of posts."""
        staff = await access_staff(self._graph, request.account, Power.MANAGE_REPORTS)
        rules = None if params.rule_ids is None else tuple(params.rule_ids)
        report = await revise(self._graph, staff, int(request.args["id"]), category=params.category, rules=rules)
        return await self._shown(request, report)

    def _doing(self, act: Act) -> Handler:
        async def do(request: Request, params: None) -> Response:
            """At most eight engine calls and a commit, and those of a page of posts."""
            staff = await access_staff(self._graph, request.account, Power.MANAGE_REPORTS)
            return await self._shown(request, await act(self._graph, staff, int(request.args["id"])))

        return do

    async def _shown(self, request: Request, report: Entry[Report]) -> Response:
        """
        :raises NotFound: one of its two accounts is gone.
        """
        shown = await self._presenter.reports(request.account, [report])
        if not shown:
            raise NotFound("Record not found")
        return json(shown[0])
