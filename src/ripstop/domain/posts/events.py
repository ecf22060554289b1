"""What happens to posts. `author` is always the author of `post`; `actor` is who did something with it."""

import msgspec


class PostPublished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post, not a repost, is there. `flags` are those of `ripstop.domain.posts.model`.

    `indexable` says that it is public and that its author agreed to be searched. `quoted_author` wrote what it quotes.
    `watched`: followers may want to be told of it.
    """

    post: int
    author: int
    flags: int
    root: int | None = None
    in_reply_to: int | None = None
    in_reply_to_author: int | None = None
    mentions: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    indexable: bool = False
    quoted_author: int | None = None
    watched: bool = False


class PostDeleted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post, not a repost, is gone; lists that it stood in for others may still name it.

    `told` are those of `mentions` who were told under another id than the post's, with that id. `edited`: it has
    revisions.
    """

    post: int
    author: int
    flags: int
    root: int | None = None
    mentions: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    told: tuple[tuple[int, int], ...] = ()
    edited: bool = False


class PostEdited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post says something else. `revision` is the id that was minted for what it said before.

    `mentions` are those whom it names now and did not name before; they are told under the id of the revision.
    `dropped` are those whom it names no more, each with the id under which they were told.
    """

    post: int
    author: int
    flags: int
    revision: int
    root: int | None = None
    mentions: tuple[int, ...] = ()
    dropped: tuple[tuple[int, int], ...] = ()


class PostLinked(msgspec.Struct, frozen=True, kw_only=True):
    """A post has a link now, and no picture that would be shown in place of a card."""

    post: int
    link: str


class CardShown(msgspec.Struct, frozen=True, kw_only=True):
    """A post shows what its link leads to; it says what it said before."""

    post: int
    author: int
    flags: int


class PostQuoted(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` quoted `post` in the post `quoting`; `quote` is the id that was minted for it."""

    post: int
    author: int
    actor: int
    quoting: int
    quote: int


class QuoteEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The quote with the id `quote` is no more: `author` revoked it, or the post `quoting` was deleted."""

    post: int
    author: int
    actor: int
    quoting: int
    quote: int


class PostLiked(msgspec.Struct, frozen=True, kw_only=True):
    """`like` is the id that was minted for it: its place in both lists."""

    post: int
    author: int
    actor: int
    like: int


class PostUnliked(msgspec.Struct, frozen=True, kw_only=True):
    """The like with the id `like` is taken back."""

    post: int
    author: int
    actor: int
    like: int


class PostReposted(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` passed `post` on; `repost` is the id of the new post that says so, `flags` are its flags."""

    post: int
    author: int
    actor: int
    repost: int
    flags: int


class PostUnreposted(msgspec.Struct, frozen=True, kw_only=True):
    """`repost` is gone again."""

    post: int
    author: int
    actor: int
    repost: int
