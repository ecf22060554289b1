"""The audit log: what the staff did. Entries are written by the batch that does it, and never changed."""

from collections.abc import Sequence
from typing import NamedTuple

from ripstop.domain.moderation.authority import Staff
from ripstop.domain.moderation.model import AUDIT, AUDIT_LOG, AUDIT_ROOT, RECORDED, Audit
from ripstop.kernel.errors import Invalid
from ripstop.kernel.ids import first_id_at, time_ms
from ripstop.machinery.graph import Entry, Graph, Write

MAX_REASON = 2_000
"""Characters that somebody may write on why something was done."""


class Subject(NamedTuple):
    """What something was done to; `name` is what the account is called."""

    account: int | None = None
    name: str = ""
    post: int | None = None
    report: int | None = None


def check_reason(reason: str) -> str:
    """The reason as it is kept.

    :raises Invalid: it is too long.
    """
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        raise Invalid(f"Validation failed: Text is too long (maximum is {MAX_REASON:,} characters)")
    return reason


def record(
    write: Write, staff: Staff, action: str, subject: Subject, *, at: int, reason: str = "", detail: str = ""
) -> None:
    """Have a batch leave in the log what it does, at the instant `at`."""
    id_ = write.new_id()
    audit = Audit(
        at=at,
        action=action,
        actor=staff.account,
        account=subject.account,
        name=subject.name,
        post=subject.post,
        report=subject.report,
        reason=reason,
        detail=detail,
    )
    write.create(AUDIT, id_, audit)
    write.put(RECORDED, id_, AUDIT_ROOT, order=place_of(id_, at))


def place_of(id_: int, at: int) -> int:
    """Where an entry stands in the log: as an id of the instant `at`, since those of commands, which mint few, may be
    seconds ahead of it."""
    return first_id_at(at) + id_ - first_id_at(time_ms(id_))


async def log(graph: Graph, *, limit: int, below: int | None = None) -> Sequence[Entry[Audit]]:
    """What was done, the newest first; what stands below a place, if that is given. At most two engine calls."""
    before = None if below is None else (below, 0)
    rows = await graph.range(AUDIT_ROOT, AUDIT_LOG, before=before, limit=limit)
    found = await graph.get_many(AUDIT, [row.target for row in rows])
    return [found[row.target] for row in rows if row.target in found]
