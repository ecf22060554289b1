"""How long a read may wait on PostgreSQL is a setting."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from ripstop import boot
from ripstop.kernel.configuration import Configuration, Limits
from tests.stores import session
from tests.world import eventually, ident

SOMEBODY_WAITS = """
    SELECT EXISTS (
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND clock_timestamp() > query_start + $1
    )
"""


async def test_a_read_waits_for_as_long_as_the_setting_says(postgres_dsn: str, tmp_path: Path) -> None:
    too_long = timedelta(seconds=1.2 * Limits().read_seconds)
    configuration = Configuration(data=str(tmp_path), database=postgres_dsn, limits=Limits(read_seconds=60))
    async with (
        boot.opened_store(configuration) as store,
        session(postgres_dsn) as holder,
        session(postgres_dsn) as onlooker,
    ):
        async with holder.transaction():
            await holder.execute("LOCK TABLE objects IN ACCESS EXCLUSIVE MODE")
            reading = asyncio.create_task(store.object_get([ident(1)]))

            async def has_waited() -> bool:
                return reading.done() or bool(await onlooker.fetchval(SOMEBODY_WAITS, too_long))

            await eventually(has_waited)
        assert await reading == {}
