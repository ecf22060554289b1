"""How two people stand to each other."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.client import Api, Person

RELATIONSHIP_KEYS = {
    "id", "following", "showing_reblogs", "notifying", "languages", "followed_by", "blocking", "blocked_by", "muting",
    "muting_notifications", "requested", "requested_by", "domain_blocking", "endorsed", "note",
}  # fmt: skip


async def relationship(api: Api, who: Person, whom: Person) -> dict[str, object]:
    [found] = await api.want("GET", "/api/v1/accounts/relationships", as_=who, query={"id[]": whom.id})
    assert set(found) == RELATIONSHIP_KEYS
    return dict(found)


async def test_following_and_unfollowing(api: Api, alice: Person, bob: Person) -> None:
    path = f"/api/v1/accounts/{alice.id}"
    for _ in range(2):
        said = await api.want("POST", f"{path}/follow", as_=bob)
        assert said == await relationship(api, bob, alice)
        assert said["following"] is said["showing_reblogs"] is True
        assert said["notifying"] is False
    assert (await relationship(api, alice, bob))["followed_by"] is True
    assert (await api.want("GET", path))["followers_count"] == 1
    for _ in range(2):
        said = await api.want("POST", f"{path}/unfollow", as_=bob)
        assert said == await relationship(api, bob, alice)
        assert said["following"] is said["showing_reblogs"] is False
    assert (await api.want("GET", path))["followers_count"] == 0
    assert (await api.want("GET", f"/api/v1/accounts/{bob.id}"))["following_count"] == 0


async def test_a_follow_can_be_changed_and_keeps_its_place(api: Api, alice: Person, bob: Person) -> None:
    path = f"/api/v1/accounts/{alice.id}/follow"
    await api.want("POST", path, as_=bob)
    said = await api.want("POST", path, as_=bob, form={"reblogs": "false", "notify": "true", "languages[]": "de"})
    assert (said["showing_reblogs"], said["notifying"], said["languages"]) == (False, True, ["de"])
    assert await relationship(api, bob, alice) == said
    said = await api.want("POST", path, as_=bob, json={"notify": False})
    assert (said["showing_reblogs"], said["notifying"], said["languages"]) == (False, False, ["de"])
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["followers_count"] == 1


async def test_many_follows_at_once_count_once(api: Api, alice: Person, bob: Person) -> None:
    path = f"/api/v1/accounts/{alice.id}/follow"
    answers = await asyncio.gather(*(api.post(path, as_=bob) for _ in range(16)))
    assert {answer.status for answer in answers} == {200}
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["followers_count"] == 1
    await api.drained()
    assert len((await api.get("/api/v1/notifications", as_=alice)).ids) == 1


async def test_nobody_follows_blocks_or_mutes_themselves(api: Api, alice: Person) -> None:
    for verb in ("follow", "block", "mute"):
        assert (await api.post(f"/api/v1/accounts/{alice.id}/{verb}", as_=alice)).status == 403


async def test_a_block_ends_both_follows_and_forbids_new_ones(api: Api, alice: Person, bob: Person) -> None:
    await api.follow(alice, bob)
    await api.follow(bob, alice)
    said = await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
    assert (said["blocking"], said["following"], said["followed_by"]) == (True, False, False)
    assert (await relationship(api, bob, alice))["blocked_by"] is True
    await api.drained()
    assert (await relationship(api, bob, alice))["following"] is False
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["followers_count"] == 0
    for who, whom in ((alice, bob), (bob, alice)):
        assert (await api.post(f"/api/v1/accounts/{whom.id}/follow", as_=who)).status == 403
    assert (await api.get("/api/v1/blocks", as_=alice)).ids == [bob.id]
    said = await api.want("POST", f"/api/v1/accounts/{bob.id}/unblock", as_=alice)
    assert said["blocking"] is False
    await api.follow(bob, alice)


async def test_the_blocked_see_nothing_of_who_blocks_them(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "before")
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
    for verb in ("", "/context", "/favourited_by"):
        assert (await api.get(f"/api/v1/statuses/{post['id']}{verb}", as_=bob)).status == 404
    for verb in ("favourite", "reblog", "bookmark"):
        assert (await api.post(f"/api/v1/statuses/{post['id']}/{verb}", as_=bob)).status == 404
    answer = await api.post("/api/v1/statuses", as_=bob, form={"status": "hey", "in_reply_to_id": post["id"]})
    assert answer.status == 404
    assert (await api.get(f"/api/v1/accounts/{alice.id}/statuses", as_=bob)).ids == []


async def test_muting_with_and_without_notifications(api: Api, alice: Person, bob: Person) -> None:
    path = f"/api/v1/accounts/{bob.id}"
    said = await api.want("POST", f"{path}/mute", as_=alice)
    assert (said["muting"], said["muting_notifications"]) == (True, True)
    said = await api.want("POST", f"{path}/mute", as_=alice, form={"notifications": "false"})
    assert (said["muting"], said["muting_notifications"]) == (True, False)
    assert said == await relationship(api, alice, bob)
    assert (await api.get("/api/v1/mutes", as_=alice)).ids == [bob.id]
    assert (await relationship(api, bob, alice))["blocked_by"] is False
    said = await api.want("POST", f"{path}/unmute", as_=alice)
    assert (said["muting"], said["muting_notifications"]) == (False, False)


async def test_mutes_tell_when_they_end(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    await api.want("POST", f"/api/v1/accounts/{bob.id}/mute", as_=alice, form={"duration": "3600"})
    await api.want("POST", f"/api/v1/accounts/{carol.id}/mute", as_=alice)
    for_ever, for_an_hour = await api.want("GET", "/api/v1/mutes", as_=alice)
    assert (for_ever["id"], for_ever["mute_expires_at"]) == (carol.id, None)
    left = datetime.fromisoformat(for_an_hour["mute_expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=55) < left <= timedelta(hours=1, minutes=5)


async def test_a_follower_can_be_removed(api: Api, alice: Person, bob: Person) -> None:
    await api.follow(bob, alice)
    said = await api.want("POST", f"/api/v1/accounts/{bob.id}/remove_from_followers", as_=alice)
    assert said["followed_by"] is False
    assert (await relationship(api, bob, alice))["following"] is False


async def test_relationships_of_many(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    await api.follow(alice, bob)
    await api.follow(carol, alice)
    query = [("id[]", carol.id), ("id[]", "17"), ("id[]", bob.id), ("id[]", carol.id)]
    found = await api.want("GET", "/api/v1/accounts/relationships", as_=alice, query=query)
    assert [(one["id"], one["following"], one["followed_by"]) for one in found] == [
        (carol.id, False, True),
        (bob.id, True, False),
    ]
    assert await api.want("GET", "/api/v1/accounts/relationships", as_=alice) == []


@pytest.mark.parametrize(("verb", "scope"), [("follow", "write:follows"), ("block", "follow"), ("mute", "write")])
async def test_the_scope_decides(api: Api, alice: Person, verb: str, scope: str) -> None:
    allowed = await api.person("w", scopes=f"write:accounts {scope}")
    reader = await api.person("r", scopes="read write:accounts write:statuses")
    assert (await api.post(f"/api/v1/accounts/{alice.id}/{verb}", as_=allowed)).status == 200
    assert (await api.post(f"/api/v1/accounts/{alice.id}/{verb}", as_=reader)).status == 403
    assert (await api.post(f"/api/v1/accounts/{alice.id}/{verb}")).status == 401
    assert (await api.post(f"/api/v1/accounts/17/{verb}", as_=allowed)).status == 404


async def test_posts_that_name_whom_one_blocks_are_not_at_home(
    api: Api, alice: Person, bob: Person, carol: Person
) -> None:
    """Whoever wrote them, and whoever passed them on, but for the viewer."""
    dan = await api.person("dan")
    for author in (bob, carol):
        await api.follow(alice, author)
    plain = await api.publish(bob, "to nobody")
    named = await api.publish(bob, f"@{dan.username} and @{carol.username}")
    repost = await api.want("POST", f"/api/v1/statuses/{named['id']}/reblog", as_=carol)
    assert (await api.get("/api/v1/timelines/home", as_=alice)).ids == [repost["id"], plain["id"]]
    await api.want("POST", f"/api/v1/accounts/{dan.id}/block", as_=alice)
    assert (await api.get("/api/v1/timelines/home", as_=alice)).ids == [plain["id"]]
    own = await api.want("POST", f"/api/v1/statuses/{named['id']}/reblog", as_=alice)
    assert (await api.get("/api/v1/timelines/home", as_=alice)).ids == [own["id"], plain["id"]]
