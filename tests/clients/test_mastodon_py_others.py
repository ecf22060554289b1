"""Mastodon.py: every public method is in a table, and what is not ours gets the answer that its table says."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients.covering import covered
from tests.clients.mastodon_py import METHODS, Client, patiently
from tests.clients.not_ours import MASTODON_PY_EMPTY, MASTODON_PY_LOCAL, MASTODON_PY_REFUSED, names
from tests.clients.quiet import quietly

with quietly():
    from mastodon import Mastodon, MastodonAPIError

REFUSALS = {401, 403, 404, 405, 422}

ARGUMENTS: dict[str, Any] = {
    "account_id": 1,
    "active_users": True,
    "action": "silence",
    "choices": [0],
    "date": datetime.now(UTC),
    "email": "eve@example.org",
    "encrypt_params": {"pubkey": b"k" * 65, "auth": b"a" * 16},
    "end_at": datetime.now(UTC),
    "endpoint": "https://push.example.org/",
    "id": 1,
    "languages": True,
    "severity": "silence",
    "start_at": datetime.now(UTC),
    "scheduled_at": datetime.now(UTC),
    "year": 2025,
}
"""What a method is called with, by the name of the parameter; "x" for others."""

WISHES = {"active_users", "email", "languages"}
"""Optional parameters that the library does without and then refuses to ask."""


def arguments_of(method: str) -> dict[str, Any]:
    """Something for each argument that a method needs."""
    parameters = list(inspect.signature(getattr(Mastodon, method)).parameters.values())[1:]
    needed = [one.name for one in parameters if one.default is one.empty or one.name in WISHES]
    return {name: ARGUMENTS.get(name, 1 if name.endswith("_id") else "x") for name in needed}


def test_every_method_is_in_one_table() -> None:
    tables = [
        covered("test_mastodon_py"),
        covered("test_logging_in"),
        *(names(table) for table in (MASTODON_PY_REFUSED, MASTODON_PY_EMPTY, MASTODON_PY_LOCAL)),
    ]
    listed = [name for table in tables for name in table if name in METHODS]
    assert METHODS - set(listed) == set(), "methods of which nothing is said"
    assert [name for name in set(listed) if listed.count(name) > 1] == [], "methods in two tables"
    assert set(names(MASTODON_PY_REFUSED, MASTODON_PY_EMPTY, MASTODON_PY_LOCAL)) <= METHODS, "methods that are gone"


@pytest.mark.parametrize("why", MASTODON_PY_REFUSED)
def test_what_is_not_ours_is_refused(ann: Client, why: str) -> None:
    answers = {}
    for method in MASTODON_PY_REFUSED[why]:
        with pytest.raises(MastodonAPIError) as caught:
            patiently(getattr(ann.inner, method), **arguments_of(method))
        answers[method] = caught.value.args[1]
    assert {method: status for method, status in answers.items() if status not in REFUSALS} == {}


def test_what_finds_nothing(ann: Client) -> None:
    found = {method: getattr(ann, method)(**arguments_of(method)) for method in names(MASTODON_PY_EMPTY)}
    assert {method: answer for method, answer in found.items() if answer} == {}
