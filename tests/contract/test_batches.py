"""A batch is applied whole or not at all, in order, after its checks; it says what each operation changed."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.engines.base import Lane, Store
from ripstop.engines.batch import (
    AnyOperation,
    AssociationDelete,
    Batch,
    CallDone,
    CheckAssociation,
    CheckLease,
    CheckName,
    CheckObject,
    NameSet,
    ObjectDelete,
    ObjectPatch,
    ObjectPut,
)
from tests.world import (
    FOLLOWED_BY,
    FOLLOWS,
    HOME,
    TAGGED,
    THING,
    apply,
    backlog,
    call,
    follow,
    ident,
    lease_one,
    length,
    rows,
    thing,
    unfollow,
    write,
)

ALICE, BOB, CAROL, NOBODY = (ident(number) for number in range(1, 5))


async def prepare(store: Store) -> None:
    """Alice and Bob are there, Alice follows Bob and holds a name, one call is leased under token 1."""
    await apply(
        store, thing(1), thing(2), follow(ALICE, BOB, 1), NameSet("acct:/alice", None, ALICE), call(50, "leased")
    )
    await lease_one(store)


REFUSALS: dict[str, AnyOperation] = {
    "object absent": CheckObject(NOBODY),
    "object at another version": CheckObject(ALICE, version=2),
    "name free": CheckName("acct:/nobody", holder=ALICE),
    "name held by another": CheckName("acct:/alice", holder=BOB),
    "name not free": CheckName("acct:/alice", holder=None),
    "association absent": CheckAssociation(BOB, FOLLOWS, ALICE),
    "association present": CheckAssociation(ALICE, FOLLOWS, BOB, present=False),
    "association in another order": CheckAssociation(ALICE, FOLLOWS, BOB, order=2),
    "order of an association that is not there": CheckAssociation(BOB, FOLLOWS, ALICE, order=1),
    "lease of a call that is not there": CheckLease(ident(51), 1),
    "lease under another token": CheckLease(ident(50), 2),
    "put of an id that exists": ObjectPut(ALICE, THING, "{}"),
    "patch of an absent object": ObjectPatch(NOBODY, '{"a":1}'),
    "patch of another version": ObjectPatch(ALICE, '{"a":1}', version=7),
    "claim of a held name": NameSet("acct:/alice", None, BOB),
    "release of a free name": NameSet("acct:/nobody", ALICE, None),
    "transfer of another's name": NameSet("acct:/alice", BOB, CAROL),
    "end of a call that is not there": CallDone(ident(51), 1),
    "end under another token": CallDone(ident(50), 2),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_a_refused_batch_leaves_no_trace(waist: Store, refusal: AnyOperation) -> None:
    await prepare(waist)
    outcome = await write(
        waist,
        thing(3),
        follow(ALICE, CAROL, 9),
        unfollow(ALICE, BOB),
        NameSet("acct:/carol", None, CAROL),
        ObjectPatch(BOB, '{"a":1}'),
        call(60),
        refusal,
        ObjectDelete(BOB),
    )
    assert outcome.refused == 6
    assert not outcome.applied
    assert outcome.changed == ()
    assert await waist.object_get([CAROL]) == {}
    assert (await waist.object_get([BOB]))[BOB].version == 1
    assert [row.target for row in await rows(waist, ALICE, FOLLOWS)] == [BOB]
    assert [row.target for row in await rows(waist, BOB, FOLLOWED_BY)] == [ALICE]
    assert await length(waist, ALICE, FOLLOWS) == 1
    assert await length(waist, CAROL, FOLLOWED_BY) == 0
    assert await waist.name_get(["acct:/carol"]) == {}
    assert (await backlog(waist)).ready == 0


@pytest.mark.parametrize(
    "check",
    [
        CheckObject(ALICE),
        CheckObject(ALICE, version=1),
        CheckName("acct:/alice", holder=ALICE),
        CheckName("acct:/nobody", holder=None),
        CheckAssociation(ALICE, FOLLOWS, BOB),
        CheckAssociation(ALICE, FOLLOWS, BOB, order=1),
        CheckAssociation(BOB, FOLLOWS, ALICE, present=False),
        CheckLease(ident(50), 1),
    ],
    ids=repr,
)
async def test_a_check_that_holds_changes_nothing_and_lets_the_batch_pass(waist: Store, check: AnyOperation) -> None:
    await prepare(waist)
    assert await apply(waist, check, thing(3)) == (0, 1)
    assert CAROL in await waist.object_get([CAROL])


async def test_the_first_operation_that_does_not_hold_is_named(waist: Store) -> None:
    outcome = await write(waist, thing(1), CheckObject(NOBODY), CheckObject(CAROL))
    assert outcome.refused == 1


async def test_checks_judge_the_state_before_the_batch(waist: Store) -> None:
    assert (await write(waist, thing(1), CheckObject(ALICE))).refused == 1
    await apply(waist, follow(ALICE, BOB, 1), CheckAssociation(ALICE, FOLLOWS, BOB, present=False))
    await apply(waist, NameSet("n/a", None, ALICE), CheckName("n/a", holder=None))


async def test_operations_of_a_batch_see_those_before_them(waist: Store) -> None:
    changed = await apply(
        waist,
        thing(1, seen=False),
        ObjectPatch(ALICE, '{"seen":true}', version=1),
        NameSet("n/a", None, ALICE),
        NameSet("n/a", ALICE, BOB),
        follow(ALICE, BOB, 1),
        unfollow(ALICE, BOB),
        follow(ALICE, BOB, 2),
        ObjectDelete(ALICE),
    )
    assert changed == (1, 1, 1, 1, 1, 1, 1, 1)
    assert await waist.object_get([ALICE]) == {}
    assert (await waist.name_get(["n/a"]))["n/a"].holder == BOB
    assert [row.order for row in await rows(waist, ALICE, FOLLOWS)] == [2]


async def test_an_id_deleted_in_a_batch_cannot_be_put_again_in_it(waist: Store) -> None:
    await apply(waist, thing(1))
    assert (await write(waist, ObjectDelete(ALICE), thing(1))).refused == 1
    assert ALICE in await waist.object_get([ALICE])


async def test_other_batches_of_the_call_are_applied(waist: Store) -> None:
    outcomes = await waist.commit(
        [
            Batch(HOME, [thing(1), CheckObject(NOBODY)]),
            Batch(HOME, [thing(2)]),
            Batch(HOME, [thing(3), thing(2)]),
            Batch(HOME, [thing(4)]),
        ]
    )
    assert [outcome.refused for outcome in outcomes] == [1, None, 1, None]
    assert [outcome.changed for outcome in outcomes] == [(), (1,), (), (1,)]
    assert set(await waist.object_get([ident(number) for number in range(1, 5)])) == {ident(2), ident(4)}


async def test_batches_of_a_call_are_applied_in_order(waist: Store) -> None:
    outcomes = await waist.commit(
        [
            Batch(HOME, [ObjectPatch(ALICE, '{"n":0}')]),
            Batch(HOME, [thing(1)]),
            Batch(HOME, [ObjectPatch(ALICE, '{"n":1}', version=1)]),
            Batch(HOME, [ObjectPatch(ALICE, '{"n":2}', version=1)]),
            Batch(HOME, [ObjectPatch(ALICE, '{"n":3}', version=2)]),
        ]
    )
    assert [outcome.applied for outcome in outcomes] == [False, True, True, False, True]
    assert (await waist.object_get([ALICE]))[ALICE].version == 3


async def test_no_batches_have_no_outcomes(waist: Store) -> None:
    assert await waist.commit([]) == []


async def test_an_empty_batch_is_applied(waist: Store) -> None:
    assert await apply(waist) == ()


async def test_a_batch_touches_names_and_inverse_halves_of_other_shards(waist: Store) -> None:
    bob = ident(2, shard=900)
    await apply(waist, thing(1), follow(ALICE, bob, 5), *(NameSet(f"n/{n}", None, ALICE) for n in range(20)))
    assert [row.target for row in await rows(waist, bob, FOLLOWED_BY)] == [ALICE]
    assert await length(waist, bob, FOLLOWED_BY) == 1
    assert len(await waist.name_range("n", "", limit=100)) == 20


async def test_a_large_batch_is_one_batch(waist: Store) -> None:
    operations: list[AnyOperation] = [thing(number) for number in range(1, 1001)]
    operations += [follow(ALICE, ident(number), number) for number in range(1, 1001)]
    assert (await write(waist, *operations, CheckObject(ident(5000)))).refused == 2000
    assert await length(waist, ALICE, FOLLOWS) == 0
    assert sum(await apply(waist, *operations)) == 2000
    assert await length(waist, ALICE, FOLLOWS) == 1000


async def test_concurrent_calls_all_end(store: Store) -> None:
    """Both lanes, refused and applied batches, all at the same time."""
    background = [
        asyncio.create_task(store.commit([Batch(HOME, [follow(ALICE, ident(number), number)])], lane=Lane.BACKGROUND))
        for number in range(1, 100)
    ]
    outcomes = await asyncio.gather(
        *(
            write(store, thing(number % 100), *([CheckObject(NOBODY << 10)] if number % 7 == 0 else []))
            for number in range(300)
        )
    )
    there = await store.object_get([ident(number) for number in range(100)])
    assert sum(outcome.applied for outcome in outcomes) == len(there)
    assert all(outcome.applied for [outcome] in await asyncio.gather(*background))
    assert await length(store, ALICE, FOLLOWS) == 99


@pytest.mark.parametrize("lane", Lane)
async def test_both_lanes_apply(store: Store, lane: Lane) -> None:
    [outcome] = await store.commit([Batch(HOME, [thing(1)])], lane=lane)
    assert outcome.applied
    assert ALICE in await store.object_get([ALICE])


async def test_a_refused_batch_does_not_hurt_those_that_share_its_group(store: Store) -> None:
    good = [store.commit([Batch(HOME, [thing(n), AssociationDelete(ALICE, TAGGED, n)])]) for n in range(1, 61)]
    bad = [store.commit([Batch(HOME, [thing(n + 1000), CheckObject(NOBODY << 10)])]) for n in range(60)]
    mixed = [each for pair in zip(good, bad, strict=True) for each in pair]
    outcomes = [outcome for [outcome] in await asyncio.gather(*mixed)]
    assert [outcome.applied for outcome in outcomes] == [True, False] * 60
    assert len(await store.object_get([ident(n) for n in range(2000)])) == 60


async def test_a_refused_batch_that_changed_a_row_twice_leaves_it_as_it_was_to_those_after_it(waist: Store) -> None:
    """In one group: what a refused batch did must be undone to the state before its first change."""
    await apply(waist, thing(1, n=0), follow(ALICE, BOB, 5, flags=1), NameSet("n/a", None, ALICE))
    spoiled = Batch(
        HOME,
        [
            ObjectPatch(ALICE, '{"n":1}'),
            ObjectPatch(ALICE, '{"n":2}'),
            follow(ALICE, BOB, 6, flags=2),
            unfollow(ALICE, BOB),
            follow(ALICE, BOB, 7, flags=3),
            NameSet("n/a", ALICE, BOB),
            NameSet("n/a", BOB, CAROL),
            call(1, key="k"),
            call(2, key="k"),
            thing(1),
        ],
    )
    after = Batch(
        HOME,
        [
            CheckObject(ALICE, version=1),
            CheckName("n/a", ALICE),
            CheckAssociation(ALICE, FOLLOWS, BOB),
            ObjectPatch(ALICE, '{"m":1}', version=1),
            follow(ALICE, BOB, 9, if_absent=True),
            call(3, key="k"),
        ],
    )
    refused, applied = await waist.commit([spoiled, after])
    assert refused.refused == 9
    assert applied.changed == (0, 0, 0, 1, 0, 1)
    [row] = await rows(waist, ALICE, FOLLOWS)
    assert (row.order, row.flags) == (5, 1)
    assert (await waist.object_get([ALICE]))[ALICE].version == 2
    assert (await backlog(waist)).ready == 1


async def test_batches_of_one_group_see_each_others_counts_and_calls(waist: Store) -> None:
    changed = [
        outcome.changed
        for outcome in await waist.commit(
            [
                Batch(HOME, [follow(ALICE, BOB, 5), call(1, key="k")]),
                Batch(HOME, [unfollow(ALICE, BOB), follow(ALICE, CAROL, 6), call(2, key="k")]),
                Batch(HOME, [follow(ALICE, BOB, 4), follow(ALICE, CAROL, 7), unfollow(BOB, ALICE)]),
            ]
        )
    ]
    assert changed == [(1, 1), (1, 1, 0), (1, 0, 0)]
    assert await waist.assoc_counts([ALICE, BOB, CAROL], [FOLLOWS, FOLLOWED_BY]) == {
        (ALICE, FOLLOWS): (2, 7),
        (BOB, FOLLOWED_BY): (1, 4),
        (CAROL, FOLLOWED_BY): (1, 7),
    }
    assert (await backlog(waist)).ready == 1
