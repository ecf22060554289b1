"""A house on each engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.domain.house import House, a_house
from tests.stores import Place


@pytest.fixture
async def house(place: Place, tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(place, tmp_path) as house:
        yield house
