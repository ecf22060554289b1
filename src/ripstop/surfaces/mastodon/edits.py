"""Editing posts: what the author wrote, what it says instead, and what it said."""

from typing import Any

import msgspec

from ripstop.domain.posts.attachments import Details
from ripstop.domain.posts.audience import Policies, change_policies
from ripstop.domain.posts.edits import Change, edit, history
from ripstop.domain.posts.model import Post
from ripstop.domain.viewing import access_original, access_post
from ripstop.kernel.errors import Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.media import parse_focus
from ripstop.surfaces.mastodon.present.revision import revision_list
from ripstop.surfaces.mastodon.present.status import AccountCards, StatusPresenter
from ripstop.surfaces.mastodon.site import Site
from ripstop.surfaces.mastodon.timelines import viewer_of


class MediaAttribute(msgspec.Struct, kw_only=True):
    """What is to be said of a picture of the post; what is absent stays."""

    id: Id
    description: str | None = None
    focus: str | None = None


class EditParams(msgspec.Struct, kw_only=True):
    """What a post is to say. As with Mastodon, a content warning that is not given is none, and so are pictures."""

    status: str = ""
    spoiler_text: str | None = None
    sensitive: bool | None = None
    language: str | None = None
    media_ids: list[Id] | None = None
    media_attributes: list[MediaAttribute] | None = None
    poll: Any = None
    quote_approval_policy: str | None = None
    reply_policy: str | None = None


class PolicyParams(msgspec.Struct, kw_only=True):
    """Who may quote a post, and who may answer in the thread that it begins; what is absent stays."""

    id: int
    quote_approval_policy: str | None = None
    reply_policy: str | None = None


class Edits:
    """Handlers of edits."""

    def __init__(self, graph: Graph, statuses: StatusPresenter, cards: AccountCards, *, site: Site) -> None:
        self._graph = graph
        self._statuses = statuses
        self._cards = cards
        self._site = site

    def routes(self) -> list[Route]:
        path = "/api/v1/statuses/{id}"
        return [
            Route("PUT", path, self.edit, scope="write:statuses", auth=Auth.USER, params=EditParams),
            Route(
                "PUT",
                path + "/interaction_policy",
                self.change_policies,
                scope="write:statuses",
                auth=Auth.USER,
                params=PolicyParams,
            ),
            Route("GET", path + "/source", self.source, scope="read:statuses", auth=Auth.USER),
            Route("GET", path + "/history", self.history, auth=Auth.OPTIONAL),
        ]

    async def edit(self, request: Request, params: EditParams) -> bytes:
        """A commit, two engine calls if it names people, and two to show it."""
        if params.poll:
            raise Invalid("Validation failed: Polls are not possible on this server yet")
        viewer = request.account
        policies = Policies(quote=params.quote_approval_policy or None, reply=params.reply_policy or None)
        change = Change(
            params.status,
            params.spoiler_text or "",
            params.sensitive or False,
            params.language or None,
            policies,
            media=params.media_ids or (),
            details=[Details(one.id, one.description, parse_focus(one.focus)) for one in params.media_attributes or ()],
        )
        post = await self._post(request)
        await edit(self._graph, viewer, post, change, origin=self._site.origin, domain=self._site.domain)
        return await self._show(viewer, post.id)

    async def change_policies(self, request: Request, params: PolicyParams) -> bytes:
        """A commit, and an engine call to show it."""
        viewer = request.account
        post = await self._post(request)
        policies = Policies(quote=params.quote_approval_policy or None, reply=params.reply_policy or None)
        await change_policies(self._graph, viewer, post, policies)
        return await self._show(viewer, post.id)

    async def source(self, request: Request, params: None) -> Response:
        """What the author wrote, for the author."""
        post = await self._post(request)
        if post.value.author != request.account:
            raise NotFound("Record not found")
        return json({"id": str(post.id), "text": post.value.text, "spoiler_text": post.value.spoiler_text})

    async def history(self, request: Request, params: None) -> bytes:
        """For whoever may see the post. At most two engine calls beside those of reading it."""
        post = await self._post(request)
        cards = await self._cards((post.value.author,))
        if post.value.author not in cards:
            raise NotFound("Record not found")
        return revision_list(await history(self._graph, post), cards[post.value.author], origin=self._site.origin)

    async def _show(self, viewer: int, id_: int) -> bytes:
        await self._graph.sync()
        return await self._statuses.render_one(viewer, await access_post(self._graph, viewer, id_))

    async def _post(self, request: Request) -> Entry[Post]:
        return await access_original(self._graph, viewer_of(request), int(request.args["id"]))
