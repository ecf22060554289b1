"""Opening a PostgreSQL store: migrations raced by several, newer databases, settings that forbid writes."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ripstop.engines.postgres import PostgresStore
from ripstop.engines.postgres.connections import Connections
from ripstop.engines.postgres.migrations import migrations
from ripstop.kernel.errors import Overloaded, ReadOnly, RipstopError, Unavailable
from tests.stores import READ_SECONDS, PatientPostgres, session
from tests.world import HOME, SCHEMA, apply, eventually, ident, thing


def store_at(dsn: str) -> PostgresStore:
    return PatientPostgres(dsn, SCHEMA, read_seconds=READ_SECONDS)


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


async def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        await store_at(f"postgresql://postgres@/nowhere?host={tmp_path}").open()


async def test_what_cannot_be_opened_leaves_no_connection(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(connections: Connections) -> None:
        await connections.fetch("SELECT 1")
        raise Overloaded("The database took too long and was interrupted.")

    async def nobody_else() -> bool:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return bool(await connection.fetchval(others) == 0)

    monkeypatch.setattr(Connections, "look_for_read_only", interrupted)
    with pytest.raises(Overloaded):
        await store_at(postgres_dsn).open()
    async with session(postgres_dsn) as connection:
        await eventually(nobody_else)


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
        await apply(store, thing(2))
    await store.close()


async def test_calls_of_a_database_without_lines_are_all_taken_and_its_program_works_on(postgres_dsn: str) -> None:
    async with session(postgres_dsn) as connection:
        await connection.execute("CREATE TABLE migrations (number integer PRIMARY KEY, name text NOT NULL)")
        for migration in migrations()[:6]:
            await connection.execute(migration.text)
            await connection.execute("INSERT INTO migrations VALUES ($1, $2)", migration.number, migration.name)
        insert = "INSERT INTO calls (shard, id, state, criticality, due, deadline, function, arguments) VALUES "
        await connection.execute(f"{insert} ({HOME}, {ident(1)}, 1, 0, 0, 5, 'work', '{{}}')")
        store = store_at(postgres_dsn)
        await store.open()
        await connection.execute(f"{insert} ({HOME}, {ident(2)}, 1, 2, 0, 5, 'work', '{{}}')")
        assert [call.id for call in (await store.call_lease([0], limit=9, seconds=60)).taken] == [ident(1)]
        older = await connection.fetch(
            "SELECT id FROM ripstop_lease('{0,1,2,3}', 9, 1000, 0::smallint, 1024::smallint, '{}', '{}', '{}')"
        )
        assert [row["id"] for row in older] == [ident(2)]
        await store.close()
