"""The shared number by which readers see that nothing was committed."""

from __future__ import annotations

from pathlib import Path

from ripstop.engines.base import Store
from ripstop.engines.sqlite import SqliteStore
from ripstop.engines.sqlite.commits import CommitCounter
from tests.world import SCHEMA, apply, ident, thing


async def put(store: Store, number: int) -> int:
    await apply(store, thing(number))
    return ident(number)


def test_all_who_open_it_share_it(tmp_path: Path) -> None:
    one, other = CommitCounter(tmp_path / "n"), CommitCounter(tmp_path / "n")
    before = other.number
    one.begin()
    assert other.number & 1
    one.end()
    assert other.number == before + 2
    one.close()
    other.close()


def test_a_commit_that_was_cut_off_counts_with_the_next(tmp_path: Path) -> None:
    counter = CommitCounter(tmp_path / "n")
    counter.begin()
    cut_off = counter.number
    counter.begin()
    assert counter.number == cut_off
    counter.end()
    assert counter.number > cut_off
    assert not counter.number & 1
    counter.close()


async def test_readers_follow_while_a_commit_is_cut_off(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, SCHEMA)
    await store.open()
    counter = CommitCounter(tmp_path / "main.commits")
    cursor = (await store.changes(-1)).cursor
    assert (await store.changes(cursor)).cursor == cursor
    counter.begin()  # as a process leaves it that is killed between its commit and the end
    assert list((await store.changes(cursor)).ids) == []
    id_ = await put(store, 1)
    changes = await store.changes(cursor)
    assert list(changes.ids) == [id_]
    counter.close()
    await store.close()


async def test_a_lost_file_of_the_number_is_made_anew(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, SCHEMA)
    await store.open()
    first = await put(store, 1)
    await store.close()
    (tmp_path / "main.commits").unlink()
    await store.open()
    cursor = (await store.changes(-1)).cursor
    second = await put(store, 2)
    assert list((await store.changes(cursor)).ids) == [second]
    assert set(await store.object_get([first, second])) == {first, second}
    await store.close()
