"""Plans that were made while a PostgreSQL store was empty still read few rows when it is full.

A queue is empty most of the time, and what the planner knows of it is some minutes old on the day of the surge.
"""

import pytest

from ripstop.engines.base import Direction, Table
from ripstop.engines.batch import (
    AssociationDelete,
    AssociationPut,
    Batch,
    CallAgain,
    CallDead,
    CallDone,
    CheckAssociation,
    CheckName,
    NameSet,
    ObjectDelete,
    ObjectPatch,
)
from ripstop.engines.derived import (
    CounterAdd,
    Entry,
    ListDrop,
    ListFill,
    ListOpen,
    ListPush,
    ListTouch,
    TextDocument,
    ValuePut,
)
from ripstop.engines.postgres import PostgresStore
from tests.stores import READ_SECONDS, PatientPostgres, session
from tests.world import (
    BLOCKS,
    FOLLOWED_BY,
    FOLLOWS,
    HOME,
    LIKED_BY,
    LIKES,
    SCHEMA,
    TAGGED,
    apply,
    call,
    eventually,
    follow,
    ident,
    thing,
)

ROWS = 20_000
MOST_READ = 6_000
"""Rows that three tours may read. A single statement with a bad plan reads `ROWS` or more."""

# All in one shard, one list, one function and one keyspace, so that no prefix of a key helps.
BACKLOG = f"""
INSERT INTO objects SELECT {HOME}, n::bigint << 22 | {HOME << 12}, 1, 1, '{{}}'
FROM generate_series(1000, 1000 + {ROWS}) AS n;
INSERT INTO associations SELECT {HOME}, {ident(1)}, type, n, n::bigint << 22 | {HOME << 12}, 0, true
FROM generate_series(1000, 1000 + {ROWS}) AS n, unnest(ARRAY[{FOLLOWS}, {LIKED_BY}, {TAGGED}]) AS type;
INSERT INTO counts SELECT {HOME}, n::bigint << 22 | {HOME << 12}, {FOLLOWS}, 0, 1, 1
FROM generate_series(1000, 1000 + {ROWS}) AS n;
INSERT INTO names SELECT {HOME}, 'n/' || n, 1, 9000000000000 FROM generate_series(1, {ROWS}) AS n;
INSERT INTO calls (shard, id, state, criticality, due, deadline, lease_until, dead_ms, token, function, key, arguments)
SELECT {HOME}, (state * 100000 + n)::bigint << 22 | {HOME << 12}, state, 2,
    CASE state WHEN 0 THEN 9000000000000 ELSE 0 END, n, CASE state WHEN 2 THEN 9000000000000 END,
    CASE state WHEN 3 THEN 9000000000000 + n END, 1, 'work', 'k' || n, '{{}}'
FROM generate_series(1000, 1000 + {ROWS}) AS n, generate_series(0, 3) AS state;
INSERT INTO keyspace_values SELECT {HOME}, 'brief_values', 'v' || n, '', 9000000000000
FROM generate_series(1, {ROWS}) AS n;
INSERT INTO keyspace_counters SELECT {HOME}, 'counters', 'c' || n, 1 FROM generate_series(1, {ROWS}) AS n;
INSERT INTO keyspace_lists SELECT {HOME}, 'brief_lists', n::bigint << 22 | {HOME << 12}, 0, 0, 9000000000000
FROM generate_series(1000, 1000 + {ROWS}) AS n;
INSERT INTO keyspace_entries SELECT {HOME}, 'brief_lists', n::bigint << 22 | {HOME << 12}, 1, 1
FROM generate_series(1000, 1000 + {ROWS}) AS n;
INSERT INTO text_documents SELECT {HOME}, 'posts', n::bigint << 22 | {HOME << 12}, n, 'other', '{{=posts}}'
FROM generate_series(1000, 1000 + {ROWS}) AS n;
INSERT INTO changes SELECT -n, 9000000000000, '{{}}', '{{}}', '{{}}' FROM generate_series(1, {ROWS}) AS n;
"""


async def tour(store: PostgresStore, first: int) -> None:
    """Each operation once, or so, on rows of its own; numbers count from `first`."""
    cursor = (await store.changes(-1)).cursor
    alice, bob, carol = ident(first), ident(first + 1), ident(first + 2)
    await apply(store, thing(first), thing(first + 1), ObjectPatch(alice, '{"a":1}'))
    await apply(store, ObjectPatch(alice, '{"b":1}'), ObjectDelete(bob))
    await apply(store, follow(ident(1), alice, 5), follow(alice, bob, 1), AssociationPut(alice, LIKES, ident(1), 7))
    await apply(store, follow(ident(1), alice, 3), CheckAssociation(carol, BLOCKS, alice, present=False))
    await apply(store, AssociationDelete(ident(1), FOLLOWS, alice), AssociationDelete(bob, FOLLOWS, carol))
    await apply(store, NameSet(f"new/{first}", None, alice), CheckName(f"never/{first}", None))
    await apply(store, NameSet(f"new/{first}", alice, bob))
    await apply(store, NameSet(f"new/{first}", bob, None))
    await apply(store, *(call(first + n, key=f"new{first + n}", criticality=1) for n in range(6)))
    assert await apply(store, call(first + 9, key=f"new{first}")) == (0,)
    taken = (await store.call_lease([0, 1], limit=3, seconds=60)).taken
    taken += (await store.call_lease([1], limit=3, seconds=60, shards=(HOME, HOME + 1))).taken
    assert len(taken) == 6
    assert (await store.call_lease([], limit=0, seconds=60, renew=[(each.id, each.token) for each in taken])).lost == []
    again, dead, *done = taken
    await apply(
        store, CallAgain(again.id, again.token, 0, 2), CallDead(dead.id, dead.token, "x"), call(first + 20, key="n")
    )
    await apply(store, *(CallDone(each.id, each.token) for each in done))
    for each in (await store.call_lease([1, 2], limit=2, seconds=60)).taken:
        await store.commit([Batch(HOME, [CallDone(each.id, each.token)])])
    await store.call_stats(["work"])
    await store.call_stats(parent=dead.id)
    await store.call_get([dead.id])
    await store.dead_calls(after=None, limit=5)
    await read(store, first)
    await derive(store, first)
    await store.changes(cursor)
    await store.sweep(now_ms=0, limit=5)


async def read(store: PostgresStore, first: int) -> None:
    alice, bob = ident(first), ident(first + 1)
    await store.object_get([alice, bob])
    await store.assoc_get(ident(1), [FOLLOWS, TAGGED], [alice, bob])
    for direction in Direction:
        await store.assoc_range(ident(1), FOLLOWS, limit=5, direction=direction)
    await store.assoc_counts([ident(1), alice, bob], [FOLLOWS, FOLLOWED_BY, LIKED_BY])
    await store.assoc_merge([ident(1), alice, bob], FOLLOWS, limit=5, budget=5)
    await store.assoc_merge([ident(1), alice, bob], LIKED_BY, limit=5, budget=5)
    await store.name_get([f"new/{first}", "n/5"])
    await store.name_range("n", "1", limit=5)
    for table in Table:
        await store.scan(table, shard=HOME, after=None, limit=3)


async def derive(store: PostgresStore, first: int) -> None:
    alice, bob = ident(first), ident(first + 1)
    await store.keyspace_write("brief_values", [ValuePut("a", b"1"), ValuePut("b", b"1"), ValuePut("b", None)])
    await store.keyspace_write("brief_values", [ValuePut("a", None)])
    await store.keyspace_write("counters", [CounterAdd("a", 1)])
    await store.keyspace_get("brief_values", ["a", "v5"])
    await store.keyspace_get("counters", ["a", "c5"])
    await store.keyspace_write(
        "brief_lists",
        [
            ListOpen(alice, 0),
            ListOpen(bob, 0),
            *(ListPush([alice, bob], Entry(n, 1)) for n in range(70)),
            ListFill(alice, 0, [Entry(99, 1)]),
            ListTouch([alice, bob]),
            ListDrop([alice]),
        ],
    )
    await store.keyspace_range("brief_lists", bob, limit=3)
    await store.text_write(
        "posts", [TextDocument(alice, f"word{first}"), TextDocument(bob, "x"), TextDocument(bob, None)]
    )
    await store.text_query("posts", "other", limit=5, budget=10)
    await store.text_query("posts", f"word{first}", limit=5, budget=10)
    await store.text_write("posts", [TextDocument(alice, None)])


async def rows_read(dsn: str) -> int:
    """Rows that all sessions of the database, which have ended, have read so far."""

    async def is_alone() -> bool:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return not await connection.fetchval(f"SELECT count(*) {others} AND backend_type = 'client backend'")

    async with session(dsn) as connection:
        await eventually(is_alone)
        by_index = await connection.fetchval("SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes")
        by_table = await connection.fetchval("SELECT sum(seq_tup_read)::bigint FROM pg_stat_user_tables")
        return int(by_index + by_table)


@pytest.mark.parametrize("is_analyzed", [False, True], ids=["unknown to the planner", "analyzed"])
async def test_a_full_store_is_read_by_its_keys(postgres_dsn: str, is_analyzed: bool) -> None:
    old = PatientPostgres(postgres_dsn, SCHEMA, read_seconds=READ_SECONDS)
    await old.open()
    await tour(old, 1_000_000)
    async with session(postgres_dsn) as connection:
        await connection.execute(BACKLOG)
        if is_analyzed:
            await connection.execute("ANALYZE")
    await tour(old, 1_010_000)  # by the plans that were made when all was empty
    await old.close()
    new = PatientPostgres(postgres_dsn, SCHEMA, read_seconds=READ_SECONDS)
    await new.open()
    await tour(new, 1_020_000)
    await new.close()
    assert await rows_read(postgres_dsn) < MOST_READ
