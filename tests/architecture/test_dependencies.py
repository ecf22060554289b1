"""The dependencies: each is needed, says for what, and is locked with its hashes."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, python_files, shown

RUN_LOCK = ROOT / "requirements" / "run.txt"
DEV_LOCK = ROOT / "requirements" / "dev.txt"


OURS = {"ripstop", "tests", "bench", "tools"}


def pins(lock: Path) -> dict[str, str]:
    """Package and version of each entry of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), flags=re.MULTILINE))


def declared(*, dev: bool = False) -> set[str]:
    """The normalised names of what pyproject.toml says that the program needs, or with `dev` tests and bench too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = project["dependencies"] + (project["optional-dependencies"]["dev"] if dev else [])
    return {normalised(re.split(r"[^\w.-]", requirement)[0]) for requirement in needed}


def normalised(name: str) -> str:
    """A package's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(*folders: str) -> dict[str, str]:
    """Top-level names that these folders import from outside of Python and of the project, with a file that does."""
    found: dict[str, str] = {}
    for path in python_files(*folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            else:
                continue
            found |= {name.split(".")[0]: shown(path) for name in names}
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names | OURS}


@pytest.mark.parametrize(("folders", "dev"), [(["src"], False), (["tests", "bench"], True)], ids=["run", "dev"])
def test_every_import_is_of_a_declared_dependency(folders: list[str], dev: bool) -> None:
    distributions = packages_distributions()
    undeclared = {
        name: path
        for name, path in imported(*folders).items()
        if not {normalised(distribution) for distribution in distributions.get(name, [])} & declared(dev=dev)
    }
    assert not undeclared, f"declare in pyproject.toml what these come from: {undeclared}"


def test_every_declared_dependency_is_imported() -> None:
    distributions = packages_distributions()
    used = {normalised(distribution) for name in imported("src") for distribution in distributions.get(name, [])}
    unused = declared() - used
    assert not unused, f"nothing in src imports {sorted(unused)}"


def test_every_dependency_says_what_it_is_needed_for() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    silent = [line for line in lines if re.match(r'\s*"[\w.-]+[<>=~]', line) and "# needed for: " not in line]
    assert not silent, "\n".join(silent)


def test_the_locks_agree() -> None:
    assert pins(RUN_LOCK).items() <= pins(DEV_LOCK).items(), "run `make lock`"


def test_the_lock_holds_what_is_declared() -> None:
    assert declared() <= pins(RUN_LOCK).keys(), "run `make lock`"


@pytest.mark.parametrize("lock", [RUN_LOCK, DEV_LOCK], ids=lambda lock: lock.stem)
def test_every_locked_package_has_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text())
    bare = [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry]
    assert not bare, f"{bare} have no hash in {shown(lock)}"


@pytest.mark.parametrize("lock", [RUN_LOCK, DEV_LOCK], ids=lambda lock: lock.stem)
def test_locks_hold_packages_alone(lock: Path) -> None:
    other = [line for line in lock.read_text().splitlines() if re.match(r"-|.*(?:://| @ )", line)]
    assert not other, f"no option and no address belongs into {shown(lock)}: {other}"
