"""The journey of docs/start/first-steps.md, as written there."""

from __future__ import annotations

import subprocess
import textwrap

from tests.architecture.sources import ROOT
from tests.server import PATIENCE, Server


def first_steps() -> str:
    """All code of the page."""
    page = (ROOT / "docs" / "start" / "first-steps.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("    ")]
    return textwrap.dedent("\n".join(lines))


def test_the_first_steps_lead_somewhere(server: Server) -> None:
    script = first_steps()
    assert "BASE=http://127.0.0.1:8080\n" in script
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8080", server.url)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    acct, following, home, likes, answer, context, followers = ran.stdout.splitlines()
    assert (acct, following, likes, followers) == ("alice", "True", "1", "1")
    assert home.startswith("<p>Hello <span")
    assert answer == context
