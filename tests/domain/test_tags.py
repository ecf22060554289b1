"""Lists by hashtag hold exactly what they say, page by page; followed hashtags are a part of home."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Collection

import pytest

from ripstop.domain.feeds import Window, tag_timeline
from ripstop.domain.follows import actions as following
from ripstop.domain.posts.tags import follow_tag, unfollow_tag
from tests.domain.town import Town, a_town, newest_first
from tests.stores import Place

TAGS = ("red", "green", "blue", "gold")


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    async with a_town(place) as town:
        yield town


async def tagged(town: Town, *, count: int) -> dict[int, set[str]]:
    """Posts of two people with any hashtags, by id."""
    authors = await town.people("alice", "bob")
    rng = random.Random(7)
    posts = {}
    for number in range(count):
        tags = {tag for tag in TAGS if rng.random() < 0.5}
        text = f"post {number} " + " ".join(f"#{tag}" for tag in sorted(tags))
        posts[await town.post(authors[number % 2], text)] = tags
    await town.graph.sync()
    return posts


async def whole(
    town: Town,
    tags: set[str],
    *,
    upwards: bool = False,
    all_of: Collection[str] = (),
    none_of: Collection[str] = (),
) -> list[int]:
    """All pages of a list by hashtag, newest first."""
    ids: list[int] = []
    cursor: int | None = 1 if upwards else None
    while True:
        window = Window(limit=3, min_id=cursor) if upwards else Window(limit=3, max_id=cursor)
        page = await tag_timeline(town.graph, None, tags, window, all_of=all_of, none_of=none_of)
        found = [item.post.id for item in page.items]
        assert len(found) <= 3
        ids = found + ids if upwards else ids + found
        cursor = page.prev_min_id if upwards else page.next_max_id
        if cursor is None:
            return ids


@pytest.mark.parametrize("upwards", [False, True])
async def test_a_list_is_exact_from_page_to_page(town: Town, upwards: bool) -> None:
    posts = await tagged(town, count=30)
    cases: list[tuple[set[str], set[str], set[str]]] = [
        ({"red"}, set(), set()),
        ({"red", "green"}, set(), set()),
        ({"red", "green", "blue", "gold"}, set(), set()),
        ({"red", "green"}, {"blue"}, set()),
        ({"red"}, {"green", "blue"}, {"gold"}),
        ({"red", "gold"}, set(), {"green"}),
        ({"none at all"}, set(), set()),
    ]
    for some, every, none in cases:
        expected = [id_ for id_, tags in posts.items() if tags & some and tags >= every and not tags & none]
        found = await whole(town, some, upwards=upwards, all_of=every, none_of=none)
        assert found == newest_first(expected)


async def test_only_public_posts_stand_in_it(town: Town) -> None:
    alice, bob = await town.people("alice", "bob")
    public = await town.post(alice, "#red")
    for visibility in ("unlisted", "private", "direct"):
        await town.post(alice, "#red @bob", visibility=visibility)
    gone = await town.post(alice, "#red too")
    await town.delete(alice, gone)
    await town.graph.sync()
    assert await whole(town, {"red"}) == [public]
    await following.block(town.graph, bob.id, alice)
    await town.graph.sync()
    page = await tag_timeline(town.graph, bob.id, {"red"}, Window())
    assert page.items == []


async def test_followed_hashtags_are_a_part_of_home(town: Town) -> None:
    alice, bob, carol = await town.people("alice", "bob", "carol")
    await town.follow(carol, alice)
    await town.home_ids(carol)
    followed = [await town.post(alice, f"post {i} #red") for i in range(4)]
    both = [await town.post(bob, f"post {i} #red #GREEN") for i in range(8)]
    await town.post(bob, "#blue")
    await town.post(bob, "#red, but not for all", visibility="unlisted")
    for tag in ("red", "green"):
        await follow_tag(town.graph, carol.id, tag)
    for drained in (False, True):
        if drained:
            await town.drain()
        assert await town.whole_home(carol) == newest_first(followed + both)
        assert await town.home_ids(carol, limit=4, min_id=both[1]) == newest_first(both[2:6])
    await unfollow_tag(town.graph, carol.id, "red")
    await unfollow_tag(town.graph, carol.id, "green")
    assert await town.whole_home(carol) == newest_first(followed)


async def test_home_shows_nobody_for_a_hashtag_whom_the_viewer_avoids(town: Town) -> None:
    alice, bob, carol, dora = await town.people("alice", "bob", "carol", "dora")
    await follow_tag(town.graph, carol.id, "red")
    posts = [await town.post(who, "#red") for who in (alice, bob, dora)]
    assert await town.whole_home(carol) == newest_first(posts)
    await following.block(town.graph, carol.id, alice)
    await following.mute(town.graph, carol.id, bob, notifications=False, seconds=0)
    assert await town.whole_home(carol) == [posts[2]]
