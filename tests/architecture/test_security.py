"""SECURITY.md names tests that are there."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT


def test_what_is_said_to_be_shown_is_shown() -> None:
    named = re.findall(r"`(tests/[\w./]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []
