"""A house on each engine."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ripstop.domain.feeds import LowWater
from tests.domain.house import House, a_house
from tests.stores import Place


@pytest.fixture
def lasting_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that takes its time reads the low-water marks no more often than one that does not."""
    monkeypatch.setattr(LowWater, "EVERY", math.inf)


@pytest.fixture
async def house(place: Place, tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(place, tmp_path) as house:
        yield house
