"""`check` finds nothing in a sound store, and each kind of damage in one that somebody wrote into by hand."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.engines.base import Store
from ripstop.engines.batch import (
    AssociationDelete,
    AssociationPut,
    CallAgain,
    CallDead,
    CallDone,
    NameSet,
    ObjectDelete,
)
from tests.stores import Place
from tests.world import (
    BOOKMARKS,
    FOLLOWED_BY,
    FOLLOWS,
    HOUR_MS,
    LIKED_BY,
    LIKES,
    TAGGED,
    apply,
    call,
    faults,
    follow,
    ident,
    lease,
    thing,
)

ALICE, BOB, CAROL = (ident(number) for number in range(1, 4))

A_HALF = f"source = {BOB} AND type = {FOLLOWED_BY} AND target = {ALICE}"

# Kind of damage: statement on SQLite, statement on PostgreSQL.
DAMAGE = {
    "a count that is too high": (
        f"UPDATE counts SET length = length + 1 WHERE source = {ALICE} AND type = {FOLLOWS}",
        f"UPDATE counts SET length = length + 1 WHERE source = {ALICE} AND type = {FOLLOWS}",
    ),
    "a count of a striped list": (
        f"UPDATE counts SET length = length + 1 WHERE source = {BOB} AND type = {LIKED_BY}",
        f"UPDATE counts SET length = length + 1 WHERE source = {BOB} AND type = {LIKED_BY}",
    ),
    "a newest order that no row has": (
        f"UPDATE counts SET newest = newest + 1 WHERE source = {ALICE} AND type = {FOLLOWS}",
        f"UPDATE counts SET newest = newest + 1 WHERE source = {ALICE} AND type = {FOLLOWS}",
    ),
    "a count that is gone": (
        f"DELETE FROM counts WHERE source = {ALICE} AND type = {FOLLOWS}",
        f"DELETE FROM counts WHERE source = {ALICE} AND type = {FOLLOWS}",
    ),
    "a count of a list that is not there": (
        f"INSERT INTO counts VALUES ({CAROL}, {FOLLOWS}, 1, 1)",
        f"INSERT INTO counts VALUES (7, {CAROL}, {FOLLOWS}, 0, 1, 1)",
    ),
    "an inverse half that is gone": (
        f"DELETE FROM edges WHERE {A_HALF}",
        f"DELETE FROM associations WHERE {A_HALF}",
    ),
    "a forward half that is gone": (
        f"DELETE FROM edges WHERE source = {ALICE} AND type = {LIKES} AND target = {BOB}",
        f"DELETE FROM associations WHERE source = {ALICE} AND type = {LIKES} AND target = {BOB}",
    ),
    "a half with another order": (
        f"UPDATE edges SET ord = ord - 1 WHERE {A_HALF}",
        f"UPDATE associations SET place = place - 1 WHERE {A_HALF}",
    ),
    "a half with other flags": (
        f"UPDATE edges SET flags = 8 WHERE {A_HALF}",
        f"UPDATE associations SET flags = 8 WHERE {A_HALF}",
    ),
    "a half with other data": (
        f"UPDATE edges SET data = '{{}}' WHERE {A_HALF}",
        f"UPDATE associations SET data = '{{}}' WHERE {A_HALF}",
    ),
    "an uncounted half that is gone": (
        f"DELETE FROM edges WHERE source = {ALICE} AND type = {BOOKMARKS}",
        f"DELETE FROM associations WHERE source = {ALICE} AND type = {BOOKMARKS}",
    ),
    "a type that nobody declared": (
        f"UPDATE edges SET type = 777 WHERE type = {TAGGED}",
        f"UPDATE associations SET type = 777 WHERE type = {TAGGED}",
    ),
    "a key that is missing": (
        f"DELETE FROM edge_keys WHERE source = {ALICE} AND type = {FOLLOWS} AND target = {BOB}",
        f"UPDATE associations SET keyed = false WHERE source = {ALICE} AND type = {FOLLOWS} AND target = {BOB}",
    ),
    "a call in no state": ("UPDATE calls SET state = 9 WHERE state = 1", "UPDATE calls SET state = 9 WHERE state = 1"),
    "a backlog that is wrong": (
        "UPDATE call_counts SET ready = ready + 1",
        "UPDATE call_counts SET ready = ready + 1",
    ),
    "a call that nobody counted": ("DELETE FROM call_counts", "DELETE FROM call_counts"),
    "an object without a version": (
        f"UPDATE objects SET version = 0 WHERE id = {ALICE}",
        f"UPDATE objects SET version = 0 WHERE id = {ALICE}",
    ),
    "an object without data": (
        f"UPDATE objects SET data = '' WHERE id = {ALICE}",
        f"UPDATE objects SET data = NULL WHERE id = {ALICE}",
    ),
}  # fmt: skip

# Damage that only an engine with shards in its rows can have.
WRONG_SHARDS = {
    "object": "UPDATE objects SET shard = shard + 1",
    "association": f"UPDATE associations SET shard = shard + 1 WHERE {A_HALF}",
    "count": "UPDATE counts SET shard = shard + 1",
    "name": "UPDATE names SET shard = (shard + 1) % 1024",
    "call": "UPDATE calls SET shard = shard + 1",
}


async def live_a_little(store: Store) -> None:
    """Some of everything, put and changed and taken back."""
    now = await store.now_ms()
    await apply(store, *(thing(number, n=number) for number in range(1, 10)), ObjectDelete(ident(9)))
    await apply(store, follow(ALICE, BOB, 5, flags=1, data='{"a":1}'), follow(ALICE, CAROL, 7), follow(BOB, ALICE, 2))
    await apply(store, AssociationPut(ALICE, LIKES, BOB, 1), AssociationPut(ALICE, LIKES, CAROL, 2))
    await apply(store, AssociationPut(ALICE, BOOKMARKS, BOB, 1), AssociationPut(ALICE, TAGGED, BOB, 1))
    await apply(store, follow(ALICE, CAROL, 3), AssociationDelete(BOB, FOLLOWS, ALICE))
    await apply(store, NameSet("n/a", None, ALICE), NameSet("n/b", None, ALICE, now - 5), NameSet("n/a", ALICE, BOB))
    await apply(store, *(call(number) for number in range(1, 7)), call(7, due=now + HOUR_MS), call(8, key="k"))
    first, second, third, *_ = await lease(store, 4)
    await apply(
        store,
        CallDone(first.id, first.token),
        CallDead(second.id, second.token, "hopeless"),
        CallAgain(third.id, third.token, now + HOUR_MS, 2, '{"at":1}'),
    )


async def test_nothing_is_wrong_with_a_sound_store(store: Store) -> None:
    assert await faults(store) == []
    await live_a_little(store)
    assert await faults(store) == []


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_planted_damage_is_found_and_told_in_a_sentence(place: Place, damage: tuple[str, str]) -> None:
    async with place.opened() as store:
        await live_a_little(store)
    await place.execute(damage[0] if place.engine == "sqlite" else damage[1])
    async with place.opened() as store:
        found = [fault async for fault in store.check()]
    assert found
    for fault in found:
        assert fault.sentence[0].isupper()
        assert fault.sentence.endswith(".")
        assert isinstance(fault.row, tuple)


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
@pytest.mark.parametrize("damage", WRONG_SHARDS.values(), ids=WRONG_SHARDS)
async def test_rows_in_a_wrong_shard_are_found(place: Place, damage: str) -> None:
    async with place.opened() as store:
        await live_a_little(store)
    await place.execute(damage)
    async with place.opened() as store:
        assert await faults(store)


async def test_a_check_sees_one_moment_although_writes_go_on(store: Store) -> None:
    await live_a_little(store)
    await apply(store, *(follow(CAROL, ident(number), number) for number in range(1000, 3000)))
    stop = asyncio.Event()
    written = 0

    async def keep_writing() -> None:
        nonlocal written
        number = 100
        while not stop.is_set():
            number += 1
            await apply(store, follow(ALICE, ident(number), number), AssociationPut(ident(number), LIKES, BOB, number))
            await apply(store, AssociationDelete(ALICE, FOLLOWS, ident(number - 3)), call(number))
            await lease(store, 1)
            written += 1

    writing = asyncio.create_task(keep_writing())
    checks = 0
    while checks < 3 or (written < 2 and not writing.done()):
        assert await faults(store) == []
        checks += 1
    stop.set()
    await writing
    assert await faults(store) == []
