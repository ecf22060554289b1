"""Reports: telling the staff that something is wrong with an account."""

from typing import Annotated

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.moderation.model import OTHER, VIOLATION
from ripstop.domain.moderation.reports import MOST_POSTS, Complaint, file_report
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.report import report_fields


class ReportParams(msgspec.Struct, kw_only=True):
    """What somebody has to say of an account. `forward` asks for what a server without others cannot do."""

    account_id: Id
    status_ids: Annotated[list[Id], msgspec.Meta(max_length=MOST_POSTS)] | None = None
    comment: str | None = None
    category: str | None = None
    rule_ids: Annotated[list[Id], msgspec.Meta(max_length=MOST_POSTS)] | None = None
    forward: bool | None = None


class Reports:
    """The handler of reports."""

    def __init__(self, graph: Graph, accounts: AccountPresenter) -> None:
        self._graph = graph
        self._accounts = accounts

    def routes(self) -> list[Route]:
        return [Route("POST", "/api/v1/reports", self.file, scope="write:reports", auth=Auth.USER, params=ReportParams)]

    async def file(self, request: Request, params: ReportParams) -> Response:
        """At most seven engine calls and a commit."""
        rules = tuple(params.rule_ids or ())
        complaint = Complaint(
            posts=tuple(params.status_ids or ()),
            comment=params.comment or "",
            category=params.category or (VIOLATION if rules else OTHER),
            rules=rules,
        )
        report = await file_report(self._graph, request.account, params.account_id, complaint)
        target = await access_account(self._graph, params.account_id)
        return json({**report_fields(report), "target_account": msgspec.Raw(await self._accounts.render_one(target))})
