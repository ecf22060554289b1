"""The audit of dependencies: what is known fails it, and what cannot be known does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.architecture.sources import ROOT
from tools.audit import Report, findings

KNOWN = b"""{"dependencies": [
  {"name": "good", "version": "1.0", "vulns": []},
  {"name": "odd", "skip_reason": "not found on the index"},
  {"name": "bad", "version": "2.0", "vulns": [
    {"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": ["CVE-1"], "description": ""},
    {"id": "PYSEC-2", "fix_versions": [], "aliases": []}]}], "fixes": []}"""


def test_what_is_known_is_told_with_what_mends_it() -> None:
    assert findings(msgspec.json.decode(KNOWN, type=Report)) == [
        "audit: bad 2.0 has PYSEC-1 CVE-1; mended in 2.1",
        "audit: bad 2.0 has PYSEC-2; not mended yet",
    ]


def test_a_machine_without_a_way_out_says_so_and_goes_on(tmp_path: Path) -> None:
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"), "http://127.0.0.1:9")
    # Nor may it find what an audit before kept of the answers.
    nowhere |= dict.fromkeys(("HOME", "PIP_CACHE_DIR", "XDG_CACHE_HOME"), str(tmp_path))
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"} | nowhere
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "audit.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing was audited." in done.stdout


def test_ci_runs_it() -> None:
    assert "make audit" in (ROOT / ".ci" / "run").read_text()
