"""Filters, from a post: which of them are to match it, whatever it says."""

from typing import Annotated

import msgspec

from ripstop.domain.posts.model import Post
from ripstop.domain.text import tidy
from ripstop.domain.viewing import access_original
from ripstop.domain.viewing.actions import filter_post
from ripstop.domain.viewing.filters import held_filters
from ripstop.domain.viewing.hydrate import Seen
from ripstop.kernel.errors import Conflict, Invalid
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.cards import show
from ripstop.surfaces.web.filtering import MOST_LINES
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, sentences

ADDRESS = "/posts/{id}/filter"


class ChoiceParams(msgspec.Struct, kw_only=True):
    """The filters that are to match a post; `title` of a new one that does, if it says anything."""

    id: int
    filters: Annotated[list[Id], msgspec.Meta(max_length=MOST_LINES)] = []
    title: str = ""
    proof: str = ""


class FilteringPosts:
    """Handlers of the page to which a post's menu leads."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("GET", ADDRESS, self._shell.own(self.choose)),
            Route("POST", ADDRESS, self._shell.act(self.save), params=ChoiceParams),
        ]

    async def choose(self, request: Request, params: None, reader: Reader) -> Answer:
        """The reader's filters, with a tick at those that match the post by itself. At most two engine calls beside
        those of finding the post and of `show`."""
        post = await access_original(self._graph, reader.id, int(request.args["id"]))
        filters = await held_filters(self._graph, reader.id)
        chosen = [one.id for one in filters if any(each.post == post.id for each in one.value.posts)]
        return await self._page(reader, post, ChoiceParams(id=post.id, filters=chosen))

    async def save(self, request: Request, params: ChoiceParams, reader: Reader) -> Answer:
        """A commit for each filter that changes, and at most four engine calls beside those of finding the post."""
        post = await access_original(self._graph, reader.id, params.id)
        try:
            await filter_post(self._graph, reader.id, post.id, params.filters, also_new=tidy(params.title))
        except (Invalid, Conflict) as error:
            return await self._page(reader, post, params, error)
        return lead(f"{request.origin}/settings/filters")

    async def _page(
        self, reader: Reader, post: Entry[Post], form: ChoiceParams, error: Invalid | Conflict | None = None
    ) -> Shown:
        context = {
            "posts": await show(self._graph, [Seen(post, None)]),
            "form": form,
            "filters": await held_filters(self._graph, reader.id),
            "problems": [] if error is None else sentences([error.sentence]),
        }
        return Shown("filter_post.html", context, 200 if error is None else error.status)
