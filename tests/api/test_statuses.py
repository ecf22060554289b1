"""Posts: publishing, reading, deleting, and what people do with them."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.api.client import Api, Person

STATUS_KEYS = {
    "id", "created_at", "in_reply_to_id", "in_reply_to_account_id", "sensitive", "spoiler_text", "visibility",
    "language", "uri", "url", "replies_count", "reblogs_count", "favourites_count", "edited_at", "favourited",
    "reblogged", "muted", "bookmarked", "pinned", "filtered", "content", "reblog", "application", "account",
    "media_attachments", "mentions", "tags", "emojis", "card", "poll", "quote", "quotes_count", "quote_approval",
    "reply_policy", "current_user_can_reply",
}  # fmt: skip


async def test_a_post_has_every_key_and_reads_the_same_everywhere(api: Api, alice: Person) -> None:
    post = await api.publish(alice, "hello", language="en")
    assert set(post) == STATUS_KEYS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", post["created_at"])
    assert (post["content"], post["visibility"], post["language"]) == ("<p>hello</p>", "public", "en")
    assert post["application"] == {"name": "test", "website": None}
    assert post["account"]["id"] == alice.id
    assert post["account"]["statuses_count"] == 1
    assert await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=alice) == post
    assert (await api.get("/api/v1/timelines/home", as_=alice)).json()[0] == post
    assert (await api.get(f"/api/v1/accounts/{alice.id}/statuses", as_=alice)).json() == [post]
    seen = await api.want("GET", f"/api/v1/statuses/{post['id']}")
    viewers = {"favourited", "reblogged", "muted", "bookmarked", "pinned", "filtered", "current_user_can_reply"}
    assert set(seen) == STATUS_KEYS - viewers


async def test_mentions_hashtags_and_links(api: Api, alice: Person, bob: Person) -> None:
    text = f"Hi @{bob.username.upper()} and @nobody_here, #Cats & #cats <b> https://example.org/{'x' * 40}"
    post = await api.publish(alice, text)
    [mention] = post["mentions"]
    assert (mention["id"], mention["acct"]) == (bob.id, bob.username)
    assert [tag["name"] for tag in post["tags"]] == ["cats"]
    content = post["content"]
    assert f'<a href="{mention["url"]}" class="u-url mention">@<span>{bob.username}</span></a>' in content
    assert 'class="mention hashtag" rel="tag">#<span>Cats</span></a> &amp; ' in content
    assert "@nobody_here," in content
    assert "&lt;b&gt;" in content
    assert '<span class="ellipsis">example.org/' in content


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("x" * 500, True),
        ("x" * 501, False),
        ("👨‍👩‍👧" * 500, True),
        ("é" * 500, True),
        ("x" * 476 + " https://example.org/" + "y" * 400, True),
        ("x" * 477 + " https://example.org/" + "y" * 400, False),
        ("@alice@" + "a" * 300 + ".example " + "x" * 490, True),
        ("x" * 20_000, False),
        ("   \n ", False),
    ],
)
async def test_a_post_has_500_characters_as_people_count(api: Api, alice: Person, text: str, allowed: bool) -> None:
    answer = await api.post("/api/v1/statuses", as_=alice, json={"status": text})
    assert answer.status == (200 if allowed else 422)


async def test_the_content_warning_counts_and_makes_sensitive(api: Api, alice: Person) -> None:
    post = await api.publish(alice, "x" * 490, spoiler_text="0123456789")
    assert (post["spoiler_text"], post["sensitive"]) == ("0123456789", True)
    form = {"status": "x" * 491, "spoiler_text": "0123456789"}
    assert (await api.post("/api/v1/statuses", as_=alice, form=form)).status == 422


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": ""},
        {"status": "x", "visibility": "secret"},
        {"status": "x", "language": "not a language"},
        {"status": "x", "in_reply_to_id": "nonsense"},
        {"status": "x", "in_reply_to_id": str(1 << 63)},
        {"status": ["x"]},
        {"status": 17},
        {"status": "x", "sensitive": "perhaps"},
        {"status": "x", "poll": {"options": ["a", "b"], "expires_in": 300}},
        {"status": "x", "media_ids": ["1"]},
        {"status": "x", "scheduled_at": "2099-01-01T00:00:00Z"},
        {"status": "x", "quoted_status_id": "x"},
        {"status": "x", "quote_approval_policy": "friends"},
        {"status": "x", "reply_policy": "friends"},
    ],
)
async def test_a_bad_post_is_refused_and_not_there(api: Api, alice: Person, fields: dict[str, object]) -> None:
    answer = await api.post("/api/v1/statuses", as_=alice, json=fields)
    assert answer.status == 422
    assert answer.json()["error"].startswith("Validation failed: ")
    assert (await api.get(f"/api/v1/accounts/{alice.id}/statuses")).ids == []


async def test_replies_make_threads(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    root = await api.publish(alice, "root")
    first = await api.publish(bob, "first", in_reply_to_id=root["id"])
    second = await api.publish(carol, "second", in_reply_to_id=first["id"])
    assert (first["in_reply_to_id"], first["in_reply_to_account_id"]) == (root["id"], alice.id)
    context = await api.want("GET", f"/api/v1/statuses/{first['id']}/context", as_=alice)
    assert [post["id"] for post in context["ancestors"]] == [root["id"]]
    assert [post["id"] for post in context["descendants"]] == [second["id"]]
    assert (await api.want("GET", f"/api/v1/statuses/{root['id']}"))["replies_count"] == 1
    await api.delete(f"/api/v1/statuses/{first['id']}", as_=bob)
    assert (await api.want("GET", f"/api/v1/statuses/{root['id']}"))["replies_count"] == 0
    answer = await api.post("/api/v1/statuses", as_=bob, form={"status": "late", "in_reply_to_id": first["id"]})
    assert answer.status == 404


async def test_one_idempotency_key_is_one_post(api: Api, alice: Person, bob: Person) -> None:
    headers = {"idempotency-key": "the same"}

    async def publish(who: Person) -> str:
        said = await api.want("POST", "/api/v1/statuses", as_=who, form={"status": "once"}, headers=headers)
        return str(said["id"])

    ids = await asyncio.gather(*(publish(alice) for _ in range(16)))
    assert len(set(ids)) == 1
    assert (await api.get(f"/api/v1/accounts/{alice.id}/statuses")).ids == [ids[0]]
    assert await publish(bob) != ids[0]
    too_long = {"idempotency-key": "x" * 1_001}
    assert (await api.post("/api/v1/statuses", as_=alice, form={"status": "x"}, headers=too_long)).status == 422


async def test_who_sees_which_visibility(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    await api.follow(bob, alice)
    ids = {
        visibility: (await api.publish(alice, f"for @{carol.username}", visibility=visibility))["id"]
        for visibility in ("public", "unlisted", "private", "direct")
    }
    narrow = (await api.publish(alice, "followers only", visibility="private"))["id"]

    async def sees(who: Person | None, id_: str) -> bool:
        return (await api.get(f"/api/v1/statuses/{id_}", as_=who)).status == 200

    assert [await sees(None, id_) for id_ in ids.values()] == [True, True, False, False]
    assert [await sees(bob, id_) for id_ in ids.values()] == [True, True, True, False]
    assert [await sees(carol, id_) for id_ in ids.values()] == [True, True, True, True]
    assert [await sees(who, narrow) for who in (alice, bob, carol, None)] == [True, True, False, False]
    local = (await api.get("/api/v1/timelines/public", query={"local": "true", "limit": "40"})).ids
    assert [id_ in local for id_ in ids.values()] == [True, False, False, False]


async def test_deleting_gives_back_the_source_and_is_final(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, f"bye @{bob.username} #gone")
    path = f"/api/v1/statuses/{post['id']}"
    assert (await api.delete(path, as_=bob)).status == 404
    said = await api.want("DELETE", path, as_=alice)
    assert said["id"] == post["id"]
    assert said["text"] == f"bye @{bob.username} #gone"
    for again in (await api.delete(path, as_=alice), await api.get(path), await api.post(f"{path}/favourite", as_=bob)):
        assert again.status == 404
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["statuses_count"] == 0
    assert post["id"] not in (await api.get("/api/v1/timelines/public", query={"local": "true"})).ids


async def test_the_source_is_for_its_author(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "a <b>", spoiler_text="cw")
    path = f"/api/v1/statuses/{post['id']}/source"
    assert await api.want("GET", path, as_=alice) == {"id": post["id"], "text": "a <b>", "spoiler_text": "cw"}
    assert (await api.get(path, as_=bob)).status == 404


@pytest.mark.parametrize(
    ("verb", "back", "mark", "count"),
    [
        ("favourite", "unfavourite", "favourited", "favourites_count"),
        ("reblog", "unreblog", "reblogged", "reblogs_count"),
        ("bookmark", "unbookmark", "bookmarked", None),
    ],
)
async def test_doing_and_undoing(
    api: Api, alice: Person, bob: Person, verb: str, back: str, mark: str, count: str | None
) -> None:
    post = await api.publish(alice, "do something")
    path = f"/api/v1/statuses/{post['id']}"

    async def check(done: bool) -> None:
        seen = await api.want("GET", path, as_=bob)
        assert seen[mark] is done
        assert count is None or seen[count] == int(done)
        assert (await api.want("GET", path, as_=alice))[mark] is False

    for done, path_part in ((True, verb), (False, back)):
        for _ in range(2):
            said = await api.want("POST", f"{path}/{path_part}", as_=bob)
            assert said[mark] is done
            assert (said["reblog"] or said)["id"] == post["id"]
            await check(done)
    answers = await asyncio.gather(*(api.post(f"{path}/{verb}", as_=bob) for _ in range(16)))
    assert {answer.status for answer in answers} == {200}
    await check(True)
    assert (await api.post(f"/api/v1/statuses/17/{verb}", as_=bob)).status == 404
    assert (await api.post(f"{path}/{verb}")).status == 401


async def test_a_repost_is_a_post_of_its_own(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    await api.follow(carol, bob)
    post = await api.publish(alice, "pass it on")
    repost = await api.want("POST", f"/api/v1/statuses/{post['id']}/reblog", as_=bob)
    assert repost["id"] != post["id"]
    assert set(repost) == set(repost["reblog"]) == STATUS_KEYS
    assert repost["reblog"]["id"] == post["id"]
    assert repost["account"]["id"] == bob.id
    assert (await api.get("/api/v1/timelines/home", as_=carol)).ids == [repost["id"]]
    again = await api.want("POST", f"/api/v1/statuses/{repost['id']}/reblog", as_=carol)
    assert again["reblog"]["id"] == post["id"]
    liked = await api.want("POST", f"/api/v1/statuses/{repost['id']}/favourite", as_=carol)
    assert liked["id"] == post["id"]
    assert (await api.get(f"/api/v1/statuses/{post['id']}/reblogged_by")).ids == [carol.id, bob.id]
    await api.want("DELETE", f"/api/v1/statuses/{repost['id']}", as_=bob)
    assert (await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=bob))["reblogged"] is False


async def test_what_is_not_for_everybody_is_not_passed_on(api: Api, alice: Person, bob: Person) -> None:
    await api.follow(bob, alice)
    private = await api.publish(alice, "for followers", visibility="private")
    assert (await api.post(f"/api/v1/statuses/{private['id']}/reblog", as_=bob)).status == 403
    own = await api.want("POST", f"/api/v1/statuses/{private['id']}/reblog", as_=alice)
    assert own["visibility"] == "private"


async def test_a_deleted_post_takes_likes_and_reposts_along(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "soon gone")
    await api.want("POST", f"/api/v1/statuses/{post['id']}/favourite", as_=bob)
    repost = await api.want("POST", f"/api/v1/statuses/{post['id']}/reblog", as_=bob)
    assert (await api.want("GET", f"/api/v1/accounts/{bob.id}"))["statuses_count"] == 1
    assert (await api.get("/api/v1/favourites", as_=bob)).ids == [post["id"]]
    await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=alice)
    await api.drained()
    assert (await api.want("GET", f"/api/v1/accounts/{bob.id}"))["statuses_count"] == 0
    assert (await api.get(f"/api/v1/statuses/{repost['id']}")).status == 404
    assert (await api.get("/api/v1/favourites", as_=bob)).ids == []


async def test_favourites_and_bookmarks_are_paged_by_when_they_were_made(api: Api, alice: Person, bob: Person) -> None:
    posts = [(await api.publish(alice, f"post {i}"))["id"] for i in range(4)]
    order = [posts[2], posts[0], posts[3], posts[1]]
    for verb, path in (("favourite", "/api/v1/favourites"), ("bookmark", "/api/v1/bookmarks")):
        for id_ in order:
            await api.want("POST", f"/api/v1/statuses/{id_}/{verb}", as_=bob)
        first = await api.get(path, as_=bob, query={"limit": "3"})
        assert first.ids == [posts[1], posts[3], posts[0]]
        older = first.link("next")
        assert older is not None
        assert (await api.get(path, as_=bob, query=older)).ids == [posts[2]]
        assert (await api.get(path, as_=alice)).ids == []


async def test_several_posts_by_id(api: Api, alice: Person, bob: Person) -> None:
    first, second = [(await api.publish(alice, f"post {i}"))["id"] for i in range(2)]
    hidden = (await api.publish(alice, "mine", visibility="direct"))["id"]
    query = [("id[]", second), ("id[]", "17"), ("id[]", hidden), ("id[]", first)]
    assert (await api.get("/api/v1/statuses", query=query, as_=bob)).ids == [second, first]
    assert (await api.get("/api/v1/statuses", query=query, as_=alice)).ids == [second, hidden, first]
