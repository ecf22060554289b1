"""What is kept of a post, and the lists it stands in. Instants are milliseconds since the Unix epoch."""

import hashlib

import msgspec

from ripstop.domain.accounts.model import DIRECT, EVERYONE, PRIVATE, PUBLIC, UNLISTED
from ripstop.domain.media.model import Attachment, Shape
from ripstop.engines.base import Counted
from ripstop.kernel.ids import MAX_ID
from ripstop.machinery.graph import ObjectType, association, association_pair

# Flags of a post in the lists POSTED, THREAD and TIMELINE.
REPLY = 1
REPOST = 2
MEDIA = 4
SENSITIVE = 8
IS_PUBLIC = 16
IS_UNLISTED = 32
IS_PRIVATE = 64
IS_DIRECT = 128
REPLY_TO_SELF = 256

VISIBILITY_FLAGS = {PUBLIC: IS_PUBLIC, UNLISTED: IS_UNLISTED, PRIVATE: IS_PRIVATE, DIRECT: IS_DIRECT}

LOCAL_TIMELINE = 1
"""The id under which the server's own timeline stands in TIMELINE. No object has it."""


class Mention(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Somebody named in a post, as they were called when it was written.

    `told` is the id under which they are told: of the revision that named them first, None for the post itself.
    """

    id: int
    username: str
    domain: str = ""
    told: int | None = None

    @property
    def acct(self) -> str:
        return f"{self.username}@{self.domain}" if self.domain else self.username


class Signature(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The application that a post was written with."""

    name: str
    website: str | None = None


class Quotation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """That a post quotes another: `post` by `author`, as that one was called when it was written.

    `id` was minted for it: it is its place in the list of quotes, and what the author is told under. `revoked`: the
    author took the leave back, so the two have nothing to do with each other any more.
    """

    id: int
    post: int
    author: int
    acct: str
    revoked: bool = False


class CardPicture(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The picture of a page, made anew here: the key that names its blobs, and what it shows in words."""

    key: str
    large: Shape
    blurhash: str
    description: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the first link of a post leads to, as the page said itself. All of it is plain text.

    `link` is the link as it stands in the post, `url` where it led in the end, `site` what the page belongs to.
    """

    link: str
    url: str
    title: str
    description: str = ""
    site: str = ""
    author: str = ""
    language: str | None = None
    picture: CardPicture | None = None


class Post(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post, or (with `repost_of`) the sign that its author passed another one on.

    `text` is what the author wrote, `content` the same as clean HTML. `root` is the first post of the thread, None
    where this is it. `visibility` is one of `ripstop.domain.accounts.model.VISIBILITIES`. `edits` counts its revisions.

    `quote_policy` (one of `QUOTE_POLICIES`) says who may quote it; of private and direct posts it is NOBODY.
    `reply_policy` (one of `REPLY_POLICIES`) says who may answer in the thread that it begins; that of an answer says
    nothing. `card` is what its first link leads to, once that has been looked at.

    Moderators may say that it is sensitive whatever its author says (`sensitized`), or take it down: since
    `taken_down_at` it is shown to nobody but its author, who is told the `takedown_reason`.
    """

    author: int
    created_at: int
    visibility: str = PUBLIC
    text: str = ""
    content: str = ""
    spoiler_text: str = ""
    sensitive: bool = False
    language: str | None = None
    in_reply_to: int | None = None
    in_reply_to_author: int | None = None
    root: int | None = None
    repost_of: int | None = None
    mentions: tuple[Mention, ...] = ()
    tags: tuple[str, ...] = ()
    application: Signature | None = None
    edited_at: int | None = None
    edits: int = 0
    media: tuple[Attachment, ...] = ()
    quote: Quotation | None = None
    quote_policy: str = PUBLIC
    reply_policy: str = EVERYONE
    sensitized: bool = False
    taken_down_at: int | None = None
    takedown_reason: str = ""
    card: Card | None = None

    @property
    def flags(self) -> int:
        """The post's flags in the lists that it stands in."""
        flags = VISIBILITY_FLAGS[self.visibility]
        if self.in_reply_to is not None:
            flags |= REPLY | (REPLY_TO_SELF if self.in_reply_to_author == self.author else 0)
        if self.repost_of is not None:
            flags |= REPOST
        if self.sensitive:
            flags |= SENSITIVE
        if self.media:
            flags |= MEDIA
        return flags


class Revision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a post said from `created_at` until it was edited."""

    created_at: int
    content: str
    spoiler_text: str = ""
    sensitive: bool = False
    media: tuple[Attachment, ...] = ()


POST = ObjectType(5, "post", Post)
REVISION = ObjectType(6, "revision", Revision)

# A direction is counted where somebody is shown the number, or merges over it; every count costs its writers.

POSTED = association(3, "posted")
"""Account to its posts and reposts; the order is the post's id."""
LIKED, LIKED_BY = association_pair((4, "liked"), (5, "liked_by"), counted=Counted.NO)
"""Account to post; the order is an id minted at the like."""
REPOSTED, REPOSTED_BY = association_pair((6, "reposted"), (7, "reposted_by"), counted=Counted.NO)
"""Account to the original; the order is the id of the repost, itself a post."""
BOOKMARKED = association(8, "bookmarked", counted=Counted.NO)
"""Account to post; the order is an id minted at the bookmark."""
REPLY_TO, REPLIES = association_pair((9, "reply_to"), (10, "replies"), counted=Counted.NO)
"""Post to the post it answers, if it is for everybody; the order is the answer's id."""
LISTED, TIMELINE = association_pair((11, "listed"), (12, "timeline"), counted=Counted.NO, inverse_counted=Counted.NO)
"""Post to a timeline's root such as LOCAL_TIMELINE; the order is the post's id."""
TAGGED, TAG_POSTS = association_pair((13, "tagged"), (14, "tag_posts"), counted=Counted.NO)
"""Post to `tag_id` of each hashtag; the order is the post's id."""
IN_THREAD, THREAD = association_pair((21, "in_thread"), (22, "thread"), counted=Counted.NO, inverse_counted=Counted.NO)
"""Post to the root of its thread, which is not itself in the list; the order is the post's id."""
QUOTES, QUOTED_BY = association_pair((36, "quotes"), (37, "quoted_by"), counted=Counted.NO)
"""Post for everybody to the post it quotes, until that is revoked; the order is the id of the `Quotation`."""
REVISED = association(35, "revised", counted=Counted.NO)
"""Post to its revisions; the order is the revision's id, minted at the edit that ended it."""
PINNED = association(38, "pinned", counted=Counted.NO)
"""Account to those of its posts that its profile shows first; the order is an id minted at the pin."""
MUTES_THREAD = association(40, "mutes_thread", counted=Counted.NO)
"""Account to the root of a thread; the order is an id minted at the mute."""
FOLLOWS_TAG = association(33, "follows_tag", counted=Counted.NO)
"""Account to `tag_id` of a hashtag; the order is an id minted at the follow, the data a `FollowedTag`."""
FEATURES_TAG = association(41, "features_tag", counted=Counted.NO)
"""Account to `tag_id` of a hashtag on its profile; the order is an id minted at that, the data a `FollowedTag`."""

OBJECTS = (POST, REVISION)
ASSOCIATIONS = (
    POSTED,
    LIKED,
    LIKED_BY,
    REPOSTED,
    REPOSTED_BY,
    BOOKMARKED,
    REPLY_TO,
    REPLIES,
    LISTED,
    TIMELINE,
    TAGGED,
    TAG_POSTS,
    IN_THREAD,
    THREAD,
    QUOTES,
    QUOTED_BY,
    REVISED,
    PINNED,
    MUTES_THREAD,
    FOLLOWS_TAG,
    FEATURES_TAG,
)


class FollowedTag(msgspec.Struct, frozen=True, gc=False):
    """The data of a hashtag that somebody follows or features: its name in lower case, which its id does not tell."""

    name: str


def tag_id(tag: str) -> int:
    """The id under which a hashtag's posts stand in TAG_POSTS: a hash of its lower-case form, needing no look-up."""
    digest = hashlib.blake2b(tag.lower().encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") & MAX_ID or 1


def idempotency_name(account: int, key: str) -> str:
    """The name that makes a second post with the same `Idempotency-Key` impossible."""
    return f"idem/{account}/{hashlib.sha256(key.encode()).hexdigest()}"
