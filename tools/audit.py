"""Ask an advisory service for known weaknesses of the packages in the locks.

A weakness that is known ends this with 1. Where the service cannot be reached it says so, and goes on: a machine
without a way out can still be worked on, and the next one that has one finds what there is.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("run", "dev")
SECONDS = 90
"""For all of it; the service is asked for one package after the other."""


class Weakness(msgspec.Struct):
    """What is known against a version of a package."""

    id: str
    fix_versions: list[str] = []
    aliases: list[str] = []


class Dependency(msgspec.Struct):
    """A package, and what is known against it; `skip_reason` where nothing could be found out."""

    name: str
    version: str = ""
    vulns: list[Weakness] = []
    skip_reason: str = ""


class Report(msgspec.Struct):
    """What pip-audit writes as JSON."""

    dependencies: list[Dependency]


def main() -> int:
    """Audit the locks; the status to exit with."""
    locks = [argument for name in LOCKS for argument in ("-r", str(ROOT / "requirements" / f"{name}.txt"))]
    command = [sys.executable, "-m", "pip_audit", *locks, "--require-hashes", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "10", "--desc", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        print(f"audit: the advisory service did not answer within {SECONDS} s. Nothing was audited.")
        return 0
    try:
        report = msgspec.json.decode(done.stdout, type=Report)
    except msgspec.DecodeError:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1].partition(":")[0]
        print(f"audit: the advisory service was not reached ({why}). Nothing was audited.")
        return 0
    lines = findings(report)
    print("\n".join(lines) or f"audit: nothing is known against {len(report.dependencies)} packages.")
    return 1 if lines else 0


def findings(report: Report) -> Sequence[str]:
    """A line for each weakness that is known."""
    return [
        f"audit: {one.name} {one.version} has {' '.join([found.id, *found.aliases])}; "
        + (f"mended in {', '.join(found.fix_versions)}" if found.fix_versions else "not mended yet")
        for one in report.dependencies
        for found in one.vulns
    ]


if __name__ == "__main__":
    sys.exit(main())
