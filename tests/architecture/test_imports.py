"""What is loaded before the processes part, and so lies in the memory of every server."""

from __future__ import annotations

import subprocess
import sys

import pytest

ASKED = "import sys, ripstop.__main__; print(*sys.modules)"


@pytest.mark.parametrize("module", ["aiohttp", "asyncpg", "PIL", "ripstop.rehearsal.crowd", "rich"])
def test_what_few_processes_need_is_not_loaded_for_all(module: str) -> None:
    """Megabytes each, for those who ask other servers, speak to PostgreSQL, make pictures, or rehearse."""
    loaded = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True).stdout.split()
    assert "ripstop.boot" in loaded
    assert module not in loaded
