"""Objects: put once, patched by field with versions, deleted for ever."""

from __future__ import annotations

import asyncio
import json

import pytest

from ripstop.engines.base import Object, Store
from ripstop.engines.batch import CheckObject, ObjectDelete, ObjectPatch, ObjectPut
from ripstop.kernel.ids import MAX_ID, shard_of
from tests.world import THING, apply, fields_of, ident, thing, write

ALICE = ident(1)


async def test_objects_are_got_many_at_once_over_shards_and_missing_ones_are_absent(waist: Store) -> None:
    for shard in (0, 7, 1023):
        await apply(waist, thing(1, shard), home=shard)
    wanted = [ident(1, shard) for shard in (0, 7, 1023)]
    found = await waist.object_get([*wanted, ident(2), ident(1, 8)])
    assert found == {id: Object(id, THING, 1, "{}") for id in wanted}


async def test_no_ids_find_nothing(waist: Store) -> None:
    assert await waist.object_get([]) == {}


async def test_an_id_asked_for_twice_is_answered_once(waist: Store) -> None:
    await apply(waist, thing(1))
    assert list(await waist.object_get([ALICE, ALICE])) == [ALICE]


async def test_thousands_of_objects_in_one_call(waist: Store) -> None:
    await apply(waist, *(thing(number) for number in range(1, 3001)))
    assert len(await waist.object_get([ident(number) for number in range(1, 5001)])) == 3000


async def test_data_come_back_as_the_text_that_was_put(waist: Store) -> None:
    text = '{ "b": 1.0,\n "a": [1, 2], "b2": 9007199254740993 }'
    await apply(waist, ObjectPut(ALICE, THING, text))
    assert (await waist.object_get([ALICE]))[ALICE].data == text


async def test_the_highest_id_and_the_lowest(waist: Store) -> None:
    await apply(waist, ObjectPut(MAX_ID, THING, "{}"), home=shard_of(MAX_ID))
    await apply(waist, ObjectPut(1, THING, "{}"), home=shard_of(1))
    await apply(waist, ObjectPatch(MAX_ID, '{"a":1}'), home=shard_of(MAX_ID))
    found = await waist.object_get([MAX_ID, 1])
    assert (found[MAX_ID].version, found[1].version) == (2, 1)


async def test_an_id_is_put_once(waist: Store) -> None:
    await apply(waist, thing(1, name="first"))
    assert (await write(waist, thing(1, name="second"))).refused == 0
    assert await fields_of(waist, ALICE) == {"name": "first"}


async def test_of_64_concurrent_puts_of_an_id_one_is_applied(store: Store) -> None:
    outcomes = await asyncio.gather(*(write(store, thing(1, by=number)) for number in range(64)))
    assert sum(outcome.applied for outcome in outcomes) == 1
    [winner] = [number for number, outcome in enumerate(outcomes) if outcome.applied]
    assert await fields_of(store, ALICE) == {"by": winner}


async def test_a_deleted_object_is_gone_and_its_id_cannot_be_used_again(waist: Store) -> None:
    await apply(waist, thing(1))
    assert await apply(waist, ObjectDelete(ALICE)) == (1,)
    assert await waist.object_get([ALICE]) == {}
    assert (await write(waist, thing(1))).refused == 0
    assert (await write(waist, ObjectPatch(ALICE, "{}"))).refused == 0
    assert (await write(waist, CheckObject(ALICE))).refused == 0


async def test_deleting_twice_or_what_never_was_changes_nothing(waist: Store) -> None:
    await apply(waist, thing(1))
    assert await apply(waist, ObjectDelete(ALICE), ObjectDelete(ALICE), ObjectDelete(ident(2))) == (1, 0, 0)
    assert await apply(waist, ObjectDelete(ALICE)) == (0,)


async def test_deleting_an_id_that_never_was_leaves_it_free(waist: Store) -> None:
    await apply(waist, ObjectDelete(ALICE))
    await apply(waist, thing(1))
    assert ALICE in await waist.object_get([ALICE])


async def test_put_and_delete_in_one_batch_leave_a_tombstone(waist: Store) -> None:
    assert await apply(waist, thing(1), ObjectDelete(ALICE)) == (1, 1)
    assert (await write(waist, thing(1))).refused == 0


async def test_a_patch_sets_named_fields_and_keeps_all_others(waist: Store) -> None:
    await apply(waist, thing(1, name="alice", bio="hello", from_the_future={"deep": [1]}))
    assert await apply(waist, ObjectPatch(ALICE, '{"bio":"bye","added":1}')) == (1,)
    assert await fields_of(waist, ALICE) == {
        "name": "alice",
        "bio": "bye",
        "from_the_future": {"deep": [1]},
        "added": 1,
    }


async def test_null_removes_a_field(waist: Store) -> None:
    await apply(waist, thing(1, name="alice", bio="hello"))
    await apply(waist, ObjectPatch(ALICE, '{"bio":null,"never":null}'))
    assert await fields_of(waist, ALICE) == {"name": "alice"}


async def test_a_patch_goes_no_deeper_than_the_first_level(waist: Store) -> None:
    await apply(waist, thing(1, deep={"a": 1, "b": 2}))
    await apply(waist, ObjectPatch(ALICE, '{"deep":{"b":3,"c":null}}'))
    assert await fields_of(waist, ALICE) == {"deep": {"b": 3, "c": None}}


async def test_an_untouched_field_keeps_an_inner_null(waist: Store) -> None:
    await apply(waist, thing(1, deep={"a": None}, list=[None]))
    await apply(waist, ObjectPatch(ALICE, '{"b":1}'))
    assert await fields_of(waist, ALICE) == {"deep": {"a": None}, "list": [None], "b": 1}


@pytest.mark.parametrize(
    "value",
    [
        9007199254740993,
        MAX_ID,
        -(1 << 63),
        1 << 64,
        0.1,
        1e300,
        -0.5,
        True,
        "",
        'quote " and \\ and \t',
        "nul \x00 inside",
        "ünïcödé 漢字 🎈",
        "\u2028\ufeff",
        [],
        {},
        [[[{"a": [None, False]}]]],
        "x" * 200_000,
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_patch_keeps_and_sets_any_value_exactly(waist: Store, value: object) -> None:
    await apply(waist, thing(1, kept=value))
    await apply(waist, ObjectPatch(ALICE, json.dumps({"set": value})))
    await apply(waist, ObjectPatch(ALICE, json.dumps({"also": value}, ensure_ascii=False)))
    assert await fields_of(waist, ALICE) == {"kept": value, "set": value, "also": value}


@pytest.mark.parametrize("name", ["", "a.b", "$", "$.a", 'a"b', "a b", "ä", "0", "\x00", "[0]", "a'b"])
async def test_a_patch_takes_any_field_name(waist: Store, name: str) -> None:
    await apply(waist, thing(1, **{name: 1, "other": 1}))
    await apply(waist, ObjectPatch(ALICE, json.dumps({name: 2})))
    assert await fields_of(waist, ALICE) == {name: 2, "other": 1}
    await apply(waist, ObjectPatch(ALICE, json.dumps({name: None})))
    assert await fields_of(waist, ALICE) == {"other": 1}


async def test_each_patch_raises_the_version_by_one(waist: Store) -> None:
    await apply(waist, thing(1))
    for version in (1, 2, 3):
        assert (await waist.object_get([ALICE]))[ALICE].version == version
        await apply(waist, ObjectPatch(ALICE, "{}"))
    await apply(waist, ObjectPatch(ALICE, '{"a":1}'), ObjectPatch(ALICE, '{"b":1}'))
    assert (await waist.object_get([ALICE]))[ALICE].version == 6


async def test_a_patch_of_a_version_is_refused_at_any_other(waist: Store) -> None:
    await apply(waist, thing(1))
    await apply(waist, ObjectPatch(ALICE, '{"n":1}', version=1))
    for version in (0, 1, 3):
        assert (await write(waist, ObjectPatch(ALICE, '{"n":2}', version=version))).refused == 0
    assert await fields_of(waist, ALICE) == {"n": 1}


async def test_64_concurrent_patches_of_different_fields_all_stay(store: Store) -> None:
    await apply(store, thing(1, first=True))
    await asyncio.gather(*(apply(store, ObjectPatch(ALICE, json.dumps({f"f{n}": n}))) for n in range(64)))
    assert await fields_of(store, ALICE) == {"first": True, **{f"f{n}": n for n in range(64)}}
    assert (await store.object_get([ALICE]))[ALICE].version == 65


async def test_of_64_concurrent_patches_of_one_version_one_is_applied(store: Store) -> None:
    await apply(store, thing(1))
    outcomes = await asyncio.gather(
        *(write(store, ObjectPatch(ALICE, json.dumps({f"f{n}": n}), version=1)) for n in range(64))
    )
    assert sum(outcome.applied for outcome in outcomes) == 1
    assert len(await fields_of(store, ALICE)) == 1


async def test_huge_data_come_back_whole(waist: Store) -> None:
    text = json.dumps({"text": "é" * 3_000_000}, ensure_ascii=False)
    await apply(waist, ObjectPut(ALICE, THING, text))
    assert (await waist.object_get([ALICE]))[ALICE].data == text
