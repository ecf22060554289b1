"""Mastodon.py: pictures of posts and people, and quotes."""

from __future__ import annotations

import pytest

from tests.clients.mastodon_py import Client
from tests.pictures import photograph

covers = pytest.mark.covers


@covers("media_post", "media", "media_update", "generate_media_edit_attributes", "decode_blurhash")
def test_pictures_of_posts(ann: Client, ben: Client) -> None:
    made = ann.media_post(photograph(64, 48), "image/jpeg", description="Four colours", focus=(0.5, -0.5))
    assert (made["type"], made["description"]) == ("image", "Four colours")
    assert made["meta"]["original"]["width"] == 64
    assert ann.media_update(made, description="Four fields")["description"] == "Four fields"
    assert ann.media(made)["id"] == made["id"]
    red, green, blue = ann.decode_blurhash(made, out_size=(4, 4), size_per_component=False)[0][0]
    assert red > max(green, blue)
    post = ann.status_post("look", media_ids=[made])
    [shown] = ben.status(post)["media_attachments"]
    assert shown["description"] == "Four fields"
    assert [one["id"] for one in ben.account_statuses(ann.me(), only_media=True)] == [post["id"]]
    attributes = ann.generate_media_edit_attributes(made, description="Many colours")
    edited = ann.status_update(post, "look again", media_attributes=[attributes])
    assert [one["description"] for one in edited["media_attachments"]] == ["Many colours"]


@covers("account_delete_avatar", "account_delete_header")
def test_pictures_of_people(ann: Client) -> None:
    before = ann.me()
    changed = ann.account_update_credentials(
        avatar=photograph(64, 48),
        avatar_mime_type="image/jpeg",
        header=photograph(600, 200),
        header_mime_type="image/jpeg",
    )
    assert changed["avatar"] != before["avatar"]
    assert changed["header"] != before["header"]
    assert ann.account_delete_avatar()["avatar"] == before["avatar"]
    assert ann.account_delete_header()["header"] == before["header"]


@covers("status_quotes", "status_quote_revoke", "status_update_quote_approval_policy")
def test_quotes(ann: Client, ben: Client) -> None:
    post = ann.status_post("quote me", quote_approval_policy="public")
    quote = ben.status_post("hear, hear", quoted_status_id=post)
    assert quote["quote"]["state"] == "accepted"
    assert quote["quote"]["quoted_status"]["id"] == post["id"]
    assert [one["id"] for one in ann.status_quotes(post)] == [quote["id"]]
    assert ann.status_quote_revoke(post, quote)["quote"]["state"] == "revoked"
    changed = ann.status_update_quote_approval_policy(post, "nobody")
    assert changed["quote_approval"]["automatic"] == []
