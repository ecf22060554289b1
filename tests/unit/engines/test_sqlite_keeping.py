"""What is SQLite's own in keeping a store: files, migrations, boots of the machine, checkpoints, long statements."""

import os
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import apsw
import pytest

from ripstop.engines.batch import Batch, CallPut, ObjectPut
from ripstop.engines.derived import Entry, ListOpen, ListPush
from ripstop.engines.sqlite import SqliteStore
from ripstop.engines.sqlite.clock import EngineClock
from ripstop.engines.sqlite.connection import PAGE_SIZE, Reader, connect
from ripstop.engines.sqlite.migrate import migrations
from ripstop.kernel.clock import ManualClock
from ripstop.kernel.errors import Overloaded, RipstopError
from tests.world import FOLLOWS, HOME, SCHEMA, apply, apply_each, eventually, faults, follow, ident, thing


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "data", SCHEMA)
    await store.open()
    yield store
    await store.close()


def pragma(path: Path, name: str) -> object:
    connection = apsw.Connection(str(path))
    try:
        return connection.pragma(name)
    finally:
        connection.close()


async def test_what_cannot_be_changed_later_is_set_at_creation(store: SqliteStore, tmp_path: Path) -> None:
    for name in ("main.db", "derived.db", "search.db"):
        path = tmp_path / "data" / name
        assert pragma(path, "page_size") == PAGE_SIZE
        assert pragma(path, "auto_vacuum") == 2
        assert pragma(path, "journal_mode") == "wal"


async def test_a_newer_schema_is_refused_with_a_sentence(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data", SCHEMA)
    await store.open()
    await store.close()
    connection = apsw.Connection(str(tmp_path / "data" / "main.db"))
    connection.execute("INSERT INTO migrations VALUES (900, 'future', 0)")
    connection.close()
    with pytest.raises(RipstopError, match=r"main\.db has schema version 900.*newer"):
        await store.open()


@pytest.mark.parametrize("database", ["main", "derived", "search"])
def test_migrations_count_up_without_gaps(database: str) -> None:
    assert [step.version for step in migrations(database)] == list(range(1, len(migrations(database)) + 1))


async def test_a_folder_that_cannot_be_written_to_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RipstopError, match="cannot be written to"):
        await SqliteStore(tmp_path / "file" / "data", SCHEMA).open()


async def test_a_read_only_folder_is_said_in_a_sentence(tmp_path: Path) -> None:
    """In a child that is not root, to whom no folder is read-only."""
    folder = tmp_path / "data"
    store = SqliteStore(folder, SCHEMA)
    await store.open()
    await apply(store, thing(1))
    await store.close()
    for path in (*folder.iterdir(), folder, tmp_path):
        path.chmod(0o555)
    tmp_path.parent.chmod(0o755)
    assert _in_a_child(lambda: _open_as_nobody(folder)) == 0
    for path in (tmp_path, folder, *folder.iterdir()):
        path.chmod(0o755)
    await store.open()
    assert set(await store.object_get([ident(1)])) == {ident(1)}
    await store.close()


def _in_a_child(act: Callable[[], int]) -> int:
    """What `act` returns in a process forked from this one."""
    child = os.fork()
    if child == 0:
        os._exit(act())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _open_as_nobody(folder: Path) -> int:
    """0 if opening is refused as it should be."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    opening = SqliteStore(folder, SCHEMA).open()
    try:
        opening.send(None)
    except RipstopError as error:
        return 0 if "cannot be written to" in error.sentence else 2
    except BaseException:  # noqa: BLE001 - this process has no one to tell
        return 3
    return 4


# The boot of the machine


async def open_with_a_list(folder: Path) -> SqliteStore:
    store = SqliteStore(folder, SCHEMA)
    await store.open()
    await store.keyspace_write("home", [ListOpen(1, 0), ListPush([1], Entry(5, 6))])
    return store


def pretend_another_boot(folder: Path) -> None:
    connection = apsw.Connection(str(folder / "derived.db"))
    connection.execute("UPDATE boot SET id = 'another' WHERE id <> ''")
    connection.close()


async def test_lists_are_dropped_when_the_machine_went_down(tmp_path: Path) -> None:
    crashed = await open_with_a_list(tmp_path)  # still open, so that nothing was closed cleanly
    pretend_another_boot(tmp_path)
    store = SqliteStore(tmp_path, SCHEMA)
    await store.open()
    assert await store.keyspace_range("home", 1, limit=5) is None
    assert await faults(store) == []
    await store.close()
    await crashed.close()


async def test_lists_survive_the_death_of_a_process(tmp_path: Path) -> None:
    crashed = await open_with_a_list(tmp_path)
    store = SqliteStore(tmp_path, SCHEMA)
    await store.open()
    found = await store.keyspace_range("home", 1, limit=5)
    assert found is not None
    assert found.entries == [Entry(5, 6)]
    await store.close()
    await crashed.close()


async def test_lists_survive_a_clean_close_and_another_boot(tmp_path: Path) -> None:
    await (await open_with_a_list(tmp_path)).close()
    pretend_another_boot(tmp_path)
    store = SqliteStore(tmp_path, SCHEMA)
    await store.open()
    assert await store.keyspace_range("home", 1, limit=5) is not None
    await store.close()


async def test_only_the_last_to_leave_closes_cleanly(tmp_path: Path) -> None:
    stays = await open_with_a_list(tmp_path)
    leaves = SqliteStore(tmp_path, SCHEMA)
    await leaves.open()
    await leaves.close()
    pretend_another_boot(tmp_path)
    store = SqliteStore(tmp_path, SCHEMA)
    await store.open()
    assert await store.keyspace_range("home", 1, limit=5) is None
    await store.close()
    await stays.close()


# Checkpoints


async def test_the_log_does_not_grow_with_what_is_written(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, SCHEMA, wal_limit=2 << 20)
    await store.open()
    data = '{"a":"' + "x" * 100_000 + '"}'
    rounds, objects = 12, 50
    written = 0
    for number in range(rounds):
        puts = [ObjectPut(ident(1 + number * objects + index), 1, data) for index in range(objects)]
        await apply_each(store, [Batch(HOME, [put]) for put in puts])
        written += objects * len(data)
        await eventually(partial(_has_grown, tmp_path / "main.db", written))
    # The next round may be written before the log begins anew, so that some of them stand in it together.
    assert _size(tmp_path / "main.db-wal") < written / 2
    await store.close()


async def _has_grown(path: Path, size: int) -> bool:
    return _size(path) >= size


def _size(path: Path) -> int:
    return path.stat().st_size


async def test_a_long_read_does_not_hold_up_the_writers(tmp_path: Path) -> None:
    """While a snapshot keeps the log from beginning anew, commits go on."""
    store = SqliteStore(tmp_path, SCHEMA, wal_limit=1 << 20)
    await store.open()
    snapshot = apsw.Connection(str(tmp_path / "main.db"))
    snapshot.execute("BEGIN")
    snapshot.execute("SELECT count(*) FROM objects").fetchall()
    data = '{"a":"' + "x" * 100_000 + '"}'
    for number in range(1, 60):
        await apply(store, ObjectPut(ident(number), 1, data))
    assert snapshot.execute("SELECT count(*) FROM objects").fetchall() == [(0,)]
    snapshot.close()
    assert len(await store.object_get([ident(number) for number in range(1, 60)])) == 59
    await store.close()


# Long statements


async def test_a_statement_that_runs_too_long_is_ended(store: SqliteStore, tmp_path: Path) -> None:
    reader = Reader(tmp_path / "data" / "main.db", cache_kb=1024, seconds=0.01)
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    began = time.thread_time()
    with pytest.raises(Overloaded):
        reader.rows(endless)
    assert time.thread_time() - began < 10
    with pytest.raises(Overloaded):
        reader.rows_within(0.02, endless)
    assert reader.rows("SELECT 1") == [(1,)]
    reader.close()


async def test_a_page_that_must_look_at_a_million_rows_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, SCHEMA)
    await store.open()
    connection = apsw.Connection(str(tmp_path / "main.db"))
    with connection:
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
            "INSERT INTO edges SELECT 1, 5, i, i, 0, NULL FROM n"
        )
    connection.close()
    assert len(await store.assoc_range(1, 5, limit=20)) == 20
    with pytest.raises(Overloaded):
        await store.assoc_range(1, 5, limit=20, mask=1, match=1)
    assert len(await store.assoc_range(1, 5, limit=20)) == 20
    await store.close()


# The clock


def test_the_clock_goes_on_while_the_wall_clock_is_set_back() -> None:
    clock = ManualClock(now_ms=1_000_000)
    engine = EngineClock(clock)
    clock.advance(1)
    assert engine.now_ms() == 1_001_000
    clock.step(-3600)
    assert engine.now_ms() == 1_001_000
    clock.advance(2)
    assert engine.now_ms() == 1_003_000
    clock.step(7200)
    assert engine.now_ms() == clock.now_ms()


def test_the_clock_of_a_later_process_is_not_behind() -> None:
    clock = ManualClock(now_ms=10_000_000)
    engine = EngineClock(clock)
    engine.observe(10_500_000)
    assert engine.now_ms() == 10_500_000
    clock.advance(1)
    assert engine.now_ms() == 10_501_000
    engine.observe(engine.now_ms() + EngineClock.AHEAD_MS + 1)
    assert engine.now_ms() == 10_501_000


async def test_leases_end_although_the_clock_was_set_back(tmp_path: Path) -> None:
    clock = ManualClock()
    store = SqliteStore(tmp_path, SCHEMA, clock=clock)
    await store.open()
    await apply(store, CallPut(ident(1), "work", "{}"), CallPut(ident(2), "work", "{}", due=clock.now_ms() + 5_000))
    assert len((await store.call_lease([2], limit=5, seconds=10)).taken) == 1
    clock.step(-3600)
    clock.advance(6)
    assert [call.id for call in (await store.call_lease([2], limit=5, seconds=10)).taken] == [ident(2)]
    clock.advance(5)
    assert [call.token for call in (await store.call_lease([2], limit=5, seconds=10)).taken] == [2]
    await store.close()


async def test_a_process_that_opens_after_the_clock_was_set_back_keeps_pace(tmp_path: Path) -> None:
    clock = ManualClock()
    store = SqliteStore(tmp_path, SCHEMA, clock=clock)
    await store.open()
    await apply(store, follow(1, 2, 3))
    late = await store.now_ms()
    await store.close()
    clock.step(-3600)
    again = SqliteStore(tmp_path, SCHEMA, clock=clock)
    await again.open()
    assert await again.now_ms() >= late
    assert len(await again.assoc_range(1, FOLLOWS, limit=1)) == 1
    await again.close()


async def test_calls_of_a_store_without_lines_are_all_taken(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    first, *_ = migrations("main")
    connection = connect(folder / "main.db", cache_kb=1000, create=True)
    connection.execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT, applied INTEGER)")
    connection.execute(first.script)
    connection.execute("INSERT INTO migrations VALUES (1, ?, 0)", (first.name,))
    for number, state, lane, rank in ((1, 1, 2, 5), (2, 1, 0, 6), (3, 0, 0, 9_000_000_000_000), (4, 2, 0, 7)):
        connection.execute(
            "INSERT INTO calls VALUES (?, ?, ?, ?, 'work', '{}', NULL, ?, ?, 2, NULL, 1, 1, NULL)",
            (ident(number), state, lane, rank, rank if state == 0 else 0, 5),
        )
    connection.execute("INSERT INTO call_counts VALUES ('work', 1, 2, 1, 0)")
    connection.close()
    store = SqliteStore(folder, SCHEMA)
    await store.open()
    assert await faults(store) == []
    taken = (await store.call_lease([2], limit=9, seconds=60)).taken
    assert [call.id for call in taken] == [ident(1), ident(2), ident(4)]
    assert await faults(store) == []
    await store.close()
