"""Search: people, hashtags and posts, on one page."""

import msgspec

from ripstop.domain.search.queries import find_accounts, find_hashtags, find_posts
from ripstop.engines.base import Engine
from ripstop.kernel.errors import Overloaded
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.cards import faces_of, show
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown

MOST_PEOPLE, MOST_TAGS, MOST_POSTS = 10, 10, 20


class SearchParams(msgspec.Struct, kw_only=True):
    """What is looked for."""

    q: str = ""


class Finding:
    """Handler of search.

    :param domain: what stands after the @ of those who live here.
    """

    def __init__(self, graph: Graph, engine: Engine, shell: Shell, *, domain: str) -> None:
        self._graph = graph
        self._engine = engine
        self._shell = shell
        self._domain = domain

    def routes(self) -> list[Route]:
        return [Route("GET", "/search", self._shell.open(self.search), params=SearchParams)]

    async def search(self, request: Request, params: SearchParams, reader: Reader | None) -> Answer:
        """What there is. Posts are for those who are logged in, as with the API. At most ten engine calls beside the
        reader's relations."""
        query, viewer = params.q.strip(), None if reader is None else reader.id
        people, tags, posts = [], [], []
        busy = ""
        if query:
            people = await find_accounts(self._graph, viewer, query, local_domain=self._domain, limit=MOST_PEOPLE)
            tags = await find_hashtags(self._graph, viewer, query, limit=MOST_TAGS)
            if viewer is not None:
                try:
                    posts = await find_posts(
                        self._graph, self._engine, viewer, query, local_domain=self._domain, limit=MOST_POSTS
                    )
                except Overloaded as error:
                    busy = error.sentence  # people and hashtags are found all the same
        context = {
            "query": query,
            "people": await faces_of(self._graph, people),
            "tags": tags,
            "posts": await show(self._graph, posts, viewer),
            "busy": busy,
            "here": "search",
        }
        return Shown("search.html", context)
