"""Mastodon.py: posts, timelines and their pages, search, filters."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import pytest

from tests.clients.mastodon_py import Client

covers = pytest.mark.covers


def posted(client: Client, *texts: str) -> list[object]:
    """Ids of new posts, the newest first."""
    made = []
    for text in texts:
        made.append(client.status_post(text)["id"])
        time.sleep(0.002)  # within one millisecond, ids of several shards do not sort by time
    return made[::-1]


@covers(
    "status_post",
    "toot",
    "status_reply",
    "status",
    "statuses",
    "status_context",
    "status_update",
    "status_history",
    "status_source",
    "status_delete",
)
def test_writing(ann: Client, ben: Client) -> None:
    first = ann.status_post(
        "Hello #world",
        visibility="unlisted",
        spoiler_text="greeting",
        sensitive=True,
        language="en",
        idempotency_key="a",
    )
    assert ann.status_post("Hello #world", idempotency_key="a")["id"] == first["id"]
    assert (first["visibility"], first["spoiler_text"], first["language"]) == ("unlisted", "greeting", "en")
    reply = ben.status_reply(first, "Hello yourself")
    assert [one["acct"] for one in reply["mentions"]] == [ann.me()["acct"]]
    context = ann.status_context(reply)
    assert [one["id"] for one in context["ancestors"]] == [first["id"]]
    assert [one["id"] for one in ann.status_context(first)["descendants"]] == [reply["id"]]
    edited = ann.status_update(first, "Hello everybody", spoiler_text="")
    assert edited["edited_at"] is not None
    assert [version["spoiler_text"] for version in ann.status_history(first)] == ["greeting", ""]
    assert ann.status_source(first)["text"] == "Hello everybody"
    assert "Hello everybody" in ben.status(first)["content"]
    short = ann.toot("short")
    assert {one["id"] for one in ben.statuses([first, short])} == {first["id"], short["id"]}
    assert ann.status_delete(short)["text"] == "short"
    assert [one["id"] for one in ben.statuses([first, short])] == [first["id"]]


@covers(
    "status_favourite",
    "status_unfavourite",
    "status_favourited_by",
    "status_reblog",
    "status_unreblog",
    "status_reblogged_by",
    "status_bookmark",
    "status_unbookmark",
    "status_mute",
    "status_unmute",
    "status_pin",
    "status_unpin",
    "favourites",
    "bookmarks",
)
def test_what_readers_do(ann: Client, ben: Client) -> None:
    post = ann.status_post("something good")
    assert ben.status_favourite(post)["favourited"]
    assert [one["id"] for one in ben.favourites()] == [post["id"]]
    assert [one["id"] for one in ann.status_favourited_by(post)] == [ben.me()["id"]]
    assert not ben.status_unfavourite(post)["favourited"]
    assert ben.status_reblog(post, visibility="unlisted")["reblog"]["id"] == post["id"]
    assert [one["id"] for one in ann.status_reblogged_by(post)] == [ben.me()["id"]]
    assert not ben.status_unreblog(post)["reblogged"]
    assert ben.status_bookmark(post)["bookmarked"]
    assert [one["id"] for one in ben.bookmarks()] == [post["id"]]
    assert not ben.status_unbookmark(post)["bookmarked"]
    assert ann.status_mute(post)["muted"]
    assert not ann.status_unmute(post)["muted"]
    assert ann.status_pin(post)["pinned"]
    assert [one["id"] for one in ben.account_statuses(ann.me(), pinned=True)] == [post["id"]]
    assert not ann.status_unpin(post)["pinned"]


@covers(
    "timeline",
    "timeline_home",
    "timeline_local",
    "timeline_public",
    "timeline_is_available",
    "fetch_next",
    "fetch_previous",
    "fetch_remaining",
    "get_pagination_info",
    "pagination_iterator",
    "pagination_page_iterator",
)
def test_timelines_and_their_pages(ann: Client, ben: Client) -> None:
    ann.account_follow(ben.me())
    ids = posted(ben, *"abcde")
    first = ann.timeline_home(limit=2)
    assert [one["id"] for one in first] == ids[:2]
    second = ann.fetch_next(first)
    assert [one["id"] for one in second] == ids[2:4]
    assert [one["id"] for one in ann.fetch_previous(second)] == ids[:2]
    assert ann.get_pagination_info(first, "next") is not None
    assert [one["id"] for one in ann.fetch_remaining(first)] == ids
    assert [one["id"] for one in ann.pagination_iterator(first)] == ids
    assert [[one["id"] for one in page] for page in ann.pagination_page_iterator(first)] == [ids[:2], ids[2:4], ids[4:]]
    assert [one["id"] for one in ann.timeline("home", min_id=ids[-1], limit=2)] == ids[2:4]
    assert [one["id"] for one in ann.timeline_local(limit=5)] == ids
    assert ids[0] in [one["id"] for one in ann.timeline_public(limit=5)]
    assert ann.timeline_is_available("public", local=True)


@covers("search", "search_v2")
def test_search(ann: Client, ben: Client, drained: Callable[[], None]) -> None:
    word = f"word{secrets.token_hex(4)}"
    ann.account_update_credentials(indexable=True)
    post = ann.status_post(f"{word} #{word}")
    drained()
    assert [one["id"] for one in ben.search(word)["statuses"]] == [post["id"]]
    found = ben.search_v2(f"#{word}", result_type="hashtags")
    assert [one["name"] for one in found["hashtags"]] == [word]
    assert [one["id"] for one in ben.search_v2(ann.me()["acct"])["accounts"]] == [ann.me()["id"]]
    assert [one["id"] for one in ben.search(post["url"])["statuses"]] == [post["id"]]


@covers(
    "create_filter_v2",
    "update_filter_v2",
    "delete_filter_v2",
    "filter_v2",
    "filters_v2",
    "filter_keywords_v2",
    "add_filter_keyword_v2",
    "delete_filter_keyword_v2",
    "filter_statuses_v2",
    "add_filter_status_v2",
    "filter_status_v2",
    "delete_filter_status_v2",
)
def test_filters(ann: Client, ben: Client) -> None:
    made = ann.create_filter_v2(
        "Plots", ["home", "public"], "warn", expires_in=600, keywords_attributes=[{"keyword": "spoiler"}]
    )
    word = ann.add_filter_keyword_v2(made, "ending", whole_word=True)
    assert [one["keyword"] for one in ann.filter_keywords_v2(made)] == ["spoiler", "ending"]
    post = ben.status_post("about the ending")
    [result] = ann.status(post)["filtered"]
    assert (result["filter"]["title"], result["keyword_matches"]) == ("Plots", ["ending"])
    ann.delete_filter_keyword_v2(word)
    assert ann.status(post)["filtered"] == []
    one_post = ann.add_filter_status_v2(made, post)
    assert [one["id"] for one in ann.filter_statuses_v2(made)] == [one_post["id"]]
    assert ann.filter_status_v2(one_post)["status_id"] == post["id"]
    assert ann.status(post)["filtered"][0]["status_matches"] == [str(post["id"])]
    ann.delete_filter_status_v2(one_post)
    changed = ann.update_filter_v2(made, title="Endings", filter_action="hide")
    assert ann.filter_v2(made)["title"] == changed["title"] == "Endings"
    assert [one["filter_action"] for one in ann.filters_v2()] == ["hide"]
    ann.delete_filter_v2(made)
    assert ann.filters_v2() == []


@covers("filters", "filter", "filter_create", "filter_update", "filter_delete", "filters_apply")
def test_filters_of_version_1(ann: Client, ben: Client) -> None:
    made = ann.filter_create("spoiler", ["home"], whole_word=False)
    changed = ann.filter_update(made, phrase="ending", context=["home", "public"])
    assert ann.filter(made)["phrase"] == changed["phrase"] == "ending"
    ann.account_follow(ben.me())
    kept = ben.status_post("the beginning")
    ben.status_post("the ending")
    shown = ann.filters_apply(ann.timeline_local(limit=2), ann.filters(), "home")
    assert [one["id"] for one in shown] == [kept["id"]]
    ann.filter_delete(made)
    assert ann.filters() == []
