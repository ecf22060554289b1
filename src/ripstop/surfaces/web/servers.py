"""Settings: servers that somebody does not want to hear from."""

import msgspec

from ripstop.domain.feeds.rows import cursors, read_rows
from ripstop.domain.follows.domains import block_domain, blocked_names, unblock_domain
from ripstop.domain.follows.model import BLOCKS_DOMAIN
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.mastodon.paging import ListParams
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, older, sentences

SERVERS = "/settings/servers"


class ServerParams(msgspec.Struct, kw_only=True):
    """A server, and whether it is to be blocked or not any more."""

    server: str = ""
    act: str = "block"
    proof: str = ""


class Servers:
    """Handlers of blocked servers."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("GET", SERVERS, self._shell.own(self.several), params=ListParams),
            Route("POST", SERVERS, self._shell.act(self.change), params=ServerParams),
        ]

    async def several(self, request: Request, params: ListParams, reader: Reader) -> Answer:
        """Those that are blocked, the last one first. One engine call."""
        return await self._page(request, params, reader)

    async def change(self, request: Request, params: ServerParams, reader: Reader) -> Answer:
        """Block one, or no more. One engine call and a commit."""
        try:
            await (unblock_domain if params.act == "unblock" else block_domain)(self._graph, reader.id, params.server)
        except Invalid as error:
            return await self._page(request, ListParams(), reader, params.server, error)
        return lead(request.origin + SERVERS)

    async def _page(
        self, request: Request, params: ListParams, reader: Reader, given: str = "", error: Invalid | None = None
    ) -> Shown:
        rows = await read_rows(self._graph, reader.id, BLOCKS_DOMAIN, params.window)
        context = {
            "servers": blocked_names(rows),
            "older": older(request, cursors(rows, params.window)[0]),
            "given": given,
            "problems": [] if error is None else sentences([error.sentence]),
        }
        return Shown("servers.html", context, 200 if error is None else error.status)
