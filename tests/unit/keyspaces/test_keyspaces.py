"""Keyspaces: typed, derived, and told to the engine by their declarations."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from ripstop.engines.base import Direction, Schema, Store
from ripstop.engines.derived import Entry, KeyspaceKind, KeyspaceType
from ripstop.machinery.keyspaces import Counters, Lists, Values, keyspace_types
from tests.stores import Place


class Card(msgspec.Struct, frozen=True):
    title: str
    stars: int = 0


class OtherCard(msgspec.Struct, frozen=True):
    title: int


CARDS = Values("cards", Card)
VIEWS = Counters("views", ttl=3600.0)
HOME = Lists("home", cap=100)

SCHEMA = Schema(keyspaces=keyspace_types([CARDS, VIEWS, HOME]))


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    async with place.opened(schema=SCHEMA) as store:
        yield store


def test_declarations_say_what_the_engine_must_know() -> None:
    assert keyspace_types([CARDS, VIEWS, HOME]) == {
        "cards": KeyspaceType(name="cards", kind=KeyspaceKind.VALUES),
        "views": KeyspaceType(name="views", kind=KeyspaceKind.COUNTERS, ttl=3600.0),
        "home": KeyspaceType(name="home", kind=KeyspaceKind.LISTS, cap=100),
    }


def test_a_name_is_declared_once() -> None:
    with pytest.raises(ValueError, match="home is declared twice"):
        keyspace_types([HOME, Counters("home")])


async def test_values_come_back_as_they_were_put(store: Store) -> None:
    await CARDS.put(store, {"a": Card("one"), "b": Card("two", 2)})
    assert await CARDS.get(store, ["a", "b", "c"]) == {"a": Card("one"), "b": Card("two", 2)}
    await CARDS.put(store, {"a": Card("three")})
    await CARDS.drop(store, ["b", "c"])
    assert await CARDS.get(store, ["a", "b"]) == {"a": Card("three")}


async def test_a_value_of_another_type_counts_as_missing(store: Store) -> None:
    await CARDS.put(store, {"a": Card("one")})
    assert await Values("cards", OtherCard).get(store, ["a"]) == {}


async def test_counters_begin_at_zero(store: Store) -> None:
    await VIEWS.add(store, {"a": 2, "b": 1})
    await VIEWS.add(store, {"a": -5})
    assert await VIEWS.get(store, ["a", "b", "c"]) == {"a": -3, "b": 1, "c": 0}


async def test_nobody_pushes_to_a_list_that_nobody_opened(store: Store) -> None:
    await HOME.push(store, [1, 2], Entry(10, 10))
    assert await HOME.range(store, 1, limit=5) is None


async def test_a_list_is_complete_from_its_floor(store: Store) -> None:
    await HOME.open(store, 1, floor=40, entries=[Entry(50, 5), Entry(40, 4)])
    await HOME.push(store, [1, 2], Entry(60, 6))
    await HOME.push(store, [1, 2], Entry(60, 6))
    page = await HOME.range(store, 1, limit=2)
    assert page == (40, [Entry(60, 6), Entry(50, 5)])
    assert page is not None
    rest = await HOME.range(store, 1, before=page.entries[-1], limit=2)
    assert rest == (40, [Entry(40, 4)])
    oldest = await HOME.range(store, 1, after=(40, 4), limit=1, direction=Direction.OLDEST_FIRST)
    assert oldest == (40, [Entry(50, 5)])


async def test_opening_a_list_again_lowers_its_floor(store: Store) -> None:
    await HOME.open(store, 1, floor=40)
    await HOME.open(store, 1, floor=20, entries=[Entry(20, 2), Entry(30, 3)])
    await HOME.open(store, 1, floor=90)
    assert await HOME.range(store, 1, limit=5) == (20, [Entry(30, 3), Entry(20, 2)])


async def test_a_list_that_overflows_raises_its_floor(store: Store) -> None:
    await HOME.open(store, 1, floor=0)
    for number in range(1, 301):
        await HOME.push(store, [1], Entry(number, number))
    page = await HOME.range(store, 1, limit=1000)
    assert page is not None
    orders = [entry.order for entry in page.entries]
    assert page.floor > 0
    assert orders == list(range(300, page.floor - 1, -1))
    assert 100 <= len(orders) < 164


async def test_a_list_is_dropped_with_all_that_it_holds(store: Store) -> None:
    await HOME.open(store, 1, floor=0, entries=[Entry(1, 1)])
    await HOME.touch(store, [1, 2])
    await HOME.drop(store, [1])
    assert await HOME.range(store, 1, limit=5) is None
    await HOME.open(store, 1, floor=9)
    assert await HOME.range(store, 1, limit=5) == (9, [])
