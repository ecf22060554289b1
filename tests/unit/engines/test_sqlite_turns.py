"""When background groups are written on SQLite, how large they are, and that all are answered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ripstop.engines.base import Lane
from ripstop.engines.batch import Batch
from ripstop.engines.sqlite import SqliteStore
from ripstop.engines.sqlite.folder import FileLock
from ripstop.engines.sqlite.sync import LogSync
from ripstop.engines.sqlite.turns import (
    AGAIN_SECONDS,
    BESIDE_SECONDS,
    COMPANY_SECONDS,
    FREE,
    LONGEST_PAUSE,
    MOST_OPERATIONS,
    PATIENCE_SECONDS,
    Turns,
)
from ripstop.kernel.errors import DeadlineExceeded, ReadOnly
from tests.world import HOME, SCHEMA, apply, faults, ident, thing

NOW = 1_000.0


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Turns, Turns]]:
    """What two processes know of each other."""
    one, other = Turns(tmp_path / "write.lock"), Turns(tmp_path / "write.lock")
    yield one, other
    one.close()
    other.close()


def test_without_a_foreground_groups_are_large_and_stand_in_line(pair: tuple[Turns, Turns]) -> None:
    one, other = pair
    one.wrote(0, 100, began=NOW, ended=NOW + 0.001)
    for each in pair:
        assert each.pause(NOW + 0.001) == 0.0
        assert each.stands_in_line(NOW + 0.001)
    assert other.room(NOW) >= 1_000


def test_beside_a_foreground_the_lock_is_left_free_for_as_long_as_it_was_held(pair: tuple[Turns, Turns]) -> None:
    one, other = pair
    other.wrote(1, 0, began=NOW - 0.001, ended=NOW)
    one.wrote(0, 100, began=NOW, ended=NOW + 0.002)
    for each in pair:
        assert each.pause(NOW + 0.002) == pytest.approx(0.002 * FREE)
        assert each.room(NOW + 0.002) == 0, "another process has had this turn"
        assert each.pause(NOW + 0.0021 + 0.002 * FREE) == 0.0
        assert each.room(NOW + 0.0021 + 0.002 * FREE) > 0


def test_of_a_group_of_both_lanes_the_background_pays_for_its_part(pair: tuple[Turns, Turns]) -> None:
    one, other = pair
    one.wrote(30, 10, began=NOW, ended=NOW + 0.004)
    assert other.pause(NOW + 0.004) == pytest.approx(0.001 * FREE)


def test_groups_beside_a_foreground_fit_its_time_and_never_stand_still(pair: tuple[Turns, Turns]) -> None:
    one, other = pair
    other.wrote(1, 0, began=NOW - 0.001, ended=NOW)
    for _ in range(50):
        one.wrote(0, 100, began=NOW, ended=NOW + 100 * 20e-6)
    assert one.room(NOW + 1.0) == pytest.approx(BESIDE_SECONDS / 20e-6, rel=0.1)
    for _ in range(50):
        one.wrote(0, 1, began=NOW, ended=NOW + 0.5)
    assert one.room(NOW + 1.0) == 1
    for _ in range(200):
        one.wrote(0, 100, began=NOW, ended=NOW)
    assert one.room(NOW + 2 * COMPANY_SECONDS) == MOST_OPERATIONS


def test_who_finds_the_lock_held_comes_again_and_in_the_end_stands_in_line(pair: tuple[Turns, Turns]) -> None:
    one, other = pair
    other.wrote(1, 0, began=NOW - 0.001, ended=NOW)
    assert not one.stands_in_line(NOW)
    one.turned_away(NOW)
    assert one.pause(NOW) == pytest.approx(AGAIN_SECONDS)
    assert not one.stands_in_line(NOW + AGAIN_SECONDS)
    one.turned_away(NOW + AGAIN_SECONDS)
    assert one.stands_in_line(NOW + PATIENCE_SECONDS)
    one.wrote(0, 10, began=NOW + PATIENCE_SECONDS, ended=NOW + PATIENCE_SECONDS)
    assert not one.stands_in_line(NOW + PATIENCE_SECONDS)


@pytest.mark.parametrize("later", [3_600.0, -3_600.0])
def test_what_another_start_of_the_machine_has_left_stops_nobody(pair: tuple[Turns, Turns], later: float) -> None:
    one, other = pair
    one.wrote(1, 1, began=NOW + later, ended=NOW + later + 1.0)
    assert other.pause(NOW) == 0.0
    assert other.room(NOW) > 0
    other.wrote(1, 0, began=NOW, ended=NOW)
    assert other.pause(NOW) <= LONGEST_PAUSE


def test_an_older_process_reads_the_note_of_a_lock_that_has_turns_behind_it(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "write.lock")
    turns = Turns(tmp_path / "write.lock")
    lock.note(1234567)
    turns.wrote(1, 1, began=NOW, ended=NOW + 1.0)
    assert lock.read() == (os.getpid(), 1234567)
    assert not lock.is_sealed
    lock.seal()
    assert turns.pause(NOW + 1.0) > 0
    lock.close()
    turns.close()


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[list[SqliteStore]]:
    stores = [SqliteStore(tmp_path / "data", SCHEMA) for _ in range(3)]
    for store in stores:
        await store.open()
    yield stores
    for store in stores:
        await store.close()


async def test_background_beside_a_foreground_is_all_written(stores: list[SqliteStore]) -> None:
    """Two that have nothing else to do, and one that has both, in one folder."""

    async def many(store: SqliteStore, first: int, lane: Lane) -> None:
        for number in range(first, first + 100):
            [outcome] = await store.commit([Batch(HOME, [thing(number)])], lane=lane, deadline=60.0)
            assert outcome.applied

    one, two, three = stores
    await asyncio.gather(
        many(one, 1_000, Lane.FOREGROUND),
        many(one, 2_000, Lane.BACKGROUND),
        *(many(two, first, Lane.BACKGROUND) for first in range(3_000, 6_000, 100)),
        *(many(three, first, Lane.BACKGROUND) for first in range(6_000, 9_000, 100)),
    )
    for first in (1_000, 2_000, *range(3_000, 9_000, 100)):
        assert len(await one.object_get([ident(first + number) for number in range(100)])) == 100
    assert await faults(one) == []


async def test_background_is_late_while_somebody_sits_on_the_lock(stores: list[SqliteStore], tmp_path: Path) -> None:
    one, two, _ = stores
    await apply(one, thing(1))
    lock = FileLock(tmp_path / "data" / "write.lock")
    lock.acquire()
    try:
        with pytest.raises(DeadlineExceeded):
            await two.commit([Batch(HOME, [thing(2)])], lane=Lane.BACKGROUND, deadline=0.05)
    finally:
        lock.close()
    assert (await two.commit([Batch(HOME, [thing(3)])], lane=Lane.BACKGROUND, deadline=60.0))[0].applied
    assert set(await one.object_get([ident(1), ident(2), ident(3)])) == {ident(1), ident(3)}


async def test_background_is_answered_before_the_end(stores: list[SqliteStore]) -> None:
    one, two, _ = stores
    await apply(one, thing(1))
    queued = [
        asyncio.ensure_future(two.commit([Batch(HOME, [thing(number)])], lane=Lane.BACKGROUND, deadline=60.0))
        for number in range(2, 500)
    ]
    await asyncio.sleep(0)
    await two.close()
    assert all(outcome.applied for [outcome] in await asyncio.gather(*queued))
    assert len(await one.object_get([ident(number) for number in range(1, 500)])) == 499


async def test_background_that_cannot_be_brought_to_disk_is_not_acknowledged(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data", SCHEMA)
    await store.open()
    (tmp_path / "data" / "main.db-wal").unlink()
    with pytest.raises(ReadOnly, match="disk failed"):
        await store.commit([Batch(HOME, [thing(1)])], lane=Lane.BACKGROUND, deadline=60.0)
    with pytest.raises(ReadOnly, match="disk failed"):
        await apply(store, thing(2))
    await store.close()


def test_what_waits_for_the_disk_is_told_together_and_none_is_left(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    told: list[tuple[list[int], OSError | None]] = []
    sync: LogSync[int] = LogSync(tmp_path / "log", lambda jobs, error: told.append((jobs, error)))
    for number in range(100):
        sync.later([number])
    sync.close()
    assert [number for jobs, _ in told for number in jobs] == list(range(100))
    assert all(error is None for _, error in told)


def test_who_waits_for_a_disk_that_fails_is_told_so(tmp_path: Path) -> None:
    told: list[tuple[list[int], OSError | None]] = []
    sync: LogSync[int] = LogSync(tmp_path / "none" / "log", lambda jobs, error: told.append((jobs, error)))
    sync.later([1])
    sync.close()
    [(jobs, error)] = told
    assert jobs == [1]
    assert isinstance(error, OSError)
