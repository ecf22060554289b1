"""Mastodon.py: accounts, relations, requests, lists, hashtags."""

from __future__ import annotations

import secrets

import pytest

from tests.clients.mastodon_py import Client, Join

covers = pytest.mark.covers


@covers(
    "me",
    "account_verify_credentials",
    "account",
    "accounts",
    "account_lookup",
    "account_search",
    "account_update_credentials",
    "account_statuses",
    "account_featured_tags",
    "preferences",
)
def test_accounts(ann: Client, ben: Client) -> None:
    her = ann.account_verify_credentials()
    assert ann.me()["id"] == her["id"]
    changed = ann.account_update_credentials(
        display_name="Ann",
        note="I am #ann",
        bot=True,
        discoverable=True,
        indexable=True,
        fields=[("Web", "https://example.org"), ("Pronouns", "she")],
    )
    assert (changed["display_name"], changed["bot"], changed["source"]["note"]) == ("Ann", True, "I am #ann")
    assert [field["name"] for field in changed["fields"]] == ["Web", "Pronouns"]
    assert ben.account(her)["display_name"] == "Ann"
    assert [one["id"] for one in ben.accounts([her, ben.me()])] == [her["id"], ben.me()["id"]]
    assert ben.account_lookup(her["acct"])["id"] == her["id"]
    assert [one["id"] for one in ben.account_search(her["acct"])] == [her["id"]]
    post = ann.status_post("what she says")
    assert [one["id"] for one in ben.account_statuses(her, exclude_replies=True)] == [post["id"]]
    assert ben.account_featured_tags(her) == []
    ann.account_update_credentials(locked=True)
    assert ann.preferences()["posting:default:visibility"] in {"public", "private"}


@covers(
    "account_follow",
    "account_unfollow",
    "account_followers",
    "account_following",
    "account_relationships",
    "account_familiar_followers",
    "account_remove_from_followers",
    "account_note_set",
    "follows",
)
def test_following(join: Join, ann: Client, ben: Client) -> None:
    cat = join("cat")
    her, him, third = ann.me(), ben.me(), cat.me()
    assert ben.account_follow(her, reblogs=False, notify=True)["notifying"]
    assert ben.follows(third["acct"])["following"]
    cat.account_follow(her)
    assert [one["id"] for one in ann.account_followers(her)] == [third["id"], him["id"]]
    assert [one["id"] for one in ben.account_following(him)] == [third["id"], her["id"]]
    [relation] = ben.account_relationships(her)
    assert (relation["following"], relation["showing_reblogs"], relation["followed_by"]) == (True, False, False)
    [familiar] = ben.account_familiar_followers([her])
    assert [one["id"] for one in familiar["accounts"]] == [third["id"]]
    assert ben.account_note_set(her, "from school")["note"] == "from school"
    assert not ann.account_remove_from_followers(third)["followed_by"]
    assert not ben.account_unfollow(her)["following"]
    assert ann.account_followers(her) == []


@covers("account_block", "account_unblock", "account_mute", "account_unmute", "blocks", "mutes")
def test_blocks_and_mutes(ann: Client, ben: Client) -> None:
    him = ben.me()
    assert ann.account_block(him)["blocking"]
    assert [one["id"] for one in ann.blocks()] == [him["id"]]
    assert not ann.account_unblock(him)["blocking"]
    muted = ann.account_mute(him, notifications=False, duration=600)
    assert (muted["muting"], muted["muting_notifications"]) == (True, False)
    [mute] = ann.mutes()
    assert mute["id"] == him["id"]
    assert mute["mute_expires_at"] is not None
    assert not ann.account_unmute(him)["muting"]
    assert ann.mutes() == ann.blocks() == []


@covers("report")
def test_reports(ann: Client, ben: Client) -> None:
    post = ben.status_post("something rude")
    report = ann.report(ben.me(), status_ids=[post], comment="Rude", category="spam", forward=False)
    assert (report["category"], report["comment"], report["action_taken"]) == ("spam", "Rude", False)
    assert report["target_account"]["id"] == ben.me()["id"]
    assert [str(id_) for id_ in report["status_ids"]] == [str(post["id"])]


@covers("domain_block", "domain_unblock", "domain_blocks")
def test_whole_servers(ann: Client) -> None:
    ann.domain_block("rude.example")
    assert ann.domain_blocks() == ["rude.example"]
    ann.domain_unblock("rude.example")
    assert ann.domain_blocks() == []


@covers("follow_requests", "follow_request_authorize", "follow_request_reject")
def test_requests(join: Join, ann: Client, ben: Client) -> None:
    cat = join("cat")
    ann.account_update_credentials(locked=True)
    assert ben.account_follow(ann.me())["requested"]
    cat.account_follow(ann.me())
    assert [one["id"] for one in ann.follow_requests()] == [cat.me()["id"], ben.me()["id"]]
    assert ann.follow_request_authorize(ben.me())["followed_by"]
    assert not ann.follow_request_reject(cat.me())["followed_by"]
    assert ann.follow_requests() == []
    assert ben.account_relationships(ann.me())[0]["following"]


@covers(
    "lists",
    "list",
    "list_create",
    "list_update",
    "list_delete",
    "list_accounts",
    "list_accounts_add",
    "list_accounts_delete",
    "account_lists",
    "timeline_list",
)
def test_lists(ann: Client, ben: Client) -> None:
    him = ben.me()
    ann.account_follow(him)
    made = ann.list_create("Friends", replies_policy="none")
    changed = ann.list_update(made, "Best friends", replies_policy="followed", exclusive=True)
    assert (changed["title"], changed["replies_policy"], changed["exclusive"]) == ("Best friends", "followed", True)
    ann.list_accounts_add(made, [him])
    post = ben.status_post("to my friends")
    assert [one["id"] for one in ann.timeline_list(made)] == [post["id"]]
    assert [one["id"] for one in ann.list_accounts(made)] == [him["id"]]
    assert [one["id"] for one in ann.account_lists(him)] == [made["id"]]
    ann.list_accounts_delete(made, [him])
    assert ann.list_accounts(made) == []
    assert [one["title"] for one in ann.lists()] == ["Best friends"]
    assert ann.list(made)["id"] == made["id"]
    ann.list_delete(made)
    assert ann.lists() == []


@covers("account_endorse", "account_unendorse", "account_pin", "account_unpin", "endorsements")
def test_people_on_a_profile(ann: Client, ben: Client) -> None:
    him = ben.me()
    ann.account_follow(him)
    for show, hide in ((ann.account_endorse, ann.account_unendorse), (ann.account_pin, ann.account_unpin)):
        assert show(him)["endorsed"]
        assert [one["id"] for one in ann.endorsements()] == [him["id"]]
        assert not hide(him)["endorsed"]
    assert ann.endorsements() == []


@covers("suggestions", "suggestions_v1", "suggestions_v2", "suggestion_delete", "directory")
def test_people_to_meet(join: Join, ann: Client, ben: Client) -> None:
    cat = join("cat")
    ann.account_follow(ben.me())
    ben.account_follow(cat.me())
    third = cat.me()["id"]
    cat.account_update_credentials(discoverable=True)
    assert third in [one["id"] for one in ann.suggestions()]
    assert third in [one["account"]["id"] for one in ann.suggestions_v2()]
    assert third in [one["id"] for one in ann.suggestions_v1()]
    ann.suggestion_delete(third)
    assert third not in [one["account"]["id"] for one in ann.suggestions_v2()]
    cat.status_post("I am here")
    assert third in [one["id"] for one in ann.directory(order="new", local=True)]


@covers(
    "featured_tags",
    "featured_tag_create",
    "featured_tag_delete",
    "featured_tag_suggestions",
    "tag_feature",
    "tag_unfeature",
)
def test_hashtags_on_a_profile(ann: Client, ben: Client) -> None:
    name = f"tag{secrets.token_hex(4)}"
    ann.status_post(f"of #{name}")
    assert [one["name"] for one in ann.featured_tag_suggestions()] == [name]
    made = ann.featured_tag_create(name)
    assert [one["name"] for one in ben.account_featured_tags(ann.me())] == [name]
    ann.featured_tag_delete(made)
    assert ann.tag_feature(name)["featuring"]
    assert [one["name"] for one in ann.featured_tags()] == [name]
    assert not ann.tag_unfeature(name)["featuring"]
    assert ann.featured_tags() == []


@covers("tag", "tag_follow", "tag_unfollow", "followed_tags", "timeline_hashtag")
def test_hashtags(ann: Client, ben: Client) -> None:
    name = f"tag{secrets.token_hex(4)}"
    post = ben.status_post(f"of #{name}")
    assert ann.tag_follow(name)["following"]
    assert [one["name"] for one in ann.followed_tags()] == [name]
    assert [one["id"] for one in ann.timeline_hashtag(name)] == [post["id"]]
    assert not ann.tag_unfollow(name)["following"]
    assert not ann.tag(name)["following"]
