"""Big work over workers of which one is killed in the middle: each item's effect once."""

from __future__ import annotations

from pathlib import Path

from bench.functions_big import Workers, begin, item_id, missing, until_done
from bench.functions_core import SCHEMA, Site
from tests.stores import Place
from tests.world import eventually

ITEMS, PART, PAUSE = 16_000, 2_000, 0.1
FIRST = [item_id(item) for item in range(0, ITEMS, PART)]
LAST = [item_id(item) for item in range(PART - 1, ITEMS, PART)]


async def test_a_worker_that_is_killed_loses_nothing_and_does_nothing_twice(place: Place, tmp_path: Path) -> None:
    site = Site(place.engine, place.where, tmp_path / "bus")
    async with place.opened(schema=SCHEMA) as store:
        call = await begin(site, ITEMS, part=PART, pause=PAUSE)
        with Workers(site, 2, lease=3.0) as workers:

            async def is_under_way() -> bool:
                return bool(await store.object_get(FIRST))

            await eventually(is_under_way)
            workers.kill()
            assert not await store.object_get(LAST), "each part takes two seconds at least"
            await until_done(store, call)
        assert await missing(store, ITEMS) == 0
        assert await store.call_stats() == {}
