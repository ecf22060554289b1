"""Entities of reports, and of what the staff sees of accounts."""

from ripstop.surfaces.mastodon.entities.base import Entity, Id, Instant
from ripstop.surfaces.mastodon.entities.people import Account, Role
from ripstop.surfaces.mastodon.entities.posts import Status
from ripstop.surfaces.mastodon.entities.server import Rule


class Report(Entity, kw_only=True):
    """What somebody told the staff of an account."""

    id: Id
    action_taken: bool
    action_taken_at: Instant | None
    category: str
    comment: str
    forwarded: bool
    created_at: Instant
    status_ids: list[Id]
    rule_ids: list[Id]
    target_account: Account


class AdminAccount(Entity, kw_only=True):
    """An account as the staff sees it."""

    id: Id
    username: str
    domain: str | None
    created_at: Instant
    email: str
    ip: str | None
    ips: list[str]
    locale: str
    invite_request: str | None
    role: Role
    confirmed: bool
    approved: bool
    disabled: bool
    silenced: bool
    suspended: bool
    sensitized: bool
    account: Account


class AdminReport(Entity, kw_only=True):
    """A report as the staff sees it."""

    id: Id
    action_taken: bool
    action_taken_at: Instant | None
    category: str
    comment: str
    forwarded: bool
    created_at: Instant
    updated_at: Instant
    status_ids: list[Id]
    rule_ids: list[Id]
    account: AdminAccount
    target_account: AdminAccount
    assigned_account: AdminAccount | None
    action_taken_by_account: AdminAccount | None
    statuses: list[Status]
    rules: list[Rule]
