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


AUDIT = ObjectType(15, "audit", Audit)

RECORDED, AUDIT_LOG = association_pair(
    (66, "recorded"), (67, "audit_log"), counted=Counted.NO, inverse_counted=Counted.NO
)
"""Audit to AUDIT_ROOT; the order is the audit's id. Audits live in the shard of what was acted on."""

AUDIT_ROOT = 5
"""The id under which everything that was done stands in AUDIT_LOG. No object has it."""

OBJECTS = (AUDIT,)
ASSOCIATIONS = (RECORDED, AUDIT_LOG)
