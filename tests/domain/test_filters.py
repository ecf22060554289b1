"""What filters match, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ripstop.domain.viewing import filters_of
from ripstop.domain.viewing.actions import change_filter, create_filter, with_keyword
from ripstop.domain.viewing.model import HIDE, HOME, PUBLIC, Filter, Keyword
from tests.domain.town import Town, a_town
from tests.stores import Place


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    async with a_town(place) as town:
        yield town


def a_filter(owner: int, **fields: object) -> Filter:
    known: dict[str, object] = {"title": "no", "contexts": (HOME,), "action": HIDE, "keywords": (Keyword(1, "cats"),)}
    return Filter(owner=owner, **{**known, **fields})  # type: ignore[arg-type]  # fields by name


async def test_a_filter_ends_at_its_instant(town: Town) -> None:
    alice, bob = await town.people("alice", "bob")
    post = await town.a_post(await town.post(bob, "cats"))
    await create_filter(town.graph, a_filter(alice.id, expires_at=10_000))
    await town.graph.sync()
    filters = await filters_of(town.graph, alice.id)
    assert filters.hides(post, HOME, 9_999)
    assert filters.matches(post, 9_999) != []
    assert not filters.hides(post, HOME, 10_000)
    assert filters.matches(post, 10_000) == []


async def test_a_filter_hides_where_it_applies_and_nothing_of_ones_own(town: Town) -> None:
    alice, bob = await town.people("alice", "bob")
    theirs, own = await town.a_post(await town.post(bob, "cats")), await town.a_post(await town.post(alice, "cats"))
    await create_filter(town.graph, a_filter(alice.id))
    await town.graph.sync()
    filters = await filters_of(town.graph, alice.id)
    assert filters.hides(theirs, HOME, 0)
    assert not filters.hides(theirs, PUBLIC, 0)
    assert not filters.hides(own, HOME, 0)
    assert filters.matches(own, 0) == []
    assert not await filters_of(town.graph, bob.id)
    assert not await filters_of(town.graph, None)


async def test_changes_at_once_are_all_kept(town: Town) -> None:
    alice, bob = await town.people("alice", "bob")
    post = await town.a_post(await town.post(bob, "word 0"))
    entry = await create_filter(town.graph, a_filter(alice.id, keywords=()))
    await town.graph.sync()
    added = (with_keyword(Keyword(number, f"word {number}")) for number in range(3))
    await asyncio.gather(*(change_filter(town.graph, alice.id, entry.id, change) for change in added))
    await town.graph.sync()
    [held] = [one.filter for one in (await filters_of(town.graph, alice.id)).matches(post, 0)]
    assert {keyword.text for keyword in held.value.keywords} == {"word 0", "word 1", "word 2"}
