"""Home is what its definition says, however much of it was pushed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from ripstop.domain.accounts.model import Account
from ripstop.domain.feeds import model as feeds
from ripstop.domain.feeds.home import REMNANTS
from ripstop.domain.follows import actions as following
from ripstop.domain.posts import actions as posting
from ripstop.domain.posts.model import POST, POSTED, REPOSTED
from ripstop.engines.derived import ListDrop
from ripstop.machinery.graph import Entry
from tests.domain.town import Town, a_town, newest_first
from tests.stores import Place


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    async with a_town(place) as town:
        yield town


async def test_a_post_is_seen_before_it_is_pushed(town: Town) -> None:
    alice, bob = await town.people("alice", "bob")
    await town.follow(bob, alice)
    assert await town.home_ids(bob) == []
    post = await town.post(alice)
    assert await town.home_ids(bob) == [post]
    assert await town.home_ids(alice) == [post]
    assert await town.drain() > 0
    assert await town.home_ids(bob) == [post]


async def test_a_newcomer_has_a_full_home_at_once(town: Town) -> None:
    alice, bob, carol = await town.people("alice", "bob", "carol")
    posts = [await town.post(alice if i % 2 else bob, f"post {i}") for i in range(30)]
    await town.drain()
    for author in (alice, bob):
        await town.follow(carol, author)
    assert await town.home_ids(carol, limit=20) == newest_first(posts)[:20]
    assert await town.whole_home(carol) == newest_first(posts)


async def test_who_is_followed_anew_is_backfilled(town: Town) -> None:
    alice, bob, carol = await town.people("alice", "bob", "carol")
    await town.follow(carol, alice)
    before = [await town.post(bob, f"before {i}") for i in range(3)]
    mine = [await town.post(alice)]
    await town.drain()
    assert await town.whole_home(carol) == mine
    between = [await town.post(bob, f"between {i}") for i in range(3)]
    await town.drain()
    await town.follow(carol, bob)
    await town.drain()
    assert await town.whole_home(carol) == newest_first(before + between + mine)


async def test_unfollow_block_and_delete_show_at_once(town: Town) -> None:
    alice, bob, carol = await town.people("alice", "bob", "carol")
    for author in (alice, bob):
        await town.follow(carol, author)
    await town.home_ids(carol)
    a, b = await town.post(alice), await town.post(bob)
    await town.drain()
    assert await town.whole_home(carol) == [b, a]
    await town.unfollow(carol, alice)
    assert await town.whole_home(carol) == [b]
    await town.follow(carol, alice)
    await town.graph.sync()
    await following.block(town.graph, bob.id, carol)
    assert await town.whole_home(carol) == [a]
    await town.delete(alice, a)
    assert await town.whole_home(carol) == []
    await town.drain()
    assert await town.whole_home(carol) == []


async def test_answers_to_strangers_are_left_out(town: Town) -> None:
    alice, bob, carol = await town.people("alice", "bob", "carol")
    await town.follow(carol, alice)
    stranger = await town.post(bob, "who are you?")
    answer = await town.post(alice, "nobody", to=stranger)
    own = await town.post(alice, "first")
    to_herself = await town.post(alice, "second", to=own)
    to_carol = await town.post(alice, "to carol", to=await town.post(carol, "I am here"))
    home = await town.whole_home(carol)
    assert answer not in home
    assert {own, to_herself, to_carol} <= set(home)
    assert answer in await town.whole_home(alice)
    await town.follow(carol, bob)
    assert answer in await town.whole_home(carol)


async def test_a_repost_of_what_is_deleted_meanwhile_does_not_stay(town: Town) -> None:
    alice, bob, carol = await town.people("alice", "bob", "carol")
    await town.follow(carol, bob)
    post = await town.post(alice)
    stale = await town.a_post(post)
    await town.delete(alice, post)
    await town.drain()
    repost = await posting.repost(town.graph, bob.id, stale)
    assert await town.graph.find(bob.id, (POSTED,), (repost,))
    await town.drain()
    await town.graph.sync()
    assert await town.graph.get(POST, repost) is None
    assert await town.graph.find(bob.id, (POSTED, REPOSTED), (repost, post)) == []
    assert await town.home_ids(carol) == await town.home_ids(bob) == []


async def test_reposts_come_once_and_only_if_wanted(town: Town) -> None:
    alice, bob, carol, dan = await town.people("alice", "bob", "carol", "dan")
    await town.follow(carol, alice)
    await town.follow(carol, bob, reposts=False)
    original = await town.post(dan)
    by_alice = await town.repost(alice, original)
    await town.repost(bob, original)
    assert await town.whole_home(carol) == [by_alice]
    await town.drain()
    assert await town.whole_home(carol) == [by_alice]
    await town.follow(carol, bob, reposts=True)
    assert len(await town.home_ids(carol, limit=20)) == 1


async def test_private_posts_reach_followers_only(town: Town) -> None:
    alice, bob, carol = await town.people("alice", "bob", "carol")
    await town.follow(bob, alice)
    private = await town.post(alice, visibility="private")
    assert await town.whole_home(bob) == [private]
    await town.unfollow(bob, alice)
    assert await town.whole_home(bob) == []
    assert await town.whole_home(carol) == []


async def test_min_id_pages_upwards(town: Town) -> None:
    alice, bob = await town.people("alice", "bob")
    await town.follow(bob, alice)
    early = [await town.post(alice, f"early {i}") for i in range(6)]
    await town.home_ids(bob)
    late = [await town.post(alice, f"late {i}") for i in range(6)]
    for drained in (False, True):
        if drained:
            await town.drain()
        ids = early + late
        assert await town.home_ids(bob, limit=4, min_id=ids[0]) == newest_first(ids[1:5])
        assert await town.home_ids(bob, limit=4, min_id=ids[8]) == newest_first(ids[9:])
        assert await town.home_ids(bob, limit=4, since_id=ids[0]) == newest_first(ids)[:4]
        assert await town.home_ids(bob, limit=20, since_id=ids[9]) == newest_first(ids[10:])
        assert await town.home_ids(bob, limit=3, max_id=ids[5]) == newest_first(ids[2:5])


async def test_lost_lists_lose_nothing(town: Town) -> None:
    alice, bob = await town.people("alice", "bob")
    await town.follow(bob, alice)
    posts = [await town.post(alice, f"post {i}") for i in range(8)]
    await town.drain()
    assert await town.whole_home(bob) == newest_first(posts)
    await town.store.keyspace_write(feeds.HOME.name, [ListDrop([bob.id])])
    assert await town.whole_home(bob) == newest_first(posts)


async def test_a_list_full_of_whom_one_left_is_made_anew(town: Town) -> None:
    alice, bob, carol = await town.people("alice", "bob", "carol")
    for author in (alice, bob):
        await town.follow(carol, author)
    await town.home_ids(carol)
    hers = [await town.post(alice, f"hers {i}") for i in range(4)]
    his = [await town.post(bob, f"his {i}") for i in range(REMNANTS)]
    await town.drain()
    assert await town.home_ids(carol, limit=20) == newest_first(his)[:20]
    await town.unfollow(carol, bob)
    for _ in range(2):
        assert await town.home_ids(carol, limit=20) == newest_first(hers)
    pushed = await feeds.HOME.range(town.store, carol.id, limit=100)
    assert pushed is not None
    assert {entry.order for entry in pushed.entries} == set(hers)
    hers.append(await town.post(alice, "after it"))
    await town.drain()
    assert await town.whole_home(carol) == newest_first(hers)


async def test_large_authors_are_merged_and_become_small_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from ripstop.domain.feeds import fan_out

    monkeypatch.setattr(fan_out, "LARGE_FROM", 3)
    monkeypatch.setattr(fan_out, "SMALL_BELOW", 2)
    alice, *fans = await town.people("alice", "bob", "carol", "dan")
    posts = [await town.post(alice, "before")]
    for fan in fans:
        await town.home_ids(fan)
        await town.follow(fan, alice)
    await town.drain()
    posts += [await town.post(alice, f"large {i}") for i in range(3)]
    await town.drain()
    for fan in fans:
        assert await town.whole_home(fan) == newest_first(posts)
    pushed = await feeds.HOME.range(town.store, fans[0].id, limit=100)
    assert pushed is not None
    assert not {entry.order for entry in pushed.entries} & set(posts[1:])
    for fan in fans[1:]:
        await town.unfollow(fan, alice)
    posts += [await town.post(alice, f"small {i}") for i in range(3)]
    await town.drain()
    assert await town.whole_home(fans[0]) == newest_first(posts)
    pushed = await feeds.HOME.range(town.store, fans[0].id, limit=100)
    assert pushed is not None
    assert set(posts[-3:]) <= {entry.order for entry in pushed.entries}


class Oracle:
    """What home must hold, worked out the slow way from everything that happened."""

    def __init__(self) -> None:
        self.posts: dict[int, tuple[int, int | None, int | None]] = {}
        """Id to author, whom it answers, what it passes on."""
        self.follows: set[tuple[int, int]] = set()

    def home(self, who: int) -> list[int]:
        circle = {who} | {whom for one, whom in self.follows if one == who}
        ids = []
        for id_, (author, answered, original) in self.posts.items():
            to_stranger = author != who and answered is not None and answered not in circle | {author}
            if author in circle and not to_stranger and (original is None or original in self.posts):
                ids.append(id_)
        return newest_first(ids)


@pytest.mark.parametrize("seed", range(3))
async def test_home_is_its_definition_at_any_moment(town: Town, seed: int) -> None:
    rnd = random.Random(seed)
    people = await town.people("alice", "bob", "carol", "dan", "eve")
    oracle = Oracle()
    for _ in range(150):
        await _something_happens(rnd, town, oracle, people)
        if rnd.random() < 0.15:
            reader = rnd.choice(people)
            # Each original once per page: pages of one entry show every repost.
            assert await town.whole_home(reader, limit=1) == oracle.home(reader.id)
    await town.drain()
    for reader in people:
        assert await town.whole_home(reader, limit=1) == oracle.home(reader.id)


async def _something_happens(rnd: random.Random, town: Town, oracle: Oracle, people: list[Entry[Account]]) -> None:
    one, other = rnd.sample(people, 2)
    originals = [id_ for id_, post in oracle.posts.items() if post[2] is None]
    match rnd.choices(["post", "answer", "repost", "delete", "follow", "unfollow", "drain"], [8, 3, 3, 2, 5, 2, 3])[0]:
        case "post":
            oracle.posts[await town.post(one)] = (one.id, None, None)
        case "answer" if originals:
            to = rnd.choice(originals)
            oracle.posts[await town.post(one, to=to)] = (one.id, oracle.posts[to][0], None)
        case "repost" if originals:
            original = rnd.choice(originals)
            oracle.posts[await town.repost(one, original)] = (one.id, None, original)
        case "delete" if oracle.posts:
            id_ = rnd.choice(list(oracle.posts))
            author = next(person for person in people if person.id == oracle.posts[id_][0])
            await town.delete(author, id_)
            del oracle.posts[id_]
        case "follow":
            await town.follow(one, other)
            oracle.follows.add((one.id, other.id))
        case "unfollow":
            await town.unfollow(one, other)
            oracle.follows.discard((one.id, other.id))
        case "drain":
            await town.drain()
