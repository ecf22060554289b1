"""The house of DESIGN.md: what the import contracts cannot say by themselves.

`lint-imports` checks the contracts in pyproject.toml; it does not see folders that are no package, nor a contract
that somebody made weaker.
"""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.architecture.sources import PACKAGE, ROOT, packages_in, shown

CONTAINERS = {"ripstop": PACKAGE, "ripstop.domain": PACKAGE / "domain", "ripstop.machinery": PACKAGE / "machinery"}


def contracts() -> list[dict[str, Any]]:
    """The import contracts of pyproject.toml."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, Any]] = configuration["tool"]["importlinter"]["contracts"]
    return found


def layers_of(container: str) -> list[set[str]]:
    """The names in each layer of the contract that orders a container, the highest first."""
    contract = next(c for c in contracts() if c["type"] == "layers" and c["containers"] == [container])
    assert contract["exhaustive"], f"the contract {contract['id']} must be exhaustive"
    return [{name.strip("() ") for name in layer.replace(":", "|").split("|")} for layer in contract["layers"]]


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_package_has_its_place_in_a_contract(container: str) -> None:
    placed = set().union(*layers_of(container))
    unplaced = packages_in(CONTAINERS[container]) - placed
    assert not unplaced, f"give {sorted(unplaced)} a layer in the contract of {container} in pyproject.toml"


def test_every_folder_with_python_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    missing = [shown(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()]
    assert not missing, f"import contracts do not see folders without __init__.py: {missing}"


def test_the_layers_stand_in_the_order_of_the_design() -> None:
    order = [name for layer in layers_of("ripstop") for name in sorted(layer)]
    below = ["boot", "surfaces", "domain", "machinery", "engines", "kernel"]
    assert [name for name in order if name in below] == below


def test_subscribers_of_the_domain_stand_apart() -> None:
    contract = next(c for c in contracts() if c["id"] == "domain")
    apart = "(conversations) | (feeds) | (notifications) | (previews) | (search) | (streams) | (trends)"
    assert apart in contract["layers"]
