"""What follows from what people do, in whatever order it is worked off."""

from __future__ import annotations

import msgspec
import pytest

from ripstop.domain.accounts.model import ACCOUNT, CREDENTIALS
from ripstop.domain.follows.events import Followed, Muted, Unfollowed
from ripstop.domain.follows.model import MUTES
from ripstop.domain.notifications.model import NOTIFIED, UNDONE
from ripstop.domain.notifications.telling import Forget
from ripstop.domain.posts.events import PostLiked, PostReposted, PostUnliked, PostUnreposted
from ripstop.domain.posts.model import LIKED, POSTED, REPOSTED
from ripstop.machinery.functions import Call, Done, Outcome, Snooze
from ripstop.processes.argon import HASHER
from tests.domain.house import House


async def test_a_password_is_sealed_then_hashed_and_the_sealed_copy_erased(house: House) -> None:
    graph = house.base.graph
    form = {"username": "alice", "email": "alice@house.test", "password": "a quiet place", "agreement": "1"}
    await house.ask("POST", "/api/v1/accounts", token=await house.app_token(), form=form)
    found = await house.ask("GET", "/api/v1/accounts/lookup?acct=alice")
    account = await graph.get(ACCOUNT, int(found["id"]))
    assert account is not None
    assert account.value.credentials is not None
    before = await graph.get(CREDENTIALS, account.value.credentials)
    assert before is not None
    assert before.value.password_hash is None
    assert before.value.password_sealed is not None
    assert "quiet" not in before.value.password_sealed
    await house.drain()
    await graph.sync()
    after = await graph.get(CREDENTIALS, account.value.credentials)
    assert after is not None
    assert after.value.password_sealed is None
    assert after.value.password_hash is not None
    assert HASHER.verify(after.value.password_hash, "a quiet place")


ENDS: dict[str, dict[str, msgspec.Struct]] = {
    "follow": {
        "notifications.followed": Followed(follower=0, followed=0, follow=7),
        "notifications.unfollowed": Unfollowed(follower=0, followed=0, follow=7),
    },
    "like": {
        "notifications.liked": PostLiked(post=0, author=0, actor=0, like=7),
        "notifications.unliked": PostUnliked(post=0, author=0, actor=0, like=7),
    },
    "repost": {
        "notifications.reposted": PostReposted(post=0, author=0, actor=0, repost=7, flags=0),
        "notifications.unreposted": PostUnreposted(post=0, author=0, actor=0, repost=7),
    },
}
"""The two functions of each kind of thing, and what they are called with; the thing's own id has its kind's name."""


async def work_off(house: House, function: str, event: msgspec.Struct) -> Outcome:
    """Run a function as a worker would, and commit its effect."""
    declared = house.base.functions.get(function)
    assert declared is not None
    await house.base.graph.sync()
    outcome = await declared.handler(Call(1, function, event, 1, None, 0))
    if isinstance(outcome, Done) and outcome.effect is not None:
        [applied] = await house.base.store.commit([outcome.effect])
        assert applied.applied
    return outcome


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("late", [False, True])
async def test_the_two_ends_of_a_thing_leave_nothing_in_either_order(house: House, kind: str, late: bool) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post()
    ids = {"follower": bob.id, "followed": alice.id, "post": post, "author": alice.id, "actor": bob.id}
    ends = []
    for name, event in ENDS[kind].items():
        known = {field: ids[field] for field in event.__struct_fields__ if field in ids}
        ends.append((name, msgspec.structs.replace(event, **known)))
    for name, event in reversed(ends) if late else ends:
        await work_off(house, name, event)
    assert await alice.get("/api/v1/notifications") == []
    name, event = ends[0]
    await work_off(house, name, msgspec.structs.replace(event, **{kind: 8}))
    assert [told["id"] for told in await alice.get("/api/v1/notifications")] == ["8"]


async def test_what_undoing_leaves_behind_is_removed(house: House) -> None:
    graph = house.base.graph
    [alice] = await house.people("alice")
    await work_off(house, "notifications.unliked", PostUnliked(post=3, author=alice.id, actor=2, like=7))
    assert [row.flags for row in await graph.range(alice.id, NOTIFIED, limit=9)] == [UNDONE]
    [waiting] = [
        stats for name, stats in (await house.base.store.call_stats()).items() if name == "notifications.forget"
    ]
    assert waiting.waiting == 1
    await work_off(house, "notifications.forget", Forget(account=alice.id, id=7))
    assert await graph.range(alice.id, NOTIFIED, limit=9) == []
    await work_off(house, "notifications.liked", PostLiked(post=3, author=alice.id, actor=2, like=8))
    await work_off(house, "notifications.forget", Forget(account=alice.id, id=8))
    assert [row.target for row in await graph.range(alice.id, NOTIFIED, limit=9)] == [8]


async def test_a_mention_of_many_tells_each_of_them(house: House) -> None:
    people = await house.people("alice", "bob", "carol", "dora")
    post = await people[0].post("@bob @carol @dora @alice hello")
    await house.drain()
    for person in people[1:]:
        [told] = await person.get("/api/v1/notifications")
        assert (told["type"], told["status"]["id"]) == ("mention", str(post))
    assert await people[0].get("/api/v1/notifications") == []


async def test_a_block_ends_the_follow_of_the_blocked(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    await bob.follow(alice)
    await alice.do(f"/api/v1/accounts/{bob.id}/block")
    await house.drain()
    [relation] = await bob.get(f"/api/v1/accounts/relationships?id[]={alice.id}")
    assert (relation["following"], relation["blocked_by"]) == (False, True)


async def test_a_mute_ends_by_itself_unless_it_was_renewed(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    graph = house.base.graph
    path = f"/api/v1/accounts/{bob.id}/mute"

    async def mute() -> Muted:
        """Mute for an hour; what ends it, as if the hour were over."""
        await alice.do(path, {"duration": 3_600})
        [row] = await graph.find(alice.id, (MUTES,), (bob.id,))
        return Muted(muter=alice.id, muted=bob.id, mute=row.order, until=graph.now_ms() - 1)

    first, second = await mute(), await mute()
    early = msgspec.structs.replace(second, until=graph.now_ms() + 3_600_000)
    assert isinstance(await work_off(house, "follows.end_mute", early), Snooze)
    await work_off(house, "follows.end_mute", first)
    assert len(await graph.find(alice.id, (MUTES,), (bob.id,))) == 1
    await work_off(house, "follows.end_mute", second)
    assert await graph.find(alice.id, (MUTES,), (bob.id,)) == []


async def test_a_deleted_post_leaves_the_lists_of_all_who_liked_or_passed_it_on(house: House) -> None:
    alice, *crowd = await house.people("alice", *(f"fan{i}" for i in range(12)))
    post = await alice.post("soon gone")
    for fan in crowd:
        await fan.do(f"/api/v1/statuses/{post}/favourite")
        await fan.do(f"/api/v1/statuses/{post}/reblog")
    await house.drain()
    await house.ask("DELETE", f"/api/v1/statuses/{post}", token=alice.token)
    await house.drain()
    graph = house.base.graph
    for fan in crowd:
        for association in (LIKED, REPOSTED, POSTED):
            assert await graph.range(fan.id, association, limit=10) == []
    assert [fault async for fault in house.base.store.check()] == []
