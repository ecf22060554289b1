"""Mastodon.py: what the server is, and how one gets in."""

from __future__ import annotations

import secrets

import pytest

from tests.api.client import PASSWORD, SCOPES
from tests.clients.mastodon_py import Client, application
from tests.clients.quiet import quietly
from tests.server import Server

with quietly():
    from mastodon import Mastodon, MastodonUnauthorizedError

covers = pytest.mark.covers


@covers(
    "instance",
    "instance_v1",
    "instance_v2",
    "instance_nodeinfo",
    "instance_health",
    "instance_rules",
    "instance_peers",
    "instance_activity",
    "instance_domain_blocks",
    "custom_emojis",
    "announcements",
    "instance_extended_description",
    "retrieve_mastodon_version",
    "verify_minimum_version",
    "get_approx_server_time",
    "oauth_authorization_server_info",
)
def test_the_server(ann: Client) -> None:
    assert ann.instance()["domain"] == ann.instance_v2()["domain"] == ann.instance_v1()["uri"]
    assert ann.retrieve_mastodon_version().startswith("4.")
    assert ann.verify_minimum_version("4.2.0")
    assert ann.instance_nodeinfo()["software"]["name"] == "ripstop"
    assert ann.instance_health()
    for nothing in (
        ann.instance_rules,
        ann.instance_peers,
        ann.instance_activity,
        ann.instance_domain_blocks,
        ann.custom_emojis,
        ann.announcements,
    ):
        assert nothing() == []
    assert "public-conversation server" in ann.instance_extended_description()["content"]
    assert ann.get_approx_server_time().year > 2024
    assert "S256" in ann.oauth_authorization_server_info()["code_challenge_methods_supported"]


@covers(
    "create_app", "create_account", "app_verify_credentials", "revoke_access_token", "persistable_login_credentials"
)
def test_signing_up_and_leaving(server: Server, used: set[str]) -> None:
    client = Client(application(server), used)
    id_, secret = Mastodon.create_app("by hand", scopes=SCOPES.split(), api_base_url=server.url)
    assert id_ != secret
    used.add("create_app")  # a static method, which no client of somebody offers
    name = f"eve_{secrets.token_hex(4)}"
    token = client.create_account(name, PASSWORD, f"{name}@example.org", agreement=True, scopes=SCOPES.split())
    assert client.app_verify_credentials()["name"] == "clients"
    assert token in client.persistable_login_credentials()
    client.revoke_access_token(allow_http=True)
    with pytest.raises(MastodonUnauthorizedError):
        Mastodon(access_token=token, api_base_url=server.url).account_verify_credentials()
