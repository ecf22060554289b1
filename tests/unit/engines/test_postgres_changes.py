"""The change log of the PostgreSQL engine, whose transactions do not end in the order of their numbers."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ripstop.engines.base import Changes
from ripstop.engines.batch import ObjectPatch
from ripstop.engines.postgres import PostgresStore
from tests.stores import READ_SECONDS, PatientPostgres, session
from tests.unit.graph.worlds import PAGE, Page, graph_over
from tests.world import SCHEMA, apply, ident, thing

LATE = ident(77)
DAY_MS = 86_400_000


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    store = PatientPostgres(postgres_dsn, SCHEMA, read_seconds=READ_SECONDS)
    await store.open()
    yield store
    await store.close()


async def note(connection: "asyncpg.Connection[asyncpg.Record]", id: int) -> None:
    """What a group writes at its end, in a transaction that the test holds open."""
    await connection.execute(
        "INSERT INTO changes (at_ms, ids, sources, types) VALUES (ripstop_now(), $1, '{}', '{}')", [id]
    )


async def test_a_transaction_that_ends_late_is_told_when_it_ends(store: PostgresStore, postgres_dsn: str) -> None:
    cursor = (await store.changes(-1)).cursor
    async with session(postgres_dsn) as slow:
        transaction = slow.transaction()
        await transaction.start()
        await note(slow, LATE)
        for number in range(1, 11):
            await apply(store, thing(number))
            told = await store.changes(cursor)
            assert LATE not in told.ids
            assert ident(number) in told.ids
            assert not told.lost
            cursor = told.cursor
        await transaction.commit()
    assert LATE in (await store.changes(cursor)).ids


async def test_what_is_told_twice_stops_when_the_slow_one_has_ended(store: PostgresStore, postgres_dsn: str) -> None:
    cursor = (await store.changes(-1)).cursor
    async with session(postgres_dsn) as slow, slow.transaction():
        await note(slow, LATE)
        await apply(store, thing(1))
        cursor = (await store.changes(cursor)).cursor
        assert list((await store.changes(cursor)).ids) == [ident(1)]
    cursor = (await store.changes(cursor)).cursor
    assert list((await store.changes(cursor)).ids) == []


async def test_a_slow_one_below_the_trim_makes_its_readers_lost(store: PostgresStore, postgres_dsn: str) -> None:
    cursor = (await store.changes(-1)).cursor
    async with session(postgres_dsn) as slow, slow.transaction():
        await note(slow, LATE)
        await apply(store, thing(1))
        cursor = (await store.changes(cursor)).cursor
        assert (await store.sweep(now_ms=await store.now_ms() + DAY_MS, limit=100))["changes"] == 1
    told = await store.changes(cursor)
    assert told.lost or LATE in told.ids


async def test_who_is_far_behind_is_told_to_drop_everything(store: PostgresStore, postgres_dsn: str) -> None:
    cursor = (await store.changes(-1)).cursor
    async with session(postgres_dsn) as connection:
        await connection.execute(
            "INSERT INTO changes (transaction, at_ms, ids, sources, types)"
            " SELECT n, 0, '{}', '{}', '{}' FROM generate_series($1::bigint, $1::bigint + 5000) AS n",
            cursor,
        )
    assert (await store.changes(cursor)).lost


async def test_questions_that_are_asked_together_each_see_what_was_there_before(store: PostgresStore) -> None:
    await apply(store, thing(1))
    cursor = (await store.changes(-1)).cursor

    async def ask() -> Changes:
        return await store.changes(cursor)

    for number in range(2, 40):
        early = [asyncio.create_task(ask()) for _ in range(5)]
        await asyncio.sleep(0)
        await apply(store, ObjectPatch(ident(1), f'{{"n":{number}}}'))
        for told in await asyncio.gather(*(ask() for _ in range(20))):
            assert list(told.ids) == [ident(1)]
        await asyncio.gather(*early)
        cursor = (await ask()).cursor


async def test_older_and_younger_cursors_share_a_question(store: PostgresStore) -> None:
    cursors = [(await store.changes(-1)).cursor]
    for number in range(1, 6):
        await apply(store, thing(number))
        cursors.append((await store.changes(cursors[-1])).cursor)
    answers = await asyncio.gather(*(store.changes(cursor) for cursor in reversed(cursors)))
    for first, told in enumerate(reversed(answers), start=1):
        assert set(told.ids) == {ident(number) for number in range(first, 6)}


async def test_a_graph_sees_a_commit_while_an_older_transaction_is_under_way(
    store: PostgresStore, postgres_dsn: str
) -> None:
    graph = graph_over(store)
    write = graph.write_in(5)
    id_ = write.new_id()
    write.create(PAGE, id_, Page("first"))
    await graph.commit(write)
    async with session(postgres_dsn) as slow, slow.transaction():
        await note(slow, LATE)
        for title in ("second", "third", "fourth"):
            await graph.sync()
            assert await graph.get(PAGE, id_) is not None
            cursor = graph.cursor
            write = graph.write(id_)
            write.patch(PAGE, id_, title=title)
            await graph.commit(write)
            await graph.sync()
            found = await graph.get(PAGE, id_)
            assert found is not None
            assert found.value.title == title
            assert graph.cursor > cursor
