"""Data that some engine cannot hold: refused with an error or kept exactly, and never at the cost of others."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.engines.base import Store
from ripstop.engines.batch import AnyOperation, AssociationPut, Batch, CallPut, NameSet, ObjectPatch, ObjectPut
from ripstop.engines.derived import TextDocument, ValuePut
from tests.world import FOLLOWS, HOME, THING, apply, ident, thing

NEIGHBOURS = 40

ODD: dict[str, AnyOperation] = {
    "name with NUL": NameSet("n/a\0b", None, 1),
    "name with a lone surrogate": NameSet("n/a\ud800b", None, 1),
    "data with NUL": ObjectPut(ident(1), THING, '{"a":"\0"}'),
    "data with a lone surrogate": ObjectPut(ident(1), THING, '{"a":"\ud800"}'),
    "data with an escaped lone surrogate": ObjectPut(ident(1), THING, '{"a":"\\ud800"}'),
    "data that are no JSON": ObjectPut(ident(1), THING, "{"),
    "empty data": ObjectPut(ident(1), THING, ""),
    "a patch that is no JSON": ObjectPatch(ident(999), "{"),
    "a patch that is no object": ObjectPatch(ident(999), "[1]"),
    "a patch that is null": ObjectPatch(ident(999), "null"),
    "an id past 63 bits": ObjectPut(1 << 63, THING, "{}"),
    "an order past 63 bits": AssociationPut(ident(1), FOLLOWS, ident(2), 1 << 63),
    "flags past 31 bits": AssociationPut(ident(1), FOLLOWS, ident(2), 1, flags=1 << 40),
    "a target past 64 bits": AssociationPut(ident(1), FOLLOWS, 1 << 70, 1),
    "a call's key with NUL": CallPut(ident(1), "work", "{}", key="a\0b"),
    "a type that was never declared": AssociationPut(ident(1), 77, ident(2), 1),
}


@pytest.mark.parametrize("operation", ODD.values(), ids=ODD)
async def test_odd_data_do_not_hurt_those_that_share_the_group(store: Store, operation: AnyOperation) -> None:
    await apply(store, thing(999, kept=1))
    before = [store.commit([Batch(HOME, [thing(number)])]) for number in range(1000, 1000 + NEIGHBOURS)]
    odd = store.commit([Batch(HOME, [thing(5000), operation, thing(5001)])])
    after = [store.commit([Batch(HOME, [thing(number)])]) for number in range(2000, 2000 + NEIGHBOURS)]
    results = await asyncio.gather(*before, odd, *after, return_exceptions=True)
    odd_result = results.pop(NEIGHBOURS)
    assert [result[0].applied for result in results if not isinstance(result, BaseException)] == [True] * len(results)
    there = await store.object_get([ident(5000), ident(5001)])
    whole = not isinstance(odd_result, BaseException) and odd_result[0].applied
    assert len(there) == (2 if whole else 0)
    assert store.read_only is None
    assert (await store.commit([Batch(HOME, [thing(6000)])]))[0].applied


async def test_odd_data_do_not_hurt_the_other_batches_of_the_call(store: Store) -> None:
    """The call as a whole may be refused with an error, and then nothing of it happened."""
    batches = [Batch(HOME, [thing(1)]), Batch(HOME, [NameSet("n/\ud800", None, 1), thing(2)]), Batch(HOME, [thing(3)])]
    results = await asyncio.gather(store.commit(batches), return_exceptions=True)
    there = set(await store.object_get([ident(1), ident(2), ident(3)]))
    if isinstance(results[0], BaseException):
        assert there == set()
    else:
        assert there == {ident(number) for number, outcome in enumerate(results[0], 1) if outcome.applied}


@pytest.mark.parametrize("name", ["n/a\0b", "n/\ud800"])
async def test_odd_names_are_found_or_not_and_no_more(store: Store, name: str) -> None:
    """Reads of what cannot be held find nothing, or say so with an error; the store goes on."""
    results = await asyncio.gather(
        store.name_get([name]),
        store.name_range("n", name[2:], limit=5),
        store.keyspace_get("values", [name]),
        store.text_query("posts", name, limit=5, budget=5),
        return_exceptions=True,
    )
    assert all(isinstance(result, Exception) or not result for result in results)
    await apply(store, thing(1))


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_odd_derived_data_leave_a_working_store(store: Store, text: str) -> None:
    await asyncio.gather(
        store.keyspace_write("values", [ValuePut(text, b"1")]),
        store.text_write("posts", [TextDocument(1, f"word {text}")]),
        return_exceptions=True,
    )
    await store.keyspace_write("values", [ValuePut("a", b"1")])
    await store.text_write("posts", [TextDocument(2, "word")])
    assert await store.keyspace_get("values", ["a"]) == {"a": b"1"}
    assert 2 in [hit.id for hit in await store.text_query("posts", "word", limit=5, budget=5)]


@pytest.mark.parametrize("id", [0, -1, 1 << 63, 1 << 70])
async def test_reads_of_impossible_ids_find_nothing(store: Store, id: int) -> None:
    results = await asyncio.gather(
        store.object_get([id]),
        store.assoc_get(id, [FOLLOWS], [id]),
        store.assoc_range(id, FOLLOWS, limit=5),
        store.assoc_counts([id], [FOLLOWS]),
        store.keyspace_range("home", id, limit=5),
        return_exceptions=True,
    )
    assert all(isinstance(result, Exception) or not result for result in results)
    await apply(store, thing(1))
