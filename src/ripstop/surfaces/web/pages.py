"""Pages, rendered on the server from the same domain that the API asks."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import jinja2
import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.feeds import Window, local_timeline
from ripstop.domain.media.model import LARGE, SMALL, media_path
from ripstop.domain.posts.model import Post
from ripstop.domain.viewing import Seen, quoted_in
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import HTML_HEADERS, Headers, Response
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.static import Static, cached

TEMPLATES = Path(__file__).parent / "templates"
PAGE = 20
LIVE = "/live/local"
FORMS = ("sign_in.html", "sign_up.html", "account.html", "authorize.html", "code.html", "problem.html", "reading.html")
"""Templates that are rendered from their context alone."""

PAGE_HEADERS: Headers = [*HTML_HEADERS, ("cache-control", "no-cache")]


class SiteFacts(NamedTuple):
    """What every page says of the server."""

    title: str
    domain: str
    description: str


class ShownPicture(NamedTuple):
    """A picture of a post on a page: its paths, small and large; the pixels of the small one; what it shows."""

    small: str
    large: str
    width: int
    height: int
    description: str


class Shown(NamedTuple):
    """A post as a page shows it. `content` is clean HTML, made by `ripstop.domain.text`; all else is text. `avatar` is
    the path of its author's picture, if there is one. What it `quotes` may not be there to be shown."""

    id: int
    name: str
    handle: str
    avatar: str | None
    created_at: str
    shown_at: str
    spoiler_text: str
    content: str
    language: str | None
    pictures: Sequence[ShownPicture]
    hides_pictures: bool
    quotes: bool
    quoted: "Shown | None" = None


class LocalParams(msgspec.Struct, kw_only=True):
    """Which page: what is older than an id."""

    max_id: Id | None = None


class Renderer:
    """Templates, compiled once. Everything is escaped but the content of posts, which the domain has made clean."""

    def __init__(self, static: Static, facts: SiteFacts) -> None:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            auto_reload=False,
        )
        environment.globals["static"] = static.url
        environment.globals["site"] = self.facts = facts
        self._local = environment.get_template("local.html")
        self._post = environment.get_template("post.html")
        self._forms = {name: environment.get_template(name) for name in FORMS}

    def local(self, posts: Sequence[Shown], *, live: str | None, older: int | None) -> bytes:
        """The page of the local feed."""
        return self._local.render(posts=posts, live=live, older=older, chosen=None).encode()

    def page(self, template: str, **context: object) -> bytes:
        """One of `FORMS`."""
        return self._forms[template].render(context).encode()

    def post(self, post: Shown) -> str:
        """One post, as it stands in a feed."""
        return self._post.render(post=post, chosen=None)


class Pages:
    """Handlers of pages."""

    def __init__(self, graph: Graph, renderer: Renderer) -> None:
        self._graph = graph
        self._renderer = renderer

    def routes(self) -> list[Route]:
        return [Route("GET", "/", self.local, params=LocalParams)]

    async def local(self, request: Request, params: LocalParams) -> Response:
        """The local feed. Its first page goes on by itself where there is JavaScript. At most three engine calls."""
        page = await local_timeline(self._graph, None, Window(limit=PAGE, max_id=params.max_id))
        live = None
        if params.max_id is None:
            live = LIVE if page.prev_min_id is None else f"{LIVE}?since={page.prev_min_id}"
        posts = await show(self._graph, page.items)
        body = self._renderer.local(posts, live=live, older=page.next_max_id)
        return cached(request, body, hashlib.sha256(body).hexdigest()[:16], PAGE_HEADERS)


async def show(graph: Graph, items: Sequence[Seen]) -> list[Shown]:
    """Posts as a page shows them; those whose author is gone or suspended are left out.

    At most one engine call, and three more if something is quoted.
    """
    posts = [item.post for item in items]
    quoted = await quoted_in(graph, None, posts)
    inside = {id_: each.post for id_, each in quoted.items() if each.post is not None}
    accounts = await graph.get_many(ACCOUNT, {post.value.author for post in (*posts, *inside.values())})
    authors = {id_: account.value for id_, account in accounts.items() if not account.value.is_suspended}
    found = []
    for post in posts:
        if post.value.author in authors:
            shown, within = _shown(post, authors[post.value.author]), inside.get(post.id)
            if within is not None and within.value.author in authors:
                shown = shown._replace(quoted=_shown(within, authors[within.value.author]))
            found.append(shown)
    return found


def _shown(entry: Entry[Post], author: Account) -> Shown:
    post = entry.value
    created = datetime.fromtimestamp(post.created_at / 1_000, UTC)
    return Shown(
        id=entry.id,
        name=author.display_name or author.username,
        handle=author.acct,
        avatar=None if author.avatar is None else media_path(author.avatar.key, SMALL),
        created_at=created.isoformat(timespec="seconds"),
        shown_at=f"{created.day} {created:%b %Y, %H:%M} UTC",
        spoiler_text=post.spoiler_text,
        content=post.content,
        language=post.language,
        pictures=[
            ShownPicture(
                small=media_path(one.key, SMALL),
                large=media_path(one.key, LARGE),
                width=one.small.width,
                height=one.small.height,
                description=one.description,
            )
            for one in post.media
        ],
        hides_pictures=post.sensitive and not post.spoiler_text,
        quotes=post.quote is not None,
    )
