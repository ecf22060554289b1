"""Which streams of people, of those that somebody listens to, an author or a hashtag leads to."""

from collections.abc import Iterable

from ripstop.domain.follows.lists import members_of
from ripstop.domain.posts.model import tag_id
from ripstop.domain.streams.reach import Kind, Stream
from ripstop.domain.viewing import sight_of
from ripstop.machinery.graph import Graph

Sources = tuple[frozenset[int], ...]
"""Ids of accounts and hashtags whose posts a stream brings."""


class Following:
    """From an author or a hashtag to the homes and lists, of those listened to in this process, that follow it.

    It says only where to look, and may be late: whether a viewer is shown something is for the rules of viewing.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._sources: dict[Stream, Sources] = {}
        self._streams: dict[int, set[Stream]] = {}

    def of(self, author: int, tags: Iterable[str] = ()) -> set[Stream]:
        """The streams that bring what is by this author, or has one of these hashtags."""
        streams = set(self._streams.get(author, ()))
        for tag in tags:
            streams |= self._streams.get(tag_id(tag), set())
        return streams

    def join(self, stream: Stream) -> None:
        """Somebody begins to listen to a home or a list; what it follows is found by `refresh`."""
        self._sources.setdefault(stream, ())

    async def refresh(self, stream: Stream) -> None:
        """What a stream follows may have changed; nothing to do if it has not, or if nobody listens to it.

        No engine call if the relations of its owner, or the members of the list, are cached.
        """
        if stream not in self._sources:
            return
        now = await self._look(stream)
        known = self._sources.get(stream)
        if known is None or (known and all(before is after for before, after in zip(known, now, strict=True))):
            return
        self._sources[stream] = now
        before, after = frozenset().union(*known), frozenset().union(*now)
        for source in after - before:
            self._streams.setdefault(source, set()).add(stream)
        for source in before - after:
            self._part(source, stream)

    def leave(self, stream: Stream) -> None:
        """Nobody listens to it any more."""
        for source in frozenset().union(*self._sources.pop(stream, ())):
            self._part(source, stream)

    async def _look(self, stream: Stream) -> Sources:
        assert isinstance(stream.of, int)
        if stream.kind is Kind.LIST:
            return (await members_of(self._graph, stream.of),)
        sight = await sight_of(self._graph, stream.of)
        return sight.follows, sight.tags

    def _part(self, source: int, stream: Stream) -> None:
        streams = self._streams[source]
        streams.discard(stream)
        if not streams:
            del self._streams[source]
