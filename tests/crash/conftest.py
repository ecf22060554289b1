"""What the crash tests share: their kills."""

from __future__ import annotations

import pytest

from tests.crash.kills import KILLS, Kills, MakeKills


@pytest.fixture
def kills(pytestconfig: pytest.Config) -> MakeKills:
    """Makes the share of a test; what is said goes to the terminal, whatever is captured."""
    reporter: pytest.TerminalReporter | None = pytestconfig.pluginmanager.get_plugin("terminalreporter")

    def say(line: str) -> None:
        if reporter is not None and KILLS > 100:
            reporter.write_line(line)

    return lambda what, share: Kills(what, share, say)
