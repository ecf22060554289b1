"""What all ways of logging in share: where they lead, and what becomes of the session that was there."""

from urllib.parse import urlencode

from ripstop.domain.accounts.sessions import Opened, close_session
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response
from ripstop.surfaces.web.forms import Forms, local_path
from ripstop.surfaces.web.visitor import Visitor

SIGN_IN = "/auth/sign_in"


class Entrance:
    """Lets browsers in, and out."""

    def __init__(self, graph: Graph, forms: Forms) -> None:
        self._graph = graph
        self._forms = forms
        self._visitors = forms.visitors

    async def enter(self, request: Request, visitor: Visitor, opened: Opened, return_to: str) -> Response:
        """Give a browser its new session, and end the one that it had. At most one engine call and a commit."""
        await self.close(visitor)
        return self.lead_on(request, return_to, secret=opened.secret)

    async def close(self, visitor: Visitor) -> None:
        """End the session of a browser, if it has one. At most one engine call and a commit."""
        if visitor.known is not None:
            try:
                await close_session(self._graph, visitor.known.account.id, visitor.known.session.id)
            except NotFound:  # ended meanwhile
                return

    def lead_on(self, request: Request, return_to: str, *, secret: str = "") -> Response:
        """To where somebody wanted to go, on this server only; with a new session, if there is one."""
        location = request.origin + (local_path(return_to) or "/")
        return self._forms.lead(location, *(self._visitors.open(secret) if secret else ()))


def with_return(path: str, return_to: str) -> str:
    """A page of logging in, which leads back in the end."""
    kept = local_path(return_to)
    return f"{path}?{urlencode({'return_to': kept})}" if kept else path


def agent_of(request: Request) -> str:
    """What the browser calls itself."""
    return request.header("user-agent") or ""
