"""Entities of the server itself: what it is, its applications and tokens, how it is found."""

from typing import Any

from msgspec import UNSET, UnsetType

from ripstop.surfaces.mastodon.entities.base import Entity, Html, Id, Instant, Url


class CustomEmoji(Entity, kw_only=True):
    """A small picture that stands for a word between colons."""

    shortcode: str
    url: Url
    static_url: Url
    visible_in_picker: bool
    category: str | None


class Rule(Entity, kw_only=True):
    """A rule of this server."""

    id: Id
    text: str
    hint: str
    translations: dict[str, Any] | UnsetType = UNSET


class InstanceV1(Entity, kw_only=True):
    """This server, for clients from before Mastodon 4."""

    uri: str
    title: str
    short_description: str
    description: Html
    email: str
    version: str
    urls: dict[str, str]
    stats: dict[str, int]
    thumbnail: Url | None
    languages: list[str]
    registrations: bool
    approval_required: bool
    invites_enabled: bool
    configuration: dict[str, Any]
    contact_account: dict[str, Any] | None
    rules: list[Rule]


class Instance(Entity, kw_only=True):
    """This server."""

    domain: str
    title: str
    version: str
    source_url: str
    description: str
    usage: dict[str, dict[str, int]]
    thumbnail: dict[str, Any]
    icon: list[dict[str, str]]
    languages: list[str]
    configuration: dict[str, Any]
    registrations: dict[str, Any]
    api_versions: dict[str, int]
    contact: dict[str, Any]
    rules: list[Rule]


class Application(Entity, kw_only=True):
    """An application."""

    id: Id
    name: str
    website: str | None
    scopes: list[str]
    redirect_uris: list[str]
    redirect_uri: str
    vapid_key: str


class CredentialApplication(Application, kw_only=True):
    """An application, with what proves to be it."""

    client_id: str
    client_secret: str
    client_secret_expires_at: int


class Token(Entity, kw_only=True):
    """What stands for somebody, or for an application alone."""

    access_token: str
    token_type: str
    scope: str
    created_at: int


class UserInfo(Entity, kw_only=True):
    """Who a token stands for, in the claims of OpenID Connect."""

    iss: Url
    sub: Url
    name: str
    preferred_username: str
    profile: Url
    picture: Url


class OAuthServer(Entity, kw_only=True):
    """What RFC 8414 has clients ask for."""

    issuer: Url
    authorization_endpoint: Url
    token_endpoint: Url
    app_registration_endpoint: Url
    revocation_endpoint: Url
    userinfo_endpoint: Url
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    code_challenge_methods_supported: list[str]


class Link(Entity, kw_only=True):
    """Where something else is (RFC 7033, section 4.4.4; RFC 6415)."""

    rel: str
    type: str | UnsetType = UNSET
    href: str | UnsetType = UNSET
    template: str | UnsetType = UNSET


class Links(Entity, kw_only=True):
    """Where something else is."""

    links: list[Link]


class WebFinger(Links, kw_only=True):
    """Who goes by a name (RFC 7033)."""

    subject: str
    aliases: list[Url]


class NodeInfo(Entity, kw_only=True):
    """What kind of server this is (NodeInfo 2)."""

    version: str
    software: dict[str, str]
    protocols: list[str]
    services: dict[str, list[str]]
    openRegistrations: bool  # noqa: N815 - the name in the schema
    usage: dict[str, Any]
    metadata: dict[str, Any]


class Health(Entity, kw_only=True):
    """Whether the process that answers is well."""

    status: str
    process: str
    processes: int
    commit_seconds: float
    read_only: str | None


class ExtendedDescription(Entity, kw_only=True):
    """A long text about the server, or a policy of it."""

    updated_at: Instant | None
    content: Html


class Text(Entity, kw_only=True):
    """A text about the server, and when it was written; None where there is none."""

    updated_at: Instant | None
    content: Html


class TermsOfService(Entity, kw_only=True):
    """What people agree to who use this server."""

    effective_date: str | None
    effective: bool
    content: Html
    succeeded_by: str | None
