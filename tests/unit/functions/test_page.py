"""docs/build/functions.md and its sisters: their examples run, and they leave nothing out."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ripstop.engines.base import Store
from ripstop.kernel.metrics import Metrics
from ripstop.machinery.functions import CallMetrics, Function, Limits, outcome
from tests.stores import Place
from tests.unit.functions.yard import Yard

DOCS = Path(__file__).parents[3] / "docs" / "build"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def example(name: str) -> dict[str, Any]:
    """What the first example of a page defines."""
    found = re.search(r"```python\n(.*?)```", page(name), flags=re.DOTALL)
    assert found is not None
    defined: dict[str, Any] = {"__name__": "example"}
    exec(compile(found[1], name, "exec", dont_inherit=True), defined)
    return defined


async def test_the_quick_start_runs(store: Store) -> None:
    defined = example("functions.md")
    yard = Yard(store, functions=defined["functions"])
    letter = await defined["sign_up"](store, yard.ids, yard.clock)
    while await yard.unfinished():
        await yard.drain()
    assert letter in await store.object_get([letter])


async def test_the_example_of_keyspaces_runs(place: Place) -> None:
    defined = example("keyspaces.md")
    async with place.opened(schema=defined["SCHEMA"]) as store:
        await defined["use"](store)
        page = await defined["HOME"].range(store, 7, limit=5)
        assert page.entries == [(12, 12)]
        assert await defined["VIEWS"].get(store, ["7"]) == {"7": 1}


@pytest.mark.parametrize("named", [each.name for declared in (Function, Limits) for each in fields(declared)])
def test_each_attribute_is_explained(named: str) -> None:
    assert f"`{named}`" in page("functions.md")


@pytest.mark.parametrize("kind", ["Done", "Checkpoint", "Split", "Retry", "Snooze", "Cancel", "Fail"])
def test_each_outcome_is_explained_with_its_parts(kind: str) -> None:
    parts = ", ".join(getattr(outcome, kind)._fields)
    assert f"| `{kind}({parts})`" in page("functions.md")


def test_each_metric_is_explained() -> None:
    metrics = Metrics()
    CallMetrics(metrics)
    for family in metrics.families:
        assert f"`{family.name}`" in page("functions.md")
