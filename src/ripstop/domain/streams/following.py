"""Which of those who watch follow an author or a hashtag."""

from collections.abc import Iterable
from typing import NamedTuple

from ripstop.domain.posts.model import tag_id
from ripstop.domain.viewing import sight_of
from ripstop.machinery.graph import Graph


class Followed(NamedTuple):
    """Whom and what a viewer follows: ids of accounts and of hashtags."""

    accounts: frozenset[int] = frozenset()
    tags: frozenset[int] = frozenset()


NOTHING = Followed()


class Following:
    """From an author or a hashtag to the viewers, of those that watch in this process, who follow it.

    It says only where to look, and may be late: whether a viewer is shown something is for the rules of viewing.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._followed: dict[int, Followed] = {}
        self._viewers: dict[int, set[int]] = {}

    def of(self, author: int, tags: Iterable[str] = ()) -> set[int]:
        """The viewers who follow this author or one of these hashtags."""
        viewers = set(self._viewers.get(author, ()))
        for tag in tags:
            viewers |= self._viewers.get(tag_id(tag), set())
        return viewers

    def join(self, viewer: int) -> None:
        """A viewer begins to watch; what it follows is found by `refresh`."""
        self._followed.setdefault(viewer, NOTHING)

    async def refresh(self, viewer: int) -> None:
        """What a viewer follows may have changed; nothing to do if it has not, or if it does not watch.

        No engine call if the viewer's relations are cached.
        """
        if viewer not in self._followed:
            return
        sight = await sight_of(self._graph, viewer)
        known = self._followed.get(viewer)
        if known is None or (known.accounts is sight.follows and known.tags is sight.tags):
            return
        self._followed[viewer] = Followed(sight.follows, sight.tags)
        for before, now in ((known.accounts, sight.follows), (known.tags, sight.tags)):
            for id_ in now - before:
                self._viewers.setdefault(id_, set()).add(viewer)
            for id_ in before - now:
                self._part(id_, viewer)

    def leave(self, viewer: int) -> None:
        """A viewer watches no more."""
        followed = self._followed.pop(viewer, NOTHING)
        for id_ in (*followed.accounts, *followed.tags):
            self._part(id_, viewer)

    def _part(self, id_: int, viewer: int) -> None:
        viewers = self._viewers[id_]
        viewers.discard(viewer)
        if not viewers:
            del self._viewers[id_]
