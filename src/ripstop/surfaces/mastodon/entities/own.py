"""Entities of what somebody keeps for themselves: filters, markers, preferences, featured hashtags."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from ripstop.surfaces.mastodon.entities.base import Count, Entity, Id, Instant, Url

FilterContext = Literal["home", "notifications", "public", "thread", "account"]


class FilterKeyword(Entity, kw_only=True):
    """A word that a filter looks for."""

    id: Id
    keyword: str
    whole_word: bool


class FilterStatus(Entity, kw_only=True):
    """A post that a filter names."""

    id: Id
    status_id: Id


class MatchedFilter(Entity, kw_only=True):
    """A filter without what it looks for, as posts name those that they match."""

    id: Id
    title: str
    context: list[FilterContext]
    expires_at: Instant | None
    filter_action: Literal["warn", "hide", "blur"]


class Filter(MatchedFilter, kw_only=True):
    """A filter of version 2."""

    keywords: list[FilterKeyword]
    statuses: list[FilterStatus]


class FilterResult(Entity, kw_only=True):
    """A filter that a post matches, and how."""

    filter: MatchedFilter
    keyword_matches: list[str] | None
    status_matches: list[Id] | None


class OldFilter(Entity, kw_only=True):
    """A filter of version 1."""

    id: Id
    phrase: str
    context: list[FilterContext]
    whole_word: bool
    expires_at: Instant | None
    irreversible: bool


class Marker(Entity, kw_only=True):
    """How far somebody has read."""

    last_read_id: Id
    version: Count
    updated_at: Instant


class Markers(Entity, kw_only=True):
    """The markers that are set, of those asked for."""

    home: Marker | UnsetType = UNSET
    notifications: Marker | UnsetType = UNSET


class Preferences(Entity, kw_only=True):
    """Defaults, under the names that Mastodon gives them."""

    visibility: str = msgspec.field(name="posting:default:visibility")
    sensitive: bool = msgspec.field(name="posting:default:sensitive")
    language: str | None = msgspec.field(name="posting:default:language")
    quote_policy: str = msgspec.field(name="posting:default:quote_policy")
    reply_policy: str = msgspec.field(name="posting:default:reply_policy")
    expand_media: str = msgspec.field(name="reading:expand:media")
    expand_spoilers: bool = msgspec.field(name="reading:expand:spoilers")
    autoplay_gifs: bool = msgspec.field(name="reading:autoplay:gifs")


class FeaturedTag(Entity, kw_only=True):
    """A hashtag that somebody shows on their profile."""

    id: Id
    name: str
    url: Url
    statuses_count: Count | str
    last_status_at: str | None


class UnreadCount(Entity, kw_only=True):
    """How much has not been read."""

    count: Count
