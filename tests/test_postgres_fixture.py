"""The PostgreSQL that the tests are given."""

from __future__ import annotations

import asyncpg

from tests.postgres import PostgresServer


async def test_each_database_is_empty_and_apart(postgres_server: PostgresServer) -> None:
    async with postgres_server.fresh_database() as one, postgres_server.fresh_database() as other:
        assert one != other
        await _execute(one, "CREATE TABLE only_here (id bigint)")
        assert await _tables(one) == ["only_here"]
        assert await _tables(other) == []


async def test_a_database_is_gone_after_its_test_although_connections_are_open(
    postgres_server: PostgresServer,
) -> None:
    async with postgres_server.fresh_database() as dsn:
        left_open = await asyncpg.connect(dsn)
        name = await left_open.fetchval("SELECT current_database()")
    left_open.terminate()
    assert name not in await _databases(postgres_server.dsn)


async def test_the_server_sorts_text_by_bytes(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        assert await connection.fetchval("SELECT 'Z' < 'a'")
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    finally:
        await connection.close()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _tables(dsn: str) -> list[str]:
    return await _column(dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")


async def _databases(dsn: str) -> list[str]:
    return await _column(dsn, "SELECT datname FROM pg_database ORDER BY 1")


async def _column(dsn: str, query: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()
