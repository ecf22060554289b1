"""How calls end: done, again, dead; fenced by the lease's token, in one batch with the effect."""

from __future__ import annotations

import asyncio
import random

import pytest

from ripstop.engines.base import CallState, FunctionBacklog, Lane, LeasedCall, Store, Table
from ripstop.engines.batch import (
    AnyOperation,
    AssociationPut,
    Batch,
    CallAgain,
    CallDead,
    CallDone,
    CheckLease,
    CheckObject,
    ObjectPut,
)
from ripstop.kernel.ids import shard_of
from tests.stores import Place
from tests.world import (
    FOLLOWS,
    HOME,
    HOUR_MS,
    TAGGED,
    THING,
    apply,
    backlog,
    call,
    clock_passes,
    follow,
    ident,
    lease,
    lease_one,
    length,
    thing,
    write,
)

EMPTY = FunctionBacklog(0, 0, 0, 0, None)


async def leased(store: Store, *, key: str | None = None, criticality: int = 2, deadline: int = 0) -> LeasedCall:
    """One call, put and leased."""
    await apply(store, call(1, key=key, criticality=criticality, deadline=deadline))
    return await lease_one(store)


def ends(taken: LeasedCall, token: int) -> list[AnyOperation]:
    return [
        CallDone(taken.id, token),
        CallAgain(taken.id, token, due=0, attempt=2),
        CallDead(taken.id, token, "hopeless"),
    ]


async def test_a_call_that_is_done_is_gone(waist: Store) -> None:
    taken = await leased(waist)
    assert await apply(waist, CallDone(taken.id, taken.token)) == (1,)
    assert await backlog(waist) == EMPTY
    assert await lease(waist, 10) == []
    assert (await write(waist, CallDone(taken.id, taken.token))).refused == 0


@pytest.mark.parametrize("kind", range(3), ids=["done", "again", "dead"])
@pytest.mark.parametrize("token", [0, 2, -1])
async def test_no_end_without_the_right_token(waist: Store, kind: int, token: int) -> None:
    taken = await leased(waist)
    assert (await write(waist, ends(taken, token)[kind])).refused == 0
    assert (await backlog(waist)).leased == 1


@pytest.mark.parametrize("kind", range(3), ids=["done", "again", "dead"])
async def test_no_end_before_a_lease(waist: Store, kind: int) -> None:
    await apply(waist, call(1))
    for token in (0, 1):
        operation = ends(LeasedCall(ident(1), token, "", "", None, 1, 0, 0, 2, None, 0), token)[kind]
        assert (await write(waist, operation)).refused == 0
    assert (await backlog(waist)).ready == 1


@pytest.mark.parametrize("kind", range(3), ids=["done", "again", "dead"])
async def test_who_lost_the_lease_has_neither_effect_nor_end(waist: Store, kind: int) -> None:
    await apply(waist, call(1))
    loser = await lease_one(waist, seconds=0.05)
    await clock_passes(waist, loser.lease_until)
    winner = await lease_one(waist)
    assert winner.token == loser.token + 1
    assert (await write(waist, thing(5), ends(loser, loser.token)[kind])).refused == 1
    assert (await write(waist, thing(5), CheckLease(loser.id, loser.token))).refused == 1
    assert await waist.object_get([ident(5)]) == {}
    await apply(waist, thing(5), CheckLease(winner.id, winner.token), CallDone(winner.id, winner.token))


async def test_a_call_comes_again_with_its_checkpoint_and_attempt(waist: Store) -> None:
    taken = await leased(waist, deadline=99, criticality=1, key="k")
    again = CallAgain(taken.id, taken.token, due=0, attempt=2, checkpoint='{"at": 7}', error="timed out")
    assert await apply(waist, again) == (1,)
    assert (await backlog(waist)).ready == 1
    second = await lease_one(waist)
    assert (second.token, second.attempt, second.checkpoint) == (2, 2, '{"at": 7}')
    assert second._replace(token=1, attempt=1, checkpoint=None, lease_until=0, due=0) == taken._replace(
        lease_until=0, due=0
    )


async def test_a_call_handed_back_is_due_at_once_as_the_same_attempt(waist: Store) -> None:
    taken = await leased(waist)
    await apply(waist, CallAgain(taken.id, taken.token, due=0, attempt=taken.attempt))
    second = await lease_one(waist)
    assert (second.attempt, second.checkpoint, second.token) == (1, None, 2)


async def test_a_call_comes_again_when_it_is_due(waist: Store) -> None:
    await apply(waist, call(1), call(2))
    late, soon = await lease(waist, 2)
    await apply(waist, CallAgain(late.id, late.token, due=await waist.now_ms() + HOUR_MS, attempt=2))
    assert (await backlog(waist)).waiting == 1
    assert await lease(waist, 10) == []
    due = await waist.now_ms() + 200
    await apply(waist, CallAgain(soon.id, soon.token, due=due, attempt=2))
    await clock_passes(waist, due)
    again = await lease_one(waist)
    assert (again.id, again.attempt) == (soon.id, 2)


async def test_a_call_comes_again_beside_a_newer_one_of_its_key(waist: Store) -> None:
    taken = await leased(waist, key="k")
    await apply(waist, call(2, key="k"))
    await apply(waist, CallAgain(taken.id, taken.token, due=0, attempt=2))
    pending = await lease(waist, 10)
    assert ident(1) in [each.id for each in pending]
    assert await apply(waist, *(CallDone(each.id, each.token) for each in pending))
    assert await backlog(waist) == EMPTY
    assert await apply(waist, call(3, key="k")) == (1,)


async def test_a_call_that_comes_again_holds_its_key(waist: Store) -> None:
    taken = await leased(waist, key="k")
    await apply(waist, CallAgain(taken.id, taken.token, due=await waist.now_ms() + HOUR_MS, attempt=2))
    assert await apply(waist, call(2, key="k")) == (0,)


async def test_a_key_is_held_within_the_group_in_which_its_call_comes_again(waist: Store) -> None:
    taken = await leased(waist, key="k")
    again = CallAgain(taken.id, taken.token, due=0, attempt=2)
    outcomes = await waist.commit([Batch(HOME, [again, call(2, key="k")]), Batch(HOME, [call(3, key="k")])])
    assert [outcome.changed for outcome in outcomes] == [(1, 0), (0,)]
    assert [each.id for each in await lease(waist, 10)] == [taken.id]


async def test_a_key_is_free_within_the_group_in_which_its_batch_was_refused(waist: Store) -> None:
    refused, applied = await waist.commit(
        [Batch(HOME, [call(1, key="k"), CheckObject(ident(77))]), Batch(HOME, [call(2, key="k")])]
    )
    assert (refused.refused, applied.changed) == (1, (1,))
    assert (await lease_one(waist)).id == ident(2)


async def dead(store: Store, *, key: str | None = None) -> LeasedCall:
    """One dead call."""
    taken = await leased(store, key=key)
    assert await apply(store, CallDead(taken.id, taken.token, "no such mailbox")) == (1,)
    return taken


async def test_a_dead_call_is_kept_and_never_taken(waist: Store) -> None:
    await dead(waist, key="k")
    assert await backlog(waist) == FunctionBacklog(waiting=0, ready=0, leased=0, dead=1, oldest=None)
    assert await lease(waist, 10) == []
    assert await apply(waist, call(2, key="k")) == (1,)


async def test_a_dead_call_is_listed_with_its_error(store: Store) -> None:
    taken = await dead(store)
    [row] = (await store.scan(Table.CALLS, shard=HOME, after=None, limit=10)).rows
    assert row[:4] == (taken.id, CallState.DEAD, taken.token, "work")
    assert row[11] == "no such mailbox"


async def test_a_dead_call_can_be_dropped_and_sent_again_under_its_token(waist: Store) -> None:
    taken = await dead(waist)
    assert (await write(waist, CallDone(taken.id, taken.token + 1))).refused == 0
    assert (await write(waist, CheckLease(taken.id, taken.token))).refused == 0
    assert (await write(waist, CallDead(taken.id, taken.token, "again"))).refused == 0
    assert await apply(waist, CallAgain(taken.id, taken.token, due=0, attempt=1)) == (1,)
    assert await backlog(waist) == FunctionBacklog(waiting=0, ready=1, leased=0, dead=0, oldest=taken.id)
    again = await lease_one(waist)
    assert (again.token, again.attempt) == (taken.token + 1, 1)
    await apply(waist, CallDead(again.id, again.token, "no such mailbox"))
    assert await apply(waist, CallDone(again.id, again.token)) == (1,)
    assert await backlog(waist) == EMPTY


async def test_an_effect_that_is_refused_leaves_the_call_leased(waist: Store) -> None:
    taken = await leased(waist)
    assert (await write(waist, CallDone(taken.id, taken.token), CheckObject(ident(77)))).refused == 1
    assert (await backlog(waist)).leased == 1
    await apply(waist, CallDone(taken.id, taken.token))


async def test_a_call_may_end_in_a_batch_of_another_shard(waist: Store) -> None:
    taken = await leased(waist)
    target = ident(9, shard=300)
    await apply(waist, ObjectPut(target, THING, "{}"), CallDone(taken.id, taken.token), home=300)
    assert await backlog(waist) == EMPTY
    assert target in await waist.object_get([target])


async def test_calls_cause_calls_in_one_batch(waist: Store) -> None:
    """A split: the parts are put where the whole ends."""
    taken = await leased(waist)
    await apply(waist, CallDone(taken.id, taken.token), *(call(number, "part") for number in range(10, 20)))
    assert await backlog(waist) == EMPTY
    assert (await backlog(waist, "part")).ready == 10


async def compete(store: Store, seconds: float, random_: random.Random) -> int:
    """Lease with leases that are too short, dawdle, write effects; how many effects were applied."""
    applied = 0
    idle = 0
    while idle < 40:
        taken = (await store.call_lease([0, 1, 2, 3], limit=5, seconds=seconds)).taken
        idle = 0 if taken else idle + 1
        if not taken or random_.random() < 0.4:
            await asyncio.sleep(random_.random() * seconds * 2)
        effects = [
            Batch(
                shard_of(each.id),
                [
                    AssociationPut(ident(1, shard_of(each.id)), TAGGED, each.id, each.token),
                    ObjectPut(each.id + 1, THING, "{}"),
                    CallDone(each.id, each.token),
                ],
            )
            for each in taken
        ]
        outcomes = await store.commit(effects, lane=Lane.BACKGROUND, deadline=30)
        applied += sum(outcome.applied for outcome in outcomes)
    return applied


async def test_two_workers_that_steal_from_each_other_have_each_effect_once(place: Place) -> None:
    async with place.opened() as one, place.opened() as other:
        shards = (3, 400)
        for shard in shards:
            await apply(one, *(call(number, shard=shard) for number in range(2, 152)), home=shard)
        randoms = [random.Random(seed) for seed in range(4)]
        applied = await asyncio.gather(
            *(compete(store, 0.03, each) for store, each in zip((one, other, one, other), randoms, strict=True))
        )
        assert sum(applied) == 300
        for shard in shards:
            assert await length(other, ident(1, shard), TAGGED) == 150
            assert len(await other.object_get([ident(n, shard) + 1 for n in range(2, 152)])) == 150
        assert await backlog(one) == EMPTY


async def test_a_call_in_a_refused_batch_is_not_enqueued(waist: Store) -> None:
    assert (await write(waist, call(1), CheckObject(ident(5)))).refused == 1
    assert await backlog(waist) == EMPTY
    await apply(waist, follow(ident(1), ident(2), 1))
    assert await length(waist, ident(1), FOLLOWS) == 1


async def test_of_calls_that_end_together_each_is_fenced_by_its_own_token(waist: Store) -> None:
    await apply(waist, *(call(number) for number in range(1, 8)))
    taken = await lease(waist, 7)
    await apply(waist, CallDead(taken[5].id, taken[5].token, "no"))
    await apply(waist, CallAgain(taken[6].id, taken[6].token, due=0, attempt=1))
    await apply(waist, CallDone(taken[4].id, taken[4].token))
    tokens = [each.token for each in taken]
    tokens[1] += 1  # as if somebody else had it
    tokens[2] = 0
    batches = [Batch(HOME, [CallDone(each.id, token)]) for each, token in zip(taken, tokens, strict=True)]
    outcomes = await waist.commit([*batches, batches[0]])
    # The dead one is dropped under the token that it died with; one that has ended, or is ready again, has no lease.
    assert [outcome.applied for outcome in outcomes] == [True, False, False, True, False, True, False, False]
    assert [outcome.changed for outcome in outcomes if outcome.applied] == [(1,)] * 3
    assert await backlog(waist, "work") == FunctionBacklog(0, 1, 2, 0, taken[1].id)


async def test_calls_that_are_put_beside_ends_are_counted_with_them(waist: Store) -> None:
    await apply(waist, call(1), call(2, "other"))
    taken = await lease(waist, 2)
    puts = [Batch(HOME, [call(3), call(4, "other", criticality=0)]), Batch(9, [call(5, shard=9)])]
    ended = [Batch(HOME, [CallDone(each.id, each.token)]) for each in taken]
    outcomes = await waist.commit([puts[0], ended[0], puts[1], ended[1]])
    assert [outcome.changed for outcome in outcomes] == [(1, 1), (1,), (1,), (1,)]
    assert await backlog(waist, "work") == FunctionBacklog(0, 2, 0, 0, min(ident(3), ident(5, 9)))
    assert next(each.id for each in await lease(waist, 9)) == ident(4)


async def test_a_call_that_is_leased_anew_while_it_ends_has_one_holder(waist: Store) -> None:
    for first in range(1, 200, 20):
        await apply(waist, *(call(number) for number in range(first, first + 20)))
        taken = await lease(waist, 20, seconds=0.001)
        await clock_passes(waist, taken[0].lease_until)
        batches = [Batch(HOME, [CallDone(each.id, each.token)]) for each in taken]
        outcomes, again = await asyncio.gather(waist.commit(batches, lane=Lane.BACKGROUND), lease(waist, 20))
        done = {each.id for each, outcome in zip(taken, outcomes, strict=True) if outcome.applied}
        assert not done & {each.id for each in again}
        again += await lease(waist, 20)
        assert done | {each.id for each in again} == {each.id for each in taken}
        assert all(outcome.applied for outcome in await waist.commit([_done(each) for each in again]))
    assert await backlog(waist, "work") == EMPTY


async def test_a_call_whose_lease_is_renewed_while_it_ends_has_ended(waist: Store) -> None:
    for first in range(1, 200, 20):
        await apply(waist, *(call(number) for number in range(first, first + 20)))
        taken = await lease(waist, 20)
        renew = [(each.id, each.token) for each in taken]
        outcomes, _ = await asyncio.gather(
            waist.commit([_done(each) for each in taken], lane=Lane.BACKGROUND),
            waist.call_lease((), limit=0, seconds=60, renew=renew),
        )
        assert all(outcome.applied for outcome in outcomes)
    assert await backlog(waist, "work") == EMPTY


def _done(taken: LeasedCall) -> Batch:
    return Batch(HOME, [CallDone(taken.id, taken.token)])
