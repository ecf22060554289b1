"""Everything that an operator or an author of a function can set, run or read is found in a page of docs/."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator

import typer
from typer.core import TyperGroup

from ripstop.__main__ import commands
from ripstop.kernel.configuration import variables
from ripstop.machinery.functions.function import Function
from tests.architecture.sources import ROOT, python_files

DOCUMENTATION = "\n".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").rglob("*.md")))


def calls_in_sources() -> Iterator[ast.Call]:
    """Every call of a method in src."""
    for path in python_files("src"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield node


def metrics() -> set[str]:
    """The names under which src declares counters, gauges and histograms."""
    return {
        name.value
        for call in calls_in_sources()
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"counter", "gauge", "histogram"} and call.args
        if isinstance(name := call.args[0], ast.Constant) and isinstance(name.value, str)
    }


def test_every_metric_is_documented() -> None:
    assert "ripstop_requests_in_flight" in metrics(), "this test does not find how metrics are declared"
    missing = {name for name in metrics() if f"`{name}`" not in DOCUMENTATION}
    assert not missing, f"say in docs/ what these mean: {sorted(missing)}"


def test_every_metric_has_the_name_of_the_program() -> None:
    assert all(re.fullmatch(r"ripstop_[a-z0-9]+(_[a-z0-9]+)*", name) for name in metrics()), sorted(metrics())


def test_every_attribute_of_a_function_is_documented() -> None:
    page = (ROOT / "docs" / "build" / "functions.md").read_text(encoding="utf-8")
    missing = [field.name for field in dataclasses.fields(Function) if f"`{field.name}`" not in page]
    assert not missing, f"say in docs/build/functions.md what these mean: {missing}"


def test_every_setting_is_documented() -> None:
    missing = [
        variable
        for variable, place in variables().items()
        if f"`{variable}`" not in DOCUMENTATION or f"`{'.'.join(place)}`" not in DOCUMENTATION
    ]
    assert not missing, f"say in docs/operate/configuration.md what these mean: {missing}"


def names_of(command: object, name: str) -> set[str]:
    """The command, or if it is a group all that are in it, as one types them."""
    if not isinstance(command, TyperGroup):
        return {name}
    return {found for word, inner in command.commands.items() for found in names_of(inner, f"{name} {word}")}


def test_every_command_is_documented() -> None:
    every = names_of(typer.main.get_command(commands()), "ripstop")
    assert {"ripstop serve", "ripstop rehearse"} <= every
    missing = {name for name in every if name not in DOCUMENTATION}
    assert not missing, f"say in docs/ what these do: {sorted(missing)}"


def test_every_target_of_make_is_documented() -> None:
    targets = set(re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)) - {"help"}
    assert {"serve", "test"} <= targets
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    missing = {target for target in targets if f"| `make {target}` |" not in page}
    assert not missing, f"say in CONTRIBUTING.md what these do: {sorted(missing)}"
