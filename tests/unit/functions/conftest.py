"""The stores of these tests hold workers to the shard discipline."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ripstop.engines.base import Store
from tests import discipline
from tests.stores import Place
from tests.world import SCHEMA


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    """An open, empty, disciplined store on each engine."""
    store = discipline.wrap(place.instance(), SCHEMA)
    await store.open()
    yield store
    await store.close()
