"""Lines: calls of one function and namespace; how lines share what is taken, and how a request leaves some out."""

from __future__ import annotations

from collections import Counter

import pytest

from ripstop.engines.base import CallLimit, Engine, FunctionBacklog, LeasedCall, Store
from ripstop.engines.batch import CallDead, CallDone, CallPut
from tests.stores import Place, writes_nothing
from tests.world import HOUR_MS, apply, backlog, call, clock_passes, ident, lease

ALL_CLASSES = (0, 1, 2, 3)


def in_line(number: int, function: str, namespace: str | None, *, deadline: int = 0) -> CallPut:
    return CallPut(ident(number), function, "{}", deadline=deadline, namespace=namespace)


async def flood(store: Engine, first: int, count: int, function: str = "flood", namespace: str | None = None) -> None:
    """So many calls whose deadlines come before all others."""
    await apply(store, *(in_line(number, function, namespace) for number in range(first, first + count)))


async def take(store: Engine, limit: int, *limits: CallLimit) -> list[LeasedCall]:
    return (await store.call_lease(ALL_CLASSES, limit=limit, seconds=60, limits=limits)).taken


def by_line(taken: list[LeasedCall]) -> Counter[tuple[str, str | None]]:
    return Counter((each.function, each.namespace) for each in taken)


async def test_lines_of_one_class_share_what_is_taken(waist: Store) -> None:
    await flood(waist, 1, 50)
    await flood(waist, 51, 50, namespace="n")
    await apply(waist, *(call(number, "other", deadline=9) for number in range(201, 250)))
    assert by_line(await take(waist, 30)) == {("flood", None): 10, ("flood", "n"): 10, ("other", None): 10}


async def test_what_a_short_line_leaves_goes_to_the_others(waist: Store) -> None:
    await flood(waist, 1, 50)
    await apply(waist, call(101, "short", deadline=9), call(102, "shorter", deadline=9), call(103, "short", deadline=9))
    taken = by_line(await take(waist, 30))
    assert taken == {("flood", None): 27, ("short", None): 2, ("shorter", None): 1}


async def test_where_places_are_few_the_line_with_the_first_call_goes_first(waist: Store) -> None:
    await apply(waist, call(1, "late", deadline=30), call(2, "early", deadline=10), call(3, "middle", deadline=20))
    assert [each.function for each in await take(waist, 2)] == ["early", "middle"]


async def test_a_class_is_emptied_before_the_next_whatever_its_lines(waist: Store) -> None:
    await flood(waist, 1, 10)
    await apply(waist, *(call(number, "high", criticality=1, deadline=99) for number in range(21, 25)))
    assert by_line(await take(waist, 6)) == {("high", None): 4, ("flood", None): 2}


async def test_classes_between_those_that_are_asked_for_are_left(waist: Store) -> None:
    await apply(waist, *(call(number, f"f{number % 4}", criticality=number % 4) for number in range(1, 13)))
    leases = await waist.call_lease((3, 0), limit=100, seconds=60)
    assert by_line(leases.taken) == {("f0", None): 3, ("f3", None): 3}
    assert (await waist.call_lease((3, 0), limit=100, seconds=60)).taken == []


async def test_within_a_line_the_deadline_decides_and_then_the_id(waist: Store) -> None:
    for number, deadline in ((5, 2), (4, 1), (3, 2), (9, 0)):
        await apply(waist, in_line(number, "work", "n", deadline=deadline))
    assert [each.id for each in await take(waist, 9)] == [ident(number) for number in (9, 4, 3, 5)]


@pytest.mark.parametrize("most", [0, 3])
async def test_a_limited_function_gives_no_more_than_it_may_in_all_its_namespaces(waist: Store, most: int) -> None:
    await flood(waist, 1, 20)
    await flood(waist, 21, 20, namespace="n")
    await flood(waist, 41, 20, "other")
    taken = by_line(await take(waist, 30, CallLimit("flood", most)))
    assert taken[("other", None)] == 20
    assert taken[("flood", None)] + taken[("flood", "n")] == most


async def test_a_limited_namespace_leaves_the_others_of_its_function_alone(waist: Store) -> None:
    for first, namespace in ((1, None), (21, "n"), (41, "m")):
        await flood(waist, first, 10, namespace=namespace)
    taken = by_line(await take(waist, 100, CallLimit("flood", 2, "n")))
    assert taken == {("flood", None): 10, ("flood", "n"): 2, ("flood", "m"): 10}


async def test_of_two_limits_of_one_line_the_narrower_holds(waist: Store) -> None:
    await flood(waist, 1, 10, namespace="n")
    assert len(await take(waist, 100, CallLimit("flood", 5), CallLimit("flood", 2, "n"))) == 2
    assert len(await take(waist, 100, CallLimit("flood", 1), CallLimit("flood", 2, "n"))) == 1


async def test_a_limit_of_what_is_not_there_changes_nothing(waist: Store) -> None:
    await flood(waist, 1, 5)
    assert len(await take(waist, 100, CallLimit("never", 0), CallLimit("flood", 0, "never"))) == 5


async def test_of_a_range_of_shards_lines_share_as_well(waist: Store) -> None:
    for shard in (3, 4, 900):
        await apply(waist, *(call(number, "flood", shard=shard) for number in range(1, 21)), home=shard)
        await apply(waist, *(call(number, "other", shard=shard, deadline=9) for number in range(21, 31)), home=shard)
    leases = await waist.call_lease(ALL_CLASSES, limit=24, seconds=60, shards=(3, 5), limits=[CallLimit("other", 9)])
    assert by_line(leases.taken) == {("flood", None): 15, ("other", None): 9}
    assert {(each.id >> 12) & 1023 for each in leases.taken} == {3, 4}


async def test_more_lines_than_are_opened_at_once_all_have_their_turn(store: Store) -> None:
    await apply(store, *(in_line(number, "flood", f"n{number % 200}") for number in range(1, 401)))
    taken: list[LeasedCall] = []
    while page := await take(store, 50):
        assert max(by_line(page).values()) == 1 or len(taken) > 200
        taken += page
    assert sorted(each.id for each in taken) == [ident(number) for number in range(1, 401)]


async def test_a_call_handed_back_or_left_behind_stands_in_its_line_again(store: Store) -> None:
    await apply(store, in_line(1, "work", "n"))
    [first] = (await store.call_lease(ALL_CLASSES, limit=5, seconds=0.05)).taken
    await clock_passes(store, first.lease_until)
    assert await take(store, 5, CallLimit("work", 0, "n")) == []
    assert (await backlog(store)).ready == 1
    [again] = await take(store, 5, CallLimit("work", 1, "n"))
    assert (again.namespace, again.token) == ("n", 2)


async def test_a_worker_that_leaves_out_all_there_is_writes_nothing(place: Place) -> None:
    async with place.opened() as store:
        await flood(store, 1, 5)
        await lease(store, 1, seconds=3600)

        async def ask() -> None:
            for _ in range(10):
                assert await take(store, 10, CallLimit("flood", 0)) == []

        assert await writes_nothing(place, ask)


async def test_the_parts_of_a_call_are_counted_by_their_whole(waist: Store) -> None:
    whole, other = ident(1), ident(2)
    parts = [CallPut(ident(number), "part", "{}", parent=whole) for number in range(11, 15)]
    await apply(waist, *parts, CallPut(ident(21), "other", "{}", parent=whole), CallPut(ident(22), "part", "{}"))
    await apply(waist, CallPut(ident(23), "part", "{}", parent=other, due=await waist.now_ms() + HOUR_MS))
    [first, second, *_] = (
        await waist.call_lease(ALL_CLASSES, limit=4, seconds=60, limits=[CallLimit("other", 0)])
    ).taken
    await apply(waist, CallDead(first.id, first.token, "no"), CallDone(second.id, second.token))
    told = await waist.call_stats(parent=whole)
    assert told["other"] == FunctionBacklog(0, 1, 0, 0, ident(21))
    assert told["part"].dead == 1
    assert sum(told["part"][:4]) == 3
    assert told["part"].oldest == ident(13)
    assert set(await waist.call_stats(["other"], parent=whole)) == {"other"}
    assert await waist.call_stats(parent=other) == {"part": FunctionBacklog(1, 0, 0, 0, ident(23))}
    assert await waist.call_stats(parent=ident(3)) == {}


async def test_the_parts_of_parts_are_counted_as_well(waist: Store) -> None:
    whole, part = ident(1), ident(11)
    await apply(
        waist,
        CallPut(part, "part", "{}", parent=whole),
        *(CallPut(ident(number), "part", "{}", parent=part) for number in (21, 22)),
        CallPut(ident(31), "part", "{}", parent=ident(22)),
        CallPut(ident(12), "part", "{}"),
    )
    assert await waist.call_stats(parent=whole) == {"part": FunctionBacklog(0, 4, 0, 0, part)}
    assert await waist.call_stats(parent=part) == {"part": FunctionBacklog(0, 3, 0, 0, ident(21))}
