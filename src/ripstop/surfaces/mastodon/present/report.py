"""The Report entity."""

from typing import Any

from ripstop.domain.moderation.model import Report
from ripstop.machinery.graph import Entry
from ripstop.surfaces.mastodon.present.instants import instant


def report_fields(entry: Entry[Report]) -> dict[str, Any]:
    """A Report, but for the account that it is about."""
    report = entry.value
    return {
        "id": str(entry.id),
        "action_taken": report.is_resolved,
        "action_taken_at": None if report.resolved_at is None else instant(report.resolved_at),
        "category": report.category,
        "comment": report.comment,
        "forwarded": False,
        "created_at": instant(report.created_at),
        "status_ids": [str(post) for post in report.posts],
        "rule_ids": [str(rule) for rule in report.rules],
    }
