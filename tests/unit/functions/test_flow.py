"""What may start: shares of functions and namespaces, rates over all workers, pauses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import pytest

from ripstop.engines.base import CallLimit, LeasedCall, Leases, Name, Store
from ripstop.engines.derived import CounterAdd, KeyspaceChange
from ripstop.kernel.clock import ManualClock
from ripstop.kernel.errors import Overloaded
from ripstop.machinery.functions import Call, Done, Function, Outcome, Overview, Pressure, SlowStart, overview
from ripstop.machinery.functions.company import MOST_REST, REST, SECONDS, Company
from ripstop.machinery.functions.desk import Desk
from ripstop.machinery.functions.growth import Growth
from ripstop.machinery.functions.quota import STARTS, WINDOW_MS, Quota
from ripstop.machinery.functions.shifting import LOADS
from ripstop.machinery.functions.steering import Steer, steer, steering
from tests.discipline import DisciplinedStore
from tests.stores import Place
from tests.unit.functions.yard import Note, Yard, manual_yard
from tests.world import PATIENCE, SCHEMA, eventually


@pytest.fixture
async def yard(store: Store) -> AsyncIterator[Yard]:
    yard = Yard(store)
    await yard.bus.open()
    yield yard
    await yard.bus.close()


@contextlib.asynccontextmanager
async def working(yard: Yard, workers: int = 1) -> AsyncIterator[None]:
    """Workers with room for 32 calls."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(yard.worker(concurrency=32, grace=0.01).run(stop)) for _ in range(workers)]
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*tasks)


async def done(call: Call[Note]) -> Outcome:
    return Done()


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await event.wait()


async def test_calls_that_never_end_of_one_function_leave_places_for_others(yard: Yard) -> None:
    ran = asyncio.Event()

    async def hold(call: Call[Note]) -> Outcome:
        await asyncio.Event().wait()
        return Done()

    async def quick(call: Call[Note]) -> Outcome:
        ran.set()
        return Done()

    noisy, quiet = yard.function("noisy", hold), yard.function("quiet", quick)
    await yard.call(noisy, *[Note()] * 200)
    async with working(yard):
        await yard.until(lambda: len(yard.ran) >= 16)
        await yard.call(quiet, Note())
        await soon(ran)


async def test_calls_that_never_end_of_one_namespace_leave_places_for_others(yard: Yard) -> None:
    ran = asyncio.Event()

    async def perhaps(call: Call[Note]) -> Outcome:
        if call.arguments.text == "quiet":
            ran.set()
        else:
            await asyncio.Event().wait()
        return Done()

    shared = yard.function("shared", perhaps)
    await yard.call(shared, *[Note("noisy")] * 200, namespace="noisy")
    async with working(yard):
        await yard.until(lambda: len(yard.ran) >= 10)
        await yard.call(shared, *[Note("quiet")] * 3, namespace="quiet")
        await soon(ran)


async def test_a_flood_of_one_namespace_does_not_hold_up_another(yard: Yard) -> None:
    """What has waited longer, a thousand calls, has no more than its share of each round."""
    shared = yard.function("shared", done)
    await yard.call(shared, *[Note("flood")] * 1000, namespace="flood")
    await yard.call(shared, *[Note("quiet")] * 10, namespace="quiet")
    await yard.drain(concurrency=16)
    last = max(place for place, call in enumerate(yard.ran) if call.arguments.text == "quiet")
    assert last < 40


def leased(*namespaces: str) -> list[LeasedCall]:
    return [LeasedCall(1, 1, "shared", "{}", None, 1, 0, 0, 2, None, 0, namespace) for namespace in namespaces]


def test_a_flood_is_taken_in_small_rounds_as_long_as_it_has_company() -> None:
    now = 100.0
    company = Company(256, lambda: now)
    company.took(leased(*["flood"] * 128), asked=128)
    assert company.most() is None, "it is alone"
    company.took(leased("quiet"), asked=128)
    assert company.most() == 16
    now += SECONDS * 0.9
    company.took(leased(*["flood"] * 16), asked=16)
    assert company.most() == 16
    now += SECONDS * 0.2
    assert company.most() is None, "the quiet one has had no call for a second"
    company.took(leased("quiet", *["flood"] * 15), asked=16)
    assert company.most() == 16


def test_floods_that_share_what_is_taken_have_no_company_in_each_other() -> None:
    company = Company(256, lambda: 100.0)
    for _ in range(3):
        company.took(leased(*["one", "two"] * 64), asked=128)
        company.took(leased(*["one"] * 5), asked=128)
    assert company.most() is None
    company.took(leased("quiet", *["one", "two"] * 64), asked=129)
    assert company.most() == 16
    assert [limit.namespace for limit in company.but_floods()] == ["one", "two"]


def test_a_line_that_no_longer_has_its_share_is_no_flood() -> None:
    company = Company(256, lambda: 100.0)
    company.took(leased(*["one"] * 64), asked=64)
    company.took(leased(*["one"] * 4, *["two"] * 60), asked=64)
    assert [limit.namespace for limit in company.but_floods()] == ["two"]


def test_what_is_taken_to_its_last_call_is_no_flood() -> None:
    company = Company(256, lambda: 100.0)
    company.took(leased("quiet", *["many"] * 100), asked=128)
    assert company.floods() == []
    company.took(leased("quiet", *["many"] * 100), asked=128, limits=[CallLimit("shared", 100, "many")])
    assert [limit.namespace for limit in company.but_floods()] == ["many"]
    company.took(leased("quiet", *["many"] * 100), asked=128, limits=[CallLimit("shared", 102), CallLimit("else", 0)])
    assert company.floods() == []
    company.took(leased("quiet", *["many"] * 100), asked=128, limits=[CallLimit("shared", 101)])
    assert [limit.namespace for limit in company.but_floods()] == ["many"]


def test_a_flood_rests_between_rounds_while_it_has_company() -> None:
    now = 100.0
    company = Company(256, lambda: now)
    company.took(leased(*["flood"] * 128), asked=128)
    company.leased(0.001)
    assert company.rest() == 0.0, "it is alone"
    company.took(leased("quiet"), asked=128)
    assert company.rest() == pytest.approx(REST * 0.001)
    company.leased(10.0)
    assert company.rest() == pytest.approx(MOST_REST)
    now += MOST_REST
    assert company.rest() == 0.0


@contextlib.asynccontextmanager
async def beside_a_flood(place: Place, make: Callable[[Store], Store]) -> AsyncIterator[tuple[Yard, Function[Note]]]:
    """A worker that a namespace floods with 4,000 calls of a function, at its work; time stands still."""
    async with manual_yard(place) as (yard, clock):
        await yard.bus.open()
        shared = yard.function("shared", done)
        for _ in range(16):
            await yard.call(shared, *[Note("flood")] * 250, namespace="flood")
            clock.advance(0.001)
        await yard.call(shared, Note("first"), namespace="quiet")  # so that the flood has company from the start
        stop = asyncio.Event()
        task = asyncio.create_task(yard.worker(store=make(yard.store), concurrency=256).run(stop))
        await yard.until(lambda: len(yard.ran) >= 100)
        yield yard, shared
        stop.set()
        await task
        await yard.bus.close()


def quiet_ones(yard: Yard) -> list[int]:
    """At which places among all that ran."""
    return [place for place, call in enumerate(yard.ran) if call.arguments.text == "quiet"]


async def test_calls_beside_a_flood_wait_for_a_few_small_rounds_of_it(place: Place) -> None:
    """They start after what of it was taken before they were made, and a round or two."""
    waited = []
    async with beside_a_flood(place, lambda store: store) as (yard, shared):

        def has_run(number: int) -> bool:
            return len(quiet_ones(yard)) > number

        for number in range(12):
            await yard.call(shared, Note("quiet"), namespace="quiet")
            made = len(yard.ran)
            await yard.until(partial(has_run, number))
            waited.append(quiet_ones(yard)[-1] - made)
        assert len(yard.ran) < 4000, "the flood was there all the time"
    assert max(waited[2:]) <= 4 * 16


class SlowRounds:
    """A store that answers requests for all lines only once it may."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_asked = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def call_lease(self, classes: Sequence[int], **more: Any) -> Leases:
        if all(limit.most for limit in more.get("limits", ())):
            self.is_asked.set()
            await self.may_answer.wait()
        return await self._store.call_lease(classes, **more)


async def test_calls_beside_a_flood_do_not_wait_for_its_round(place: Place) -> None:
    stores: list[SlowRounds] = []

    def slow(store: Store) -> Any:
        stores.append(SlowRounds(store))
        return stores[0]

    async with beside_a_flood(place, slow) as (yard, shared):
        stores[0].may_answer.clear()
        stores[0].is_asked.clear()
        await soon(stores[0].is_asked)
        await yard.call(shared, Note("quiet"), namespace="quiet")
        await yard.until(lambda: bool(quiet_ones(yard)))
        stores[0].may_answer.set()


async def test_a_namespace_that_had_its_share_needs_no_poll(yard: Yard) -> None:
    """A worker that may take no more of a namespace looks again once it has ended what it holds of it."""
    gate = asyncio.Event()

    async def wait(call: Call[Note]) -> Outcome:
        await gate.wait()
        return Done()

    shared = yard.function("shared", wait)
    stop = asyncio.Event()
    task = asyncio.create_task(yard.worker(concurrency=64, poll=3600.0).run(stop))
    await asyncio.sleep(0)
    await yard.call(shared, *[Note()] * 13, namespace="flood")
    await yard.until(lambda: len(yard.ran) == 13)
    await yard.call(shared, *[Note()] * 50, namespace="flood")
    await yard.until(lambda: len(yard.ran) == 24)  # half of the places of its class
    gate.set()
    await yard.all_ended()
    stop.set()
    await task


@pytest.mark.parametrize("rate", [0.3, 1.0, 7.3, 50.0, 9999.0])
async def test_the_windows_of_a_quota_add_up_to_its_rate(yard: Yard, rate: float) -> None:
    windows = range(7_000_000_123, 7_000_000_123 + 40 * 1000 // WINDOW_MS)
    given = sum(Quota(yard.store, "f").of_window(window, rate) for window in windows)
    assert abs(given - 40 * rate) <= 1


async def test_workers_that_ask_at_once_get_no_more_than_there_is(store: Store) -> None:
    quotas = [Quota(store, "f") for _ in range(8)]
    now_ms = 250.0 * 4_000_000_000
    most = quotas[0].of_window(4_000_000_000, 400.0)
    for _ in range(3):
        await asyncio.gather(*(quota.refill(7, 400.0, now_ms=now_ms) for quota in quotas))
    assert sum(quota.tokens for quota in quotas) == most
    late = Quota(store, "f")
    assert await late.refill(50, 400.0, now_ms=now_ms) == pytest.approx(WINDOW_MS / 1000, abs=0.01)
    assert late.tokens == 0


async def test_what_is_left_of_a_window_is_not_carried_over(store: Store) -> None:
    quota = Quota(store, "f")
    await quota.refill(3, 400.0, now_ms=1000.0)
    assert quota.tokens >= 3
    quota.expire(1000.0 + WINDOW_MS)
    assert quota.tokens == 0


async def test_rationed_calls_all_run_in_time_over_two_workers(yard: Yard) -> None:
    calls, each_window = 60, 15
    rationed = yard.function("rationed", done, rate=each_window * 1000 / WINDOW_MS)
    free = yard.function("free", done)
    await yard.call(rationed, *[Note()] * calls)
    await yard.call(free, *[Note()] * 60)
    began = await yard.store.now_ms()
    async with working(yard, workers=2):
        await yard.all_ended()
    took_ms = await yard.store.now_ms() - began
    assert len(yard.ran) == 120
    assert took_ms >= (calls // each_window - 2) * WINDOW_MS, "all windows but the first and the last from end to end"


async def test_a_paused_function_stays_in_the_store_until_it_is_resumed(yard: Yard) -> None:
    paused, other = yard.function("paused", done), yard.function("other", done)
    await steer(yard.store, yard.bus, "paused", paused=True)
    await yard.call(paused, *[Note()] * 50)
    await yard.call(other, *[Note()] * 50)
    async with working(yard):
        await yard.until(lambda: len(yard.ran) == 50)
        assert {call.function for call in yard.ran} == {"other"}
    async with working(yard):
        await steer(yard.store, yard.bus, "paused", paused=False)
        await yard.all_ended()
    assert await steering(yard.store) == {}


async def test_a_function_may_be_paused_for_one_namespace(yard: Yard) -> None:
    shared = yard.function("shared", done)
    await steer(yard.store, None, "shared", paused_namespaces=("a",))
    await yard.call(shared, *[Note("a")] * 20, namespace="a")
    await yard.call(shared, *[Note("b")] * 20, namespace="b")
    async with working(yard):
        await yard.until(lambda: len(yard.ran) == 20)
        assert {call.arguments.text for call in yard.ran} == {"b"}
        await steer(yard.store, yard.bus, "shared", paused_namespaces=())
        await yard.all_ended()


async def test_a_pause_takes_effect_while_calls_wait_for_a_place(yard: Yard) -> None:
    gate = asyncio.Event()

    async def hold(call: Call[Note]) -> Outcome:
        await gate.wait()
        return Done()

    held = yard.function("held", hold, concurrency=2)
    await yard.call(held, *[Note()] * 12)
    async with working(yard):
        await yard.until(lambda: len(yard.ran) == 2)
        await steer(yard.store, yard.bus, "held", paused=True)

        async def handed_back() -> bool:
            return (await yard.store.call_stats(["held"]))["held"].leased == 2

        await eventually(handed_back)
        gate.set()

        async def two_done() -> bool:
            return await yard.unfinished() == 10

        await eventually(two_done)
        await steer(yard.store, yard.bus, "held", paused=False)
        await yard.all_ended()


async def test_a_desk_asks_for_something_only_while_something_limits_it(yard: Yard) -> None:
    desk = Desk(
        yard.function("free", done),
        Quota(yard.store, "free"),
        Growth(yard.store, "free", SlowStart(), monotonic=ManualClock().monotonic),
        [],
    )

    def is_limited(steer: Steer) -> bool:
        desk.set_limits(steer, planned_rate=None, spare_places=None)
        return desk.is_limited

    assert not desk.is_limited
    assert is_limited(Steer(paused=True))
    assert desk.limits(16, 0.0, 0.0) == [CallLimit("free", 0)]
    assert not is_limited(Steer())  # what steering says once nothing is set any more
    assert not desk.takes_more()


async def test_what_operators_set_is_kept_by_field(store: Store) -> None:
    await steer(store, None, "f", rate=5.0)
    await steer(store, None, "g", paused=True)
    assert await steer(store, None, "f", concurrency=3) == Steer(rate=5.0, concurrency=3)
    assert await steering(store) == {"f": Steer(rate=5.0, concurrency=3), "g": Steer(paused=True)}
    await steer(store, None, "f", rate=None, concurrency=None)
    assert await steering(store) == {"g": Steer(paused=True)}
    with pytest.raises(ValueError, match="above zero"):
        await steer(store, None, "f", rate=0.0)


async def test_operators_who_steer_at_once_lose_nothing(store: Store) -> None:
    await asyncio.gather(*(steer(store, None, f"f{number}", paused=True) for number in range(4)))
    assert len(await steering(store)) == 4


async def test_workers_say_what_they_do_and_what_holds_them_back(yard: Yard) -> None:
    gate = asyncio.Event()

    async def hold(call: Call[Note]) -> Outcome:
        await gate.wait()
        return Done()

    async def shut(call: Call[Note]) -> Outcome:
        raise Pressure("closed for the day", retry_after=3600.0)

    await yard.call(yard.function("narrow", hold, concurrency=2), *[Note()] * 9)
    await yard.call(yard.function("shut", shut, downstreams=("mail",)), Note())
    await yard.call(yard.function("host", shut, circuit=True), Note(), namespace="dead.example")
    await yard.call(yard.function("paused", done), Note())
    await yard.call(yard.function("slow", done, rate=0.5), *[Note()] * 100)
    await steer(yard.store, None, "paused", paused=True)
    async with working(yard):
        told: dict[str, Overview] = {}

        async def all_told() -> bool:
            told.update(await overview(yard.store))
            return all(told[name].held_back for name in ("narrow", "shut", "host", "paused", "slow"))

        await eventually(all_told)
        assert told["narrow"].held_back == ["bound by its concurrency of 2"]
        assert told["narrow"].running == 2
        assert told["shut"].held_back[0].startswith("shut off from downstream mail for ")
        assert told["host"].held_back == ["shut off from dead.example"]
        assert (told["paused"].held_back, told["paused"].steered) == (["paused by an operator"], "paused")
        assert told["narrow"].ready + told["narrow"].leased == 9
        assert told["slow"].held_back == ["bound by its rate of 0.5 starts a second"]
        gate.set()


class Weary(DisciplinedStore):
    """A store that counts how often it is asked for starts, and is too busy for the first reads of names."""

    asked = 0
    refusals = 3

    async def keyspace_write(self, keyspace: str, changes: Sequence[KeyspaceChange]) -> dict[str, int]:
        self.asked += keyspace == STARTS.name
        return await super().keyspace_write(keyspace, changes)

    async def name_get(self, names: Sequence[str]) -> dict[str, Name]:
        self.refusals -= 1
        if self.refusals >= 0:
            raise Overloaded("busy")
        return await super().name_get(names)


@pytest.fixture
async def weary(place: Place) -> AsyncIterator[Weary]:
    store = Weary(place.instance(), SCHEMA)
    await store.open()
    yield store
    await store.close()


async def test_a_rationed_function_whose_downstream_is_shut_asks_for_no_starts(weary: Weary) -> None:
    yard = Yard(weary)

    async def shut(call: Call[Note]) -> Outcome:
        raise Pressure("closed for the day", retry_after=3600.0)

    await yard.call(yard.function("shut", shut, rate=20.0, downstreams=("mail",)), *[Note()] * 50)
    async with working(yard):
        await yard.until(lambda: bool(yard.ran))
        for _ in range(200):  # meanwhile the worker could have asked as often
            await weary.keyspace_write(LOADS.name, [CounterAdd("something else", 1)])
    assert weary.asked <= 2 * len(yard.ran), "each time some do start, or the window has no more"


async def test_a_call_that_cannot_begin_now_goes_back_without_blame(weary: Weary) -> None:
    yard = Yard(weary)
    await yard.call(yard.function("alone", done, exclusive=True), Note(), key="k")
    async with working(yard):
        await yard.all_ended()
    assert [call.attempt for call in yard.ran] == [1]
    assert await yard.dead("alone") == 0


async def test_calls_of_which_one_is_taken_at_a_time_need_no_poll(yard: Yard) -> None:
    """A worker that has taken all it may looks again as soon as there is a place."""
    narrow = yard.function("narrow", done, concurrency=1)
    stop = asyncio.Event()
    task = asyncio.create_task(yard.worker(poll=3600.0).run(stop))
    await asyncio.sleep(0)
    await yard.call(narrow, *[Note()] * 20)
    await yard.all_ended()
    stop.set()
    await task
