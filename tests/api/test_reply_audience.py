"""Who may answer: chosen by whoever begins a thread, for all of the thread."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.client import Api, Person

POLICIES = ["everyone", "following", "followers", "mentioned"]


async def answer(api: Api, who: Person, post: dict[str, Any], expected: int = 200) -> dict[str, Any]:
    form = {"status": "an answer", "in_reply_to_id": post["id"]}
    found = await api.post("/api/v1/statuses", as_=who, form=form)
    assert found.status == expected, found.body
    return dict(found.json())


async def may_answer(api: Api, who: Person, post: dict[str, Any]) -> bool:
    shown = await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=who)
    [same] = await api.want("GET", "/api/v1/statuses", as_=who, query=[("id[]", post["id"])])
    assert shown == same
    return bool(shown["current_user_can_reply"])


@pytest.mark.parametrize("policy", POLICIES)
async def test_who_may_answer(api: Api, alice: Person, bob: Person, carol: Person, policy: str) -> None:
    dave = await api.person("dave")
    await api.follow(bob, alice)  # bob follows alice, alice follows carol, and dave is named
    await api.follow(alice, carol)
    post = await api.publish(alice, f"@{dave.username} said", reply_policy=policy)
    assert post["reply_policy"] == policy
    assert await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=alice) == post
    allowed = {
        alice: True,
        bob: policy in ("everyone", "followers"),
        carol: policy in ("everyone", "following"),
        dave: True,
    }
    for who, may in allowed.items():
        assert await may_answer(api, who, post) == may
        refused = await answer(api, who, post, 200 if may else 403)
        assert may or refused["error"].endswith(("can reply to it", "can reply"))
    shown = await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=alice)
    assert shown["replies_count"] == sum(allowed.values())
    public = await api.want("GET", f"/api/v1/statuses/{post['id']}")
    assert public["reply_policy"] == policy
    assert "current_user_can_reply" not in public


async def test_the_first_post_says_it_for_the_whole_thread(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    await api.follow(bob, alice)
    post = await api.publish(alice, "said", reply_policy="followers")
    inner = await answer(api, bob, post)
    assert (inner["reply_policy"], inner["current_user_can_reply"]) == (None, None)
    await answer(api, carol, inner, 403)
    deeper = await answer(api, alice, inner)
    await answer(api, carol, deeper, 403)
    await answer(api, bob, deeper)
    form = {"status": "x", "in_reply_to_id": post["id"], "reply_policy": "everyone"}
    assert (await api.post("/api/v1/statuses", as_=bob, form=form)).status == 422
    own = {"reply_policy": "everyone"}
    path = f"/api/v1/statuses/{inner['id']}/interaction_policy"
    assert (await api.ask("PUT", path, as_=bob, form=own)).status == 422
    await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=alice)
    await answer(api, carol, inner)


async def test_the_audience_is_changed(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "said")
    path = f"/api/v1/statuses/{post['id']}"
    inner = await answer(api, bob, post)
    closed = await api.want("PUT", f"{path}/interaction_policy", as_=alice, form={"reply_policy": "mentioned"})
    assert (closed["reply_policy"], closed["edited_at"], closed["replies_count"]) == ("mentioned", None, 1)
    await answer(api, bob, post, 403)
    await answer(api, bob, inner, 403)
    around = await api.want("GET", f"{path}/context", as_=bob)
    assert [item["id"] for item in around["descendants"]] == [inner["id"]]
    named = await api.want("PUT", path, as_=alice, form={"status": f"@{bob.username} said"})
    assert (named["reply_policy"], named["edited_at"] is not None) == ("mentioned", True)
    await answer(api, bob, post)
    opened = await api.want("PUT", path, as_=alice, form={"status": "said", "reply_policy": "everyone"})
    assert opened["reply_policy"] == "everyone"
    await answer(api, bob, inner)
    assert (await api.ask("PUT", path, as_=alice, form={"status": "x", "reply_policy": "nobody"})).status == 422
    assert (await api.want("GET", path, as_=alice))["content"] == opened["content"]


async def test_a_follow_opens_and_a_block_closes_at_once(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "said", reply_policy="followers")
    inner = await answer(api, alice, post)
    await answer(api, bob, post, 403)
    await api.follow(bob, alice)
    outer = await answer(api, bob, inner)
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
    await answer(api, bob, outer, 403)
    await answer(api, bob, post, 404)
    await api.follow(carol, alice)
    await answer(api, carol, outer)
    await api.want("POST", f"/api/v1/accounts/{alice.id}/unfollow", as_=carol)
    await answer(api, carol, outer, 403)


async def test_the_default_is_the_author_s(api: Api, alice: Person, bob: Person) -> None:
    form = {"source[reply_policy]": "following"}
    own = await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=form)
    assert own["source"]["reply_policy"] == "following"
    assert (await api.want("GET", "/api/v1/preferences", as_=alice))["posting:default:reply_policy"] == "following"
    post = await api.publish(alice, "said")
    assert post["reply_policy"] == "following"
    await answer(api, bob, post, 403)
    other = await api.publish(bob, "said")
    await answer(api, alice, other)
    bad = {"source[reply_policy]": "friends"}
    assert (await api.ask("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=bad)).status == 422


async def test_what_is_sent_after_the_audience_closed_is_refused(api: Api, alice: Person) -> None:
    """Answers that crossed with the change may be there; once it is acknowledged, none comes through any more."""
    post = await api.publish(alice, "said")
    path = f"/api/v1/statuses/{post['id']}"
    crowd = await asyncio.gather(*(api.person(f"fan{i}") for i in range(4)))
    closed = asyncio.Event()
    late: list[int] = []

    async def answers(who: Person) -> int:
        made = 0
        while True:
            is_late = closed.is_set()
            form = {"status": "an answer", "in_reply_to_id": post["id"]}
            found = await api.post("/api/v1/statuses", as_=who, form=form)
            assert found.status in (200, 403)
            made += found.status == 200
            if is_late:
                late.append(found.status)
                return made

    async def close() -> None:
        await api.want("PUT", f"{path}/interaction_policy", as_=alice, form={"reply_policy": "mentioned"})
        closed.set()

    counts = await asyncio.gather(*(answers(who) for who in crowd), close())
    assert late == [403] * len(crowd)
    shown = await api.want("GET", path, as_=alice)
    assert shown["replies_count"] == sum(count for count in counts if count is not None)
