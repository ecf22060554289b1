"""The Status entity, as bytes.

A status is joined from parts that are rendered once and kept for as long as they are true: the post itself (by its
version), its author's card, its counts, and what the viewer did with it. So a page costs a few dozen look-ups and one
join, and a post with a million likes costs what one without costs.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import product

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.posts.model import BOOKMARKED, LIKED, LIKED_BY, REPLIES, REPOSTED, REPOSTED_BY, Post
from ripstop.domain.viewing import Seen
from ripstop.machinery.graph import Entry, Graph, Tally, TypeSet

COUNTS = TypeSet(REPLIES, REPOSTED_BY, LIKED_BY)
MARKS = TypeSet(LIKED, REPOSTED, BOOKMARKED)

AccountCards = Callable[[Collection[int]], Awaitable[Mapping[int, bytes]]]
"""Renders accounts: id to the Account entity; those that are gone are absent."""


def _marks_bytes(liked: bool, reposted: bool, bookmarked: bool) -> bytes:
    marks = {
        "favourited": liked,
        "reblogged": reposted,
        "bookmarked": bookmarked,
        "muted": False,
        "pinned": False,
        "filtered": [],
    }
    return b"," + msgspec.json.encode(marks)[1:-1] + b"}"


_MARKED = [_marks_bytes(a, b, c) for c, b, a in product((False, True), repeat=3)]
"""What a viewer did with a post, by the bits of MARKS."""


class StatusPresenter:
    """Renders posts that the viewer was found to be allowed to see.

    :param origin: the server's public URL, without a slash at the end.
    """

    def __init__(self, graph: Graph, cards: AccountCards, *, origin: str) -> None:
        self._graph = graph
        self._cards = cards
        self._origin = origin

    async def render(self, viewer: int | None, items: Sequence[Seen]) -> list[bytes]:
        """One Status for each item whose author is still there. At most four engine calls, whatever the length."""
        if not items:
            return []
        graph = self._graph
        shown = [item.original or item.post for item in items]
        authors = {entry.value.author for entry in shown} | {item.post.value.author for item in items}
        ids = [entry.id for entry in shown]
        accounts = await graph.get_many(ACCOUNT, authors)
        cards = await self._cards(authors)
        tallies = await graph.tallies(ids, COUNTS)
        marks = await graph.marks(viewer, MARKS, ids) if viewer is not None else None
        rendered = []
        for item in items:
            original = item.original or item.post
            author = accounts.get(original.value.author)
            if author is None:
                continue
            ending = b"}" if marks is None else _MARKED[marks[original.id]]
            counts = self._counts(tallies[original.id])
            body = b"".join(
                (
                    b'{"account":',
                    cards[author.id],
                    self._post(original, author.value),
                    b',"reblog":null',
                    counts,
                    ending,
                )
            )
            if item.original is not None:
                reposter = accounts.get(item.post.value.author)
                if reposter is None:
                    continue
                wrapper = self._post(item.post, reposter.value)
                body = b"".join((b'{"account":', cards[reposter.id], wrapper, b',"reblog":', body, counts, ending))
            rendered.append(body)
        return rendered

    async def render_one(self, viewer: int | None, item: Seen) -> bytes:
        """One Status."""
        return (await self.render(viewer, [item]))[0]

    async def render_list(self, viewer: int | None, items: Sequence[Seen]) -> bytes:
        """A JSON list of Status."""
        return json_list(await self.render(viewer, items))

    def _counts(self, tally: Tally) -> bytes:
        rendered = tally.rendered.get("status")
        if rendered is None:
            replies, reposts, likes = (count.length for count in tally.counts)
            text = f',"replies_count":{replies},"reblogs_count":{reposts},"favourites_count":{likes}'
            rendered = self._graph.keep_rendered(tally, "status", text.encode())
        return rendered

    def _post(self, entry: Entry[Post], author: Account) -> bytes:
        rendered = entry.rendered.get("status")
        if rendered is None:
            fields = status_fields(entry.id, entry.value, author, self._origin)
            rendered = self._graph.keep_rendered(entry, "status", b"," + msgspec.json.encode(fields)[1:-1])
        return rendered


def json_list(items: Iterable[bytes]) -> bytes:
    """A JSON list of things that are JSON already."""
    return b"[" + b",".join(items) + b"]"


def instant(ms: int) -> str:
    """Milliseconds since the Unix epoch as the API writes instants."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


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
        "tags": [{"name": tag, "url": f"{origin}/tags/{tag}"} for tag in post.tags],
        "emojis": [],
        "card": None,
        "poll": None,
        "quote": None,
        "quotes_count": 0,
        "quote_approval": {"automatic": [], "manual": [], "current_user": "denied"},
    }


def _text(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)
