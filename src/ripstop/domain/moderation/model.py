"""What is kept of moderation: reports, and what was done by whom. Instants are milliseconds since the Unix epoch."""

import msgspec

from ripstop.engines.base import Counted
from ripstop.machinery.graph import ObjectType, association_pair


class Audit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the staff did. Never changed.

    `actor` None is the operator, on the command line. `action` is a word such as `suspend`; `account`, `post` and
    `report` are what it was done to, where it was done to one; `name` is what the account was called. `reason` is what
    the actor wrote, `detail` what the action itself has to say.
    """

    at: int
    action: str
    actor: int | None = None
    account: int | None = None
    name: str = ""
    post: int | None = None
    report: int | None = None
    reason: str = ""
    detail: str = ""


SPAM, LEGAL, VIOLATION, OTHER = "spam", "legal", "violation", "other"
CATEGORIES = (SPAM, LEGAL, VIOLATION, OTHER)
"""What somebody says is wrong; a violation is one of the rules of this server."""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody tells the staff that something is wrong: `reporter` of `account`, and of those of its `posts`.

    `rules` are ids of rules of this server. `assigned` is who of the staff looks after it. It is open until
    `resolved_at`; `resolved_by` is None for the operator, too.
    """

    reporter: int
    account: int
    created_at: int
    posts: tuple[int, ...] = ()
    comment: str = ""
    category: str = OTHER
    rules: tuple[int, ...] = ()
    assigned: int | None = None
    updated_at: int | None = None
    resolved_at: int | None = None
    resolved_by: int | None = None

    @property
    def is_resolved(self) -> bool:
        return self.resolved_at is not None


REPORT = ObjectType(14, "report", Report)
AUDIT = ObjectType(15, "audit", Audit)

RECORDED, AUDIT_LOG = association_pair(
    (66, "recorded"), (67, "audit_log"), counted=Counted.NO, inverse_counted=Counted.NO
)
"""Audit to AUDIT_ROOT; the order is `audit.place_of`. Audits live in the shard of what was acted on."""

AUDIT_ROOT = 5
"""The id under which everything that was done stands in AUDIT_LOG. No object has it."""

RESOLVED = 1
"""Flag of a report in the list REPORTS."""

FILED, REPORTS = association_pair((64, "filed"), (65, "reports"), counted=Counted.NO, inverse_counted=Counted.NO)
"""Report to REPORTS_ROOT; the order is the report's id."""

REPORTS_ROOT = 6
"""The id under which all reports stand in REPORTS. No object has it."""

OBJECTS = (REPORT, AUDIT)
ASSOCIATIONS = (FILED, REPORTS, RECORDED, AUDIT_LOG)
