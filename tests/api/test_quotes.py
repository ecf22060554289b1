"""Quoting posts: who may, what is shown of it to whom, and taking it back."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.api.client import Api, Person
from tests.api.streams import Streams
from tests.api.test_statuses import STATUS_KEYS


async def quote(api: Api, who: Person, post: dict[str, Any], text: str = "look", **fields: object) -> dict[str, Any]:
    return await api.publish(who, text, quoted_status_id=post["id"], **fields)


async def status(api: Api, post: dict[str, Any], as_: Person | None = None) -> dict[str, Any]:
    return dict(await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=as_))


async def state(api: Api, post: dict[str, Any], as_: Person | None = None) -> str:
    """The state of a quote; whatever is not accepted must tell nothing of what is quoted."""
    found = (await status(api, post, as_))["quote"]
    assert set(found) == {"state", "quoted_status"}
    assert (found["quoted_status"] is not None) == (found["state"] == "accepted")
    return str(found["state"])


async def test_a_quote_shows_what_it_quotes(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "said")
    assert (post["quote"], post["quotes_count"]) == (None, 0)
    quoting = await quote(api, bob, post)
    assert set(quoting) == STATUS_KEYS
    assert quoting["quote"] == {"state": "accepted", "quoted_status": await status(api, post, bob)}
    assert set(quoting["quote"]["quoted_status"]) == STATUS_KEYS
    assert (await status(api, post, alice))["quotes_count"] == 1
    assert await status(api, quoting, bob) == quoting
    assert (await api.want("GET", "/api/v1/timelines/home", as_=bob))[0] == quoting
    assert (await api.want("GET", f"/api/v1/accounts/{bob.id}/statuses", as_=bob)) == [quoting]
    unseen = await status(api, quoting)
    assert unseen["quote"] == {"state": "accepted", "quoted_status": await status(api, post)}


async def test_clients_that_know_no_quotes_find_a_link(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "said")
    content = (await quote(api, bob, post, "<look>"))["content"]
    assert content.startswith('<p class="quote-inline">RE: <a href="' + post["url"] + '"')
    assert content.endswith("</a></p><p>&lt;look&gt;</p>")
    linked = await quote(api, bob, post, f"look at {post['url']}")
    assert "quote-inline" not in linked["content"]


async def test_a_quote_needs_no_text(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "said")
    quoting = await quote(api, bob, post, "")
    assert quoting["quote"]["quoted_status"]["id"] == post["id"]
    path = f"/api/v1/statuses/{quoting['id']}"
    await api.want("PUT", path, as_=bob, form={"status": "said more"})
    edited = await api.want("PUT", path, as_=bob, form={"status": ""})
    assert edited["quote"] == quoting["quote"]
    source = await api.want("GET", f"{path}/source", as_=bob)
    assert source["text"] == ""


@pytest.mark.parametrize("policy", ["public", "followers", "nobody"])
@pytest.mark.parametrize("visibility", ["public", "unlisted", "private", "direct"])
async def test_who_may_quote(api: Api, alice: Person, bob: Person, carol: Person, policy: str, visibility: str) -> None:
    await api.follow(bob, alice)
    text = f"@{bob.username} @{carol.username} said"
    post = await api.publish(alice, text, visibility=visibility, quote_approval_policy=policy)
    assert await status(api, post, alice) == post
    narrow = visibility in ("private", "direct")
    shown = [] if narrow or policy == "nobody" else [policy]
    allowed = {
        alice: visibility != "direct",
        bob: not narrow and policy != "nobody",
        carol: not narrow and policy == "public",
    }
    for who, may in allowed.items():
        approval = (await status(api, post, who))["quote_approval"]
        assert approval == {"automatic": shown, "manual": [], "current_user": "automatic" if may else "denied"}
        form = {"status": "look", "quoted_status_id": post["id"]}
        answer = await api.post("/api/v1/statuses", as_=who, form=form)
        assert answer.status == (200 if may else 403), answer.body
    if not narrow:
        assert (await status(api, post))["quote_approval"]["current_user"] == "denied"
    count = (await status(api, post, alice))["quotes_count"]
    assert count == (0 if narrow else sum(allowed.values()))  # private quotes are counted to nobody


async def test_the_default_is_the_author_s(api: Api, alice: Person) -> None:
    preferences = "/api/v1/preferences"
    assert (await api.want("GET", preferences, as_=alice))["posting:default:quote_policy"] == "public"
    form = {"source[quote_policy]": "followers"}
    own = await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=form)
    assert own["source"]["quote_policy"] == "followers"
    assert (await api.want("GET", preferences, as_=alice))["posting:default:quote_policy"] == "followers"
    assert (await api.publish(alice, "said"))["quote_approval"]["automatic"] == ["followers"]
    bad = {"source[quote_policy]": "friends"}
    assert (await api.ask("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=bad)).status == 422


async def test_the_policy_is_changed_without_an_edit(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "said")
    quoting = await quote(api, bob, post)
    path = f"/api/v1/statuses/{post['id']}"
    changed = await api.want("PUT", f"{path}/interaction_policy", as_=alice, form={"quote_approval_policy": "nobody"})
    assert changed["quote_approval"] == {"automatic": [], "manual": [], "current_user": "automatic"}
    assert changed["edited_at"] is None
    assert await state(api, quoting, bob) == "accepted"
    form = {"status": "look", "quoted_status_id": post["id"]}
    assert (await api.post("/api/v1/statuses", as_=bob, form=form)).status == 403
    same = await api.want("PUT", path, as_=alice, form={"status": "said", "quote_approval_policy": "followers"})
    assert (same["quote_approval"]["automatic"], same["edited_at"]) == (["followers"], None)
    edited = await api.want("PUT", path, as_=alice, form={"status": "said more", "quote_approval_policy": "public"})
    assert edited["quote_approval"]["automatic"] == ["public"]
    assert edited["edited_at"] is not None
    kept = await api.want("PUT", path, as_=alice, form={"status": "said even more"})
    assert kept["quote_approval"]["automatic"] == ["public"]
    assert len(await api.want("GET", f"{path}/history")) == 3
    for who, policy, expected in ((bob, "nobody", 404), (alice, "friends", 422)):
        form = {"quote_approval_policy": policy}
        assert (await api.ask("PUT", f"{path}/interaction_policy", as_=who, form=form)).status == expected
    assert (await api.want("GET", path, as_=alice)) == kept


async def test_what_quotes_a_private_post_is_private(api: Api, alice: Person, bob: Person) -> None:
    await api.follow(bob, alice)
    post = await api.publish(alice, "for friends", visibility="private")
    for asked, given in (("public", "private"), ("unlisted", "private"), ("private", "private"), ("direct", "direct")):
        assert (await quote(api, alice, post, visibility=asked))["visibility"] == given


async def test_a_direct_post_quotes_only_whom_it_names(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "said")
    form = {"status": "look", "quoted_status_id": post["id"], "visibility": "direct"}
    assert (await api.post("/api/v1/statuses", as_=bob, form=form)).status == 422
    named = await quote(api, bob, post, f"@{alice.username} look", visibility="direct")
    assert await state(api, named, alice) == "accepted"


async def test_a_repost_stands_for_what_it_passes_on(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "said", quote_approval_policy="followers")
    await api.follow(carol, bob)
    await api.follow(bob, alice)
    quoting = await quote(api, bob, post)
    passed_on = await api.want("POST", f"/api/v1/statuses/{quoting['id']}/reblog", as_=carol)
    assert passed_on["quote"] is None
    assert passed_on["reblog"]["quote"]["quoted_status"]["id"] == post["id"]
    again = await api.want("POST", f"/api/v1/statuses/{post['id']}/reblog", as_=carol)
    assert again["quote_approval"] == again["reblog"]["quote_approval"]
    assert again["quote_approval"] == {"automatic": ["followers"], "manual": [], "current_user": "denied"}
    home = await api.want("GET", "/api/v1/timelines/home", as_=carol)
    assert [item["id"] for item in home[:2]] == [again["id"], passed_on["id"]]
    of_repost = await quote(api, bob, again)
    assert of_repost["quote"]["quoted_status"]["id"] == post["id"]


async def test_within_a_quote_another_is_an_id(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    first = await api.publish(alice, "first")
    second = await quote(api, bob, first, "second")
    third = await quote(api, carol, second, "third")
    assert third["quote"]["quoted_status"]["quote"] == {"state": "accepted", "quoted_status_id": first["id"]}
    shown = await api.want("GET", "/api/v1/statuses", as_=carol, query=[("id[]", p["id"]) for p in (third, second)])
    assert shown[0] == third
    assert shown[1]["quote"]["quoted_status"]["id"] == first["id"]
    await api.want("POST", f"/api/v1/accounts/{alice.id}/block", as_=carol)
    inner = (await status(api, third, carol))["quote"]["quoted_status"]["quote"]
    assert inner == {"state": "blocked_account", "quoted_status_id": None}
    await api.want("DELETE", f"/api/v1/statuses/{first['id']}", as_=alice)
    inner = (await status(api, third))["quote"]["quoted_status"]["quote"]
    assert inner == {"state": "deleted", "quoted_status_id": None}


async def test_what_a_viewer_may_not_see_is_not_shown(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "a secret word")
    quoting = await quote(api, bob, post)
    await api.follow(carol, bob)
    lists = ["/api/v1/timelines/home", f"/api/v1/accounts/{bob.id}/statuses", "/api/v1/timelines/public?local=true"]

    async def shown_everywhere(expected: str) -> None:
        assert await state(api, quoting, carol) == expected
        for path in lists:
            answer = await api.get(path, as_=carol)
            [found] = [item for item in answer.json() if item["id"] == quoting["id"]]
            assert found["quote"] == {"state": expected, "quoted_status": None}
            assert b"a secret word" not in answer.body or expected == "accepted"

    for act, undo, who, whom, expected in (
        ("mute", "unmute", carol, alice, "muted_account"),
        ("block", "unblock", carol, alice, "blocked_account"),
        ("block", "unblock", alice, carol, "unauthorized"),
    ):
        assert await state(api, quoting, carol) == "accepted"
        await api.want("POST", f"/api/v1/accounts/{whom.id}/{act}", as_=who)
        await shown_everywhere(expected)
        assert await state(api, quoting, bob) == "accepted"
        await api.want("POST", f"/api/v1/accounts/{whom.id}/{undo}", as_=who)
    await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=alice)
    await shown_everywhere("deleted")
    assert await state(api, quoting) == "deleted"


async def test_a_private_post_is_shown_in_a_quote_to_those_alone_whom_it_is_for(
    api: Api, alice: Person, bob: Person, carol: Person
) -> None:
    await api.follow(bob, alice)
    post = await api.publish(alice, "for friends", visibility="private")
    quoting = await quote(api, alice, post, f"look @{carol.username}")
    assert await state(api, quoting, bob) == "accepted"
    assert await state(api, quoting, carol) == "unauthorized"


async def test_quotes_are_listed(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "said")
    path = f"/api/v1/statuses/{post['id']}/quotes"
    quotes = [await quote(api, who, post, str(i)) for i, who in enumerate((bob, carol, bob, carol, bob))]
    newest_first = [each["id"] for each in reversed(quotes)]
    answer = await api.get(path, as_=alice)
    assert answer.ids == newest_first
    found = []
    query: dict[str, str] | None = {"limit": "2"}
    while query is not None:
        page = await api.get(path, as_=alice, query=query)
        found += page.ids
        query = page.link("next")
    assert found == newest_first
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
    assert (await api.get(path, as_=alice)).ids == [quotes[3]["id"], quotes[1]["id"]]
    assert (await api.get(path)).status == 401
    private = await api.publish(carol, "mine alone", visibility="private")
    assert (await api.get(f"/api/v1/statuses/{private['id']}/quotes", as_=bob)).status == 404


async def test_the_quoted_author_takes_a_quote_back(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "said")
    quoting, other = await quote(api, bob, post), await quote(api, carol, post)
    path = f"/api/v1/statuses/{post['id']}/quotes/{quoting['id']}/revoke"
    assert (await api.post(path, as_=bob)).status == 403
    assert (await api.post(path)).status == 401
    wrong = f"/api/v1/statuses/{post['id']}/quotes/{post['id']}/revoke"
    assert (await api.post(wrong, as_=alice)).status == 404
    revoked = await api.want("POST", path, as_=alice)
    assert revoked["id"] == quoting["id"]
    assert revoked["quote"] == {"state": "revoked", "quoted_status": None}
    assert post["url"] not in revoked["content"]
    assert (await api.post(path, as_=alice)).status == 404
    assert await state(api, quoting, bob) == "revoked"
    assert (await status(api, post, alice))["quotes_count"] == 1
    assert (await api.get(f"/api/v1/statuses/{post['id']}/quotes", as_=alice)).ids == [other["id"]]
    await api.want("PUT", f"/api/v1/statuses/{quoting['id']}", as_=bob, form={"status": "again"})
    assert await state(api, quoting, bob) == "revoked"
    await api.want("DELETE", f"/api/v1/statuses/{quoting['id']}", as_=bob)
    assert (await status(api, post, alice))["quotes_count"] == 1


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_nobody_shields_a_quote_from_its_author(
    api: Api, alice: Person, bob: Person, carol: Person, visibility: str
) -> None:
    post = await api.publish(alice, "said")
    quoting = await quote(api, bob, post, visibility=visibility)
    assert await state(api, quoting, alice) == "accepted"
    is_public = visibility == "public"
    assert (await api.get(f"/api/v1/statuses/{quoting['id']}", as_=carol)).status == (200 if is_public else 404)
    assert (await status(api, post))["quotes_count"] == int(is_public)
    listed = (await api.get(f"/api/v1/statuses/{post['id']}/quotes", as_=alice)).ids
    assert listed == [quoting["id"]] * int(is_public)
    if is_public:
        await api.want("POST", f"/api/v1/accounts/{alice.id}/block", as_=bob)
    path = f"/api/v1/statuses/{post['id']}/quotes/{quoting['id']}/revoke"
    assert (await api.want("POST", path, as_=alice))["quote"]["state"] == "revoked"


async def test_whoever_is_blocked_cannot_quote(api: Api, alice: Person, bob: Person) -> None:
    for (one, other), expected in zip(itertools.permutations((alice, bob)), (403, 404), strict=True):
        post = await api.publish(bob, "said")
        await api.want("POST", f"/api/v1/accounts/{other.id}/block", as_=one)
        form = {"status": "look", "quoted_status_id": post["id"]}
        assert (await api.post("/api/v1/statuses", as_=alice, form=form)).status == expected
        await api.want("POST", f"/api/v1/accounts/{other.id}/unblock", as_=one)


async def test_deleting_a_quote_gives_back_what_it_said(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "said")
    quoting = await quote(api, bob, post, "look #there")
    deleted = await api.want("DELETE", f"/api/v1/statuses/{quoting['id']}", as_=bob)
    assert deleted == {**quoting, "text": "look #there"}
    again = await quote(api, bob, post, deleted["text"])
    assert (await status(api, post, alice))["quotes_count"] == 1
    assert again["quote"]["quoted_status"]["id"] == post["id"]


async def test_filters_look_into_what_is_quoted(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "a spoiler")
    quoting = await quote(api, bob, post)
    form = {"title": "films", "context[]": "home", "keywords_attributes[0][keyword]": "spoiler"}
    await api.want("POST", "/api/v2/filters", as_=carol, form=form)
    shown = await status(api, quoting, carol)
    assert shown["filtered"] == []
    [match] = shown["quote"]["quoted_status"]["filtered"]
    assert match["keyword_matches"] == ["spoiler"]


async def told(api: Api, who: Person) -> list[tuple[str, str, str]]:
    """The kind, the actor and the post of each notification."""
    await api.drained()
    found = await api.want("GET", "/api/v1/notifications", as_=who)
    return [(each["type"], each["account"]["id"], each["status"]["id"]) for each in found]


async def test_the_quoted_author_is_told_until_it_ends(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "said")
    first = await quote(api, bob, post, f"look @{alice.username} @{carol.username}")
    second = await quote(api, carol, post)
    await quote(api, alice, post)
    assert await told(api, alice) == [("quote", carol.id, second["id"]), ("quote", bob.id, first["id"])]
    assert await told(api, carol) == [("mention", bob.id, first["id"])]
    of_kind = await api.want("GET", "/api/v1/notifications", as_=alice, query={"types[]": "quote", "limit": "1"})
    assert of_kind[0]["status"]["quote"]["quoted_status"]["id"] == post["id"]
    await api.want("POST", f"/api/v1/statuses/{post['id']}/quotes/{second['id']}/revoke", as_=alice)
    await api.want("DELETE", f"/api/v1/statuses/{first['id']}", as_=bob)
    assert await told(api, alice) == []
    assert await told(api, carol) == []


async def test_whoever_quotes_is_told_of_edits(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "said")
    quoting = await quote(api, bob, post)
    revoked = await quote(api, carol, post)
    await quote(api, alice, post)
    await api.want("POST", f"/api/v1/statuses/{post['id']}/quotes/{revoked['id']}/revoke", as_=alice)
    await api.want("PUT", f"/api/v1/statuses/{post['id']}", as_=alice, form={"status": "said more"})
    assert await told(api, bob) == [("quoted_update", alice.id, quoting["id"])]
    assert await told(api, carol) == []
    assert [kind for kind, _, _ in await told(api, alice)] == ["quote"]


async def test_streams_show_what_each_may_see(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    post = await api.publish(alice, "said")
    await api.want("POST", f"/api/v1/accounts/{alice.id}/mute", as_=carol)
    async with streams.socket(bob, "public") as his, streams.socket(carol, "public") as hers:
        quoting = await quote(api, bob, post)
        for socket, expected in ((his, "accepted"), (hers, "muted_account")):
            while (payload := (await socket.next(bob))[2])["id"] != quoting["id"]:
                pass
            assert payload["quote"]["state"] == expected
            assert (payload["quote"]["quoted_status"] is None) == (expected != "accepted")


async def test_a_quote_that_is_revoked_is_gone_from_streams_at_once(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    post = await api.publish(alice, "said")
    quoting = await quote(api, bob, post)
    await api.follow(carol, bob)
    async with streams.socket(carol, "user") as hers:
        await api.want("POST", f"/api/v1/statuses/{post['id']}/quotes/{quoting['id']}/revoke", as_=alice)
        stream, event, payload = await hers.next()
        assert (stream, event, payload["id"]) == (["user"], "status.update", quoting["id"])
        assert payload["quote"] == {"state": "revoked", "quoted_status": None}
        assert post["url"] not in payload["content"]
