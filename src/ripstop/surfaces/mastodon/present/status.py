"""The Status entity, as bytes.

A status is joined from parts that are rendered once and kept for as long as they are true: the post itself (by its
version), its author's card, its counts, and what the viewer did with it. So a page costs a few dozen look-ups and one
join, and a post with a million likes costs what one without costs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.posts.model import (
    BOOKMARKED,
    LIKED,
    LIKED_BY,
    PINNED,
    QUOTED_BY,
    REPLIES,
    REPOSTED,
    REPOSTED_BY,
    Post,
)
from ripstop.domain.posts.threads import muted_threads, root_of
from ripstop.domain.text import tag_url
from ripstop.domain.viewing import Filters, Permissions, Quoted, Seen, filters_of, permissions_on, quoted_in
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Entry, Graph, Tally, TypeSet
from ripstop.surfaces.mastodon.present.card import card_fields
from ripstop.surfaces.mastodon.present.filter import NOTHING_FILTERED, filtered
from ripstop.surfaces.mastodon.present.instants import instant
from ripstop.surfaces.mastodon.present.media import attachment_fields
from ripstop.surfaces.mastodon.present.quote import (
    content_of,
    is_open,
    open_terms,
    own_terms,
    quote,
    shallow_quote,
    terms_of,
)

COUNTS = TypeSet(REPLIES, REPOSTED_BY, LIKED_BY, QUOTED_BY)
MARKS = TypeSet(LIKED, REPOSTED, BOOKMARKED, PINNED)
MUTED = 1 << len(MARKS.types)
"""Bit of an ending, above those of MARKS: the viewer mutes the thread."""

AT_ONCE = 256
"""Statuses of a context that are rendered before other requests have their turn: some 2 ms."""

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


def _counts_bytes(replies: int, reposts: int, likes: int, quotes: int) -> bytes:
    counts = f'"replies_count":{replies},"reblogs_count":{reposts},"favourites_count":{likes},"quotes_count":{quotes}'
    return f",{counts}".encode()


_NEW = _counts_bytes(0, 0, 0, 0)


_PLAIN, _SPECIAL = "status", "special"
"""Under one of these stands what is rendered of a post: a special one quotes something, or not everybody may quote or
answer it, so that more has to be looked at than for all others."""


class _Special(NamedTuple):
    """The special posts of a page, and what they quote."""

    posts: Sequence[Entry[Post]] = ()
    inside: Sequence[Entry[Post]] = ()
    """The posts that are shown as quoted."""
    quoted: Mapping[int, Quoted] = {}
    """What each of all these quotes."""
    permissions: Mapping[int, Permissions] = {}
    """What the viewer may do with each; empty where nobody in particular looks at them."""


class _Known(NamedTuple):
    """What was read for a page."""

    viewer: int | None
    cards: Mapping[int, bytes]
    tallies: Mapping[int, Tally]
    marks: Mapping[int, int] | None
    muted: Collection[int]
    filters: Filters
    now_ms: int


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
        if post.value.quote is not None:
            return await self.render_one(author.id, Seen(post, None))
        rendered = self._post(post, author.value)
        terms = own_terms(post.value)
        is_muted = root_of(post) in await muted_threads(self._graph, author.id, (post,))
        ending = _MARKED[MUTED if is_muted else 0]
        return b"".join((b'{"account":', cards[author.id], rendered, terms, b',"reblog":null', _NEW, ending))

    async def render_list(self, viewer: int | None, items: Sequence[Seen]) -> bytes:
        """A JSON list of Status, of those whose author is still there."""
        return _list((await self._parts(viewer, items)).values())

    async def render_context(self, viewer: int | None, ancestors: Sequence[Seen], descendants: Sequence[Seen]) -> bytes:
        """A Context: both as lists of Status, for the engine calls of one for each :data:`AT_ONCE` of them."""
        items = [*ancestors, *descendants]
        found = await self._parts(viewer, items[:AT_ONCE])
        for start in range(AT_ONCE, len(items), AT_ONCE):
            await asyncio.sleep(0)
            found |= await self._parts(viewer, items[start : start + AT_ONCE])
        statuses = list(found.values())
        above = sum(item.post.id in found for item in ancestors)
        return b"".join((b'{"ancestors":', _list(statuses[:above]), b',"descendants":', _list(statuses[above:]), b"}"))

    async def render_each(self, viewer: int | None, items: Sequence[Seen]) -> dict[int, bytes]:
        """Each Status by the id of the post, of those whose author is still there."""
        return {id_: b"".join(parts) for id_, parts in (await self._parts(viewer, items)).items()}

    async def _parts(self, viewer: int | None, items: Sequence[Seen]) -> dict[int, tuple[bytes, ...]]:
        """What each Status is joined from, by the id of the post.

        At most seven engine calls, whatever the length; and where some are special, those of `_look_at`.
        """
        if not items:
            return {}
        graph = self._graph
        authors: set[int] = set()
        bare: list[Entry[Post]] = []
        ids: list[int] = []
        for post, original in items:
            authors.add(post.value.author)
            if _PLAIN not in post.rendered:
                bare.append(post)
            if original is None:
                ids.append(post.id)
            else:
                ids.append(original.id)
                authors.add(original.value.author)
                if _PLAIN not in original.rendered:
                    bare.append(original)
        special = await self._look_at(viewer, bare) if bare else _Special()
        for post in special.inside:
            authors.add(post.value.author)
            ids.append(post.id)
        cards = await self._cards(authors)
        tallies = await graph.tallies(ids, COUNTS)
        marks = None
        muted: Collection[int] = ()
        if viewer is not None:
            marks = await graph.marks(viewer, MARKS, ids)
            shown = [item.meant for item in items]
            muted = await muted_threads(graph, viewer, [*shown, *special.inside])
        filters, now_ms = await filters_of(graph, viewer), graph.now_ms()
        known = _Known(viewer, cards, tallies, marks, muted, filters, now_ms)
        return self._joined(items, known, self._special_terms(known, special) if special.posts else {})

    def _joined(
        self, items: Sequence[Seen], known: _Known, special: Mapping[int, tuple[bytes, bytes]]
    ) -> dict[int, tuple[bytes, ...]]:
        """What each Status is joined from.

        :param special: by the ids of special posts, their terms, and what is said of what they quote.
        """
        viewer, cards, tallies, marks, muted, filters, now_ms = known
        begins, answers = open_terms(viewer)
        is_filtering = bool(filters)
        found: dict[int, tuple[bytes, ...]] = {}
        for post, reposted in items:
            original = post if reposted is None else reposted
            value = original.value
            card = cards.get(value.author)
            if card is None:
                continue
            rendered = original.rendered.get(_PLAIN)
            terms = begins if value.root is None else answers
            if rendered is None:
                terms, quoting = special[original.id]
                rendered = original.rendered[_SPECIAL] + quoting
            tally = tallies[original.id]
            counts = tally.rendered.get("status") or self._counts(tally)
            ending = b"}" if marks is None else _MARKED[marks[original.id]]
            if muted and marks is not None and root_of(original) in muted:
                ending = _MARKED[marks[original.id] | MUTED]
            if is_filtering and (matches := filters.matches(original, now_ms)):
                ending = ending.replace(NOTHING_FILTERED, filtered(matches))
            parts = (b'{"account":', card, rendered, terms, b',"reblog":null', counts, ending)
            if reposted is None:
                found[post.id] = parts
            elif (wrapper := cards.get(post.value.author)) is not None:
                head = (b'{"account":', wrapper, post.rendered[_PLAIN], terms, b',"reblog":')
                found[post.id] = (*head, *parts, counts, ending)
        return found

    def _special_terms(self, known: _Known, special: _Special) -> dict[int, tuple[bytes, bytes]]:
        """Of each special post, its terms, and what is said of what it quotes."""

        def terms(post: Entry[Post]) -> bytes:
            return terms_of(post.value, special.permissions.get(post.id))

        shallow = {id_: shallow_quote(quoted) for id_, quoted in special.quoted.items()}
        within = {post.id: (terms(post), shallow.get(post.id, b"")) for post in special.inside}
        inside = self._joined([Seen(post, None) for post in special.inside], known, within)
        found = {}
        for post in special.posts:
            quoted = special.quoted.get(post.id)
            quoting = b"" if quoted is None else quote(quoted, inside.get(quoted.post.id) if quoted.post else None)
            found[post.id] = terms(post), quoting
        return found

    async def _look_at(self, viewer: int | None, bare: Sequence[Entry[Post]]) -> _Special:
        """Render what is not rendered, and look at what is special: one engine call, and if something is quoted, two,
        with those of `permissions_on` and `sight_of`.
        """
        graph = self._graph
        await self._render_posts([post for post in bare if _SPECIAL not in post.rendered])
        posts = list({post.id: post for post in bare if _SPECIAL in post.rendered}.values())
        if not posts:
            return _Special()
        quoted = await quoted_in(graph, viewer, posts)
        inside = list({each.post.id: each.post for each in quoted.values() if each.post is not None}.values())
        if inside:
            quoted |= await quoted_in(graph, viewer, inside)
            await self._render_posts([post for post in inside if post.rendered.keys().isdisjoint((_PLAIN, _SPECIAL))])
        permissions = {}
        if viewer is not None:
            permissions = await permissions_on(graph, viewer, [*posts, *inside])
        return _Special(posts, inside, quoted, permissions)

    def _counts(self, tally: Tally) -> bytes:
        lengths = [count.length for count in tally.counts]
        return self._graph.keep_rendered(tally, "status", _counts_bytes(*lengths))

    async def _render_posts(self, posts: Sequence[Entry[Post]]) -> None:
        """Render what follows from each post alone, for those whose author is there."""
        authors = await self._graph.get_many(ACCOUNT, {post.value.author for post in posts})
        for post in posts:
            author = authors.get(post.value.author)
            if author is not None:
                key = _PLAIN if post.value.quote is None and is_open(post.value) else _SPECIAL
                self._graph.keep_rendered(post, key, self._post(post, author.value))

    def _post(self, post: Entry[Post], author: Account) -> bytes:
        return b"," + msgspec.json.encode(status_fields(post.id, post.value, author, self._origin))[1:-1]


def _list(statuses: Iterable[Sequence[bytes]]) -> bytes:
    """A JSON list of what each Status is joined from."""
    parts = [b"["]
    for status in statuses:
        parts += status
        parts.append(b",")
    if len(parts) > 1:
        parts.pop()
    parts.append(b"]")
    return b"".join(parts)


def json_list(items: Iterable[bytes]) -> bytes:
    """A JSON list of things that are JSON already."""
    return b"[" + b",".join(items) + b"]"


def status_fields(id_: int, post: Post, author: Account, origin: str) -> dict[str, object]:
    """Everything of a Status that follows from the post alone; what it quotes does not."""
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
        "content": content_of(post, origin),
        "application": None
        if post.application is None
        else {"name": post.application.name, "website": post.application.website},
        "media_attachments": [attachment_fields(one, origin) for one in post.media],
        "mentions": [
            {"id": str(m.id), "username": m.username, "url": f"{origin}/@{m.acct}", "acct": m.acct}
            for m in post.mentions
        ],
        "tags": [{"name": tag, "url": tag_url(origin, tag)} for tag in post.tags],
        "emojis": [],
        "card": None if post.card is None else card_fields(post.card, origin),
        "poll": None,
        **({"quote": None} if post.quote is None else {}),
        **_takedown(post),
    }


def _takedown(post: Post) -> dict[str, object]:
    """What its author is told of a post that nobody else is shown."""
    if post.taken_down_at is None:
        return {}
    return {"takedown": {"at": instant(post.taken_down_at), "reason": post.takedown_reason}}


def _text(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)
