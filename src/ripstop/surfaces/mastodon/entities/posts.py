"""Entities of posts, and of what is said in them."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from ripstop.surfaces.mastodon.entities.base import Count, Entity, Html, Id, Instant, Url
from ripstop.surfaces.mastodon.entities.own import FilterResult
from ripstop.surfaces.mastodon.entities.people import Account
from ripstop.surfaces.mastodon.entities.server import CustomEmoji


class MediaAttachment(Entity, kw_only=True):
    """A picture, a sound or a film."""

    id: Id
    type: Literal["unknown", "image", "gifv", "video", "audio"]
    url: Url | None
    preview_url: Url | None
    remote_url: Url | None
    meta: dict[str, Any] | None
    description: str | None
    blurhash: str | None
    preview_remote_url: Url | UnsetType | None = UNSET
    text_url: Url | UnsetType | None = UNSET


class Mention(Entity, kw_only=True):
    """Somebody whom a post names."""

    id: Id
    username: str
    url: Url
    acct: str


class StatusTag(Entity, kw_only=True):
    """A hashtag of a post."""

    name: str
    url: Url


class StatusApplication(Entity, kw_only=True):
    """With what a post was written."""

    name: str
    website: str | None


class PollOption(Entity, kw_only=True):
    """One answer of a poll."""

    title: str
    votes_count: Count | None


class Poll(Entity, kw_only=True):
    """A question with answers to choose from."""

    id: Id
    expires_at: Instant | None
    expired: bool
    multiple: bool
    votes_count: Count
    voters_count: Count | None
    options: list[PollOption]
    emojis: list[CustomEmoji]
    voted: bool | UnsetType = UNSET
    own_votes: list[int] | UnsetType = UNSET


class Quote(Entity, kw_only=True):
    """A post that another one quotes: whole, or within a quoted one its id alone."""

    state: str
    quoted_status: "Status | UnsetType | None" = UNSET
    quoted_status_id: Id | UnsetType | None = UNSET


class QuoteApproval(Entity, kw_only=True):
    """Who may quote a post."""

    automatic: list[str]
    manual: list[str]
    current_user: str


class CardAuthor(Entity, kw_only=True):
    """Who wrote a page, as it says itself."""

    name: str
    url: str
    account: Account | None


class PreviewCard(Entity, kw_only=True):
    """What a post links to."""

    url: Url
    title: str
    description: str
    language: str | None
    type: Literal["link", "photo", "video", "rich"]
    author_name: str
    author_url: str
    authors: list[CardAuthor]
    provider_name: str
    provider_url: Url
    html: str
    width: int
    height: int
    image: Url | None
    image_description: str
    embed_url: str
    blurhash: str | None
    published_at: Instant | None


class Takedown(Entity, kw_only=True):
    """That moderators have taken a post down, so that nobody but its author is shown it."""

    at: Instant
    reason: str


class Status(Entity, kw_only=True):
    """A post, as the viewer sees it. What depends on a viewer is there for one only."""

    id: Id
    created_at: Instant
    in_reply_to_id: Id | None
    in_reply_to_account_id: Id | None
    sensitive: bool
    spoiler_text: str
    visibility: Literal["public", "unlisted", "private", "direct"]
    language: str | None
    uri: Url
    url: Url | None
    edited_at: Instant | None
    content: Html
    application: StatusApplication | None
    account: Account
    reblog: "Status | None"
    media_attachments: list[MediaAttachment]
    mentions: list[Mention]
    tags: list[StatusTag]
    emojis: list[CustomEmoji]
    card: PreviewCard | None
    poll: Poll | None
    quote: Quote | None
    quote_approval: QuoteApproval
    quotes_count: Count
    reply_policy: Literal["everyone", "following", "followers", "mentioned"] | None
    replies_count: Count
    reblogs_count: Count
    favourites_count: Count
    favourited: bool | UnsetType = UNSET
    reblogged: bool | UnsetType = UNSET
    bookmarked: bool | UnsetType = UNSET
    muted: bool | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET
    filtered: list[FilterResult] | UnsetType = UNSET
    current_user_can_reply: bool | UnsetType | None = UNSET
    takedown: Takedown | UnsetType = UNSET


class DeletedStatus(Status, kw_only=True):
    """A post that was deleted, with what its author wrote."""

    text: str


class Context(Entity, kw_only=True):
    """The thread around a post."""

    ancestors: list[Status]
    descendants: list[Status]


class StatusSource(Entity, kw_only=True):
    """A post as its author wrote it."""

    id: Id
    text: str
    spoiler_text: str


class StatusEdit(Entity, kw_only=True):
    """What a post said."""

    account: Account
    content: Html
    spoiler_text: str
    sensitive: bool
    created_at: Instant
    media_attachments: list[MediaAttachment]
    emojis: list[CustomEmoji]
    poll: dict[str, Any] | UnsetType | None = UNSET
    quote: Quote | UnsetType | None = UNSET


class TagHistory(Entity, kw_only=True):
    """How often a hashtag was used on a day."""

    day: str
    uses: str
    accounts: str


class Tag(Entity, kw_only=True):
    """A hashtag."""

    id: Id
    name: str
    url: Url
    history: list[TagHistory]
    following: bool | UnsetType = UNSET
    featuring: bool | UnsetType = UNSET


class Search(Entity, kw_only=True):
    """What was found."""

    accounts: list[Account]
    statuses: list[Status]
    hashtags: list[Tag]


class Announcement(Entity, kw_only=True):
    """What the server tells everybody."""

    id: Id
    content: Html
    starts_at: Instant | None
    ends_at: Instant | None
    all_day: bool
    published_at: Instant
    updated_at: Instant
    read: bool
    mentions: list[Mention]
    statuses: list[dict[str, str]]
    tags: list[StatusTag]
    emojis: list[CustomEmoji]
    reactions: list[dict[str, Any]]


class Conversation(Entity, kw_only=True):
    """Direct posts between the same people."""

    id: Id
    unread: bool
    accounts: list[Account]
    last_status: Status | None
