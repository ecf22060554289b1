"""Streams, and which of them something reaches."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from ripstop.domain.posts.model import IS_PUBLIC, MEDIA, REPLY, REPLY_TO_SELF, REPOST
from ripstop.domain.viewing import Place, Seen, hydrate, sight_of
from ripstop.machinery.graph import Graph


class Kind(Enum):
    """What a stream brings. The values are what clients call it.

    `HOME` is what stands in somebody's home, and what that somebody is told; `TOLD` the latter alone. `PUBLIC` is all
    that is public but reposts and answers to others; `LOCAL` and `REMOTE` say where it was written, `MEDIA` that it
    has some. `TAG` is what is public and has a hashtag, `DIRECT` direct posts by or for somebody.
    """

    HOME = "user"
    TOLD = "user:notification"
    PUBLIC = "public"
    PUBLIC_LOCAL = "public:local"
    PUBLIC_REMOTE = "public:remote"
    PUBLIC_MEDIA = "public:media"
    PUBLIC_LOCAL_MEDIA = "public:local:media"
    PUBLIC_REMOTE_MEDIA = "public:remote:media"
    TAG = "hashtag"
    TAG_LOCAL = "hashtag:local"
    DIRECT = "direct"

    @property
    def place(self) -> Place:
        """Where its posts are shown, for the rules of viewing."""
        return Place.HOME if self is Kind.HOME else Place.PUBLIC


class Stream(NamedTuple):
    """One stream. `of` is the account whose it is, or the hashtag in lower case; empty for public ones."""

    kind: Kind
    of: int | str = ""


def public_streams(flags: int, tags: Iterable[str], *, local: bool) -> list[Stream]:
    """The streams for everybody that a post with these flags and hashtags reaches."""
    if not flags & IS_PUBLIC or flags & REPOST:
        return []
    reached = []
    if not flags & REPLY or flags & REPLY_TO_SELF:
        reached = [Kind.PUBLIC, Kind.PUBLIC_LOCAL if local else Kind.PUBLIC_REMOTE]
        if flags & MEDIA:
            reached += [Kind.PUBLIC_MEDIA, Kind.PUBLIC_LOCAL_MEDIA if local else Kind.PUBLIC_REMOTE_MEDIA]
    streams = [Stream(kind) for kind in reached]
    for tag in tags:
        streams.append(Stream(Kind.TAG, tag.lower()))
        if local:
            streams.append(Stream(Kind.TAG_LOCAL, tag.lower()))
    return streams


async def allowed(graph: Graph, viewer: int, post: int, kind: Kind) -> Seen | None:
    """The post, if it is there and this viewer may see it in a stream of this kind, as of the last `Graph.sync`."""
    seen = await hydrate(graph, await sight_of(graph, viewer), (post,), kind.place)
    return seen[0] if seen else None
