"""The wrapper that holds all tests to the shard discipline refuses what breaks it, and nothing else."""

from __future__ import annotations

from typing import cast

import pytest

from ripstop.engines.base import MAX_ORDER, Store
from ripstop.engines.batch import (
    AnyOperation,
    AssociationDelete,
    AssociationPut,
    Batch,
    CallAgain,
    CallDead,
    CallDone,
    CallPut,
    CheckAssociation,
    CheckLease,
    CheckName,
    CheckObject,
    NameSet,
    ObjectDelete,
    ObjectPatch,
    ObjectPut,
)
from ripstop.engines.derived import CounterAdd, Entry, ListPush, ValuePut
from ripstop.kernel.clock import SystemClock
from tests.discipline import Undisciplined, check_batch, wrap
from tests.model import Model
from tests.world import BOOKMARKED_BY, FOLLOWED_BY, FOLLOWS, HOME, LIKED_BY, SCHEMA, ident

ALICE, FAR, FAR_CALL = ident(1), ident(2, shard=600), ident(3, shard=601)

DISCIPLINED: dict[str, list[AnyOperation]] = {
    "nothing": [],
    "the home shard": [
        CheckObject(ALICE),
        CheckAssociation(ALICE, FOLLOWS, FAR),
        CheckAssociation(ALICE, FOLLOWED_BY, FAR),
        ObjectPut(ALICE, 1, "{}"),
        ObjectPatch(ALICE, '{"a":null}'),
        ObjectDelete(ALICE),
        CallPut(ALICE, "work", "{}"),
        CheckLease(ALICE, 1),
        CallDone(ident(7), 1),
        CallDead(ident(8), 1, "x"),
    ],
    "inverse halves elsewhere": [
        AssociationPut(ALICE, FOLLOWS, FAR, MAX_ORDER, flags=(1 << 31) - 1, data='{"a":1}'),
        AssociationDelete(ALICE, FOLLOWS, FAR_CALL),
    ],
    "names, wherever they rest": [
        *(CheckName(f"n/{n}", None) for n in range(9)),
        NameSet("acct:/ä", None, FAR),
    ],
    "the end of one call elsewhere": [CheckLease(FAR, 1), CallDone(FAR, 1)],
}

UNDISCIPLINED: dict[str, list[AnyOperation]] = {
    "check of an object elsewhere": [CheckObject(FAR)],
    "check of an association elsewhere": [CheckAssociation(FAR, FOLLOWS, ALICE)],
    "check by key in a direction without keys": [CheckAssociation(ALICE, LIKED_BY, FAR)],
    "object elsewhere": [ObjectPut(FAR, 1, "{}")],
    "patch elsewhere": [ObjectPatch(FAR, "{}")],
    "deletion elsewhere": [ObjectDelete(FAR)],
    "association of a source elsewhere": [AssociationPut(FAR, FOLLOWS, ALICE, 1)],
    "deletion of an association elsewhere": [AssociationDelete(FAR, FOLLOWS, ALICE)],
    "inverse direction put": [AssociationPut(ALICE, FOLLOWED_BY, FAR, 1)],
    "inverse direction deleted": [AssociationDelete(ALICE, BOOKMARKED_BY, FAR)],
    "unknown type": [AssociationPut(ALICE, 99, FAR, 1)],
    "call elsewhere": [CallPut(FAR, "work", "{}")],
    "ends of two calls elsewhere": [CallDone(FAR, 1), CallAgain(FAR_CALL, 1, 0, 1)],
    "id 0": [ObjectPut(0, 1, "{}")],
    "id past 63 bits": [ObjectPut(ALICE | 1 << 63, 1, "{}")],
    "target past 63 bits": [AssociationPut(ALICE, FOLLOWS, 1 << 63, 1)],
    "order past 63 bits": [AssociationPut(ALICE, FOLLOWS, FAR, MAX_ORDER + 1)],
    "negative order": [AssociationPut(ALICE, FOLLOWS, FAR, -1)],
    "flags past 31 bits": [AssociationPut(ALICE, FOLLOWS, FAR, 1, flags=1 << 31)],
    "data that are no JSON": [ObjectPut(ALICE, 1, "{")],
    "data that are no object": [AssociationPut(ALICE, FOLLOWS, FAR, 1, data="[]")],
    "patch that is no object": [ObjectPatch(ALICE, "7")],
    "name without a space": [NameSet("alice", None, ALICE)],
    "name with NUL": [CheckName("n/a\0", None)],
    "name with half a character": [CheckName("n/\ud800", None)],
    "call of nothing": [CallPut(ALICE, "", "{}")],
    "call of no class": [CallPut(ALICE, "work", "{}", criticality=9)],
}


@pytest.fixture
def store() -> Store:
    return wrap(cast(Store, Model(SCHEMA, SystemClock())), SCHEMA)


@pytest.mark.parametrize("operations", DISCIPLINED.values(), ids=DISCIPLINED)
def test_a_disciplined_batch_passes(operations: list[AnyOperation]) -> None:
    check_batch(Batch(HOME, operations), SCHEMA)


@pytest.mark.parametrize("operations", UNDISCIPLINED.values(), ids=UNDISCIPLINED)
async def test_an_undisciplined_batch_is_refused_whole(store: Store, operations: list[AnyOperation]) -> None:
    with pytest.raises(Undisciplined):
        await store.commit([Batch(HOME, [ObjectPut(ident(50), 1, "{}")]), Batch(HOME, operations)])
    assert await store.object_get([ident(50)]) == {}


@pytest.mark.parametrize("home", [-1, 1024])
def test_a_home_is_a_shard(home: int) -> None:
    with pytest.raises(Undisciplined):
        check_batch(Batch(home, []), SCHEMA)


async def test_reads_that_the_protocol_does_not_have_are_refused(store: Store) -> None:
    reads = [
        store.assoc_get(ALICE, [FOLLOWS, LIKED_BY], [FAR]),
        store.assoc_range(ALICE, 99, limit=5),
        store.assoc_range(ALICE, FOLLOWS, limit=0),
        store.assoc_range(ALICE, FOLLOWS, limit=5, mask=1, match=2),
        store.assoc_counts([ALICE], [99]),
        store.assoc_merge([ALICE], FOLLOWS, limit=5, budget=0),
        store.name_get(["alice"]),
        store.name_range("", "alice", limit=5),
        store.text_query("unknown", "word", limit=5, budget=1),
        store.keyspace_get("unknown", ["a"]),
        store.keyspace_get("home", ["a"]),
        store.keyspace_range("values", ALICE, limit=5),
        store.keyspace_write("values", [CounterAdd("a", 1)]),
        store.keyspace_write("counters", [ValuePut("a", b"")]),
        store.keyspace_write("home", [ListPush([ALICE], Entry(-1, 5))]),
        store.call_lease([2], limit=5, seconds=60, shards=(0, 1025)),
    ]
    for read in reads:
        with pytest.raises(Undisciplined):
            await read


async def test_everything_else_reaches_the_store(store: Store) -> None:
    await store.commit([Batch(HOME, [AssociationPut(ALICE, FOLLOWS, FAR, 5), CallPut(ALICE, "work", "{}")])])
    assert [row.target for row in await store.assoc_get(ALICE, [FOLLOWS], [FAR])] == [FAR]
    assert len(await store.assoc_range(FAR, FOLLOWED_BY, limit=5)) == 1
    assert (await store.call_lease([2], limit=5, seconds=60)).taken[0].id == ALICE
