"""RSS 2.0: what somebody says to everybody, and what has a hashtag, for feed readers."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from ripstop.domain.accounts.model import Account
from ripstop.domain.feeds import Window, account_posts, tag_timeline
from ripstop.domain.media.model import LARGE, media_path
from ripstop.domain.posts.model import Post
from ripstop.domain.text import tag_url
from ripstop.domain.viewing import Seen
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.response import Headers, Response
from ripstop.surfaces.web.cards import faces

MOST = 20
_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
RSS_HEADERS: Headers = [
    ("content-type", "application/rss+xml; charset=utf-8"),
    ("server", "Ripstop"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "public, max-age=60"),
]


class Syndication:
    """Makes feeds.

    :param origin: the public URL, without a slash at the end.
    """

    def __init__(self, graph: Graph, *, origin: str) -> None:
        self._graph = graph
        self._origin = origin

    async def of_account(self, account: Entry[Account]) -> Response:
        """What somebody posted to everybody, without answers to others. At most three engine calls."""
        value = account.value
        found = await account_posts(
            self._graph,
            None,
            account.id,
            Window(limit=MOST),
            exclude_replies=True,
            exclude_reposts=True,
            only_public=True,
        )
        name = value.display_name or value.username
        return await self._feed(name, f"{self._origin}/@{value.acct}", f"Public posts of {name}", found.items)

    async def of_tag(self, tag: str) -> Response:
        """Public posts with a hashtag. At most three engine calls."""
        found = await tag_timeline(self._graph, None, (tag,), Window(limit=MOST))
        return await self._feed(f"#{tag}", tag_url(self._origin, tag), f"Public posts with #{tag}", found.items)

    async def _feed(self, title: str, link: str, about: str, items: Sequence[Seen]) -> Response:
        authors = await faces(self._graph, {item.post.value.author for item in items})
        entries = "".join(
            self._item(item.post, f"{self._origin}/@{authors[item.post.value.author].handle}/{item.post.id}")
            for item in items
            if item.post.value.author in authors
        )
        body = (
            '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
            f"<title>{escape(title)}</title><link>{escape(link)}</link><description>{escape(about)}</description>"
            f"<generator>Ripstop</generator>{entries}</channel></rss>\n"
        )
        return Response(_legal(body).encode(), 200, RSS_HEADERS)

    def _item(self, entry: Entry[Post], url: str) -> str:
        post = entry.value
        date = format_datetime(datetime.fromtimestamp(post.created_at / 1_000, UTC))
        said = f"<p><b>{escape(post.spoiler_text)}</b></p>" if post.spoiler_text else post.content
        if not post.sensitive:
            said += "".join(
                f'<p><img src="{self._origin}{media_path(one.key, LARGE)}" alt="{escape(one.description)}"></p>'
                for one in post.media
            )
        tags = "".join(f"<category>{escape(tag)}</category>" for tag in post.tags)
        return (
            f'<item><guid isPermaLink="true">{escape(url)}</guid><link>{escape(url)}</link>'
            f"<pubDate>{date}</pubDate><description>{escape(said)}</description>{tags}</item>"
        )


def _legal(text: str) -> str:
    """The text without what XML 1.0 has no place for."""
    return _ILLEGAL.sub("", text)
