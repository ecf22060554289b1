"""Notifications and conversations when much happens at once, in whatever order it is worked off."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from ripstop.domain.conversations.events import ConversationUnsettled
from ripstop.domain.conversations.functions import Enter
from ripstop.domain.conversations.model import CONVERSING, SAID_IN
from ripstop.domain.follows.events import Followed
from ripstop.domain.notifications import keeping, model, queries, telling
from ripstop.domain.notifications.events import Cleared
from ripstop.domain.notifications.groups import Groups
from ripstop.domain.notifications.groups import groups as grouped
from ripstop.domain.notifications.model import ADMITS, FLOOR, GROUPED, GROUPS, NOTIFIED, UNDONE, group_id, group_key
from ripstop.domain.notifications.queries import Told, Wanted, notifications
from ripstop.domain.posts.events import PostDeleted, PostLiked, PostPublished, PostUnliked
from ripstop.domain.posts.model import IS_DIRECT, LIKED
from ripstop.kernel.ids import shard_of
from ripstop.machinery.functions import Call, Done, Outcome, Split
from ripstop.machinery.functions.testing import calls_of
from tests.domain.house import House, Person

GROUPS_PATH = "/api/v2/notifications"


HALF_A_DAY = model.GROUP_MS


@pytest.fixture(autouse=True)
def all_in_one_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of together is so even if noon or midnight comes in between."""
    monkeypatch.setattr(model, "GROUP_MS", 1 << 62)


@pytest.fixture(autouse=True)
def settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at again a little later is so as soon as there is time."""
    monkeypatch.setattr(telling, "LATE_MS", 0)


async def groups(who: Person) -> list[dict[str, Any]]:
    return list((await who.get(GROUPS_PATH))["notification_groups"])


async def check_agreement(house: House, account: int) -> None:
    """Every list says the same: groups hold just what is told in them, and each has its row at its newest."""
    graph = house.base.graph
    await house.drain()
    await graph.sync()
    told = {row.target for row in await graph.range(account, NOTIFIED, limit=1_000) if row.flags >> 16 & 7}
    held = set()
    for row in await graph.range(account, GROUPS, limit=1_000):
        members = await graph.range(row.target, GROUPED, limit=1_000)
        assert members
        assert members[0].order == row.order
        held |= {member.target for member in members}
    assert held == told


async def begin(house: House, function: str, event: msgspec.Struct) -> Outcome:
    """Run a function as a worker would, without committing its effect."""
    declared = house.base.functions.get(function)
    assert declared is not None
    await house.base.graph.sync()
    return await declared.handler(Call(1, function, event, 1, None, 0))


async def end(house: House, outcome: Outcome) -> bool:
    """Commit an effect; False if it is refused."""
    assert isinstance(outcome, Done)
    if outcome.effect is None:
        return True
    [applied] = await house.base.store.commit([outcome.effect])
    return applied.applied


async def test_the_same_like_told_twice_is_one(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post()
    event = PostLiked(post=post, author=alice.id, actor=bob.id, like=post + 7)
    first, second = [await begin(house, "notifications.liked", event) for _ in range(2)]
    assert await end(house, first)
    assert not await end(house, second)
    assert await end(house, await begin(house, "notifications.liked", event))
    await house.drain()
    [group] = await groups(alice)
    assert (group["notifications_count"], group["sample_account_ids"]) == (1, [str(bob.id)])
    await check_agreement(house, alice.id)


async def test_two_likes_at_once_are_told_of_together(house: House) -> None:
    """Whichever comes first, and be it the later one."""
    alice, bob, carol = await house.people("alice", "bob", "carol")
    post = await alice.post()
    likes = [
        PostLiked(post=post, author=alice.id, actor=who.id, like=post + 7 + i) for i, who in enumerate((bob, carol))
    ]
    early, late = [await begin(house, "notifications.liked", event) for event in likes]
    assert await end(house, late)
    assert await end(house, early)
    await house.drain()
    [group] = await groups(alice)
    assert (group["notifications_count"], group["most_recent_notification_id"]) == (2, post + 8)
    assert group["sample_account_ids"] == [str(carol.id), str(bob.id)]
    await check_agreement(house, alice.id)


@pytest.mark.parametrize("told_first", [False, True])
async def test_a_like_is_taken_back_while_another_is_told(house: House, told_first: bool) -> None:
    """The group is emptied and joined at once: whichever is last, the other is not lost."""
    alice, bob, carol = await house.people("alice", "bob", "carol")
    post = await alice.post()
    his = PostLiked(post=post, author=alice.id, actor=bob.id, like=post + 7)
    hers = PostLiked(post=post, author=alice.id, actor=carol.id, like=post + 8)
    undone = PostUnliked(post=post, author=alice.id, actor=bob.id, like=post + 7)
    assert await end(house, await begin(house, "notifications.liked", his))
    taken_back = await begin(house, "notifications.unliked", undone)
    told = await begin(house, "notifications.liked", hers)
    if told_first:
        assert await end(house, told)
        assert not await end(house, taken_back)
        assert await end(house, await begin(house, "notifications.unliked", undone))
    else:
        assert await end(house, taken_back)
        assert await end(house, told)
    await house.drain()
    [group] = await groups(alice)
    assert (group["notifications_count"], group["sample_account_ids"]) == (1, [str(carol.id)])
    await check_agreement(house, alice.id)


@pytest.mark.parametrize("liked_before", [False, True])
async def test_an_earlier_like_is_told_while_the_newest_is_taken_back(house: House, liked_before: bool) -> None:
    """It leaves the row of the group as it is, which then says too little, and is mended."""
    alice, bob, carol, dora = await house.people("alice", "bob", "carol", "dora")
    post = await alice.post()
    hers = PostLiked(post=post, author=alice.id, actor=carol.id, like=post + 7)
    his = PostLiked(post=post, author=alice.id, actor=bob.id, like=post + 8)
    oldest = PostLiked(post=post, author=alice.id, actor=dora.id, like=post + 6)
    for event in (oldest, his) if liked_before else (his,):
        assert await end(house, await begin(house, "notifications.liked", event))
    undone = PostUnliked(post=post, author=alice.id, actor=bob.id, like=post + 8)
    told = await begin(house, "notifications.liked", hers)
    taken_back = await begin(house, "notifications.unliked", undone)
    assert await end(house, told)
    assert await end(house, taken_back)
    await house.drain()
    [group] = await groups(alice)
    assert group["sample_account_ids"][0] == str(carol.id)
    await check_agreement(house, alice.id)


async def looks_to_come(house: House) -> int:
    """How many groups are to be looked at again."""
    found = await house.base.store.call_stats(("notifications.settle",))
    return found["notifications.settle"].waiting if found else 0


@pytest.mark.parametrize("known", [False, True])
async def test_a_like_that_is_being_told_does_not_know_the_newest_which_is_taken_back(
    house: House, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Its telling may have begun before the newest was told: then who leaves has the group looked at again."""
    monkeypatch.setattr(telling, "LATE_MS", 3_600_000)
    alice, bob, carol = await house.people("alice", "bob", "carol")
    post = await alice.post()
    graph = house.base.graph
    await carol.do(f"/api/v1/statuses/{post}/favourite")
    [row] = await graph.find(carol.id, (LIKED,), (post,))
    hers = PostLiked(post=post, author=alice.id, actor=carol.id, like=row.order)
    early = await begin(house, "notifications.liked", hers)
    his = PostLiked(post=post, author=alice.id, actor=bob.id, like=graph.new_id(shard_of(bob.id)))
    assert await end(house, await begin(house, "notifications.liked", his))
    if known:
        assert await end(house, early)
        await house.drain()
    undone = PostUnliked(post=post, author=alice.id, actor=bob.id, like=his.like)
    assert await end(house, await begin(house, "notifications.unliked", undone))
    if not known:
        assert await end(house, early)
    assert await looks_to_come(house) == (0 if known else 1)


async def test_who_joins_below_the_newest_has_the_group_looked_at_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "LATE_MS", 3_600_000)
    alice, bob, carol = await house.people("alice", "bob", "carol")
    post = await alice.post()
    for like, who, waiting in ((8, bob, 0), (9, carol, 0), (7, alice, 1)):
        event = PostLiked(post=post, author=alice.id, actor=who.id, like=post + like)
        assert await end(house, await begin(house, "notifications.liked", event))
        assert await looks_to_come(house) == waiting


@pytest.mark.parametrize("first", [0, 1])
async def test_two_likes_are_taken_back_at_once(house: House, first: int) -> None:
    """One of them is the newest, and the other would be next."""
    alice, bob, carol = await house.people("alice", "bob", "carol")
    post = await alice.post()
    fans = [(bob, post + 7), (carol, post + 8)]
    undone = []
    for fan, like in fans:
        event = PostLiked(post=post, author=alice.id, actor=fan.id, like=like)
        assert await end(house, await begin(house, "notifications.liked", event))
        undone.append(PostUnliked(post=post, author=alice.id, actor=fan.id, like=like))
    leaving = [await begin(house, "notifications.unliked", event) for event in undone]
    assert await end(house, leaving[first])
    assert not await end(house, leaving[1 - first])
    assert await end(house, await begin(house, "notifications.unliked", undone[1 - first]))
    await house.drain()
    assert await groups(alice) == []
    await check_agreement(house, alice.id)


async def test_a_storm_of_likes_ends_with_what_stands(house: House) -> None:
    alice, *fans = await house.people("alice", *(f"fan{i}" for i in range(6)))
    posts = [await alice.post(f"post {i}") for i in range(2)]
    dice = random.Random(7)

    async def storm(fan: Person) -> None:
        for _ in range(8):
            verb = dice.choice(("favourite", "unfavourite", "reblog", "unreblog"))
            await fan.do(f"/api/v1/statuses/{dice.choice(posts)}/{verb}")

    async with asyncio.TaskGroup() as all_of_it:
        for fan in fans:
            all_of_it.create_task(storm(fan))
        for _ in range(3):
            await house.drain()
    await house.drain()
    for kind, done in (("favourite", "favourited_by"), ("reblog", "reblogged_by")):
        for post in posts:
            people = {one["id"] for one in await alice.get(f"/api/v1/statuses/{post}/{done}")}
            found = [one for one in await groups(alice) if (one["type"], one["status_id"]) == (kind, str(post))]
            assert [one["notifications_count"] for one in found] == ([len(people)] if people else [])
            assert {id_ for one in found for id_ in one["sample_account_ids"]} == people
    await check_agreement(house, alice.id)
    assert [fault async for fault in house.base.store.check()] == []


async def test_a_block_while_something_is_told_leaves_none_of_it(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post()
    event = PostLiked(post=post, author=alice.id, actor=bob.id, like=post + 7)
    told = await begin(house, "notifications.liked", event)
    await alice.do(f"/api/v1/accounts/{bob.id}/block")
    assert not await end(house, told)
    assert await end(house, await begin(house, "notifications.liked", event))
    await house.drain()
    graph = house.base.graph
    assert await graph.range(alice.id, NOTIFIED, limit=9) == []
    await alice.do(f"/api/v1/accounts/{bob.id}/unblock")
    assert await groups(alice) == []


async def test_blocks_among_many_likes_leave_what_others_did(house: House) -> None:
    alice, *fans = await house.people("alice", *(f"fan{i}" for i in range(8)))
    posts = [await alice.post(f"post {i}") for i in range(4)]

    async def like_all(fan: Person) -> None:
        for post in posts:
            await fan.do(f"/api/v1/statuses/{post}/favourite")

    async with asyncio.TaskGroup() as all_of_it:
        for fan in fans:
            all_of_it.create_task(like_all(fan))
        for fan in fans[:4]:
            await house.drain()
            await alice.do(f"/api/v1/accounts/{fan.id}/block")
    await house.drain()
    rest = {str(fan.id) for fan in fans[4:]}
    found = await groups(alice)
    assert [one["notifications_count"] for one in found] == [4] * 4
    assert all(set(one["sample_account_ids"]) == rest for one in found)
    await check_agreement(house, alice.id)


async def test_a_mute_while_something_is_told(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post()
    event = PostLiked(post=post, author=alice.id, actor=bob.id, like=post + 7)
    told = await begin(house, "notifications.liked", event)
    await alice.do(f"/api/v1/accounts/{bob.id}/mute")
    await house.drain()
    assert not await end(house, told)
    assert await end(house, await begin(house, "notifications.liked", event))
    assert await groups(alice) == []


async def test_what_is_told_while_its_actor_is_let_in_is_not_held_back(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    await house.ask("PATCH", f"{GROUPS_PATH}/policy", token=alice.token, form={"for_not_following": "filter"})
    posts = [await alice.post(), await alice.post()]
    await bob.do(f"/api/v1/statuses/{posts[0]}/favourite")
    await house.drain()
    [request] = await alice.get("/api/v1/notifications/requests")
    event = PostLiked(post=posts[1], author=alice.id, actor=bob.id, like=posts[1] + 7)
    held_back = await begin(house, "notifications.liked", event)
    await alice.do(f"/api/v1/notifications/requests/{request['id']}/accept")
    assert (await alice.get("/api/v1/notifications/requests/merged"))["merged"] is False
    assert not await end(house, held_back)
    assert await end(house, await begin(house, "notifications.liked", event))
    await house.drain()
    assert (await alice.get("/api/v1/notifications/requests/merged"))["merged"] is True
    assert {one["status_id"] for one in await groups(alice)} == {str(post) for post in posts}
    await check_agreement(house, alice.id)


async def test_a_like_is_taken_back_while_its_actor_is_let_in(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    await house.ask("PATCH", f"{GROUPS_PATH}/policy", token=alice.token, form={"for_not_following": "filter"})
    post = await alice.post()
    event = PostLiked(post=post, author=alice.id, actor=bob.id, like=post + 7)
    assert await end(house, await begin(house, "notifications.liked", event))
    await house.drain()
    [request] = await alice.get("/api/v1/notifications/requests")
    undone = PostUnliked(post=post, author=alice.id, actor=bob.id, like=post + 7)
    taken_back = await begin(house, "notifications.unliked", undone)
    await alice.do(f"/api/v1/notifications/requests/{request['id']}/accept")
    await house.drain()
    assert len(await groups(alice)) == 1
    assert await end(house, taken_back)
    await house.drain()
    assert await groups(alice) == []
    await check_agreement(house, alice.id)


async def test_a_full_group_names_some_and_counts_all(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post, other = await alice.post(), await alice.post("another")
    await bob.do(f"/api/v1/statuses/{other}/favourite")
    fans = await house.people(*(f"fan{i}" for i in range(12)))
    for fan in fans:
        await fan.do(f"/api/v1/statuses/{post}/favourite")
    await house.drain()
    full, small = await groups(alice)
    assert (full["notifications_count"], small["notifications_count"]) == (12, 1)
    assert full["sample_account_ids"] == [str(fan.id) for fan in reversed(fans[4:])]
    named = await alice.get(f"{GROUPS_PATH}/{full['group_key']}/accounts")
    assert [one["id"] for one in named] == [str(fan.id) for fan in reversed(fans)]


async def test_a_group_put_away_takes_all_of_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ripstop.domain.notifications.actions.AT_ONCE", 2)
    monkeypatch.setattr(keeping, "PAGE", 3)
    alice, *fans = await house.people("alice", *(f"fan{i}" for i in range(9)))
    post = await alice.post()
    for fan in fans:
        await fan.do(f"/api/v1/statuses/{post}/favourite")
        await fan.follow(alice)
    await house.drain()
    likes = next(one for one in await groups(alice) if one["type"] == "favourite")
    await alice.do(f"{GROUPS_PATH}/{likes['group_key']}/dismiss")
    assert [one["type"] for one in await groups(alice)] == ["follow"]
    await house.drain()
    assert [one["type"] for one in await alice.get("/api/v1/notifications")] == ["follow"] * 9
    await check_agreement(house, alice.id)


async def test_only_so_many_are_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_KEPT", 6)
    monkeypatch.setattr(keeping, "LOOK", 3)
    monkeypatch.setattr(keeping, "PAGE", 2)
    monkeypatch.setattr(keeping, "TRIM_EVERY", 1)
    alice, *fans = await house.people("alice", *(f"fan{i}" for i in range(10)))
    for fan in fans:
        await fan.follow(alice)
    await house.drain()
    told = await alice.get("/api/v1/notifications")
    assert [one["account"]["id"] for one in told] == [str(fan.id) for fan in reversed(fans[4:])]
    assert [one["notifications_count"] for one in await groups(alice)] == [6]
    await check_agreement(house, alice.id)


async def test_groups_are_of_half_a_day(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "GROUP_MS", HALF_A_DAY)
    alice, bob, carol = await house.people("alice", "bob", "carol")
    late = house.base.graph.new_id(0)
    early = late - (12 * 3_600_000 << 22)
    for who, follow in ((bob, early), (carol, late)):
        event = Followed(follower=who.id, followed=alice.id, follow=follow)
        assert await end(house, await begin(house, "notifications.followed", event))
    await house.drain()
    assert [one["notifications_count"] for one in await groups(alice)] == [1, 1]
    keys = [group_key(1, follow, None) for follow in (late, early)]
    assert [one["group_key"] for one in await groups(alice)] == keys
    assert group_id(alice.id, keys[0]) != group_id(alice.id, keys[1]) != group_id(bob.id, keys[1])


async def all_shown(alice: Person) -> dict[str, Any]:
    """What every reader shows of what she was told."""
    return {
        path: await alice.get(path)
        for path in (
            "/api/v1/notifications",
            "/api/v1/notifications?include_filtered=true",
            "/api/v1/notifications/unread_count",
            "/api/v2/notifications/unread_count",
            "/api/v1/notifications/requests",
        )
    } | {
        "groups": await groups(alice),
        "policy": (await alice.get("/api/v2/notifications/policy"))["summary"],
    }


async def test_all_is_put_away_at_once_and_removed_afterwards(house: House) -> None:
    alice, *fans = await house.people("alice", *(f"fan{i}" for i in range(5)))
    [stranger, late] = await house.people("stranger", "late")
    nothing = await all_shown(alice)
    post = await alice.post()
    for fan in fans:
        await fan.do(f"/api/v1/statuses/{post}/favourite")
        await fan.post("@alice hello")
        await fan.do(f"/api/v1/accounts/{alice.id}/follow")
    await stranger.post("@alice psst", visibility="direct")
    await house.drain()
    shown = await all_shown(alice)
    assert [name for name, found in shown.items() if found == nothing[name]] == []
    [mention] = [one for one in await groups(alice) if one["type"] == "mention"][:1]
    [likes] = [one for one in await groups(alice) if one["type"] == "favourite"]
    [request] = shown["/api/v1/notifications/requests"]
    with house.counted() as asked:
        await alice.do("/api/v1/notifications/clear")
    assert asked == {"assoc_range": 1, "commit": 1}
    assert await all_shown(alice) == nothing
    for path in (
        f"/api/v1/notifications/{mention['most_recent_notification_id']}",
        f"/api/v2/notifications/{likes['group_key']}",
        f"/api/v2/notifications/{likes['group_key']}/accounts",
        f"/api/v1/notifications/requests/{request['id']}",
    ):
        await house.ask("GET", path, token=alice.token, status=404)
    await alice.do(f"/api/v1/notifications/requests/{request['id']}/accept", status=404)
    graph = house.base.graph
    assert len(await graph.range(alice.id, NOTIFIED, limit=99)) == 16, "it is there still"
    liked = PostLiked(post=post, author=alice.id, actor=late.id, like=graph.new_id(0))
    assert await end(house, await begin(house, "notifications.liked", liked))
    [group] = await groups(alice)
    assert (group["group_key"], group["notifications_count"]) == (likes["group_key"], 1)
    assert group["sample_account_ids"] == [str(late.id)]
    before = {
        **await all_shown(alice),
        "accounts": await alice.get(f"/api/v2/notifications/{group['group_key']}/accounts"),
    }
    assert [one["id"] for one in before["accounts"]] == [str(late.id)]
    await house.drain()
    after = {
        **await all_shown(alice),
        "accounts": await alice.get(f"/api/v2/notifications/{group['group_key']}/accounts"),
    }
    assert after == before
    assert [row.target for row in await graph.range(alice.id, NOTIFIED, limit=99)] == [liked.like]
    assert await graph.find(alice.id, (ADMITS,), (FLOOR,)) == []
    await check_agreement(house, alice.id)


async def test_what_is_put_away_twice_is_gone_once(house: House) -> None:
    """The first of the functions to end leaves the floor of the other."""
    alice, bob, carol = await house.people("alice", "bob", "carol")
    post = await alice.post()
    graph = house.base.graph
    for who in (bob, carol):
        event = PostLiked(post=post, author=alice.id, actor=who.id, like=graph.new_id(0))
        assert await end(house, await begin(house, "notifications.liked", event))
        await alice.do("/api/v1/notifications/clear")
        await asyncio.sleep(0.002)
    [newest, oldest] = await graph.range(alice.id, NOTIFIED, limit=9)
    assert await end(house, await begin(house, "notifications.clear", Cleared(account=alice.id, upto=oldest.order)))
    await graph.sync()
    [floor] = await graph.find(alice.id, (ADMITS,), (FLOOR,))
    assert floor.order == newest.order
    assert await groups(alice) == []
    await house.drain()
    await graph.sync()
    assert await graph.find(alice.id, (ADMITS,), (FLOOR,)) == []
    assert await graph.range(alice.id, NOTIFIED, limit=9) == []


async def test_putting_away_does_not_let_in_what_was_undone(house: House) -> None:
    [alice] = await house.people("alice")
    event = PostUnliked(post=3, author=alice.id, actor=2, like=7)
    assert await end(house, await begin(house, "notifications.unliked", event))
    assert [row.flags for row in await house.base.graph.range(alice.id, NOTIFIED, limit=9)] == [UNDONE]
    assert await groups(alice) == []
    assert await alice.get("/api/v1/notifications/unread_count") == {"count": 0}
    await alice.do("/api/v1/notifications/7/dismiss")
    await alice.do("/api/v1/notifications/clear")
    late = PostLiked(post=3, author=alice.id, actor=2, like=7)
    assert await end(house, await begin(house, "notifications.liked", late))
    assert [row.flags for row in await house.base.graph.range(alice.id, NOTIFIED, limit=9)] == [UNDONE]


@pytest.mark.parametrize("late", [False, True])
async def test_a_direct_post_deleted_as_it_comes_leaves_no_conversation(house: House, late: bool) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("@bob psst", visibility="direct")
    await house.ask("DELETE", f"/api/v1/statuses/{post}", token=alice.token)
    flags, people = IS_DIRECT, (bob.id,)
    both = [
        ("conversations.published", PostPublished(post=post, author=alice.id, flags=flags, mentions=people)),
        ("conversations.deleted", PostDeleted(post=post, author=alice.id, flags=flags, mentions=people)),
    ]
    for name, event in reversed(both) if late else both:
        outcome = await begin(house, name, event)
        assert not isinstance(outcome, Split)
        assert await end(house, outcome)
        await house.drain()
    for who in (alice, bob):
        assert await who.get("/api/v1/conversations") == []
        assert await house.base.graph.range(who.id, CONVERSING, limit=9) == []


async def test_a_conversation_of_many_at_once_ends_at_its_newest(house: House) -> None:
    people = await house.people("alice", "bob", "carol")
    names = "@alice @bob @carol"
    root = await people[0].post(names, visibility="direct")

    async def talk(who: Person) -> None:
        for i in range(6):
            await who.post(f"{names} {i}", visibility="direct", in_reply_to_id=root)

    async with asyncio.TaskGroup() as all_of_it:
        for who in people:
            all_of_it.create_task(talk(who))
        for _ in range(3):
            await house.drain()
    await house.drain()
    for who in people:
        [one] = await who.get("/api/v1/conversations")
        said = await house.base.graph.range(int(one["id"]), SAID_IN, limit=100)
        assert len(said) == 19
        assert one["last_status"]["id"] == str(said[0].target)
        await who.do(f"/api/v1/conversations/{one['id']}/read")
    await house.drain()
    for who in people:
        assert [one["unread"] for one in await who.get("/api/v1/conversations")] == [False]


async def test_who_is_dropped_while_a_post_enters_has_no_conversation(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("@bob psst", visibility="direct")
    entering = await begin(house, "conversations.enter", Enter(post=post, root=post, accounts=(bob.id,)))
    await house.ask("PUT", f"/api/v1/statuses/{post}", token=alice.token, form={"status": "psst"})
    await house.drain()
    assert await end(house, entering)
    assert await bob.get("/api/v1/conversations") == []
    assert len(await alice.get("/api/v1/conversations")) == 1
    later = house.base.functions.get("conversations.settle_late")
    assert later is not None
    waiting = [
        msgspec.json.decode(call.arguments, type=later.arguments) for call in await calls_of(house.base.store, later)
    ]
    assert {one.account for one in waiting} == {bob.id}
    assert await end(house, await begin(house, later.name, waiting[0]))
    await house.drain()
    for list_, source in ((CONVERSING, bob.id), (SAID_IN, waiting[0].conversation)):
        assert await house.base.graph.range(source, list_, limit=9) == []


async def test_an_earlier_post_enters_while_the_newest_leaves(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    first = await alice.post("@bob psst", visibility="direct")
    last = await alice.post("@bob well?", visibility="direct", in_reply_to_id=first)
    names = [Enter(post=post, root=first, accounts=(bob.id,)) for post in (first, last)]
    assert await end(house, await begin(house, "conversations.enter", names[1]))
    entering = await begin(house, "conversations.enter", names[0])
    await house.ask("DELETE", f"/api/v1/statuses/{last}", token=alice.token)
    assert await end(house, await begin(house, "conversations.enter", names[1]))
    [row] = await house.base.graph.range(bob.id, CONVERSING, limit=9)
    settling = await begin(
        house, "conversations.settle", ConversationUnsettled(account=bob.id, conversation=row.target)
    )
    assert await end(house, entering)
    assert await end(house, settling)
    await house.drain()
    [one] = await bob.get("/api/v1/conversations")
    assert (one["last_status"]["id"], one["unread"]) == (str(first), True)


@pytest.mark.parametrize("read", [notifications, grouped])
async def test_what_one_did_long_ago_is_found_page_by_page(
    house: House, read: Callable[..., Awaitable[Told | Groups]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "EXAMINED", 2)
    monkeypatch.setattr(queries, "ROUNDS", 2)
    alice, bob, carol = await house.people("alice", "bob", "carol")
    posts = [await alice.post(f"post {i}") for i in range(12)]
    for post in posts:
        await (bob if post in posts[:2] else carol).do(f"/api/v1/statuses/{post}/favourite")
    await house.drain()
    graph = house.base.graph
    await graph.sync()
    met: list[int] = []
    wanted = Wanted(actor=bob.id, limit=1)
    while True:
        page = await read(graph, alice.id, wanted)
        met += [item.post.post.id for item in page.items if item.post is not None]
        if not page.more or page.oldest is None:
            break
        wanted = msgspec.structs.replace(wanted, before=(page.oldest, 0))
    assert met == list(reversed(posts[:2]))
