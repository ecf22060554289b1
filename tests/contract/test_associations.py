"""Associations: two halves that agree, and counts that move by the rows that really changed."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.engines.base import MAX_ORDER, Association, AssociationType, Counted, Lane, Store
from ripstop.engines.batch import AssociationDelete, AssociationPut, Batch, CheckAssociation, NameSet
from ripstop.kernel.ids import MAX_ID, shard_of
from tests.world import (
    BLOCKED_BY,
    BLOCKS,
    BOOKMARKED_BY,
    BOOKMARKS,
    FOLLOWED_BY,
    FOLLOWS,
    HOME,
    LIKED_BY,
    LIKES,
    SCHEMA,
    TAGGED,
    apply,
    follow,
    ident,
    length,
    newest,
    put_list,
    rows,
    targets,
    unfollow,
)

ALICE, BOB, CAROL = (ident(number) for number in range(1, 4))
FORWARD = [type for type in SCHEMA.associations.values() if type.forward]
PAIRS = [(FOLLOWS, FOLLOWED_BY), (LIKES, LIKED_BY), (BOOKMARKS, BOOKMARKED_BY), (BLOCKS, BLOCKED_BY)]


@pytest.mark.parametrize("type", FORWARD, ids=lambda type: type.name)
async def test_a_put_is_found_by_source_types_and_targets(waist: Store, type: AssociationType) -> None:
    number = type.number
    await apply(waist, AssociationPut(ALICE, number, BOB, 77, flags=5, data='{"a": 1}'))
    expected = [Association(ALICE, number, BOB, 77, 5, '{"a": 1}')]
    assert await waist.assoc_get(ALICE, [number], [BOB, CAROL]) == expected
    assert await rows(waist, ALICE, number) == expected


@pytest.mark.parametrize(("forward", "inverse"), PAIRS)
async def test_the_inverse_half_has_the_same_order_flags_and_data(waist: Store, forward: int, inverse: int) -> None:
    far = ident(9, shard=600)
    await apply(waist, AssociationPut(ALICE, forward, far, 77, flags=5, data='{"a": 1}'))
    assert await rows(waist, far, inverse) == [Association(far, inverse, ALICE, 77, 5, '{"a": 1}')]
    await apply(waist, AssociationPut(ALICE, forward, far, 12, flags=6))
    assert await rows(waist, far, inverse) == [Association(far, inverse, ALICE, 12, 6, None)]
    await apply(waist, AssociationDelete(ALICE, forward, far))
    assert await rows(waist, far, inverse) == []
    assert await rows(waist, ALICE, forward) == []


async def test_a_type_without_an_inverse_has_one_half(waist: Store) -> None:
    await apply(waist, AssociationPut(ALICE, TAGGED, BOB, 1))
    assert await rows(waist, BOB, TAGGED) == []
    assert await targets(waist, ALICE, TAGGED) == [BOB]


async def test_keyed_inverse_halves_are_found_by_key(waist: Store) -> None:
    await apply(waist, follow(ALICE, BOB, 7), AssociationPut(ALICE, BLOCKS, BOB, 8))
    found = await waist.assoc_get(BOB, [FOLLOWED_BY, BLOCKED_BY], [ALICE])
    assert sorted(found) == [
        Association(BOB, FOLLOWED_BY, ALICE, 7, 0, None),
        Association(BOB, BLOCKED_BY, ALICE, 8, 0, None),
    ]


async def test_several_types_and_targets_are_asked_in_one_call(waist: Store) -> None:
    await apply(
        waist,
        follow(ALICE, BOB, 1),
        AssociationPut(ALICE, BLOCKS, CAROL, 2),
        AssociationPut(ALICE, LIKES, BOB, 3),
        follow(BOB, CAROL, 4),
        AssociationPut(ALICE, TAGGED, BOB, 5),
    )
    found = await waist.assoc_get(ALICE, [FOLLOWS, BLOCKS, LIKES], [BOB, CAROL, ALICE])
    assert {(row.type, row.target, row.order) for row in found} == {
        (FOLLOWS, BOB, 1),
        (BLOCKS, CAROL, 2),
        (LIKES, BOB, 3),
    }
    assert await waist.assoc_get(ALICE, [], [BOB]) == []
    assert await waist.assoc_get(ALICE, [FOLLOWS], []) == []


async def test_a_thousand_targets_in_one_call(waist: Store) -> None:
    await put_list(waist, ALICE, FOLLOWS, [(n, ident(n)) for n in range(2, 1002, 2)])
    found = await waist.assoc_get(ALICE, [FOLLOWS, BLOCKS], [ident(n) for n in range(2, 1002)])
    assert len(found) == 500


@pytest.mark.parametrize("type", FORWARD, ids=lambda type: type.name)
async def test_counts_move_only_by_rows_that_really_changed(waist: Store, type: AssociationType) -> None:
    number, inverse = type.number, type.inverse
    kept = SCHEMA.associations[number].counted is not Counted.NO
    kept_inverse = inverse is not None and SCHEMA.associations[inverse].counted is not Counted.NO

    async def lengths_are(expected: int) -> None:
        assert await length(waist, ALICE, number) == (expected if kept else 0)
        if inverse is not None:
            assert await length(waist, BOB, inverse) == (expected if kept_inverse else 0)

    put = AssociationPut(ALICE, number, BOB, 5)
    delete = AssociationDelete(ALICE, number, BOB)
    assert await apply(waist, delete) == (0,)
    await lengths_are(0)
    assert await apply(waist, put) == (1,)
    await lengths_are(1)
    assert await apply(waist, put) == (0,)
    assert await apply(waist, put, put) == (0, 0)
    await lengths_are(1)
    assert await apply(waist, AssociationPut(ALICE, number, BOB, 6, if_absent=True)) == (0,)
    await lengths_are(1)
    assert await apply(waist, delete, delete) == (1, 0)
    assert await apply(waist, delete) == (0,)
    await lengths_are(0)
    assert await apply(waist, put, delete) == (1, 1)
    await lengths_are(0)
    assert await apply(waist, put, delete, put, put) == (1, 1, 1, 0)
    await lengths_are(1)
    assert await apply(waist, delete, put) == (1, 1)
    await lengths_are(1)


async def test_a_put_again_takes_the_new_order_flags_and_data(waist: Store) -> None:
    await apply(waist, follow(ALICE, BOB, 5, flags=1, data='{"a":1}'))
    assert await apply(waist, follow(ALICE, BOB, 9, flags=2, data='{"b":1}')) == (0,)
    assert await rows(waist, ALICE, FOLLOWS) == [Association(ALICE, FOLLOWS, BOB, 9, 2, '{"b":1}')]
    assert await rows(waist, BOB, FOLLOWED_BY) == [Association(BOB, FOLLOWED_BY, ALICE, 9, 2, '{"b":1}')]
    assert (await newest(waist, ALICE, FOLLOWS), await newest(waist, BOB, FOLLOWED_BY)) == (9, 9)


async def test_if_absent_leaves_what_is_there(waist: Store) -> None:
    assert await apply(waist, follow(ALICE, BOB, 5, flags=1, if_absent=True)) == (1,)
    assert await apply(waist, follow(ALICE, BOB, 9, flags=2, if_absent=True)) == (0,)
    assert await rows(waist, ALICE, FOLLOWS) == [Association(ALICE, FOLLOWS, BOB, 5, 1, None)]
    assert await rows(waist, BOB, FOLLOWED_BY) == [Association(BOB, FOLLOWED_BY, ALICE, 5, 1, None)]


async def test_if_absent_twice_in_one_batch_puts_the_first(waist: Store) -> None:
    assert await apply(waist, follow(ALICE, BOB, 5, if_absent=True), follow(ALICE, BOB, 9, if_absent=True)) == (1, 0)
    assert [row.order for row in await rows(waist, ALICE, FOLLOWS)] == [5]
    assert [row.order for row in await rows(waist, BOB, FOLLOWED_BY)] == [5]


async def test_what_rises_is_put_while_its_order_is_the_highest(waist: Store) -> None:
    assert await apply(waist, follow(ALICE, BOB, 5, flags=1, rising=True)) == (1,)
    assert await apply(waist, follow(ALICE, BOB, 5, flags=2, rising=True)) == (0,)
    assert await apply(waist, follow(ALICE, BOB, 4, flags=2, rising=True)) == (0,)
    assert await rows(waist, ALICE, FOLLOWS) == [Association(ALICE, FOLLOWS, BOB, 5, 1, None)]
    assert await apply(waist, follow(ALICE, BOB, 7, flags=3, rising=True)) == (0,)
    assert await rows(waist, BOB, FOLLOWED_BY) == [Association(BOB, FOLLOWED_BY, ALICE, 7, 3, None)]
    assert await apply(waist, follow(ALICE, BOB, 6), unfollow(ALICE, BOB), follow(ALICE, BOB, 2, rising=True)) == (
        0,
        1,
        1,
    )
    assert [row.order for row in await rows(waist, ALICE, FOLLOWS)] == [2]


async def test_orders_rise_across_the_batches_of_a_group_and_fall_with_what_is_refused(waist: Store) -> None:
    never = NameSet("n/a", ALICE, None)
    outcomes = await waist.commit(
        [
            Batch(HOME, [follow(ALICE, BOB, 5, rising=True)]),
            Batch(HOME, [follow(ALICE, BOB, 9, rising=True), never]),
            Batch(HOME, [CheckAssociation(ALICE, FOLLOWS, BOB, order=5), follow(ALICE, BOB, 3, flags=1, rising=True)]),
            Batch(HOME, [follow(ALICE, BOB, 7, rising=True)]),
            Batch(HOME, [CheckAssociation(ALICE, FOLLOWS, BOB, order=5), unfollow(ALICE, BOB)]),
        ]
    )
    assert [outcome.refused for outcome in outcomes] == [None, 1, None, None, 0]
    assert await rows(waist, ALICE, FOLLOWS) == [Association(ALICE, FOLLOWS, BOB, 7, 0, None)]
    assert (await length(waist, ALICE, FOLLOWS), await newest(waist, ALICE, FOLLOWS)) == (1, 7)


async def test_one_may_lead_to_itself(waist: Store) -> None:
    assert await apply(waist, follow(ALICE, ALICE, 3)) == (1,)
    assert (await length(waist, ALICE, FOLLOWS), await length(waist, ALICE, FOLLOWED_BY)) == (1, 1)
    assert await apply(waist, unfollow(ALICE, ALICE)) == (1,)
    assert await targets(waist, ALICE, FOLLOWED_BY) == []


async def test_an_association_and_its_mirror_are_two(waist: Store) -> None:
    await apply(waist, follow(ALICE, BOB, 1), follow(BOB, ALICE, 2))
    await apply(waist, unfollow(ALICE, BOB))
    assert await targets(waist, BOB, FOLLOWS) == [ALICE]
    assert await targets(waist, ALICE, FOLLOWED_BY) == [BOB]
    assert await targets(waist, BOB, FOLLOWED_BY) == []


@pytest.mark.parametrize("type", [FOLLOWS, BLOCKS, TAGGED])
async def test_the_newest_order_is_exact_after_puts_moves_and_deletes(waist: Store, type: int) -> None:
    await put_list(waist, ALICE, type, [(10, BOB), (30, CAROL), (20, ident(9))])
    assert await newest(waist, ALICE, type) == 30
    await apply(waist, AssociationPut(ALICE, type, CAROL, 15))
    assert await newest(waist, ALICE, type) == 20
    await apply(waist, AssociationDelete(ALICE, type, ident(9)))
    assert await newest(waist, ALICE, type) == 15
    await apply(waist, AssociationPut(ALICE, type, BOB, 99), AssociationDelete(ALICE, type, BOB))
    assert await newest(waist, ALICE, type) == 15
    await apply(waist, AssociationDelete(ALICE, type, CAROL))
    assert await waist.assoc_counts([ALICE], [type]) == {}


async def test_the_newest_order_of_an_unkeyed_striped_inverse_is_exact(waist: Store) -> None:
    fans = [ident(n, shard=n * 50) for n in range(1, 10)]
    for n, fan in enumerate(fans, start=1):
        await apply(waist, AssociationPut(fan, LIKES, BOB, n * 10), home=shard_of(fan))
    assert (await length(waist, BOB, LIKED_BY), await newest(waist, BOB, LIKED_BY)) == (9, 90)
    await apply(waist, AssociationDelete(fans[-1], LIKES, BOB), home=shard_of(fans[-1]))
    assert (await length(waist, BOB, LIKED_BY), await newest(waist, BOB, LIKED_BY)) == (8, 80)
    for fan in fans:
        await apply(waist, AssociationDelete(fan, LIKES, BOB), home=shard_of(fan))
    assert await waist.assoc_counts([BOB], [LIKED_BY]) == {}


async def test_an_order_of_zero_and_the_highest_one(waist: Store) -> None:
    await apply(waist, follow(ALICE, BOB, 0))
    assert await newest(waist, ALICE, FOLLOWS) == 0
    await apply(waist, follow(ALICE, MAX_ID, MAX_ORDER))
    assert await newest(waist, ALICE, FOLLOWS) == MAX_ORDER
    assert await targets(waist, ALICE, FOLLOWS) == [MAX_ID, BOB]
    assert await targets(waist, MAX_ID, FOLLOWED_BY) == [ALICE]


async def test_counts_of_many_lists_in_one_call(waist: Store) -> None:
    await apply(waist, follow(ALICE, BOB, 1), follow(ALICE, CAROL, 2), AssociationPut(ALICE, BLOCKS, CAROL, 3))
    await apply(waist, AssociationPut(ALICE, BOOKMARKS, CAROL, 3))
    counts = await waist.assoc_counts(
        [ALICE, BOB, CAROL, ident(50)], [FOLLOWS, FOLLOWED_BY, BLOCKS, BLOCKED_BY, BOOKMARKS, BOOKMARKED_BY]
    )
    assert counts == {
        (ALICE, FOLLOWS): (2, 2),
        (ALICE, BLOCKS): (1, 3),
        (BOB, FOLLOWED_BY): (1, 1),
        (CAROL, FOLLOWED_BY): (1, 2),
    }
    assert await waist.assoc_counts([], [FOLLOWS]) == {}
    assert await waist.assoc_counts([ALICE], []) == {}


@pytest.mark.parametrize(("forward", "inverse"), [(FOLLOWS, FOLLOWED_BY), (LIKES, LIKED_BY)])
async def test_a_count_under_contention_is_exact(store: Store, forward: int, inverse: int) -> None:
    """200 people of as many shards put, put again and take back, all at once; every third one stays away."""

    async def act(number: int) -> None:
        fan = ident(number, shard=number % 1024)
        home, lane = shard_of(fan), Lane.BACKGROUND if number % 2 else Lane.FOREGROUND
        put = Batch(home, [AssociationPut(fan, forward, BOB, number)])
        await store.commit([put, put], lane=lane)
        if number % 3 == 0:
            await store.commit([Batch(home, [AssociationDelete(fan, forward, BOB)])], lane=lane)

    await asyncio.gather(*(act(number) for number in range(1, 201)))
    staying = [ident(number, shard=number) for number in range(1, 201) if number % 3]
    assert await length(store, BOB, inverse) == len(staying)
    assert sorted(await targets(store, BOB, inverse)) == sorted(staying)
    assert await newest(store, BOB, inverse) == 200


async def test_deleting_an_object_leaves_its_associations(waist: Store) -> None:
    from_home = Batch(HOME, [follow(ALICE, BOB, 1)])
    await waist.commit([from_home])
    assert await length(waist, ALICE, FOLLOWS) == 1
