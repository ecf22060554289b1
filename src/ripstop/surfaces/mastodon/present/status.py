"""The Status entity, as bytes.

A status is joined from parts that are rendered once and kept for as long as they are true: the post itself (by its
version), its author's card, its counts, and what the viewer did with it. So a page costs a few dozen look-ups and one
join, and a post with a million likes costs what one without costs.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from itertools import product

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.posts.model import BOOKMARKED, LIKED, LIKED_BY, PINNED, REPLIES, REPOSTED, REPOSTED_BY, Post
from ripstop.domain.posts.threads import muted_threads, root_of
from ripstop.domain.text import tag_url
from ripstop.domain.viewing import Seen, filters_of
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Entry, Graph, Tally, TypeSet
from ripstop.surfaces.mastodon.present.filter import NOTHING_FILTERED, filtered
from ripstop.surfaces.mastodon.present.instants import instant

COUNTS = TypeSet(REPLIES, REPOSTED_BY, LIKED_BY)
MARKS = TypeSet(LIKED, REPOSTED, BOOKMARKED, PINNED)
MUTED = 1 << len(MARKS.types)
"""Bit of an ending, above those of MARKS: the viewer mutes the thread."""

AccountCards = Callable[[Collection[int]], Awaitable[Mapping[int, bytes]]]
"""Renders accounts: id to the Account entity; those that are gone are absent."""


def _marks_bytes(liked: bool, reposted: bool, bookmarked: bool, pinned: bool, muted: bool) -> bytes:
    marks = {
        "favourited": liked,
        "reblogged": reposted,
        "bookmarked": bookmarked,
        "muted": muted,
        "pinned": pinned,
        "filtered": [],
    }
    return b"," + msgspec.json.encode(marks)[1:-1] + b"}"


_MARKED = [_marks_bytes(a, b, c, d, e) for e, d, c, b, a in product((False, True), repeat=5)]
"""What a viewer did with a post, by the bits of MARKS and MUTED."""


def _counts_bytes(replies: int, reposts: int, likes: int) -> bytes:
    return f',"replies_count":{replies},"reblogs_count":{reposts},"favourites_count":{likes}'.encode()


_NEW = _counts_bytes(0, 0, 0)


class StatusPresenter:
    """Renders posts that the viewer was found to be allowed to see.

    :param origin: the server's public URL, without a slash at the end.
    """

    def __init__(self, graph: Graph, cards: AccountCards, *, origin: str) -> None:
        self._graph = graph
        self._cards = cards
        self._origin = origin

    async def render_one(self, viewer: int | None, item: Seen) -> bytes:
        """One Status.

        :raises NotFound: its author is gone.
        """
        found = await self._parts(viewer, [item])
        if not found:
            raise NotFound("Record not found")
        return b"".join(found[item.post.id])

    async def render_new(self, post: Entry[Post]) -> bytes:
        """The Status that its author is shown who just published it: nobody has answered, liked or repeated it yet.

        :raises NotFound: its author is gone.
        """
        author = await self._graph.get(ACCOUNT, post.value.author)
        cards = await self._cards((post.value.author,))
        if author is None or author.id not in cards:
            raise NotFound("Record not found")
        rendered = self._post(post, author.value)
        is_muted = root_of(post) in await muted_threads(self._graph, author.id, (post,))
        ending = _MARKED[MUTED if is_muted else 0]
        return b"".join((b'{"account":', cards[author.id], rendered, b',"reblog":null', _NEW, ending))

    async def render_list(self, viewer: int | None, items: Sequence[Seen]) -> bytes:
        """A JSON list of Status, of those whose author is still there."""
        parts = [b"["]
        for found in (await self._parts(viewer, items)).values():
            parts += found
            parts.append(b",")
        if len(parts) > 1:
            parts.pop()
        parts.append(b"]")
        return b"".join(parts)

    async def render_each(self, viewer: int | None, items: Sequence[Seen]) -> dict[int, bytes]:
        """Each Status by the id of the post, of those whose author is still there."""
        return {id_: b"".join(parts) for id_, parts in (await self._parts(viewer, items)).items()}

    async def _parts(self, viewer: int | None, items: Sequence[Seen]) -> dict[int, tuple[bytes, ...]]:
        """What each Status is joined from, by the id of the post. At most seven engine calls, whatever the length."""
        if not items:
            return {}
        graph = self._graph
        authors: set[int] = set()
        bare: list[Entry[Post]] = []
        ids: list[int] = []
        for post, original in items:
            authors.add(post.value.author)
            if "status" not in post.rendered:
                bare.append(post)
            if original is None:
                ids.append(post.id)
            else:
                ids.append(original.id)
                authors.add(original.value.author)
                if "status" not in original.rendered:
                    bare.append(original)
        if bare:
            await self._render_posts(bare)
        cards = await self._cards(authors)
        tallies = await graph.tallies(ids, COUNTS)
        marks = None
        muted: Collection[int] = ()
        if viewer is not None:
            marks = await graph.marks(viewer, MARKS, ids)
            muted = await muted_threads(graph, viewer, [item.original or item.post for item in items])
        filters, now_ms = await filters_of(graph, viewer), graph.now_ms()
        found: dict[int, tuple[bytes, ...]] = {}
        for post, reposted in items:
            original = post if reposted is None else reposted
            card = cards.get(original.value.author)
            if card is None:
                continue
            tally = tallies[original.id]
            counts = tally.rendered.get("status") or self._counts(tally)
            ending = b"}" if marks is None else _MARKED[marks[original.id]]
            if muted and marks is not None and root_of(original) in muted:
                ending = _MARKED[marks[original.id] | MUTED]
            if filters and (matches := filters.matches(original, now_ms)):
                ending = ending.replace(NOTHING_FILTERED, filtered(matches))
            parts = (b'{"account":', card, original.rendered["status"], b',"reblog":null', counts, ending)
            if reposted is None:
                found[post.id] = parts
            elif (wrapper := cards.get(post.value.author)) is not None:
                head = (b'{"account":', wrapper, post.rendered["status"], b',"reblog":')
                found[post.id] = (*head, *parts, counts, ending)
        return found

    def _counts(self, tally: Tally) -> bytes:
        replies, reposts, likes = (count.length for count in tally.counts)
        return self._graph.keep_rendered(tally, "status", _counts_bytes(replies, reposts, likes))

    async def _render_posts(self, posts: Sequence[Entry[Post]]) -> None:
        """Render what follows from each post alone, for those whose author is there."""
        authors = await self._graph.get_many(ACCOUNT, {post.value.author for post in posts})
        for post in posts:
            author = authors.get(post.value.author)
            if author is not None:
                self._graph.keep_rendered(post, "status", self._post(post, author.value))

    def _post(self, post: Entry[Post], author: Account) -> bytes:
        return b"," + msgspec.json.encode(status_fields(post.id, post.value, author, self._origin))[1:-1]


def json_list(items: Iterable[bytes]) -> bytes:
    """A JSON list of things that are JSON already."""
    return b"[" + b",".join(items) + b"]"


def status_fields(id_: int, post: Post, author: Account, origin: str) -> dict[str, object]:
    """Everything of a Status that follows from the post alone."""
    return {
        "id": str(id_),
        "created_at": instant(post.created_at),
        "in_reply_to_id": _text(post.in_reply_to),
        "in_reply_to_account_id": _text(post.in_reply_to_author),
        "sensitive": post.sensitive,
        "spoiler_text": post.spoiler_text,
        "visibility": post.visibility,
        "language": post.language,
        "uri": f"{origin}/users/{author.username}/statuses/{id_}",
        "url": f"{origin}/@{author.acct}/{id_}",
        "edited_at": None if post.edited_at is None else instant(post.edited_at),
        "content": post.content,
        "application": None
        if post.application is None
        else {"name": post.application.name, "website": post.application.website},
        "media_attachments": [],
        "mentions": [
            {"id": str(m.id), "username": m.username, "url": f"{origin}/@{m.acct}", "acct": m.acct}
            for m in post.mentions
        ],
        "tags": [{"name": tag, "url": tag_url(origin, tag)} for tag in post.tags],
        "emojis": [],
        "card": None,
        "poll": None,
        "quote": None,
        "quotes_count": 0,
        "quote_approval": {"automatic": [], "manual": [], "current_user": "denied"},
    }


def _text(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)
