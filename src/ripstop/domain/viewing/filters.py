"""Which of a viewer's filters a post matches, and whether it is to be left out."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from ripstop.domain.posts.model import Post
from ripstop.domain.viewing.model import FILTER, HIDE, HOLDS_FILTER, OWN_FILTERS, Filter, Keyword
from ripstop.machinery.graph import Entry, Graph

MOST_FILTERS = 100
"""Filters of one account. Several that are made at once may come out a few above it."""
MOST_HELD = 2 * MOST_FILTERS


class Match(NamedTuple):
    """A filter that a post matches, the keywords that it holds, and the post's id if it is named itself."""

    filter: Entry[Filter]
    keywords: tuple[str, ...]
    posts: tuple[int, ...]


class _Ready:
    """A filter made ready to be matched."""

    __slots__ = ("entry", "keywords", "posts")

    def __init__(self, entry: Entry[Filter]) -> None:
        self.entry = entry
        self.keywords = [(keyword.text, keyword.text.lower(), _whole(keyword)) for keyword in entry.value.keywords]
        self.posts = frozenset(one.post for one in entry.value.posts)

    def is_active(self, now_ms: int) -> bool:
        expires_at = self.entry.value.expires_at
        return expires_at is None or now_ms < expires_at

    def held_by(self, text: str) -> Iterable[str]:
        """Which keywords a text in lower case holds. Looking for a text is quick, and mostly all that is done."""
        for keyword, lower, whole in self.keywords:
            if lower in text and (whole is None or whole.search(text)):
                yield keyword


def _whole(keyword: Keyword) -> re.Pattern[str] | None:
    """What finds it as a whole word; at an end that is no letter or digit there is nothing to ask."""
    if not keyword.whole_word:
        return None
    text = keyword.text.lower()
    before, after = r"\b" if re.match(r"\w", text) else "", r"\b" if re.search(r"\w\Z", text) else ""
    return re.compile(before + re.escape(text) + after)


class Filters:
    """All filters of a viewer. Never changed: it is shared by requests. False where there are none."""

    __slots__ = ("_all", "_viewer", "size")

    def __init__(self, viewer: int | None, filters: Iterable[Entry[Filter]] = ()) -> None:
        self._viewer = viewer
        self._all = [_Ready(entry) for entry in filters]
        self.size = 300 + sum(500 + 400 * len(one.keywords) + 60 * len(one.posts) for one in self._all)

    def __bool__(self) -> bool:
        return bool(self._all)

    def matches(self, post: Entry[Post], now_ms: int) -> list[Match]:
        """Which filters match a post, wherever they apply. What the viewer wrote matches none."""
        if post.value.author == self._viewer:
            return []
        text = _text(post.value)
        found = []
        for one in self._all:
            if one.is_active(now_ms):
                keywords = tuple(one.held_by(text))
                posts = (post.id,) if post.id in one.posts else ()
                if keywords or posts:
                    found.append(Match(one.entry, keywords, posts))
        return found

    def hides(self, post: Entry[Post], context: str, now_ms: int) -> bool:
        """Whether a post is to be left out there."""
        if post.value.author == self._viewer:
            return False
        text = None
        for one in self._all:
            value = one.entry.value
            if value.action == HIDE and context in value.contexts and one.is_active(now_ms):
                text = _text(post.value) if text is None else text
                if post.id in one.posts or any(True for _ in one.held_by(text)):
                    return True
        return False


def _text(post: Post) -> str:
    return f"{post.spoiler_text}\n{post.text}".lower()


NO_FILTERS = Filters(None)


async def filters_of(graph: Graph, viewer: int | None) -> Filters:
    """The viewer's filters. From the cache, or with at most two engine calls."""
    if viewer is None:
        return NO_FILTERS
    known: Filters | None = graph.recall(viewer, OWN_FILTERS)
    if known is not None:
        return known
    return await graph.remember(viewer, OWN_FILTERS, _look(graph, viewer), size=lambda filters: filters.size)


async def _look(graph: Graph, viewer: int) -> Filters:
    return Filters(viewer, await held_filters(graph, viewer))


async def held_filters(graph: Graph, owner: int) -> list[Entry[Filter]]:
    """All filters of an account, the oldest first. At most two engine calls."""
    ids = await graph.members(owner, HOLDS_FILTER, most=MOST_HELD) or ()
    found = await graph.get_many(FILTER, ids) if ids else {}
    return [found[id_] for id_ in sorted(found)]
