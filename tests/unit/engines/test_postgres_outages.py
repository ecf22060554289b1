"""A PostgreSQL that goes away: what was acknowledged is there, what is not known is said, and the store comes back."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from ripstop.engines.batch import Batch
from ripstop.engines.derived import Entry, ListOpen, ListPush, Slice
from ripstop.engines.postgres import PostgresStore
from ripstop.kernel.errors import RipstopError, Unavailable
from tests.postgres import ENVIRONMENT, PostgresServer, running_postgres
from tests.stores import READ_SECONDS, PatientPostgres, session
from tests.world import HOME, SCHEMA, apply, eventually, faults, follow, ident, thing


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of this module's own, since it is crashed here."""
    if "://" in os.environ.get(ENVIRONMENT, ""):
        pytest.skip(f"the server that {ENVIRONMENT} names is not ours to crash")
    with running_postgres() as server:
        yield server


@pytest.fixture
async def dsn(server: PostgresServer) -> AsyncIterator[str]:
    async with server.fresh_database() as dsn:
        yield dsn


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    store = PatientPostgres(dsn, SCHEMA, read_seconds=READ_SECONDS)
    await store.open()
    yield store
    await store.close()


async def crash(server: PostgresServer) -> None:
    """Kill one process of the server, on which it ends all others and recovers; return once it has begun to."""
    victim, witness = await asyncpg.connect(server.dsn), await asyncpg.connect(server.dsn)
    ended = asyncio.Event()
    witness.add_termination_listener(lambda _: ended.set())
    os.kill(await victim.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
    await ended.wait()
    victim.terminate()


async def answers(store: PostgresStore) -> bool:
    try:
        await store.object_get([ident(1)])
        await store.commit([Batch(HOME, [])])
    except Unavailable:
        return False
    return True


async def test_acknowledged_writes_survive_a_crash_of_the_server(server: PostgresServer, store: PostgresStore) -> None:
    acknowledged: list[int] = []
    numbers = iter(range(1, 100_000))
    stop = asyncio.Event()

    async def keep_writing() -> None:
        while not stop.is_set():
            number = next(numbers)
            try:
                [outcome] = await store.commit([Batch(HOME, [thing(number), follow(ident(1), ident(number), number)])])
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                assert outcome.applied
                acknowledged.append(number)

    async def has_written(count: int) -> bool:
        return len(acknowledged) >= count

    writers = [asyncio.create_task(keep_writing()) for _ in range(8)]
    for _ in range(3):
        before = len(acknowledged)
        await eventually(lambda before=before: has_written(before + 50))  # type: ignore[misc] # mypy: default argument
        await crash(server)
    before = len(acknowledged)
    await eventually(lambda: has_written(before + 50))
    stop.set()
    await asyncio.gather(*writers)
    there = await store.object_get([ident(number) for number in range(1, next(numbers))])
    assert set(there) >= {ident(number) for number in acknowledged}
    assert await faults(store) == []


async def test_lists_are_absent_after_a_crash_and_can_be_built_again(
    server: PostgresServer, store: PostgresStore
) -> None:
    push = ListPush([ident(1)], Entry(5, 1))
    await store.keyspace_write("home", [ListOpen(ident(1), 0), push])
    await apply(store, thing(1))
    await crash(server)
    await eventually(lambda: answers(store))
    assert await store.keyspace_range("home", ident(1), limit=5) is None
    assert ident(1) in await store.object_get([ident(1)])
    await store.keyspace_write("home", [push, ListOpen(ident(1), 3), push])
    assert await store.keyspace_range("home", ident(1), limit=5) == Slice(3, [Entry(5, 1)])


async def test_while_the_server_is_away_the_caller_is_told(server: PostgresServer, dsn: str) -> None:
    store = PatientPostgres(dsn, SCHEMA, read_seconds=READ_SECONDS)
    await store.open()
    await apply(store, thing(1))
    async with session(server.dsn) as connection:
        name = urlsplit(dsn).path[1:]
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1", name
        )
        with pytest.raises(RipstopError) as read:
            await store.object_get([ident(1)])
        with pytest.raises(RipstopError) as write:
            await store.commit([Batch(HOME, [thing(2)])])
        assert (read.value.status, write.value.status) == (503, 503)
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await apply(store, thing(3))
    assert set(await store.object_get([ident(1), ident(2), ident(3)])) == {ident(1), ident(3)}
    await store.close()


async def test_sessions_that_were_ended_are_replaced_without_a_word_to_readers(store: PostgresStore, dsn: str) -> None:
    await apply(store, thing(1))
    for _ in range(5):
        await asyncio.gather(*(store.object_get([ident(1)]) for _ in range(10)))
        async with session(dsn) as connection:
            others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            await connection.execute(f"SELECT pg_terminate_backend(pid, 10000) {others}")
        assert ident(1) in await store.object_get([ident(1)])


TERMINATE = b"X\0\0\0\4"
"""What a client says at the end of a session."""


@contextlib.asynccontextmanager
async def slow_to_hang_up(dsn: str) -> AsyncIterator[tuple[str, asyncio.Semaphore]]:
    """The DSN of a way to the server on which all is passed on but that it hangs up unasked; released when it does."""
    parts = urlsplit(dsn)
    hung_up = asyncio.Semaphore(0)

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(1 << 16):
                target.write(data)
                if data.endswith(TERMINATE):
                    break

    async def connect(from_client: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        from_server, server = await asyncio.open_unix_connection(f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432")
        asking = asyncio.create_task(pass_on(from_client, server))
        await pass_on(from_server, client)
        hung_up.release()
        await asking
        server.close()
        client.close()

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as way:
        yield f"postgresql://postgres@127.0.0.1:{way.sockets[0].getsockname()[1]}{parts.path}", hung_up


async def test_a_session_that_was_ended_is_replaced_before_its_end_is_known(dsn: str) -> None:
    async with slow_to_hang_up(dsn) as (way, hung_up):
        store = PatientPostgres(way, SCHEMA, read_seconds=READ_SECONDS)
        await store.open()
        await apply(store, thing(1))
        assert ident(1) in await store.object_get([ident(1)])
        while not hung_up.locked():
            await hung_up.acquire()
        async with session(dsn) as connection:
            others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ended = await connection.fetch(f"SELECT pg_terminate_backend(pid, 10000) {others}")
        for _ in ended:
            await hung_up.acquire()
        async with session(way):  # what the server has said last is there before the answers to this
            pass
        assert ident(1) in await store.object_get([ident(1)])
        with pytest.raises(Unavailable):
            await apply(store, thing(2))
        await apply(store, thing(3))
        assert set(await store.object_get([ident(1), ident(2), ident(3)])) == {ident(1), ident(3)}
        await store.close()
