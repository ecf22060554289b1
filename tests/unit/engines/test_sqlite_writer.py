"""The writer of the SQLite engine: groups, savepoints, deadlines, and what it does when the disk fails."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest

from ripstop.engines.base import Lane
from ripstop.engines.batch import AssociationDelete, AssociationPut, Batch, CallPut, NameSet, ObjectPatch, ObjectPut
from ripstop.engines.sqlite import DataFolder, SqliteStore, lock_holder
from ripstop.engines.sqlite.apply import Commit, MainTransaction
from ripstop.engines.sqlite.clock import EngineClock
from ripstop.engines.sqlite.commits import CommitCounter
from ripstop.engines.sqlite.connection import connect
from ripstop.engines.sqlite.folder import FileLock, Room
from ripstop.engines.sqlite.migrate import migrate
from ripstop.engines.sqlite.moving import SqliteOrigin
from ripstop.engines.sqlite.writer import GroupWriter
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.errors import DeadlineExceeded, ReadOnly
from tests.stores import PatientSqlite
from tests.world import (
    BLOCKS,
    FOLLOWS,
    HOME,
    LIKED_BY,
    LIKES,
    PATIENCE,
    SCHEMA,
    apply,
    eventually,
    faults,
    ident,
    thing,
    write,
)

ALICE, BOB = ident(1), ident(2)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = PatientSqlite(tmp_path / "data", SCHEMA)
    await store.open()
    yield store
    await store.close()


async def test_a_batch_refused_half_way_leaves_nothing_while_its_group_goes_on(store: SqliteStore) -> None:
    await apply(store, thing(1), NameSet("acct:/alice", None, ALICE))
    before = await store.call_stats()
    batches = [
        Batch(HOME, [thing(10)]),
        Batch(
            HOME,
            [
                thing(11),
                AssociationPut(ident(11), FOLLOWS, BOB, 5),
                CallPut(ident(50), "work", "{}"),
                ObjectPatch(ALICE, '{"a":1}'),
                NameSet("acct:/alice", None, ident(11)),
            ],
        ),
        Batch(HOME, [AssociationPut(ALICE, LIKES, BOB, 1), AssociationPut(ALICE, BLOCKS, BOB, 1)]),
    ]
    first, refused, last = await store.commit(batches)
    assert (first.changed, refused.refused, last.changed) == ((1,), 4, (1, 1))
    found = await store.object_get([ident(10), ident(11), ALICE])
    assert set(found) == {ident(10), ALICE}
    assert found[ALICE].version == 1
    assert await store.call_stats() == before
    assert await store.assoc_range(ident(11), FOLLOWS, limit=5) == []
    assert set(await store.assoc_counts([ALICE, BOB, ident(11)], [FOLLOWS, LIKED_BY])) == {(BOB, LIKED_BY)}
    assert await faults(store) == []


async def test_an_error_in_one_batch_is_its_own(store: SqliteStore) -> None:
    """Neighbours in the same group are applied once, and nothing of the faulty one remains."""
    good = [store.commit([Batch(HOME, [thing(number), AssociationPut(ident(number), LIKES, BOB, number)])])
            for number in range(10, 30)]  # fmt: skip
    bad = [
        store.commit([Batch(HOME, [thing(40)]), Batch(HOME, [thing(41), AssociationPut(ALICE, 999, BOB, 1)])]),
        store.commit([Batch(HOME, [thing(42), AssociationPut(ALICE, LIKES, BOB, 1 << 70)])]),
        store.commit([Batch(HOME, [thing(43), AssociationPut(ALICE, LIKES, BOB, 1, data=b"x")])]),  # type: ignore[arg-type] # wrong on purpose
        store.commit([Batch(HOME, [ObjectPut(ident(44), 1, "{}"), ObjectPatch(ident(44), "not JSON")])]),
    ]
    outcomes = await asyncio.gather(*good, *bad, return_exceptions=True)
    assert all(isinstance(outcome, list) and outcome[0].applied for outcome in outcomes[: len(good)])
    assert all(isinstance(outcome, Exception) for outcome in outcomes[len(good) :])
    assert set(await store.object_get([ident(number) for number in range(40, 50)])) == set()
    counts = await store.assoc_counts([BOB], [LIKED_BY])
    assert counts[BOB, LIKED_BY].length == 20
    assert await faults(store) == []
    assert store.read_only is None


async def test_put_and_delete_of_the_same_association_in_one_group(store: SqliteStore) -> None:
    outcomes = await asyncio.gather(
        *(
            write(store, operation)
            for order in range(1, 20)
            for operation in (AssociationPut(ALICE, LIKES, BOB, order), AssociationDelete(ALICE, LIKES, BOB))
        )
    )
    assert all(outcome.applied for outcome in outcomes)
    await apply(store, AssociationPut(ALICE, LIKES, BOB, 3))
    assert (await store.assoc_counts([BOB], [LIKED_BY]))[BOB, LIKED_BY] == (1, 3)
    assert await faults(store) == []


async def test_the_holder_of_the_lock_can_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "write.lock"
    assert lock_holder(path) is None
    lock = FileLock(path)
    lock.acquire()
    lock.note(1234567)
    assert lock_holder(path) == (os.getpid(), 1234567)
    lock.release()
    assert lock_holder(path) is None
    lock.close()


async def test_a_deadline_passes_while_somebody_sits_on_the_lock(store: SqliteStore, tmp_path: Path) -> None:
    lock = FileLock(DataFolder(tmp_path / "data").lock("write"))
    lock.acquire()
    try:
        with pytest.raises(DeadlineExceeded):
            await store.commit([Batch(HOME, [thing(1)])], deadline=0.05)
        patient = asyncio.ensure_future(store.commit([Batch(HOME, [thing(2)])], deadline=60))
        with pytest.raises(DeadlineExceeded):
            await store.commit([Batch(HOME, [thing(3)])], lane=Lane.BACKGROUND, deadline=0.05)
    finally:
        lock.close()
    assert (await patient)[0].applied
    assert set(await store.object_get([ident(1), ident(2), ident(3)])) == {ident(2)}


async def test_what_is_queued_is_answered_before_the_end(tmp_path: Path) -> None:
    store = PatientSqlite(tmp_path / "data", SCHEMA)
    await store.open()
    queued = [asyncio.ensure_future(write(store, thing(number))) for number in range(1, 50)]
    await asyncio.sleep(0)
    await store.close()
    assert all(outcome.applied for outcome in await asyncio.gather(*queued))


async def test_too_little_room_makes_the_store_read_only(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data", SCHEMA, room=Room(share=0, bytes=1 << 62))
    await store.open()
    assert "nearly full" in str(store.read_only)
    with pytest.raises(ReadOnly, match="nearly full"):
        await store.commit([Batch(HOME, [thing(1)])])
    assert await store.object_get([ident(1)]) == {}
    await store.close()


@pytest.fixture
async def full_file(tmp_path: Path) -> AsyncIterator[tuple[apsw.Connection, GroupWriter[MainTransaction]]]:
    """A writer on a file that may not grow any more."""
    connection = connect(tmp_path / "main.db", cache_kb=1024, durable=True, create=True)
    migrate(connection, "main", now_ms=0)
    writer = GroupWriter(
        "main",
        MainTransaction(connection, SCHEMA, CommitCounter(tmp_path / "main.commits")),
        lock=tmp_path / "write.lock",
        clock=EngineClock(SystemClock()),
        room=Room(share=0, bytes=0),
    )
    pages = int(str(connection.pragma("page_count")))
    connection.pragma("max_page_count", pages + 4)
    yield connection, writer
    await writer.close()


async def test_a_full_disk_refuses_the_group_and_passes(
    full_file: tuple[apsw.Connection, GroupWriter[MainTransaction]],
) -> None:
    connection, writer = full_file
    large = Batch(HOME, [ObjectPut(ident(1), 1, '{"a":"' + "x" * 100_000 + '"}')])
    said = []
    for _ in range(3):  # the disk is looked at anew after half a second, in which a busy machine may stand still
        with pytest.raises(ReadOnly, match="full"):
            await writer.submit(Commit([large]), deadline=PATIENCE)
        said.append(writer.read_only)
    assert "The disk is full." in said
    assert connection.execute("SELECT count(*) FROM objects").fetchall() == [(0,)]
    connection.pragma("max_page_count", 1 << 30)
    await eventually(lambda: _takes_writes(writer))
    assert (await writer.submit(Commit([large]), deadline=PATIENCE))[0].applied


async def _takes_writes(writer: GroupWriter[MainTransaction]) -> bool:
    return writer.read_only is None


@pytest.fixture
def short_files() -> Iterator[None]:
    """No file of this process may grow beyond 4 MB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


async def test_a_write_that_fails_makes_the_process_read_only_and_loses_nothing(
    tmp_path: Path, short_files: None
) -> None:
    store = PatientSqlite(tmp_path / "data", SCHEMA)
    await store.open()
    acknowledged: list[int] = []
    with pytest.raises(ReadOnly):
        await _fill(store, acknowledged)
    assert store.read_only is not None
    with pytest.raises(ReadOnly):
        await store.commit([Batch(HOME, [thing(1000)])])
    assert set(await store.object_get(acknowledged)) == set(acknowledged)
    await store.close()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    again = PatientSqlite(tmp_path / "data", SCHEMA)
    await again.open()
    assert len(await again.object_get([ident(number) for number in range(1, 500)])) == len(acknowledged) > 0
    await apply(again, thing(1000))
    assert await faults(again) == []
    await again.close()


async def _fill(store: SqliteStore, acknowledged: list[int]) -> None:
    """Write 25 MB, and say of each part when it was acknowledged."""
    for number in range(1, 500):
        await store.commit([Batch(HOME, [ObjectPut(ident(number), 1, '{"a":"' + "x" * 50_000 + '"}')])])
        acknowledged.append(ident(number))


async def test_who_has_a_store_open_that_moves_reads_it_and_writes_no_more(store: SqliteStore, tmp_path: Path) -> None:
    await apply(store, thing(1))
    origin = SqliteOrigin(tmp_path / "data", SCHEMA)
    with origin.stopped():
        origin.close_for("PostgreSQL, elsewhere")
    with pytest.raises(ReadOnly, match="has moved to PostgreSQL, elsewhere"):
        await apply(store, thing(2))
    assert set(await store.object_get([ident(1), ident(2)])) == {ident(1)}


async def test_a_lock_that_was_sealed_by_a_move_that_went_no_further_keeps_nobody_out(
    store: SqliteStore, tmp_path: Path
) -> None:
    lock = FileLock(DataFolder(tmp_path / "data").lock("write"))
    lock.seal()
    lock.close()
    await apply(store, thing(1))
    assert store.read_only is None
