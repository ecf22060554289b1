"""Keyspaces of values and counters."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.engines.base import Store
from ripstop.engines.derived import CounterAdd, ValuePut
from tests.stores import Place
from tests.world import BRIEF_MS, eventually

MANY = 1500


async def test_values_are_put_replaced_and_removed(store: Store) -> None:
    await store.keyspace_write("values", [ValuePut("a", b"1"), ValuePut("b", b""), ValuePut("c", bytes(range(256)))])
    assert await store.keyspace_get("values", ["a", "b", "c", "d"]) == {"a": b"1", "b": b"", "c": bytes(range(256))}
    await store.keyspace_write("values", [ValuePut("a", b"2"), ValuePut("b", None), ValuePut("never", None)])
    assert await store.keyspace_get("values", ["a", "b", "c", "never"]) == {"a": b"2", "c": bytes(range(256))}
    assert await store.keyspace_get("values", []) == {}


async def test_changes_of_one_call_happen_in_order(store: Store) -> None:
    await store.keyspace_write(
        "values", [ValuePut("a", b"1"), ValuePut("a", None), ValuePut("b", b"1"), ValuePut("b", b"2")]
    )
    assert await store.keyspace_get("values", ["a", "b"]) == {"b": b"2"}
    await store.keyspace_write("values", [])


async def test_counters_begin_at_zero_and_go_both_ways(store: Store) -> None:
    assert await store.keyspace_get("counters", ["a"]) == {}
    await store.keyspace_write("counters", [CounterAdd("a", 5), CounterAdd("b", -2), CounterAdd("a", 1)])
    assert await store.keyspace_get("counters", ["a", "b"]) == {"a": 6, "b": -2}
    await store.keyspace_write("counters", [CounterAdd("a", 1 << 60)])
    assert await store.keyspace_get("counters", ["a"]) == {"a": (1 << 60) + 6}


async def test_concurrent_additions_all_count(place: Place) -> None:
    async with place.opened() as one, place.opened() as other:
        await asyncio.gather(
            *(store.keyspace_write("counters", [CounterAdd("a", 1)]) for store in (one, other) for _ in range(100))
        )
        assert await one.keyspace_get("counters", ["a"]) == {"a": 200}
        assert await other.keyspace_get("counters", ["a"]) == {"a": 200}


async def test_a_value_is_seen_by_another_instance_at_once(place: Place) -> None:
    async with place.opened() as one, place.opened() as other:
        for number in range(20):
            await one.keyspace_write("values", [ValuePut("a", b"%d" % number)])
            assert await other.keyspace_get("values", ["a"]) == {"a": b"%d" % number}


async def test_keyspaces_are_apart(store: Store) -> None:
    await store.keyspace_write("values", [ValuePut("a", b"1")])
    await store.keyspace_write("brief_values", [ValuePut("a", b"2")])
    await store.keyspace_write("counters", [CounterAdd("a", 3)])
    assert await store.keyspace_get("values", ["a"]) == {"a": b"1"}
    assert await store.keyspace_get("counters", ["a"]) == {"a": 3}


async def test_many_keys_in_one_call(store: Store) -> None:
    await store.keyspace_write("values", [ValuePut(f"k{n}", b"%d" % n) for n in range(MANY)])
    assert len(await store.keyspace_get("values", [f"k{n}" for n in range(2 * MANY)])) == MANY


@pytest.mark.parametrize("key", ["", "a/b", "ünï 漢字 🎈", "'\";--", "k" * 2000])
async def test_any_text_is_a_key(store: Store, key: str) -> None:
    await store.keyspace_write("values", [ValuePut(key, b"1")])
    await store.keyspace_write("counters", [CounterAdd(key, 1)])
    assert await store.keyspace_get("values", [key]) == {key: b"1"}
    assert await store.keyspace_get("counters", [key]) == {key: 1}


async def test_a_large_value_comes_back_whole(store: Store) -> None:
    large = bytes(range(256)) * 8192
    await store.keyspace_write("values", [ValuePut("large", large)])
    assert await store.keyspace_get("values", ["large"]) == {"large": large}


async def test_values_and_counters_end_after_their_time_to_live(store: Store) -> None:
    await store.keyspace_write("values", [ValuePut("a", b"1")])

    async def value_ended() -> bool:
        return await store.keyspace_get("brief_values", ["a"]) == {}

    async def counter_ended() -> bool:
        return await store.keyspace_get("brief_counters", ["a"]) == {}

    for _ in range(2):  # what has ended can begin again, and a counter at 0
        began = await store.now_ms()
        await store.keyspace_write("brief_values", [ValuePut("a", b"1")])
        found = await store.keyspace_get("brief_values", ["a"])
        assert found == {"a": b"1"} or await store.now_ms() >= began + BRIEF_MS
        await eventually(value_ended)
        began = await store.now_ms()
        assert await store.keyspace_write("brief_counters", [CounterAdd("a", 5)]) == {"a": 5}
        found = await store.keyspace_get("brief_counters", ["a"])
        assert found == {"a": 5} or await store.now_ms() >= began + BRIEF_MS
        await eventually(counter_ended)
    assert await store.keyspace_get("values", ["a"]) == {"a": b"1"}


async def test_who_adds_to_a_counter_is_told_what_it_holds(store: Store) -> None:
    told = await asyncio.gather(*(store.keyspace_write("counters", [CounterAdd("k", 2)]) for _ in range(20)))
    assert sorted(each["k"] for each in told) == list(range(2, 42, 2))
    both = await store.keyspace_write("counters", [CounterAdd("k", -40), CounterAdd("l", 5), CounterAdd("k", 3)])
    assert both == {"k": 3, "l": 5}
