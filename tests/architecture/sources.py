"""The files of the project, as the tests of its architecture read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "ripstop"

# What is written by hand; the rest of the folder (environment, data, caches) belongs to one machine.
WRITTEN = ["src", "tests", "bench", "tools", "docs", ".ci", "requirements"]
NOT_TEXT = {".png", ".jpg", ".gif", ".webp", ".avif", ".ico", ".woff2", ".pyc", ".typed", ".xz"}


def written_files() -> Iterator[Path]:
    """Every text file of the project."""
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in WRITTEN:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix not in NOT_TEXT and "__pycache__" not in path.parts:
                yield path


def python_files(*folders: str) -> list[Path]:
    """The Python files in these folders of the project."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def packages_in(folder: Path) -> set[str]:
    """The names of the modules and packages that lie directly in a folder of Python files."""
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    return modules | {path.parent.name for path in folder.glob("*/*.py")}


def shown(path: Path) -> str:
    """The path as it is named in a message."""
    return str(path.relative_to(ROOT))
