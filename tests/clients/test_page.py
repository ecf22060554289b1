"""docs/start/clients.md says what the tests hold the clients to."""

from __future__ import annotations

from tests.clients.page import PAGE, rendered


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(), "run `make clients`"
