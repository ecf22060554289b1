"""What people see first: home for those who are logged in, and what is being said here for everybody."""

from typing import Any

import msgspec

from ripstop.domain.feeds import Home, Page, Window, local_timeline
from ripstop.domain.search.people import suggestions
from ripstop.domain.viewing.model import HOME, PUBLIC
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.cards import faces_of, show
from ripstop.surfaces.web.live import LIVE
from ripstop.surfaces.web.live_home import LIVE_HOME
from ripstop.surfaces.web.pages import PAGE
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, older

MOST_NEW = 40
"""Posts that a page shows at once which came since it was loaded."""
MOST_SUGGESTED = 8
"""People who are shown to somebody whose home is empty."""
MOST_SAID = 10
"""Posts that are shown there."""


class FeedParams(msgspec.Struct, kw_only=True):
    """Which page: what is older than an id, or the newest of what is newer than one."""

    max_id: Id | None = None
    since_id: Id | None = None

    @property
    def window(self) -> Window:
        limit = PAGE if self.since_id is None else MOST_NEW
        return Window(limit=limit, max_id=self.max_id, since_id=self.since_id)

    @property
    def is_first(self) -> bool:
        return self.max_id is None and self.since_id is None


class Feeds:
    """Handlers of home and of the local feed."""

    def __init__(self, graph: Graph, home: Home, shell: Shell) -> None:
        self._graph = graph
        self._home = home
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/", self._shell.open(self.first), params=FeedParams),
            Route("GET", "/home", self._shell.own(self.home), params=FeedParams),
            Route("GET", "/public", self._shell.open(self.local), params=FeedParams),
        ]

    async def first(self, request: Request, params: FeedParams, reader: Reader | None) -> Answer:
        """Home, or for those whom nobody knows what is being said here."""
        if reader is not None:
            return await self.home(request, params, reader)
        return await self.local(request, params, None)

    async def home(self, request: Request, params: FeedParams, reader: Reader) -> Answer:
        """Posts of those whom the reader follows, or else whom one could follow. As many engine calls as the feed, and
        those of `show`; for those whose home is empty, those of `suggestions` and of the local feed."""
        found = await self._home.read(reader.id, params.window)
        return await self._shown(request, params, reader, found, "Home")

    async def local(self, request: Request, params: FeedParams, reader: Reader | None) -> Answer:
        """The local feed. Its first page goes on by itself where there is JavaScript. At most three engine calls."""
        viewer = None if reader is None else reader.id
        found = await local_timeline(self._graph, viewer, params.window)
        return await self._shown(request, params, reader, found, "Here and now")

    async def _shown(
        self, request: Request, params: FeedParams, reader: Reader | None, found: Page, title: str
    ) -> Answer:
        live = news = ""
        if params.is_first:
            live = LIVE if found.prev_min_id is None else f"{LIVE}?since={found.prev_min_id}"
        if reader is not None and live:
            # What comes is shown to readers as it is to them, so that their page asks for it.
            live, news = "", f"{LIVE_HOME}?since={found.prev_min_id or 0}" if title == "Home" else live
        begins = reader is not None and title == "Home" and params.is_first and not found.items
        context = {
            **(await self._for_newcomers(reader) if reader is not None and begins else {}),
            "begins": begins,
            "title": title,
            "canonical": request.origin + ("/" if request.path == "/" else "/public"),
            "posts": await show(
                self._graph,
                found.items,
                None if reader is None else reader.id,
                context=HOME if title == "Home" else PUBLIC,
            ),
            "older": older(request, found.next_max_id),
            "live": live,
            "news": news,
            "welcome": params.is_first and request.path == "/",
        }
        return Shown("home.html", context)

    async def _for_newcomers(self, reader: Reader) -> dict[str, Any]:
        """What is shown to somebody whose home is empty: whom one could follow, and what is being said here."""
        suggested = await suggestions(self._graph, reader.id, limit=MOST_SUGGESTED)
        said = await local_timeline(self._graph, reader.id, Window(limit=MOST_SAID))
        return {
            "around": await faces_of(self._graph, [one.account for one in suggested]),
            "said": await show(self._graph, said.items, reader.id, context=PUBLIC),
        }
