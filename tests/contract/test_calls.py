"""Calls on their way to a worker: order, due times, leases, coalescing, backlog."""

from __future__ import annotations

import asyncio
import random

import pytest

from ripstop.engines.base import FunctionBacklog, Store
from ripstop.engines.batch import CallDone, CallPut
from tests.stores import Place, writes_nothing, written
from tests.world import HOUR_MS, apply, backlog, call, clock_passes, ident, lease, lease_one, thing, write


async def test_a_leased_call_is_told_whole(waist: Store) -> None:
    now = await waist.now_ms()
    await apply(
        waist,
        CallPut(
            ident(1),
            "send",
            '{"to": [1]}',
            due=now - 5000,
            deadline=now + 60_000,
            criticality=1,
            key="k",
            namespace="n",
            parent=ident(9),
        ),
    )
    [taken] = (await waist.call_lease([0, 1], limit=5, seconds=30)).taken
    assert taken._replace(due=0, lease_until=0) == (
        ident(1), 1, "send", '{"to": [1]}', None, 1, 0, now + 60_000, 1, "k", 0, "n", ident(9),
    )  # fmt: skip
    assert taken.due <= now
    assert taken.lease_until > now


async def test_nothing_due_leases_nothing(waist: Store) -> None:
    assert await waist.call_lease([0, 1, 2, 3], limit=5, seconds=30) == ([], [])


async def test_an_idle_worker_writes_nothing(place: Place) -> None:
    """It asks several times a second, for ever."""
    async with place.opened() as store:
        await apply(store, call(1), call(2, due=await store.now_ms() + HOUR_MS), call(3, criticality=0))
        await lease(store, 2, seconds=3600)

        async def ask() -> None:
            for _ in range(10):
                assert await lease(store, 10) == []

        assert await writes_nothing(place, ask)
        before = await written(place)
        await apply(store, thing(1))
        assert await written(place) > before


async def test_calls_are_taken_by_criticality_then_deadline_then_id(waist: Store) -> None:
    numbers = list(range(1, 61))
    random.Random(7).shuffle(numbers)
    calls = [call(number, shard=number % 5, criticality=number % 4, deadline=10_000 + number % 3) for number in numbers]
    for each in calls:
        await apply(waist, each, home=(each.id >> 12) & 1023)
    expected = [each.id for each in sorted(calls, key=lambda each: (each.criticality, each.deadline, each.id))]
    taken: list[int] = []
    while page := await lease(waist, limit=7):
        taken += [each.id for each in page]
    assert taken == expected


async def test_only_calls_of_the_wanted_classes_are_taken(waist: Store) -> None:
    await apply(waist, *(call(number, criticality=number) for number in range(4)))
    assert [each.criticality for each in await lease(waist, 10, classes=[1, 3])] == [1, 3]
    assert [each.criticality for each in await lease(waist, 10, classes=[2])] == [2]
    assert await lease(waist, 10, classes=[]) == []
    assert await lease(waist, 10, classes=[-1, 4, 8, 9]) == []
    assert (await backlog(waist)).ready == 1


async def test_only_calls_of_the_wanted_shards_are_taken(waist: Store) -> None:
    for shard in (0, 5, 9, 10, 1023):
        await apply(waist, call(1, shard=shard), home=shard)

    async def taken(low: int, high: int) -> list[int]:
        leases = await waist.call_lease([2], limit=10, seconds=60, shards=(low, high))
        return sorted((each.id >> 12) & 1023 for each in leases.taken)

    assert await taken(5, 10) == [5, 9]
    assert await taken(5, 10) == []
    assert await taken(0, 1) == [0]
    assert await taken(0, 1024) == [10, 1023]


async def test_a_waiting_call_is_taken_once_its_time_has_come(waist: Store) -> None:
    now = await waist.now_ms()
    await apply(waist, call(2, due=now + HOUR_MS), call(3, due=now))
    assert [each.id for each in await lease(waist, 10)] == [ident(3)]
    assert (await backlog(waist)).waiting == 1
    soon = await waist.now_ms() + 200
    await apply(waist, call(1, due=soon))
    await clock_passes(waist, soon)
    assert [each.id for each in await lease(waist, 10)] == [ident(1)]
    assert await lease(waist, 10) == []
    assert await backlog(waist) == FunctionBacklog(waiting=1, ready=0, leased=2, dead=0, oldest=ident(1))


async def test_a_limit_leaves_the_rest_and_no_limit_takes_none(waist: Store) -> None:
    await apply(waist, *(call(number) for number in range(1, 11)))
    assert len(await lease(waist, 3)) == 3
    assert (await waist.call_lease([2], limit=0, seconds=60)).taken == []
    assert len(await lease(waist, 100)) == 7


async def test_a_leased_call_is_not_taken_again(waist: Store) -> None:
    await apply(waist, call(1))
    await lease_one(waist)
    assert await lease(waist, 10) == []


async def test_concurrent_workers_take_each_call_once(store: Store) -> None:
    await apply(store, *(call(number) for number in range(1, 301)))
    taken = [each.id for page in await asyncio.gather(*(lease(store, 10) for _ in range(40))) for each in page]
    assert sorted(taken) == [ident(number) for number in range(1, 301)]


async def test_an_expired_lease_is_due_again_under_the_next_token(waist: Store) -> None:
    await apply(waist, call(1))
    for token in (1, 2, 3):
        taken = await lease_one(waist, seconds=0.05)
        assert (taken.token, taken.id) == (token, ident(1))
        await clock_passes(waist, taken.lease_until)


async def test_an_expired_call_keeps_its_place_in_the_order(waist: Store) -> None:
    await apply(waist, call(1, deadline=1), call(2, deadline=2), call(3, criticality=0, deadline=9))
    [first, second] = await lease(waist, 2, seconds=0.05)
    assert (first.id, second.id) == (ident(3), ident(1))
    await clock_passes(waist, second.lease_until)
    assert [each.id for each in await lease(waist, 10)] == [ident(3), ident(1), ident(2)]


async def test_a_renewed_lease_lasts_longer(waist: Store) -> None:
    await apply(waist, call(1))
    taken = await lease_one(waist, seconds=2)
    assert await waist.call_lease([], limit=0, seconds=60, renew=[(taken.id, taken.token)]) == ([], [])
    await clock_passes(waist, taken.lease_until)
    assert await lease(waist, 10) == []
    await apply(waist, CallDone(taken.id, taken.token))


async def test_leases_that_are_gone_are_told_as_lost(waist: Store) -> None:
    await apply(waist, *(call(number) for number in range(1, 5)))
    stolen = await lease_one(waist, seconds=0.05)
    await clock_passes(waist, stolen.lease_until)
    again, done, held = await lease(waist, 3)
    assert again.id == stolen.id
    await apply(waist, CallDone(done.id, done.token))
    renew = [(stolen.id, stolen.token), (done.id, done.token), (held.id, held.token), (ident(4), 1), (ident(99), 1)]
    leases = await waist.call_lease([], limit=0, seconds=60, renew=renew)
    assert sorted(leases.lost) == sorted([stolen.id, done.id, ident(4), ident(99)])


async def test_a_worker_renews_and_takes_in_one_call(waist: Store) -> None:
    await apply(waist, call(1), call(2))
    first = await lease_one(waist)
    leases = await waist.call_lease([2], limit=5, seconds=60, renew=[(first.id, first.token)])
    assert ([each.id for each in leases.taken], leases.lost) == ([ident(2)], [])


@pytest.mark.parametrize("due", [0, HOUR_MS], ids=["ready", "waiting"])
async def test_calls_with_one_key_coalesce_while_one_is_unstarted(waist: Store, due: int) -> None:
    due = due and await waist.now_ms() + due
    assert await apply(waist, call(1, key="k", due=due), call(2, key="k"), call(3, key="other")) == (1, 0, 1)
    assert await apply(waist, call(4, key="k")) == (0,)
    assert await apply(waist, call(5, "other function", key="k"), call(6), call(7)) == (1, 1, 1)
    stats = await backlog(waist)
    assert stats.ready + stats.waiting == 4


async def test_a_call_that_coalesced_leaves_the_first_as_it_was(waist: Store) -> None:
    await apply(waist, CallPut(ident(1), "work", '"first"', key="k"), CallPut(ident(2), "work", '"second"', key="k"))
    assert (await lease_one(waist)).arguments == '"first"'


async def test_a_call_may_be_put_while_one_of_its_key_is_leased(waist: Store) -> None:
    await apply(waist, call(1, key="k"))
    first = await lease_one(waist)
    assert await apply(waist, call(2, key="k")) == (1,)
    assert await apply(waist, call(3, key="k")) == (0,)
    second = await lease_one(waist)
    assert (first.id, second.id) == (ident(1), ident(2))
    assert await apply(waist, call(4, key="k")) == (1,)


async def test_a_key_is_free_again_after_the_end(waist: Store) -> None:
    await apply(waist, call(1, key="k"))
    taken = await lease_one(waist)
    await apply(waist, CallDone(taken.id, taken.token), call(2, key="k"))
    assert (await lease_one(waist)).id == ident(2)


async def test_of_64_concurrent_calls_with_one_key_one_is_added(store: Store) -> None:
    outcomes = await asyncio.gather(*(write(store, call(number, key="k")) for number in range(1, 65)))
    assert all(outcome.applied for outcome in outcomes)
    assert sum(sum(outcome.changed) for outcome in outcomes) == 1
    assert len(await lease(store, 100)) == 1


async def test_the_backlog_counts_each_state_exactly(waist: Store) -> None:
    later = await waist.now_ms() + HOUR_MS
    await apply(waist, *(call(number, "a") for number in range(1, 8)))
    await apply(waist, *(call(number, "b", due=later) for number in range(8, 11)), call(20, "c", criticality=0))
    taken = await lease(waist, 3)
    assert await waist.call_stats() == {
        "a": FunctionBacklog(waiting=0, ready=5, leased=2, dead=0, oldest=ident(1)),
        "b": FunctionBacklog(waiting=3, ready=0, leased=0, dead=0, oldest=ident(8)),
        "c": FunctionBacklog(waiting=0, ready=0, leased=1, dead=0, oldest=ident(20)),
    }
    await apply(waist, *(CallDone(each.id, each.token) for each in taken))
    assert await backlog(waist, "a") == FunctionBacklog(waiting=0, ready=5, leased=0, dead=0, oldest=ident(3))
    assert set(await waist.call_stats(["b", "never heard of"])) - {"never heard of"} == {"b"}


async def test_the_oldest_is_the_lowest_id_of_all_shards(waist: Store) -> None:
    for number, shard in ((9, 3), (4, 1000), (6, 0)):
        await apply(waist, call(number, shard=shard), home=shard)
    assert (await backlog(waist)).oldest == ident(4, 1000)


async def test_the_backlog_is_exact_with_ten_thousand_behind(store: Store) -> None:
    for start in range(1, 10_001, 1000):
        await apply(store, *(call(number) for number in range(start, start + 1000)))
    taken = await lease(store, 100)
    assert await backlog(store) == FunctionBacklog(waiting=0, ready=9900, leased=100, dead=0, oldest=ident(1))
    await apply(store, *(CallDone(each.id, each.token) for each in taken))
    assert await backlog(store) == FunctionBacklog(waiting=0, ready=9900, leased=0, dead=0, oldest=ident(101))
