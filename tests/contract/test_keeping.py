"""Keeping a store: open, close, sweep, back up, restore; two instances, and two processes, on the same data."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from ripstop.engines.base import Store, Table
from ripstop.engines.batch import AssociationPut, Batch, CallDone, NameSet, ObjectDelete, ObjectPatch
from ripstop.engines.derived import ListOpen, ValuePut
from ripstop.kernel.errors import RipstopError
from tests.stores import NewPlace, Place
from tests.world import (
    FOLLOWED_BY,
    FOLLOWS,
    HOME,
    LIKED_BY,
    LIKES,
    apply,
    backlog,
    call,
    faults,
    fields_of,
    follow,
    ident,
    lease,
    length,
    newest,
    rows,
    thing,
)

ALICE, BOB = ident(1), ident(2, shard=600)


async def some_of_everything(store: Store) -> None:
    await apply(
        store,
        thing(1, name="älice"),
        thing(3),
        ObjectPatch(ALICE, '{"bio":"x"}'),
        ObjectDelete(ident(3)),
        follow(ALICE, BOB, 5, flags=3, data='{"a":1}'),
        AssociationPut(ALICE, LIKES, BOB, 6),
        NameSet("acct:/alice", None, ALICE),
        call(1, key="k"),
        call(2, deadline=9),
    )
    await lease(store, 1)


async def assert_everything_is_there(store: Store) -> None:
    assert (await store.object_get([ALICE]))[ALICE].version == 2
    assert await fields_of(store, ALICE) == {"name": "älice", "bio": "x"}
    assert not (await store.commit([Batch(HOME, [thing(3)])]))[0].applied
    [half] = await rows(store, BOB, FOLLOWED_BY)
    assert (half.order, half.flags, half.data) == (5, 3, '{"a":1}')
    assert (await length(store, ALICE, FOLLOWS), await length(store, BOB, LIKED_BY)) == (1, 1)
    assert await newest(store, BOB, LIKED_BY) == 6
    assert (await store.name_get(["acct:/alice"]))["acct:/alice"].holder == ALICE
    stats = await backlog(store)
    assert stats.ready + stats.leased == 2
    assert await faults(store) == []


async def test_what_was_written_is_there_after_closing_and_opening(place: Place) -> None:
    async with place.opened() as store:
        await some_of_everything(store)
    async with place.opened() as store:
        await assert_everything_is_there(store)


async def test_closing_twice_is_no_error(place: Place) -> None:
    store = place.instance()
    await store.open()
    await store.close()
    await store.close()


async def test_closing_answers_what_is_queued(place: Place) -> None:
    store = place.instance()
    await store.open()
    tasks = [asyncio.create_task(store.commit([Batch(HOME, [thing(number)])])) for number in range(1, 101)]
    await asyncio.sleep(0)
    await store.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    async with place.opened() as again:
        for number, result in enumerate(results, start=1):
            there = ident(number) in await again.object_get([ident(number)])
            assert there == (not isinstance(result, BaseException))


async def test_a_new_store_takes_writes_and_says_what_a_commit_costs(store: Store) -> None:
    await apply(store, thing(1))
    assert store.read_only is None
    assert store.commit_seconds >= 0


async def test_two_instances_see_each_others_writes_at_once(place: Place) -> None:
    async with place.opened() as one, place.opened() as other:
        for number in range(1, 30):
            writer, reader = (one, other) if number % 2 else (other, one)
            await apply(writer, thing(number), follow(ALICE, ident(number), number))
            assert ident(number) in await reader.object_get([ident(number)])
            assert await length(reader, ALICE, FOLLOWS) == number


OTHER_PROCESS = """
import asyncio, sys
from tests.stores import Place
from tests.world import apply, follow, ident, thing, write
from ripstop.engines.batch import NameSet, ObjectPatch

async def main(engine, where, me):
    async with Place(engine, where).opened() as store:
        for number in range(60):
            patch = ObjectPatch(ident(1), '{"f%d_%d":1}' % (me, number))
            await apply(store, follow(ident(5000 + me), ident(1), number), patch)
            won = (await write(store, NameSet(f"race/{number}", None, me))).applied
            await apply(store, thing(1000 * me + number, won=won))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def test_processes_share_a_store(place: Place) -> None:
    async with place.opened() as store:
        await apply(store, thing(1))
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", OTHER_PROCESS, place.engine, place.where, str(me)
            )
            for me in (1, 2, 3)
        ]
        for process in processes:
            assert await process.wait() == 0
        assert len(await fields_of(store, ident(1))) == 180
        assert await length(store, ident(1), FOLLOWED_BY) == 3
        assert await newest(store, ident(1), FOLLOWED_BY) == 59
        for number in range(60):
            found = await store.object_get([ident(1000 * me + number) for me in (1, 2, 3)])
            assert [json.loads(each.data)["won"] for each in found.values()].count(True) == 1
        assert await faults(store) == []


async def test_sweeping_removes_what_has_ended_and_nothing_else(store: Store) -> None:
    now = await store.now_ms()
    await some_of_everything(store)
    await apply(store, *(NameSet(f"old/{number}", None, ALICE, now - 1000 - number) for number in range(10)))
    assert len((await store.scan(Table.NAMES, shard=None, after=None, limit=100)).rows) in (1, 11)
    swept = await store.sweep(now_ms=now, limit=4)
    assert max(swept.values()) <= 4
    while any((await store.sweep(now_ms=now, limit=4)).values()):
        pass
    assert len((await store.scan(Table.NAMES, shard=None, after=None, limit=100)).rows) == 1
    await assert_everything_is_there(store)


async def test_sweeping_ends_derived_data(store: Store) -> None:
    await store.keyspace_write("brief_values", [ValuePut("a", b"1")])
    await store.keyspace_write("brief_lists", [ListOpen(ALICE, 0)])
    await store.keyspace_write("values", [ValuePut("a", b"1")])
    swept = await store.sweep(now_ms=await store.now_ms() + 60_000, limit=1000)
    assert sum(swept.values()) >= 2
    assert await store.keyspace_get("brief_values", ["a"]) == {}
    assert await store.keyspace_get("values", ["a"]) == {"a": b"1"}


async def test_a_backup_is_restored_whole(place: Place, new_place: NewPlace, tmp_path: Path) -> None:
    async with place.opened() as store:
        await some_of_everything(store)
        await store.backup(tmp_path / "copy")
    elsewhere = await new_place()
    await elsewhere.instance().restore(tmp_path / "copy")
    async with elsewhere.opened() as restored:
        await assert_everything_is_there(restored)
        again = await lease(restored, 10)
        await apply(restored, *(CallDone(each.id, each.token) for each in again))


async def test_a_backup_taken_while_writing_is_consistent(place: Place, new_place: NewPlace, tmp_path: Path) -> None:
    async with place.opened() as store:
        stop = asyncio.Event()
        enough = asyncio.Event()
        acknowledged = [0]

        async def keep_writing() -> None:
            while not stop.is_set():
                number = acknowledged[0] + 1
                await apply(
                    store,
                    thing(number),
                    follow(ALICE, ident(number, 600), number),
                    NameSet(f"n/{number}", None, number),
                    call(number),
                )
                acknowledged[0] = number
                if number == 50:
                    enough.set()
                await lease(store, 1)

        async with asyncio.TaskGroup() as writing:
            writing.create_task(keep_writing())
            await enough.wait()
            before = acknowledged[0]
            await store.backup(tmp_path / "copy")
            after = acknowledged[0] + 1
            stop.set()
    elsewhere = await new_place()
    await elsewhere.instance().restore(tmp_path / "copy")
    async with elsewhere.opened() as restored:
        assert await faults(restored) == []
        held = await length(restored, ALICE, FOLLOWS)
        assert before <= held <= after
        assert len(await restored.object_get([ident(number) for number in range(1, after + 10)])) == held
        assert len(await restored.name_range("n", "", limit=100_000)) == held
        assert sum((await backlog(restored))[:3]) == held


async def test_a_backup_does_not_overwrite(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    (target / "precious").write_text("mine")
    with pytest.raises(RipstopError):
        await store.backup(target)
    assert (target / "precious").read_text() == "mine"


async def test_a_restore_into_a_store_in_use_is_refused(place: Place, tmp_path: Path) -> None:
    async with place.opened() as store:
        await some_of_everything(store)
        await store.backup(tmp_path / "copy")
    with pytest.raises(RipstopError):
        await place.instance().restore(tmp_path / "copy")
    async with place.opened() as store:
        await assert_everything_is_there(store)


async def test_a_damaged_backup_is_not_restored(place: Place, new_place: NewPlace, tmp_path: Path) -> None:
    async with place.opened() as store:
        await some_of_everything(store)
        await apply(store, *(thing(number, text="x" * 1000) for number in range(10, 300)))
        await store.backup(tmp_path / "copy")
    target = tmp_path / "copy"
    files = [target] if target.is_file() else [each for each in target.rglob("*") if each.is_file()]
    largest = max(files, key=lambda each: each.stat().st_size)
    whole = largest.read_bytes()
    largest.write_bytes(whole[: len(whole) // 2])
    elsewhere = await new_place()
    with pytest.raises(RipstopError):
        await elsewhere.instance().restore(target)
    largest.write_bytes(whole)
    await elsewhere.instance().restore(target)
    async with elsewhere.opened() as restored:
        await assert_everything_is_there(restored)


async def test_a_restore_of_nothing_is_refused(new_place: NewPlace, tmp_path: Path) -> None:
    with pytest.raises(RipstopError):
        await (await new_place()).instance().restore(tmp_path / "nowhere")
