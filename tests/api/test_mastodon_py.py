"""An existing client, unchanged, over the whole journey."""

from __future__ import annotations

import secrets
import warnings

import pytest

from tests.api.client import PASSWORD
from tests.pictures import photograph
from tests.server import Server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the client's own making
    from mastodon import Mastodon, MastodonAPIError, MastodonNotFoundError

SCOPES = ["read", "write", "follow"]


@pytest.fixture
def application(server: Server) -> tuple[str, str]:
    id_, secret = Mastodon.create_app("journey", scopes=SCOPES, api_base_url=server.url)
    return id_, secret


def join(server: Server, application: tuple[str, str], name: str) -> Mastodon:
    """A client of somebody who has just signed up with it."""
    client = Mastodon(client_id=application[0], client_secret=application[1], api_base_url=server.url)
    username = f"{name}_{secrets.token_hex(4)}"
    token = client.create_account(
        username, PASSWORD, f"{username}@example.org", agreement=True, locale="en", scopes=SCOPES
    )
    return Mastodon(access_token=token, api_base_url=server.url)


def test_the_journey(server: Server, application: tuple[str, str]) -> None:
    alice, bob = join(server, application, "alice"), join(server, application, "bob")
    her = alice.account_verify_credentials()
    assert alice.app_verify_credentials()["name"] == "journey"
    assert bob.account_follow(her)["following"]
    assert [one["id"] for one in bob.account_following(bob.me())] == [her["id"]]

    post = alice.status_post("Hello #world", idempotency_key="one")
    assert alice.status_post("Hello #world", idempotency_key="one")["id"] == post["id"]
    assert post["created_at"].tzinfo is not None
    assert [one["id"] for one in bob.timeline_home()] == [post["id"]]
    assert post["id"] in [one["id"] for one in bob.timeline_local()]

    reply = bob.status_reply(post, "and to you")
    assert reply["mentions"][0]["id"] == her["id"]
    assert [one["id"] for one in alice.status_context(post)["descendants"]] == [reply["id"]]
    assert bob.status_favourite(post)["favourited"]
    assert not bob.status_unfavourite(post)["favourited"]
    assert bob.status_reblog(post)["reblog"]["id"] == post["id"]
    assert not bob.status_unreblog(post)["reblogged"]
    assert bob.status_bookmark(post)["bookmarked"]
    assert [one["id"] for one in bob.bookmarks()] == [post["id"]]

    assert alice.account_update_credentials(display_name="Alice", note="me")["display_name"] == "Alice"
    assert alice.account_lookup(her["acct"])["display_name"] == "Alice"
    alice.status_delete(post)
    with pytest.raises(MastodonNotFoundError):
        bob.status(post)
    assert not bob.account_unfollow(her)["following"]
    with pytest.raises(MastodonAPIError):
        alice.status_post("x" * 501)


def test_pictures(server: Server, application: tuple[str, str]) -> None:
    alice = join(server, application, "alice")
    picture = photograph(500, 400)
    her = alice.account_update_credentials(
        avatar=picture, avatar_mime_type="image/jpeg", header=picture, header_mime_type="image/jpeg"
    )
    assert her["avatar"].startswith(f"{server.url}/media/")
    assert her["header"] != her["avatar"]
    assert alice.account_delete_avatar()["avatar"].endswith("/missing.png")
    assert alice.account_delete_header()["header"].endswith("/missing.png")

    media = alice.media_post(picture, mime_type="image/jpeg", description="A flag", focus=(0.5, 0.5))
    assert media["meta"]["original"]["width"] == 500
    assert alice.media(media)["description"] == "A flag"
    assert alice.media_update(media, description="Four colours")["description"] == "Four colours"
    post = alice.status_post("", media_ids=[media])
    assert [one["description"] for one in post["media_attachments"]] == ["Four colours"]
    attributes = alice.generate_media_edit_attributes(media["id"], description="Many colours")
    edited = alice.status_update(post, "look", media_attributes=[attributes])
    assert [one["description"] for one in edited["media_attachments"]] == ["Many colours"]
    assert [len(said["media_attachments"]) for said in alice.status_history(post)] == [1, 1]
    assert [one["id"] for one in alice.account_statuses(alice.me(), only_media=True)] == [post["id"]]


def test_what_the_client_fetches_at_its_start(server: Server, application: tuple[str, str]) -> None:
    alice = join(server, application, "alice")
    assert alice.instance_v1()["uri"] == alice.instance_v2()["domain"]
    assert alice.retrieve_mastodon_version().startswith("4.2")
    assert alice.preferences()["posting:default:visibility"] == "public"
    for nothing in (alice.custom_emojis(), alice.filters(), alice.lists(), alice.announcements()):
        assert nothing == []
    assert alice.markers_get() == {}
    assert alice.markers_set("home", 17)["home"]["last_read_id"] == "17"
    assert alice.notifications() == []
