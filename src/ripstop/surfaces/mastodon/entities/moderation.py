"""Entities of reports, and of what the staff sees of accounts."""

from ripstop.surfaces.mastodon.entities.base import Entity, Id, Instant
from ripstop.surfaces.mastodon.entities.people import Account


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
