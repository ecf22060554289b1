"""The documentation is true: its links lead somewhere, its names exist, and the code uses its words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, ROOT, python_files, shown

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")
DOTTED = re.compile(r"`(ripstop(?:\.\w+)+)`")
BELOW_THE_SURFACES = ["src/ripstop/domain", "src/ripstop/machinery", "src/ripstop/engines", "src/ripstop/kernel"]


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not broken, f"{shown(page)} links to what is not there: {broken}"


def test_every_page_stands_in_the_index() -> None:
    index = set(LINK.findall((ROOT / "docs" / "README.md").read_text(encoding="utf-8")))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    missing = pages - index - {"README.md"}
    assert not missing, f"list {sorted(missing)} in docs/README.md"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_names_of_the_code_exist(page: Path) -> None:
    unknown = [name for name in DOTTED.findall(page.read_text(encoding="utf-8")) if not exists(name)]
    assert not unknown, f"{shown(page)} speaks of what is not in the code: {unknown}"


def exists(dotted: str) -> bool:
    """Whether a name is that of a module, or is bound at the top of one."""
    path = PACKAGE.parent.joinpath(*dotted.split("."))
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    holder = path.parent if path.parent.is_dir() else path.parent.with_suffix(".py")
    source = holder / "__init__.py" if holder.is_dir() else holder
    return source.exists() and path.name in names_at_the_top(source)


def names_at_the_top(source: Path) -> set[str]:
    """What a module binds at its top: classes, functions, constants, imports."""
    found: set[str] = set()
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                found.add(node.name)
            case ast.Assign():
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.ImportFrom() | ast.Import():
                found |= {alias.asname or alias.name for alias in node.names}
    return found


def words_we_do_not_use() -> dict[str, str]:
    """The last table of the glossary: the word, and the one in its place."""
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    table = glossary.partition("## Words we do not use")[2]
    return dict(re.findall(r"^\| (\w+) \| (\w+) \|$", table, flags=re.MULTILINE))


def names_in(path: Path) -> Iterator[tuple[str, int]]:
    """Every name that a module gives: of classes, functions, arguments, variables, attributes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno


def words_of(name: str) -> set[str]:
    """The words of an identifier, in lower case and in the singular."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return {word.lower().removesuffix("s") for word in words}


def test_the_code_uses_the_words_of_the_glossary() -> None:
    instead = words_we_do_not_use()
    assert instead.get("reblog") == "repost", "the table of words in the glossary was not found"
    wrong = [
        f"{shown(path)}:{line}: {name}: say {instead[word]}, not {word}"
        for path in python_files(*BELOW_THE_SURFACES)
        for name, line in names_in(path)
        for word in words_of(name) & instead.keys()
    ]
    assert not wrong, "\n".join(wrong)
