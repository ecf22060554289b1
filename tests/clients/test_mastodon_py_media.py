"""Mastodon.py: pictures of posts and people, and quotes."""

from __future__ import annotations

import pytest

from tests.clients.mastodon_py import Client
from tests.clients.pictures import picture

covers = pytest.mark.covers


@covers("media_post", "media", "media_update", "generate_media_edit_attributes", "decode_blurhash")
def test_pictures_of_posts(ann: Client, ben: Client) -> None:
    made = ann.media_post(picture(), "image/png", description="A green field", focus=(0.5, -0.5))
    assert (made["type"], made["description"]) == ("image", "A green field")
    assert made["meta"]["original"]["width"] == 64
    assert ann.media_update(made, description="A greener field")["description"] == "A greener field"
    assert ann.media(made)["id"] == made["id"]
    red, green, blue = ann.decode_blurhash(made, out_size=(4, 3), size_per_component=False, return_linear=False)[1][2]
    assert green > blue > red
    post = ann.status_post("look", media_ids=[made])
    [shown] = ben.status(post)["media_attachments"]
    assert shown["description"] == "A greener field"
    assert [one["id"] for one in ben.account_statuses(ann.me(), only_media=True)] == [post["id"]]
    attributes = ann.generate_media_edit_attributes(made, description="The greenest field")
    edited = ann.status_update(post, "look again", media_attributes=[attributes])
    assert [one["description"] for one in edited["media_attachments"]] == ["The greenest field"]


@covers("account_delete_avatar", "account_delete_header")
def test_pictures_of_people(ann: Client) -> None:
    before = ann.me()
    changed = ann.account_update_credentials(
        avatar=picture(), avatar_mime_type="image/png", header=picture(600, 200), header_mime_type="image/png"
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
