"""Every kind of row names its end in docs/operate/retention.md."""

from __future__ import annotations

import re

import pytest

from ripstop.boot import SCHEMA
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "operate" / "retention.md").read_text()


def declared(pattern: str) -> list[str]:
    """What a pattern finds in the models of the domain."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "src/ripstop/domain").rglob("*.py")))
    return sorted(set(re.findall(pattern, text)))


OBJECTS = declared(r'ObjectType\(\d+, "([a-z_]+)"')
SLOTS = (ROOT / "src/ripstop/processes/slots.py").read_text()
NAMES = [*declared(r'return f"([a-z]+[/:])'), *sorted(set(re.findall(r'f"(slot[a-z-]*/)', SLOTS)))]


def test_the_patterns_find_something() -> None:
    assert {"account", "post", "token"} <= set(OBJECTS)
    assert {"acct:", "idem/", "token/", "slot/"} <= set(NAMES)


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects(kind: str) -> None:
    assert f"`{kind}`" in PAGE


@pytest.mark.parametrize("kind", sorted(each.name for each in SCHEMA.associations.values()))
def test_associations(kind: str) -> None:
    assert f"`{kind}`" in PAGE


@pytest.mark.parametrize("kind", sorted(SCHEMA.keyspaces))
def test_keyspaces(kind: str) -> None:
    assert f"`{kind}`" in PAGE


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    assert f"`{name}`" in PAGE
