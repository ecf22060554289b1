"""Big work over workers which are killed in the middle: each item's effect once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bench.functions_big import STEP, Workers, begin, item_id, missing, until_done
from bench.functions_core import SCHEMA, Site
from ripstop.engines.base import Store
from tests.stores import Place
from tests.world import eventually

ITEMS, PART, PAUSE, LEASE = 2_000, 500, 1.0, 2.0


async def has_done(store: Store, step: int) -> bool:
    """Whether some part is through one of its steps, of which there are five."""
    return bool(await store.object_get([item_id(part + step * STEP) for part in range(0, ITEMS, PART)]))


async def test_workers_that_are_killed_lose_nothing_and_do_nothing_twice(place: Place, tmp_path: Path) -> None:
    """First one of two; then the other, which may have taken over what that one had begun."""
    site = Site(place.engine, place.where, tmp_path / "bus")
    async with place.opened(schema=SCHEMA) as store:
        with Workers(site, 2, lease=LEASE) as workers:
            call = await begin(site, ITEMS, part=PART, pause=PAUSE)
            for number, step in enumerate((0, 2)):
                await eventually(partial(has_done, store, step))
                workers.kill(number)
        assert await missing(store, ITEMS) > 0, "there are two seconds left"
        with Workers(site, 1, lease=LEASE):
            await until_done(store, call)
        assert await missing(store, ITEMS) == 0
        assert await store.call_stats() == {}
