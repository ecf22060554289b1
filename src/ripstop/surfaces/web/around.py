"""What surrounds a post: who likes it, who passed it on, who quotes it, and what it said before."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ripstop.domain.accounts.access import access_named_account
from ripstop.domain.feeds.rows import People, quoting_posts, who_likes, who_reposts
from ripstop.domain.posts.edits import history
from ripstop.domain.posts.model import Post, Revision
from ripstop.domain.posts.quotes import revoke
from ripstop.domain.viewing import access_original, access_post
from ripstop.domain.viewing.model import PUBLIC
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.mastodon.paging import ListParams
from ripstop.surfaces.web.cards import ShownPicture, face, faces_of, in_words, show, shown_pictures
from ripstop.surfaces.web.home import FeedParams
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, done, older

LIKES, REPOSTS, QUOTES, HISTORY = "likes", "reposts", "quotes", "history"


class RevokeParams(msgspec.Struct, kw_only=True):
    """The button with which an author takes a post out of one that quotes it."""

    id: int
    quoting_id: int
    proof: str = ""


class Said(NamedTuple):
    """What a post said at some time, as its page shows it. `content` is clean HTML."""

    at: str
    spoiler_text: str
    content: str
    pictures: Sequence[ShownPicture]
    hides_pictures: bool
    language: str | None = None


class Around:
    """Handlers of the pages around a post, which are for whoever may see it.

    :param domain: what stands after the @ of those who live here.
    """

    def __init__(self, graph: Graph, shell: Shell, *, domain: str) -> None:
        self._graph = graph
        self._shell = shell
        self._domain = domain

    def routes(self) -> list[Route]:
        read, post = self._shell.open, "/@{name}/{id}/"
        return [
            Route("GET", post + LIKES, read(self.likes), params=ListParams),
            Route("GET", post + REPOSTS, read(self.reposts), params=ListParams),
            Route("GET", post + QUOTES, read(self.quotes), params=FeedParams),
            Route("GET", post + HISTORY, read(self.history)),
            Route("POST", "/posts/{id}/quotes/{quoting_id}/revoke", self._shell.act(self.revoke), params=RevokeParams),
        ]

    async def likes(self, request: Request, params: ListParams, reader: Reader | None) -> Answer:
        """Who likes it. Four engine calls at most beside those of finding the post."""
        viewer = None if reader is None else reader.id
        post = await self._post(request, viewer)
        return await self._shown(request, post, LIKES, await who_likes(self._graph, viewer, post.id, params.window))

    async def reposts(self, request: Request, params: ListParams, reader: Reader | None) -> Answer:
        """Who passed it on. Five engine calls at most, likewise."""
        viewer = None if reader is None else reader.id
        post = await self._post(request, viewer)
        return await self._shown(request, post, REPOSTS, await who_reposts(self._graph, viewer, post.id, params.window))

    async def quotes(self, request: Request, params: FeedParams, reader: Reader | None) -> Answer:
        """Posts that quote it, as far as the reader may see them. Twelve engine calls at most, likewise."""
        viewer = None if reader is None else reader.id
        post = await self._post(request, viewer)
        found = await quoting_posts(self._graph, viewer, post.id, params.window)
        context = {
            **_tabs(request, post, QUOTES),
            "posts": await show(self._graph, found.items, viewer, context=PUBLIC),
            "mine": post.value.author == viewer,
            "post": post.id,
            "older": older(request, found.next_max_id),
        }
        return Shown("quotes.html", context)

    async def revoke(self, request: Request, params: RevokeParams, reader: Reader) -> Answer:
        """Take one's own post out of one that quotes it. At most three engine calls and a commit."""
        quoted = await access_original(self._graph, reader.id, params.id)
        await self._access_quoting(reader.id, params.quoting_id)
        await revoke(self._graph, reader.id, quoted, params.quoting_id)
        return done(request, f"/@{reader.account.value.acct}/{params.id}/{QUOTES}")

    async def history(self, request: Request, params: None, reader: Reader | None) -> Answer:
        """What it says, and what it said before, the latest first. Two engine calls at most, likewise."""
        post = await self._post(request, None if reader is None else reader.id)
        author = await access_named_account(self._graph, str(request.args["name"]), local_domain=self._domain)
        said = await history(self._graph, post)
        context = {
            **_tabs(request, post, HISTORY),
            "author": face(author.id, author.value),
            "revisions": [_said(one) for one in reversed(said)],
        }
        return Shown("history.html", context)

    async def _access_quoting(self, viewer: int, id_: int) -> None:
        """Return if the viewer may see it, or everybody may: a block does not shield who quotes."""
        try:
            await access_post(self._graph, viewer, id_)
        except NotFound:
            await access_post(self._graph, None, id_)

    async def _shown(self, request: Request, post: Entry[Post], tab: str, found: People) -> Answer:
        context = {
            **_tabs(request, post, tab),
            "people": await faces_of(self._graph, found.items),
            "older": older(request, found.next_max_id),
        }
        return Shown("around.html", context)

    async def _post(self, request: Request, viewer: int | None) -> Entry[Post]:
        """The post that the path names.

        :raises NotFound: it is not there, not by this author, or not for this reader.
        """
        account = await access_named_account(self._graph, str(request.args["name"]), local_domain=self._domain)
        seen = await access_post(self._graph, viewer, int(request.args["id"]))
        if seen.post.value.author != account.id or seen.original is not None:
            raise NotFound("Record not found")
        return seen.post


def _tabs(request: Request, post: Entry[Post], tab: str) -> dict[str, Any]:
    """What the pages around a post share."""
    path = f"/@{request.args['name']}/{post.id}"
    tabs = [(LIKES, "Likes"), (REPOSTS, "Reposts"), (QUOTES, "Quotes")]
    if post.value.edits:
        tabs.append((HISTORY, "History"))
    return {"path": path, "tab": tab, "tabs": tabs}


def _said(revision: Revision) -> Said:
    return Said(
        at=in_words(revision.created_at),
        spoiler_text=revision.spoiler_text,
        content=revision.content,
        pictures=shown_pictures(revision.media),
        hides_pictures=revision.sensitive and not revision.spoiler_text,
    )
