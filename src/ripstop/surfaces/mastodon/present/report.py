"""The Report entity."""

from collections.abc import Collection
from typing import Any

import msgspec

from ripstop.domain.moderation.model import REPORT, Report
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.mastodon.present.account import AccountPresenter
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


async def render_reports(graph: Graph, accounts: AccountPresenter, ids: Collection[int]) -> dict[int, bytes]:
    """A Report for each id whose account is still there. No engine call for none, at most three otherwise."""
    if not ids:
        return {}
    reports = await graph.get_many(REPORT, ids)
    cards = await accounts.cards({entry.value.account for entry in reports.values()}, for_staff=True)
    return {
        id_: msgspec.json.encode({**report_fields(entry), "target_account": msgspec.Raw(cards[entry.value.account])})
        for id_, entry in reports.items()
        if entry.value.account in cards
    }
