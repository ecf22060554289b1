"""Of whom people want to be told, and those whom that leaves out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ripstop.surfaces.mastodon.entities.notifications import (
    NotificationPolicy,
    NotificationRequest,
    OldNotificationPolicy,
)
from tests.api.client import Api, Person
from tests.api.streams import Streams

POLICY = "/api/v2/notifications/policy"
REQUESTS = "/api/v1/notifications/requests"
DEFAULTS = {
    "for_not_following": "accept",
    "for_not_followers": "accept",
    "for_new_accounts": "accept",
    "for_private_mentions": "filter",
    "for_limited_accounts": "filter",
    "for_bots": "accept",
}


async def set_policy(api: Api, who: Person, **verdicts: str) -> None:
    form = {f"for_{name}": verdict for name, verdict in verdicts.items()}
    answer = await api.ask("PATCH", POLICY, as_=who, form=form)
    msgspec.json.decode(answer.body, type=NotificationPolicy)


async def pending(api: Api, who: Person) -> tuple[int, int]:
    """How many requests and notifications are held back."""
    await api.drained()
    summary = (await api.want("GET", POLICY, as_=who))["summary"]
    return summary["pending_requests_count"], summary["pending_notifications_count"]


async def requests(api: Api, who: Person) -> list[dict[str, Any]]:
    await api.drained()
    answer = await api.get(REQUESTS, as_=who)
    assert answer.status == 200, answer.body
    msgspec.json.decode(answer.body, type=list[NotificationRequest])
    return list(answer.json())


async def told(api: Api, who: Person, **query: str) -> list[str]:
    """Types of what somebody is told, in both versions."""
    await api.drained()
    old = [one["type"] for one in await api.want("GET", "/api/v1/notifications", as_=who, query=query)]
    found = await api.want("GET", "/api/v2/notifications", as_=who, query={"grouped_types[]": "", **query})
    assert [one["type"] for one in found["notification_groups"]] == old
    return old


async def test_the_policy_in_both_versions(api: Api, alice: Person) -> None:
    nothing = {"pending_requests_count": 0, "pending_notifications_count": 0}
    assert await api.want("GET", POLICY, as_=alice) == {**DEFAULTS, "summary": nothing}
    await set_policy(api, alice, not_following="drop", private_mentions="accept")
    changed = {**DEFAULTS, "for_not_following": "drop", "for_private_mentions": "accept"}
    assert await api.want("GET", POLICY, as_=alice) == {**changed, "summary": nothing}
    old = "/api/v1/notifications/policy"
    answer = await api.get(old, as_=alice)
    msgspec.json.decode(answer.body, type=OldNotificationPolicy)
    filters = {
        "filter_not_following": True,
        "filter_not_followers": False,
        "filter_new_accounts": False,
        "filter_private_mentions": False,
    }
    assert answer.json() == {**filters, "summary": nothing}
    form = {"filter_not_following": "false", "filter_new_accounts": "1"}
    said = await api.want("PATCH", old, as_=alice, form=form)
    assert (said["filter_not_following"], said["filter_new_accounts"]) == (False, True)
    now = await api.want("GET", POLICY, as_=alice)
    assert (now["for_not_following"], now["for_new_accounts"]) == ("accept", "filter")
    bad = await api.ask("PATCH", POLICY, as_=alice, json={"for_bots": "filter", "for_not_following": "maybe"})
    assert bad.status == 422
    assert await api.want("GET", POLICY, as_=alice) == now


async def test_what_is_held_back_is_seen_nowhere_but_among_requests(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    await set_policy(api, alice, not_following="filter")
    await api.follow(alice, carol)
    post = await api.publish(alice, "hello")
    await api.drained()
    async with streams.socket(alice, "user:notification") as hers:
        for who in (bob, carol):
            await api.want("POST", f"/api/v1/statuses/{post['id']}/favourite", as_=who)
        mention = await api.publish(bob, f"@{alice.username} hi")
        await api.drained()
        await api.follow(carol, alice)
        events = [(await hers.next())[2]["type"] for _ in range(2)]
    assert events == ["favourite", "follow"]
    assert await told(api, alice) == ["follow", "favourite"]
    assert await told(api, alice, include_filtered="true") == ["follow", "mention", "favourite", "favourite"]
    counts = [await api.want("GET", f"/api/{v}/notifications/unread_count", as_=alice) for v in ("v1", "v2")]
    assert counts == [{"count": 2}, {"count": 2}]
    [request] = await requests(api, alice)
    assert (request["account"]["id"], request["notifications_count"]) == (bob.id, "2")
    assert request["last_status"]["id"] == mention["id"]
    assert request["created_at"] <= request["updated_at"]
    assert await api.want("GET", f"{REQUESTS}/{request['id']}", as_=alice) == request
    assert (await api.get(f"{REQUESTS}/{request['id']}", as_=bob)).status == 404
    assert await pending(api, alice) == (1, 2)
    held = await api.want("GET", "/api/v1/notifications", as_=alice, query={"include_filtered": "1"})
    assert [one.get("filtered", False) for one in held] == [False, True, False, True]


async def test_a_request_follows_what_is_undone(api: Api, alice: Person, bob: Person) -> None:
    await set_policy(api, alice, not_following="filter")
    post = await api.publish(alice, "hello")
    for verb in ("favourite", "reblog"):
        await api.want("POST", f"/api/v1/statuses/{post['id']}/{verb}", as_=bob)
    assert await pending(api, alice) == (1, 2)
    await api.want("POST", f"/api/v1/statuses/{post['id']}/unreblog", as_=bob)
    assert await pending(api, alice) == (1, 1)
    await api.follow(bob, alice)
    [request] = await requests(api, alice)
    assert (request["notifications_count"], request["last_status"]["id"]) == ("2", post["id"])
    await api.want("POST", f"/api/v1/accounts/{alice.id}/unfollow", as_=bob)
    await api.want("POST", f"/api/v1/statuses/{post['id']}/unfavourite", as_=bob)
    assert await pending(api, alice) == (0, 0)
    assert await requests(api, alice) == []


async def test_who_is_accepted_is_heard_with_all_that_was_held_back(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    await set_policy(api, alice, not_following="filter")
    post = await api.publish(alice, "hello")
    for who in (bob, carol):
        await api.want("POST", f"/api/v1/statuses/{post['id']}/favourite", as_=who)
    await api.publish(bob, f"@{alice.username} hi")
    his = next(one for one in await requests(api, alice) if one["account"]["id"] == bob.id)
    path = f"{REQUESTS}/{his['id']}"
    assert (await api.post(f"{path}/accept", as_=carol)).status == 404
    async with streams.socket(alice, "user:notification") as hers:
        assert await api.want("POST", f"{path}/accept", as_=alice) == {}
        assert (await hers.next())[1] == "notifications_merged"
    await api.drained()
    assert await api.want("GET", f"{REQUESTS}/merged", as_=alice) == {"merged": True}
    assert await told(api, alice) == ["mention", "favourite"]
    [_, likes] = (await api.want("GET", "/api/v2/notifications", as_=alice))["notification_groups"]
    assert (likes["notifications_count"], likes["sample_account_ids"]) == (1, [bob.id])
    assert likes["group_key"].startswith("like-")
    assert [one["account"]["id"] for one in await requests(api, alice)] == [carol.id]
    assert (await api.get(path, as_=alice)).status == 404
    assert (await api.post(f"{path}/accept", as_=alice)).status == 404
    await api.follow(bob, alice)
    assert await told(api, alice) == ["follow", "mention", "favourite"]
    await api.want("POST", f"/api/v1/statuses/{post['id']}/unfavourite", as_=bob)
    assert await told(api, alice) == ["follow", "mention"]


async def test_what_is_dismissed_is_gone_until_there_is_more(api: Api, alice: Person, bob: Person) -> None:
    await set_policy(api, alice, not_following="filter")
    await api.publish(bob, f"@{alice.username} hi")
    [request] = await requests(api, alice)
    assert await api.want("POST", f"{REQUESTS}/{request['id']}/dismiss", as_=alice) == {}
    assert await requests(api, alice) == []
    assert await told(api, alice, include_filtered="true") == []
    last = await api.publish(bob, f"@{alice.username} ho")
    [again] = await requests(api, alice)
    assert (again["notifications_count"], again["last_status"]["id"]) == ("1", last["id"])


async def test_several_at_once(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    dora = await api.person("dora")
    await set_policy(api, alice, not_following="filter")
    for who in (bob, carol, dora):
        await api.publish(who, f"@{alice.username} hi")
    found = await requests(api, alice)
    assert [one["account"]["id"] for one in found] == [dora.id, carol.id, bob.id]
    page = await api.get(REQUESTS, as_=alice, query={"limit": "2"})
    older = page.link("next")
    assert older is not None
    assert (await api.get(REQUESTS, as_=alice, query=older)).ids == [found[2]["id"]]
    accepted = [("id[]", found[0]["id"]), ("id[]", found[1]["id"]), ("id[]", "17")]
    assert await api.want("POST", f"{REQUESTS}/accept", as_=alice, form=accepted) == {}
    assert await told(api, alice) == ["mention", "mention"]
    assert await api.want("POST", f"{REQUESTS}/dismiss", as_=alice, form=[("id[]", found[2]["id"])]) == {}
    assert await pending(api, alice) == (0, 0)
    assert await api.want("POST", f"{REQUESTS}/accept", as_=alice) == {}
    assert (await api.post(f"{REQUESTS}/accept", as_=alice, json={"id": ["x"]})).status == 422


@pytest.mark.parametrize("verdict", ["filter", "drop"])
@pytest.mark.parametrize("rule", ["not_following", "not_followers", "new_accounts", "bots"])
async def test_each_rule(api: Api, alice: Person, bob: Person, rule: str, verdict: str) -> None:
    """Bob is all of it; then he is not, where he can help it."""
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=bob, form={"bot": "true"})
    await set_policy(api, alice, **{rule: verdict})
    await api.publish(bob, f"@{alice.username} hi")
    assert await told(api, alice) == []
    assert await pending(api, alice) == ((1, 1) if verdict == "filter" else (0, 0))
    mended = {
        "not_following": ("POST", f"/api/v1/accounts/{bob.id}/follow", alice, {}),
        "not_followers": ("POST", f"/api/v1/accounts/{alice.id}/follow", bob, {}),
        "bots": ("PATCH", "/api/v1/accounts/update_credentials", bob, {"bot": "false"}),
    }
    if rule in mended:
        method, path, who, form = mended[rule]
        await api.want(method, path, as_=who, form=form)
        await api.publish(bob, f"@{alice.username} ho")
        assert (await told(api, alice))[0] == "mention"


async def test_dropping_goes_before_filtering(api: Api, alice: Person, bob: Person) -> None:
    await set_policy(api, alice, not_following="filter", not_followers="drop")
    await api.publish(bob, f"@{alice.username} hi")
    assert await pending(api, alice) == (0, 0)


async def test_private_mentions(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    await api.publish(bob, f"@{alice.username} psst", visibility="direct")
    assert await told(api, alice) == []
    assert await pending(api, alice) == (1, 1)
    mine = await api.publish(alice, f"@{carol.username} psst", visibility="direct")
    await api.publish(carol, f"@{alice.username} yes?", visibility="direct", in_reply_to_id=mine["id"])
    assert await told(api, alice) == ["mention"]
    await api.publish(bob, f"@{alice.username} aloud")
    assert await told(api, alice) == ["mention", "mention"]
    await api.follow(alice, bob)
    await api.publish(bob, f"@{alice.username} psst", visibility="direct")
    assert await told(api, alice) == ["mention"] * 3
