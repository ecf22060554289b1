"""Streams, and which of them something reaches."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from ripstop.domain.follows.lists import exclusive_members
from ripstop.domain.follows.model import LIST
from ripstop.domain.posts.model import IS_PUBLIC, MEDIA, REPLY, REPLY_TO_SELF, REPOST, Post
from ripstop.domain.viewing import Place, Seen, Sight, hydrate, list_sight, sight_of
from ripstop.machinery.graph import Graph


class Kind(Enum):
    """What a stream brings. The values are what clients call it.

    `HOME` is what stands in somebody's home, and what that somebody is told; `TOLD` the latter alone. `PUBLIC` is all
    that is public but reposts and answers to others; `LOCAL` and `REMOTE` say where it was written, `MEDIA` that it
    has some. `TAG` is what is public and has a hashtag, `DIRECT` the conversations of somebody, `LIST` what stands in
    a list.
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
    LIST = "list"

    @property
    def follows(self) -> bool:
        """Whether it brings what is by those, or has the hashtags, that somebody chose."""
        return self is Kind.HOME or self is Kind.LIST

    @property
    def place(self) -> Place:
        """Where its posts are shown, for the rules of viewing."""
        return Place.HOME if self.follows else Place.PUBLIC


class Stream(NamedTuple):
    """One stream. `of` is the account whose it is, the list, or the hashtag in lower case; empty for public ones."""

    kind: Kind
    of: int | str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What clients call it."""
        if self.kind in (Kind.TAG, Kind.TAG_LOCAL, Kind.LIST):
            return self.kind.value, str(self.of)
        return (self.kind.value,)


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


async def allowed(graph: Graph, viewer: int, post: int, stream: Stream) -> Seen | None:
    """The post, if it is there and this viewer may see it in this stream, as of the last `Graph.sync`."""
    sight = await sight_of(graph, viewer)
    seen = await hydrate(graph, sight, (post,), stream.kind.place)
    if not seen or (stream.kind.follows and not await _stands_in(graph, sight, seen[0].post.value, stream)):
        return None
    return seen[0]


async def _stands_in(graph: Graph, sight: Sight, post: Post, stream: Stream) -> bool:
    """Whether a post that the rules of home let through stands in just this home or list."""
    assert sight.viewer is not None
    assert isinstance(stream.of, int)
    if stream.kind is Kind.HOME:
        return post.author not in await exclusive_members(graph, sight.viewer)
    entry = await graph.get(LIST, stream.of)
    if entry is None or entry.value.owner != sight.viewer:
        return False
    listed = await list_sight(graph, entry, sight)
    return post.author in listed.authors and listed.wants(post)
