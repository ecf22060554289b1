"""What a check of a PostgreSQL store costs, and that its sums do not let damage cancel itself out."""

from contextlib import AbstractAsyncContextManager

import pytest

from ripstop.engines.base import Store
from ripstop.engines.batch import AssociationPut
from tests.stores import Place, session
from tests.world import (
    FOLLOWED_BY,
    FOLLOWS,
    LIKED_BY,
    LIKES,
    TAGGED,
    apply,
    eventually,
    faults,
    follow,
    ident,
    thing,
)

ALICE, BOB = ident(1), ident(2)

CANCELLING = {
    "counts of two lists": f"""
        UPDATE counts SET length = length + CASE source WHEN {ALICE} THEN 1 ELSE -1 END
        WHERE source IN ({ALICE}, {BOB}) AND type = {FOLLOWS}""",
    "counts of two types": f"""
        UPDATE counts SET length = length + CASE type WHEN {FOLLOWS} THEN 1 ELSE -1 END
        WHERE source = {BOB} AND type IN ({FOLLOWS}, {FOLLOWED_BY})""",
    "both halves' flags": f"""
        UPDATE associations SET flags = CASE type WHEN {FOLLOWS} THEN 5 ELSE 6 END
        WHERE {ALICE} IN (source, target) AND {BOB} IN (source, target)""",
    "ends of two halves": f"""
        UPDATE associations SET target = CASE target WHEN {ident(30)} THEN {ident(31)} ELSE {ident(30)} END
        WHERE type = {FOLLOWED_BY} AND source IN ({ident(40)}, {ident(41)})""",
    "half and count": f"""
        DELETE FROM associations WHERE source = {BOB} AND type = {FOLLOWED_BY} AND target = {ALICE};
        UPDATE counts SET length = length - 1 WHERE source = {BOB} AND type = {FOLLOWED_BY}""",
}
"""Damage in two places that balance each other."""


def opened(dsn: str) -> AbstractAsyncContextManager[Store]:
    return Place("postgres", dsn).opened()


async def live(store: Store) -> None:
    await apply(store, *(thing(number) for number in range(1, 50)))
    for start in range(0, 4_000, 500):
        await apply(store, *(follow(BOB, ident(number), number) for number in range(100 + start, 600 + start)))
    await apply(store, follow(ALICE, BOB, 1), follow(BOB, ALICE, 2), follow(BOB, BOB, 3))
    await apply(store, follow(ident(30), ident(40), 7), follow(ident(31), ident(41), 7))
    await apply(store, AssociationPut(ALICE, LIKES, BOB, 1), AssociationPut(ALICE, TAGGED, BOB, 1))


async def passes(dsn: str) -> int:
    """How often all associations were read one after the other by sessions, which have ended."""

    async def is_alone() -> bool:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return not await connection.fetchval(f"SELECT count(*) {others} AND backend_type = 'client backend'")

    async with session(dsn) as connection:
        await eventually(is_alone)
        return int(await connection.fetchval("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'associations'"))


async def test_a_sound_store_is_passed_over_once(postgres_dsn: str) -> None:
    async with opened(postgres_dsn) as store:
        await live(store)
    before = await passes(postgres_dsn)
    async with opened(postgres_dsn) as store:
        assert await faults(store) == []
    assert await passes(postgres_dsn) - before == 1


@pytest.mark.parametrize("damage", CANCELLING.values(), ids=CANCELLING)
async def test_damage_does_not_cancel_itself_out(postgres_dsn: str, damage: str) -> None:
    async with opened(postgres_dsn) as store:
        await live(store)
        async with session(postgres_dsn) as connection:
            await connection.execute(damage)
        assert await faults(store)


async def test_only_what_is_damaged_is_told(postgres_dsn: str) -> None:
    async with opened(postgres_dsn) as store:
        await live(store)
        async with session(postgres_dsn) as connection:
            await connection.execute(f"UPDATE associations SET flags = 9 WHERE source = {ALICE} AND type = {FOLLOWS}")
            await connection.execute(f"UPDATE counts SET length = 7 WHERE source = {BOB} AND type = {LIKED_BY}")
        found = {fault.row[:3] for fault in [fault async for fault in store.check()]}
    assert found == {(ALICE, FOLLOWS, BOB), (BOB, FOLLOWED_BY, ALICE), (BOB, LIKED_BY, 7)}
