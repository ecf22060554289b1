"""Opening a PostgreSQL store: migrations raced by several, newer databases, settings that forbid writes, slots."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import asyncpg
import pytest

from ripstop.engines.batch import Batch
from ripstop.engines.postgres import PostgresSlot, PostgresStore
from ripstop.engines.postgres.migrations import migrations
from ripstop.kernel.clock import ManualClock
from ripstop.kernel.errors import ReadOnly, RipstopError, Unavailable
from ripstop.kernel.ids import SLOTS, IdSource, time_ms
from tests.stores import session
from tests.world import HOME, SCHEMA, apply, ident, thing


def store_at(dsn: str) -> PostgresStore:
    return PostgresStore(dsn, SCHEMA, read_seconds=10)


async def test_stores_that_open_at_once_migrate_once(postgres_dsn: str) -> None:
    stores = [store_at(postgres_dsn) for _ in range(6)]
    await asyncio.gather(*(store.open() for store in stores))
    await asyncio.gather(*(apply(store, thing(number)) for number, store in enumerate(stores, start=1)))
    assert len(await stores[0].object_get([ident(number) for number in range(1, 7)])) == 6
    await asyncio.gather(*(store.close() for store in stores))
    async with session(postgres_dsn) as connection:
        applied = await connection.fetch("SELECT number, name FROM migrations ORDER BY number")
    assert [tuple(row) for row in applied] == [(migration.number, migration.name) for migration in migrations()]


async def test_a_database_of_a_newer_program_is_refused_with_a_sentence(postgres_dsn: str) -> None:
    store = store_at(postgres_dsn)
    await store.open()
    await store.close()
    async with session(postgres_dsn) as connection:
        await connection.execute("INSERT INTO migrations (number, name) VALUES (9000, 'of the future')")
    with pytest.raises(RipstopError, match="newer Ripstop"):
        await store_at(postgres_dsn).open()


async def test_a_server_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        await store_at("postgresql://postgres@127.0.0.1:9/nowhere").open()


async def test_a_database_that_takes_no_writes_is_read_only_until_it_does(postgres_dsn: str) -> None:
    store = store_at(postgres_dsn)
    await store.open()
    await apply(store, thing(1))
    await store.close()
    name = urlsplit(postgres_dsn).path[1:]
    async with session(postgres_dsn) as connection:
        await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    store = store_at(postgres_dsn)
    await store.open()
    assert store.read_only is not None
    assert ident(1) in await store.object_get([ident(1)])
    with pytest.raises(ReadOnly):
        await store.commit([Batch(HOME, [thing(2)])])
    await store.close()


def test_slots_are_taken_apart_and_are_free_again(postgres_dsn: str) -> None:
    first, second = PostgresSlot(postgres_dsn), PostgresSlot(postgres_dsn)
    assert (first.number, second.number) == (0, 1)
    first.close()
    first.close()
    third = PostgresSlot(postgres_dsn)
    assert third.number == 0
    second.close()
    third.close()


def test_a_new_owner_mints_beyond_the_one_before(postgres_dsn: str) -> None:
    clock = ManualClock(1_700_000_000_000)
    slot = PostgresSlot(postgres_dsn)
    minted = [IdSource(clock, slot).new(7) for _ in range(3)]
    slot.close()
    clock.step(-3600)
    slot = PostgresSlot(postgres_dsn)
    assert slot.high_water_ms > time_ms(max(minted))
    assert IdSource(clock, slot).new(7) > max(minted)
    slot.close()


def test_a_mark_may_be_lowered_to_what_was_minted(postgres_dsn: str) -> None:
    slot = PostgresSlot(postgres_dsn)
    slot.raise_high_water(5000)
    slot.close(minted_ms=3000)
    slot = PostgresSlot(postgres_dsn)
    assert slot.high_water_ms == 3001
    slot.close()


async def test_a_slot_survives_the_loss_of_its_connection_unless_another_took_it(postgres_dsn: str) -> None:
    slot = await asyncio.to_thread(PostgresSlot, postgres_dsn)
    await end_sessions(postgres_dsn)
    await asyncio.to_thread(slot.raise_high_water, 1000)
    await end_sessions(postgres_dsn)
    thief = await asyncio.to_thread(PostgresSlot, postgres_dsn)
    assert (thief.number, thief.high_water_ms) == (slot.number, 1000)
    for _ in range(2):
        with pytest.raises(Unavailable, match="lost"):
            await asyncio.to_thread(slot.raise_high_water, 2000)
    await asyncio.to_thread(thief.close)
    with pytest.raises(Unavailable, match="lost"):  # the thief is gone, but has raised the token
        await asyncio.to_thread(slot.raise_high_water, 2000)
    await asyncio.to_thread(slot.close)


async def end_sessions(dsn: str) -> None:
    """End every other session of the database, and return once they are gone."""
    async with session(dsn) as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        await connection.execute(f"SELECT pg_terminate_backend(pid, 10000) {others}")


async def test_more_processes_than_slots_are_refused(postgres_dsn: str) -> None:
    first = await asyncio.to_thread(PostgresSlot, postgres_dsn)
    async with contextlib.AsyncExitStack() as stack:
        holder = await asyncpg.connect(postgres_dsn)
        stack.push_async_callback(holder.close)
        await holder.execute(f"SELECT pg_try_advisory_lock(730579671, n) FROM generate_series(1, {SLOTS - 1}) AS n")
        with pytest.raises(Unavailable, match="slots"):
            await asyncio.to_thread(PostgresSlot, postgres_dsn)
    await asyncio.to_thread(first.close)
