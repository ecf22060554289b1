"""What the crash tests share: their kills."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from _pytest.capture import CaptureManager

from tests.crash.kills import KILLS, Kills, MakeKills


@pytest.fixture
def kills(pytestconfig: pytest.Config) -> MakeKills:
    """Makes the share of a test; what is said goes to the terminal, whatever is captured."""
    reporter: pytest.TerminalReporter | None = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    capture: CaptureManager | None = pytestconfig.pluginmanager.get_plugin("capturemanager")

    def say(line: str) -> None:
        if reporter is not None and KILLS > 100:
            with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
                reporter.write_line(line)

    return lambda what, share: Kills(what, share, say)
