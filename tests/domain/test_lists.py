"""Timelines of lists, and what they keep out of home."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from ripstop.domain.feeds.merging import merged
from ripstop.domain.feeds.page import Stretch
from ripstop.domain.follows.lists import members_of
from ripstop.engines.base import Direction
from ripstop.kernel.errors import NotFound
from tests.domain.town import Town, a_town, newest_first
from tests.stores import Place


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    async with a_town(place) as town:
        yield town


async def test_a_list_shows_its_members_and_nobody_else(town: Town) -> None:
    owner, alice, bob = await town.people("owner", "alice", "bob")
    for member in (alice, bob):
        await town.follow(owner, member)
    before = [await town.post(alice), await town.post(bob)]
    list_ = await town.list_of(owner, alice)
    assert await town.list_ids(list_) == before[:1]
    after = await town.post(alice, "for followers", visibility="private")
    passed_on = await town.repost(alice, before[1])
    await town.post(alice, "for nobody else", visibility="direct")
    assert await town.list_ids(list_) == [passed_on, after, before[0]]


async def test_an_exclusive_list_keeps_its_members_out_of_home(town: Town) -> None:
    owner, alice, bob = await town.people("owner", "alice", "bob")
    for member in (alice, bob):
        await town.follow(owner, member)
    theirs, other, own = await town.post(alice), await town.post(bob), await town.post(owner)
    await town.drain()
    assert await town.home_ids(owner) == [own, other, theirs]
    list_ = await town.list_of(owner, exclusive=True)
    assert await town.home_ids(owner) == [own, other, theirs]
    await town.add(list_, alice, owner)
    assert await town.home_ids(owner) == [own, other]
    assert await town.list_ids(list_) == [own, theirs]


@pytest.mark.parametrize(
    ("policy", "shown"), [("none", {"self", "owner"}), ("list", {"self", "owner", "member"}), ("followed", None)]
)
async def test_the_policy_says_which_answers_are_shown(town: Town, policy: str, shown: set[str] | None) -> None:
    owner, alice, bob, carol, dora = await town.people("owner", "alice", "bob", "carol", "dora")
    for followed in (alice, bob, carol):
        await town.follow(owner, followed)
    list_ = await town.list_of(owner, alice, bob, replies_policy=policy)
    answered = {"self": alice, "owner": owner, "member": bob, "followed": carol, "stranger": dora}
    parents = {name: await town.post(person) for name, person in answered.items()}
    answers = {name: await town.post(alice, "an answer", to=parent) for name, parent in parents.items()}
    ids = set(await town.list_ids(list_))
    expected = {"self", "owner", "member", "followed"} if shown is None else shown
    assert {name for name, id_ in answers.items() if id_ in ids} == expected


async def test_who_is_followed_no_more_leaves_at_once(town: Town) -> None:
    owner, alice, bob = await town.people("owner", "alice", "bob")
    await town.follow(owner, alice)
    list_ = await town.list_of(owner, alice)
    post = await town.post(alice)
    with pytest.raises(NotFound):
        await town.add(list_, bob)
    await town.unfollow(owner, alice)
    assert await town.list_ids(list_) == []
    await town.follow(owner, alice)
    assert await town.list_ids(list_) == [post]
    await town.drain()
    assert await town.list_ids(list_) == []
    for act in (town.follow, town.unfollow, town.follow):
        await act(owner, alice)
    await town.add(list_, alice)
    await town.drain()
    await town.graph.sync()
    assert await members_of(town.graph, list_) == {alice.id}


async def test_pages_of_a_list_are_exact_in_both_directions(town: Town) -> None:
    owner, *members = await town.people("owner", *(f"member{i}" for i in range(5)))
    for member in members:
        await town.follow(owner, member)
    list_ = await town.list_of(owner, *members)
    posts = sorted([await town.post(random.Random(n).choice(members), f"post {n}") for n in range(40)])
    assert await town.list_ids(list_, limit=40) == newest_first(posts)
    assert await town.list_ids(list_, limit=10, max_id=posts[30]) == newest_first(posts[20:30])
    assert await town.list_ids(list_, limit=10, since_id=posts[5]) == newest_first(posts[30:])
    assert await town.list_ids(list_, limit=10, min_id=posts[5]) == newest_first(posts[6:16])
    assert await town.list_ids(list_, limit=10, min_id=posts[5], max_id=posts[9]) == newest_first(posts[6:9])


@pytest.mark.parametrize("limit", [1, 3, 5])
async def test_the_oldest_are_found_among_many(town: Town, limit: int) -> None:
    alice, bob = await town.people("alice", "bob")
    posts = sorted([await town.post(alice if n % 3 else bob, f"post {n}") for n in range(30)])
    for low in range(-1, 30, 4):
        for high in (None, 17, 29):
            stretch = Stretch(
                None if low < 0 else (posts[low], 2**62),
                None if high is None else (posts[high], 0),
                limit,
                Direction.OLDEST_FIRST,
            )
            expected = posts[low + 1 : high][:limit]
            assert await merged(town.graph, [alice.id, bob.id], stretch, at_once=6) == expected


async def test_a_list_is_exact_though_few_of_many_members_are_looked_at(town: Town) -> None:
    """More members than a page is long; some wrote nothing, and some took their newest post back."""
    rng = random.Random(3)
    members = await town.people(*(f"member{i}" for i in range(12)))
    authors = {}
    for number in range(30):
        author = rng.choice(members[:9])
        authors[await town.post(author, f"post {number}")] = author
    posts = sorted(authors)
    for taken in (posts[-1], posts[-4]):
        await town.delete(authors[taken], taken)
        posts.remove(taken)
    ids = [member.id for member in members]
    for limit in (1, 3, 8):
        for low in (-1, 4, 20):
            for high in (None, 26, 9):
                stretch = Stretch(
                    None if low < 0 else (posts[low], 2**62),
                    None if high is None else (posts[high], 0),
                    limit,
                    Direction.NEWEST_FIRST,
                )
                assert await merged(town.graph, ids, stretch) == newest_first(posts[low + 1 : high])[:limit]
