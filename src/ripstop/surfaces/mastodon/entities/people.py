"""Entities of people: accounts, how the viewer stands to them, and lists of them."""

from typing import Literal

from msgspec import UNSET, UnsetType

from ripstop.surfaces.mastodon.entities.base import Count, Day, Entity, Html, Id, Instant, Url
from ripstop.surfaces.mastodon.entities.server import CustomEmoji


class ProfileField(Entity, kw_only=True):
    """A line of a profile."""

    name: str
    value: Html
    verified_at: Instant | None


class AccountRole(Entity, kw_only=True):
    """A role that an account shows."""

    id: Id
    name: str
    color: str


class Account(Entity, kw_only=True):
    """Somebody."""

    id: Id
    username: str
    acct: str
    display_name: str
    locked: bool
    bot: bool
    discoverable: bool | None
    indexable: bool
    group: bool
    created_at: Instant
    note: Html
    url: Url
    uri: Url
    avatar: Url
    avatar_static: Url
    avatar_description: str
    header: Url
    header_static: Url
    header_description: str
    hide_collections: bool | None
    noindex: bool
    moved: "Account | None"
    emojis: list[CustomEmoji]
    roles: list[AccountRole]
    fields: list[ProfileField]
    followers_count: Count
    following_count: Count
    statuses_count: Count
    last_status_at: Day | None
    suspended: bool | UnsetType = UNSET
    limited: bool | UnsetType = UNSET


class Role(Entity, kw_only=True):
    """What an account may do."""

    id: Id
    name: str
    permissions: str
    color: str
    highlighted: bool


class Source(Entity, kw_only=True):
    """What the owner wrote and chose, as it is edited."""

    privacy: str
    sensitive: bool
    language: str | None
    note: str
    fields: list[ProfileField]
    hide_collections: bool | None
    discoverable: bool | None
    indexable: bool
    attribution_domains: list[str]
    follow_requests_count: Count
    quote_policy: str
    reply_policy: str


class CredentialAccount(Account, kw_only=True):
    """An account as its owner sees it."""

    role: Role
    source: Source


class MutedAccount(Account, kw_only=True):
    """An account that the viewer mutes."""

    mute_expires_at: Instant | None


class Relationship(Entity, kw_only=True):
    """How the viewer stands to an account."""

    id: Id
    following: bool
    showing_reblogs: bool
    notifying: bool
    languages: list[str] | None
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    muting_expires_at: Instant | UnsetType | None = UNSET
    requested: bool
    requested_by: bool
    note: str
    domain_blocking: bool
    endorsed: bool


class FamiliarFollowers(Entity, kw_only=True):
    """Whom the viewer follows among the followers of an account."""

    id: Id
    accounts: list[Account]


class List(Entity, kw_only=True):
    """A list of accounts."""

    id: Id
    title: str
    replies_policy: Literal["followed", "list", "none"]
    exclusive: bool


class Suggestion(Entity, kw_only=True):
    """Somebody whom the viewer might want to follow, and why."""

    source: Literal["staff", "past_interactions", "global"]
    sources: list[str]
    account: Account
