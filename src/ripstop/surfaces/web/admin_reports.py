"""Pages of the staff: reports, and posts. Every handler asks for the role of the reader."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation import posts
from ripstop.domain.moderation.audit import MAX_REASON
from ripstop.domain.moderation.authority import access_staff
from ripstop.domain.moderation.model import Report
from ripstop.domain.moderation.posts import access_any_post
from ripstop.domain.moderation.reports import Stretch, access_report, assign, reopen, reports, resolve, unassign
from ripstop.domain.posts.model import POST, Post
from ripstop.domain.settings import settings_of
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.admin import ActParams, shown_instant
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, older

REPORTS, POSTS = "/admin/reports", "/admin/posts"
MOST = 40
"""Reports of one page."""
ACTS = {"assign": assign, "unassign": unassign, "resolve": resolve, "reopen": reopen}
POST_ACTS = {
    "take_down": posts.take_down,
    "restore": posts.restore,
    "mark_sensitive": posts.mark_sensitive,
    "unmark_sensitive": posts.unmark_sensitive,
}


class ReportsParams(msgspec.Struct, kw_only=True):
    """Open reports, or resolved ones."""

    resolved: bool = False
    max_id: Id | None = None


class Line(NamedTuple):
    """A report as a page shows it. Who is gone is None."""

    id: int
    at: str
    report: Report
    author: Account | None
    subject: Account | None
    assigned: Account | None


class AdminReports:
    """Handlers of reports and posts."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        own, act = self._shell.own, self._shell.act
        return [
            Route("GET", "/admin", own(self.begin)),
            Route("GET", REPORTS, own(self.several), params=ReportsParams),
            Route("GET", REPORTS + "/{id}", own(self.one)),
            Route("POST", REPORTS + "/{id}", act(self.do), params=ActParams),
            Route("GET", POSTS + "/{id}", own(self.post)),
            Route("POST", POSTS + "/{id}", act(self.do_post), params=ActParams),
        ]

    async def begin(self, request: Request, params: None, reader: Reader) -> Answer:
        """To the open reports."""
        await access_staff(self._graph, reader.id, Power.MANAGE_REPORTS)
        return lead(request.origin + REPORTS)

    async def several(self, request: Request, params: ReportsParams, reader: Reader) -> Answer:
        """Reports, the newest first. At most three engine calls."""
        await access_staff(self._graph, reader.id, Power.MANAGE_REPORTS)
        before = None if params.max_id is None else (params.max_id, 0)
        found = await reports(self._graph, Stretch(resolved=params.resolved, before=before, limit=MOST))
        last = found[-1].id if len(found) == MOST else None
        context = {
            "resolved": params.resolved,
            "lines": await self._lines(found),
            "older": older(request, last, resolved="true" if params.resolved else ""),
        }
        return Shown("admin_reports.html", context)

    async def one(self, request: Request, params: None, reader: Reader) -> Answer:
        """A report, with what it names. At most five engine calls."""
        await access_staff(self._graph, reader.id, Power.MANAGE_REPORTS)
        report = await access_report(self._graph, int(request.args["id"]))
        [line] = await self._lines([report])
        said = await self._graph.get_many(POST, report.value.posts)
        own = report.value.assigned == reader.id
        context = {
            "line": line,
            "rules": [rule for rule in (await settings_of(self._graph)).rules if rule.id in report.value.rules],
            "posts": [(id_, said[id_].value if id_ in said else None) for id_ in report.value.posts],
            "acts": [
                ("unassign", "Leave it to others") if own else ("assign", "Look after it"),
                ("reopen", "Reopen") if report.value.is_resolved else ("resolve", "Resolve"),
            ],
        }
        return Shown("admin_report.html", context)

    async def do(self, request: Request, params: ActParams, reader: Reader) -> Answer:
        """At most three engine calls and a commit."""
        staff = await access_staff(self._graph, reader.id, Power.MANAGE_REPORTS)
        if params.act not in ACTS:
            raise Invalid("There is no such thing to be done.")
        await ACTS[params.act](self._graph, staff, params.id)
        return lead(f"{request.origin}{REPORTS}/{params.id}")

    async def post(self, request: Request, params: None, reader: Reader) -> Answer:
        """A post, whoever it is for. At most two engine calls."""
        await access_staff(self._graph, reader.id, Power.MANAGE_REPORTS)
        post = await access_any_post(self._graph, int(request.args["id"]))
        author = await self._graph.get(ACCOUNT, post.value.author)
        context = {
            "id": post.id,
            "post": post.value,
            "author": None if author is None else author.value,
            "at": shown_instant(post.value.created_at),
            "acts": _post_acts(post.value),
            "most": MAX_REASON,
        }
        return Shown("admin_post.html", context)

    async def do_post(self, request: Request, params: ActParams, reader: Reader) -> Answer:
        """At most three engine calls and a commit."""
        staff = await access_staff(self._graph, reader.id, Power.MANAGE_REPORTS)
        if params.act not in POST_ACTS:
            raise Invalid("There is no such thing to be done.")
        await POST_ACTS[params.act](self._graph, staff, params.id, reason=params.reason)
        return lead(f"{request.origin}{POSTS}/{params.id}")

    async def _lines(self, found: Sequence[Entry[Report]]) -> list[Line]:
        ids = {id_ for one in found for id_ in (one.value.reporter, one.value.account, one.value.assigned)} - {None}
        accounts = await self._graph.get_many(ACCOUNT, [id_ for id_ in ids if id_ is not None])
        people = {id_: entry.value for id_, entry in accounts.items()}
        return [
            Line(
                entry.id,
                shown_instant(entry.value.created_at),
                entry.value,
                people.get(entry.value.reporter),
                people.get(entry.value.account),
                people.get(entry.value.assigned or 0),
            )
            for entry in found
        ]


def _post_acts(post: Post) -> list[tuple[str, str]]:
    down = ("take_down", "Take it down") if post.taken_down_at is None else ("restore", "Restore it")
    if post.sensitized:
        return [down, ("unmark_sensitive", "Leave it to its author what is sensitive")]
    return [down, ("mark_sensitive", "Mark it sensitive")]
