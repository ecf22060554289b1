"""What every file keeps to: its length, its markers, its ignores, and nothing of one machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, python_files, shown, written_files

MOST_LINES = 600

# The words are broken up, so that this file does not find itself.
INDEX_HOSTS = re.compile(
    r"files\.pythonhosted|pypi\.org|registry\.npmjs|deb\.debian\.org|--(?:extra-)?index-url\s+http|--find-links\s+\S*/"
)
MACHINE_PATHS = re.compile(r"(?<![\w.*)\]}>-])/(?:root|work|farm|Users|home/\w+)/")
MARKERS = re.compile(r"#\s*(?:FIXME|XXX|HACK|TODO(?!\(#\d+\)))\b")
IGNORES = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?P<rest>.*)")
CODE_AND_REASON = re.compile(r"(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*|\[[a-z-]+(?:,\s*[a-z-]+)*\])\s+\S.{7,}")


def lines_matching(pattern: re.Pattern[str], path: Path) -> list[str]:
    """`file:line: text` of each line in which the pattern is found."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [f"{shown(path)}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if pattern.search(line)]


def test_no_source_file_is_longer_than_one_can_hold_in_mind() -> None:
    long = {
        shown(path): length
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".sql", ".html", ".css", ".js"}
        and (length := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long, f"split by noun what is past {MOST_LINES} lines: {long}"


def test_no_file_names_a_package_index() -> None:
    found = [line for path in written_files() for line in lines_matching(INDEX_HOSTS, path)]
    assert not found, "\n".join(found)


def test_no_file_holds_a_path_of_one_machine() -> None:
    found = [line for path in written_files() for line in lines_matching(MACHINE_PATHS, path)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("see /" + "work/main", True),
        ("'/" + "home/alice/x'", True),
        ("GET /api/v1/timelines/home", False),
        ("docs/" + "work/x", False),
    ],
)
def test_paths_of_one_machine_are_told_from_others(text: str, is_one: bool) -> None:
    assert bool(MACHINE_PATHS.search(text)) is is_one


def test_comments_use_two_markers_only() -> None:
    found = [line for path in python_files("src", "tests", "bench") for line in lines_matching(MARKERS, path)]
    assert not found, "NOTE and TODO(#n) are the markers:\n" + "\n".join(found)


def test_each_ignore_carries_its_code_and_its_reason() -> None:
    bare = [
        line
        for path in python_files("src", "tests", "bench")
        for line in lines_matching(IGNORES, path)
        if (found := IGNORES.search(line)) and not CODE_AND_REASON.fullmatch(found["rest"])
    ]
    assert not bare, "say `noqa: CODE why` or `type: ignore[code] # why`:\n" + "\n".join(bare)


def test_imports_stand_at_the_top() -> None:
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files("src")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and not has_reason(path, node.lineno)
    ]
    assert not found, f"an import inside a function needs its reason, `# NOTE: …`, in the line above: {found}"


def has_reason(path: Path, line: int) -> bool:
    """Whether the line above says why."""
    return path.read_text(encoding="utf-8").splitlines()[line - 2].strip().startswith("# NOTE: ")
