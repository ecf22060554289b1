"""Big work over workers of which one is killed in the middle: each item's effect once."""

from __future__ import annotations

from pathlib import Path

from bench.functions_big import Workers, begin, missing, until_done
from bench.functions_core import Site
from tests.stores import Place
from tests.world import eventually

ITEMS, PART, PAUSE = 16_000, 2_000, 0.03


async def test_a_worker_that_is_killed_loses_nothing_and_does_nothing_twice(place: Place, tmp_path: Path) -> None:
    site = Site(place.engine, place.where, tmp_path / "bus")
    async with site.opened() as (store, _):
        call = await begin(site, ITEMS, part=PART, pause=PAUSE)
        with Workers(site, 2, lease=0.5) as workers:

            async def is_under_way() -> bool:
                return await missing(store, ITEMS) < ITEMS

            await eventually(is_under_way)
            workers.kill()
            assert await missing(store, ITEMS) > 0
            await until_done(store, call)
        assert await missing(store, ITEMS) == 0
        assert await store.call_stats() == {}
