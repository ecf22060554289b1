"""The page on which somebody tells the staff of an account."""

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.moderation.model import LEGAL, OTHER, SPAM, VIOLATION
from ripstop.domain.moderation.reports import MAX_COMMENT, Complaint, file_report
from ripstop.domain.settings import settings_of
from ripstop.kernel.errors import Invalid, NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.cards import face
from ripstop.surfaces.web.forms import sentences_of
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, sentences

REPORT = "/reports/new"
CATEGORIES = {
    SPAM: "it is spam",
    LEGAL: "it breaks the law",
    VIOLATION: "it breaks rules of this server",
    OTHER: "it is something else",
}
"""What somebody may say is wrong, in words."""


class ReportParams(msgspec.Struct, kw_only=True):
    """Whom the reader reports, for which post, and why, with the rules that are broken; `sent` once that is done."""

    account: Id
    post: Id | None = None
    category: str = OTHER
    comment: str = ""
    rules: list[Id] = []
    sent: bool = False
    proof: str = ""


class Reporting:
    """Handlers of the form. It is for everybody who is logged in."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("GET", REPORT, self._shell.own(self.form), params=ReportParams),
            Route("POST", REPORT, self._shell.act(self.send), params=ReportParams),
        ]

    async def form(self, request: Request, params: ReportParams, reader: Reader) -> Answer:
        """At most two engine calls."""
        return await self._page(params)

    async def send(self, request: Request, params: ReportParams, reader: Reader) -> Answer:
        """At most five engine calls and a commit."""
        posts = () if params.post is None else (params.post,)
        rules = tuple(params.rules) if params.category == VIOLATION else ()
        complaint = Complaint(posts=posts, comment=params.comment, category=params.category, rules=rules)
        try:
            await file_report(self._graph, reader.id, params.account, complaint)
        except Invalid as error:
            return await self._page(params, sentences(sentences_of(error)), status=error.status)
        return lead(f"{request.origin}{REPORT}?account={params.account}&sent=true")

    async def _page(self, params: ReportParams, problems: list[str] | None = None, *, status: int = 200) -> Answer:
        account = await access_account(self._graph, params.account)
        if account.value.is_suspended:
            raise NotFound("Record not found")
        rules = (await settings_of(self._graph)).rules
        context = {
            "form": params,
            "who": face(account.id, account.value),
            "categories": {name: words for name, words in CATEGORIES.items() if rules or name != VIOLATION},
            "rules": rules,
            "most": MAX_COMMENT,
            "problems": problems or [],
        }
        return Shown("report.html", context, status)
