"""Reports: somebody tells the staff of an account, and the staff looks after it."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.audit import Subject, record
from ripstop.domain.moderation.authority import Staff
from ripstop.domain.moderation.events import Reported
from ripstop.domain.moderation.model import (
    CATEGORIES,
    FILED,
    OTHER,
    REPORT,
    REPORTS,
    REPORTS_ROOT,
    RESOLVED,
    VIOLATION,
    Report,
)
from ripstop.domain.settings import settings_of
from ripstop.domain.viewing import Place, hydrate, sight_of
from ripstop.engines.base import Cursor, Direction
from ripstop.kernel.errors import Conflict, Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph, Refused

MAX_COMMENT = 1_000
MOST_POSTS = 100
"""Posts that one report may name."""
MOST_SEARCHED = 1_000
"""Reports that are looked through for those of, or about, one account."""
_TRIES = 5


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has to say of an account."""

    posts: tuple[int, ...] = ()
    comment: str = ""
    category: str = OTHER
    rules: tuple[int, ...] = ()


async def file_report(graph: Graph, reporter: int, account: int, complaint: Complaint) -> Entry[Report]:
    """Report an account. One commit, and at most five engine calls to find what is reported.

    :raises NotFound: there is no such account, or the reporter cannot see it or one of the posts, or they are not its.
    :raises Invalid: with what is wrong.
    """
    _check(complaint)
    target = await access_account(graph, account)
    if target.value.is_suspended:
        raise NotFound("Record not found")
    await _check_rules(graph, complaint.rules)
    if target.id == reporter:
        raise Invalid("Validation failed: You cannot report yourself")
    posts = tuple(dict.fromkeys(complaint.posts))
    if posts:
        seen = await hydrate(graph, await sight_of(graph, reporter), posts, Place.SINGLE)
        if {one.post.id for one in seen if one.post.value.author == account} != set(posts):
            raise NotFound("Record not found")
    write = graph.write(reporter)
    id_ = write.new_id()
    report = Report(
        reporter=reporter,
        account=account,
        created_at=graph.now_ms(),
        posts=posts,
        comment=complaint.comment.strip(),
        category=complaint.category,
        rules=complaint.rules,
    )
    write.create(REPORT, id_, report)
    write.put(FILED, id_, REPORTS_ROOT, order=id_)
    write.emit(Reported(report=id_, reporter=reporter, account=account))
    await graph.commit(write)
    return Entry(REPORT.number, id_, 1, report)


def _check(complaint: Complaint) -> None:
    """:raises Invalid: with what is wrong."""
    if complaint.category not in CATEGORIES:
        raise Invalid(f"Validation failed: Category is one of {', '.join(CATEGORIES)}")
    if len(complaint.comment) > MAX_COMMENT:
        raise Invalid(f"Validation failed: Comment is too long (maximum is {MAX_COMMENT:,} characters)")
    if len(complaint.posts) > MOST_POSTS:
        raise Invalid(f"Validation failed: A report names {MOST_POSTS} posts at most")
    if complaint.rules and complaint.category != VIOLATION:
        raise Invalid("Validation failed: Rules must be blank")


async def _check_rules(graph: Graph, rules: Collection[int]) -> None:
    """:raises Invalid: one of them is none of this server's."""
    if not {rule.id for rule in (await settings_of(graph)).rules}.issuperset(rules):
        raise Invalid("Validation failed: Rules does not reference valid rules")


class Stretch(NamedTuple):
    """Which reports: open or resolved ones, or (None) all; of and about whom; between two cursors."""

    resolved: bool | None = None
    reporter: int | None = None
    account: int | None = None
    after: Cursor | None = None
    before: Cursor | None = None
    direction: Direction = Direction.NEWEST_FIRST
    limit: int = 100


async def reports(graph: Graph, stretch: Stretch) -> Sequence[Entry[Report]]:
    """Reports, in the direction that is wanted. At most two engine calls.

    Those of or about one account are looked for among `MOST_SEARCHED`.
    """
    is_search = stretch.reporter is not None or stretch.account is not None
    rows = await graph.range(
        REPORTS_ROOT,
        REPORTS,
        after=stretch.after,
        before=stretch.before,
        limit=MOST_SEARCHED if is_search else stretch.limit,
        direction=stretch.direction,
        mask=0 if stretch.resolved is None else RESOLVED,
        match=RESOLVED if stretch.resolved else 0,
    )
    found = await graph.get_many(REPORT, [row.target for row in rows])
    wanted = [found[row.target] for row in rows if row.target in found and _is_meant(found[row.target].value, stretch)]
    return wanted[: stretch.limit]


def _is_meant(report: Report, stretch: Stretch) -> bool:
    return stretch.reporter in (None, report.reporter) and stretch.account in (None, report.account)


async def access_report(graph: Graph, id_: int) -> Entry[Report]:
    """The report with this id. At most one engine call.

    :raises NotFound: there is none.
    """
    report = await graph.get(REPORT, id_)
    if report is None:
        raise NotFound("Record not found")
    return report


Change = Callable[[Report, int], dict[str, Any]]
"""The fields to be set of a report as it is now, at an instant; none: it is so already."""


async def assign(graph: Graph, staff: Staff, id_: int) -> Entry[Report]:
    """Look after a report oneself. See `_change`."""
    return await _change(
        graph,
        staff,
        id_,
        "assign_report",
        lambda report, at: {} if report.assigned == staff.account else {"assigned": staff.account},
    )


async def unassign(graph: Graph, staff: Staff, id_: int) -> Entry[Report]:
    """Have nobody look after a report. See `_change`."""
    return await _change(
        graph,
        staff,
        id_,
        "unassign_report",
        lambda report, at: {} if report.assigned is None else {"assigned": None},
    )


async def resolve(graph: Graph, staff: Staff, id_: int) -> Entry[Report]:
    """Say that a report needs nothing further. See `_change`."""
    return await _change(
        graph,
        staff,
        id_,
        "resolve_report",
        lambda report, at: {} if report.is_resolved else {"resolved_at": at, "resolved_by": staff.account},
    )


async def reopen(graph: Graph, staff: Staff, id_: int) -> Entry[Report]:
    """Say that a report needs to be looked at again. See `_change`."""
    return await _change(
        graph,
        staff,
        id_,
        "reopen_report",
        lambda report, at: {"resolved_at": None, "resolved_by": None} if report.is_resolved else {},
    )


async def revise(
    graph: Graph, staff: Staff, id_: int, *, category: str | None, rules: tuple[int, ...] | None
) -> Entry[Report]:
    """Say what a report is about; what is None stays, but rules of what is no violation any more. See `_change`.

    :raises Invalid: there is no such category or rule, or the category has no rules.
    """

    def change(report: Report, at: int) -> dict[str, Any]:
        after = report.category if category is None else category
        kept = report.rules if after == VIOLATION else ()
        wanted: dict[str, Any] = {"category": after, "rules": kept if rules is None else rules}
        _check(Complaint(**wanted))
        return {name: value for name, value in wanted.items() if getattr(report, name) != value}

    await _check_rules(graph, rules or ())
    return await _change(graph, staff, id_, "update_report", change)


async def _change(graph: Graph, staff: Staff, id_: int, action: str, change: Change) -> Entry[Report]:
    """Change a report, and record that. One commit and at most two engine calls; no commit if it is so already.

    :raises Forbidden: the staff may not do this.
    :raises NotFound: there is no such report.
    :raises Conflict: it is being changed all the time.
    """
    staff.check_power(Power.MANAGE_REPORTS)
    for _ in range(_TRIES):
        report = await access_report(graph, id_)
        at = graph.now_ms()
        fields = change(report.value, at)
        if not fields:
            return report
        after = msgspec.structs.replace(report.value, **fields, updated_at=at)
        write = graph.write(id_)
        write.patch(REPORT, id_, version=report.version, **fields, updated_at=at)
        write.put(FILED, id_, REPORTS_ROOT, order=id_, flags=RESOLVED if after.is_resolved else 0)
        record(write, staff, action, await _subject(graph, report), at=at)
        try:
            await graph.commit(write)
        except Refused:
            await graph.sync()
        else:
            return Entry(REPORT.number, id_, report.version + 1, after)
    raise Conflict("This report is being changed at the same time")


async def _subject(graph: Graph, report: Entry[Report]) -> Subject:
    account = await graph.get(ACCOUNT, report.value.account)
    return Subject(account=report.value.account, name="" if account is None else account.value.acct, report=report.id)
