"""An older version of the program: its code, out of the history, and its server."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from tests.server import BUSY_MACHINE, Server

WRITTEN_BY = "81f1a45a521b08b836dd8ae8296b45c827f75aac"
"""The version that wrote what is kept in `data/`."""

BESIDE = "a43831dd8a57c5cd9e17e29f5b6acd9c4c5f4128"
"""The oldest version whose processes go on beside today's: the last one before the calls of the queue had lines, on
SQLite (main 0002) and on PostgreSQL (0007, 0008). The one in `data/` does not: it cannot read notifications that are
told in groups."""

ROOT = Path(__file__).parents[2]

KNOWN = ("RIPSTOP_DATA", "RIPSTOP_DATABASE", "RIPSTOP_PORT", "RIPSTOP_PROCESSES", *BUSY_MACHINE)
"""What of the settings of the tests the older version knows."""


def unpack_older(commit: str, folder: Path) -> Path | None:
    """Put the code of a commit into a folder; where Python finds it, or None: the history is not here."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit, "src"], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode != 0:
        return None
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder / "src"


class OlderServer(Server):
    """An installation of the older version."""

    def __init__(self, source: Path, folder: Path, database: str = "") -> None:
        super().__init__(folder, database, PYTHONPATH=str(source))
        for name in [*self._environment]:
            if name.startswith("RIPSTOP_") and name not in KNOWN:
                del self._environment[name]
