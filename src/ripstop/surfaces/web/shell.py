"""What all pages of the app share: who reads them, what stands around them, how they are kept and how they fail."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from ripstop.domain.accounts.model import Account, Session
from ripstop.domain.accounts.roles import POWERS, Power
from ripstop.domain.notifications.groups import count_unread_groups
from ripstop.domain.notifications.queries import Wanted
from ripstop.domain.settings import Settings, settings_of
from ripstop.kernel.errors import RipstopError
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.errors import error_body, error_headers
from ripstop.surfaces.http.rates import Rates
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import JSON_HEADERS, Headers, Response, Stream
from ripstop.surfaces.http.routing import Quota
from ripstop.surfaces.web.cards import Face, face
from ripstop.surfaces.web.forms import forms_headers, local_path
from ripstop.surfaces.web.freshness import Freshness
from ripstop.surfaces.web.pages import Renderer
from ripstop.surfaces.web.sign_in import sign_in_address
from ripstop.surfaces.web.static import tagged, unless_known
from ripstop.surfaces.web.visitor import Visitor, Visitors, check_proof

P = TypeVar("P")

log = logging.getLogger(__name__)

MOST_UNREAD = 20
"""Groups of notifications that are counted; more are shown as that many and a plus."""

_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_PAGE: Headers = [
    ("content-type", "text/html; charset=utf-8"),
    ("server", "Ripstop"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("content-security-policy", _POLICY),
    ("vary", "cookie"),
]
FOR_ALL: Headers = [*_PAGE, ("cache-control", "public, max-age=0, s-maxage=1, stale-while-revalidate=5")]
"""Of pages that are the same for everybody who is not logged in: caches between may keep them for a moment."""
FOR_ONE: Headers = [*_PAGE, ("cache-control", "private, no-cache")]
"""Of pages that are for one reader, whose browser asks each time whether its copy is still right."""


class Reader(NamedTuple):
    """Somebody who is logged in, and the proof that goes with their forms."""

    account: Entry[Account]
    session: Entry[Session]
    proof: str

    @property
    def id(self) -> int:
        return self.account.id


class Me(NamedTuple):
    """The reader as the shell of a page shows them. `unread` is how many groups of notifications are new; `powers`
    is what their role allows."""

    face: Face
    unread: int
    proof: str
    powers: Power

    @property
    def is_staff(self) -> bool:
        """Whether they have a role."""
        return bool(self.powers)

    def may(self, power: str) -> bool:
        """Whether their role allows what goes by this name."""
        return Power[power] in self.powers


class Shown(NamedTuple):
    """A page that a handler wants shown: a template, and what goes into it."""

    template: str
    context: Mapping[str, Any]
    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    bare: bool = False
    """Run nothing on it, and keep it nowhere: for pages with passwords."""
    scripted: bool = False
    """Of a bare page: run modules of ours, since nobody types a secret there."""


Answer = Shown | Response
Handler = Callable[[Request, Any], Awaitable[Response | Stream]]
ForAll = Callable[[Request, Any, Reader | None], Awaitable[Answer]]
"""A page for everybody, which shows more to those who are logged in."""
ForOne = Callable[[Request, Any, Reader], Awaitable[Answer | Stream]]
"""A page, or a form, for those who are logged in."""


class Shell:
    """Makes handlers of routes out of those of pages."""

    def __init__(self, graph: Graph, renderer: Renderer, visitors: Visitors, rates: Rates) -> None:
        self._graph = graph
        self._renderer = renderer
        self._visitors = visitors
        self._rates = rates
        self._freshness = Freshness()

    def open(self, handler: ForAll) -> Handler:
        """A page for everybody. Three engine calls more for those who are logged in, and three to count what is new."""

        @wraps(handler)
        async def serve(request: Request, params: Any) -> Response | Stream:
            reader = _reader(await self._visitors.recall(request))
            if reader is None:
                answer = await self._freshness.get(
                    _address(request),
                    lambda: self._rendered(request, params, handler),
                    anew=request.header("cache-control") == "no-cache",
                )
                return unless_known(request, answer)
            return await self._answer(request, await handler(request, params, reader), reader)

        return self._guarded(serve)

    def own(self, handler: ForOne) -> Handler:
        """A page for those who are logged in; all others are led to do so."""

        @wraps(handler)
        async def serve(request: Request, params: Any) -> Response | Stream:
            reader = _reader(await self._visitors.recall(request))
            if reader is None:
                return lead(sign_in_address(request, _address(request)))
            return await self._answer(request, await handler(request, params, reader), reader)

        return self._guarded(serve)

    def act(self, handler: ForOne) -> Handler:
        """What a form does, for whoever is logged in and was sent it; `params` has its `proof`."""

        @wraps(handler)
        async def serve(request: Request, params: Any) -> Response | Stream:
            visitor = await self._visitors.recall(request)
            reader = _reader(visitor)
            if visitor is None or reader is None:
                return lead(sign_in_address(request, came_from(request)))
            self._rates.admit_form(request, account=reader.id, session=reader.session.id)
            check_proof(visitor, params.proof)
            return await self._answer(request, await handler(request, params, reader), reader)

        return self._guarded(serve)

    def count_dear(self, request: Request, quota: Quota, reader: Reader) -> None:
        """Count what a form does, where only its handler knows, as one of the same by the API.

        :raises TooManyRequests: it is beyond the limit.
        """
        self._rates.admit_dear(request, quota, reader.id)

    async def _rendered(self, request: Request, params: Any, handler: ForAll) -> Response:
        answer = await handler(request, params, None)
        page = answer if isinstance(answer, Response) else self._page(answer, None, await settings_of(self._graph))
        return tagged(page)

    async def _answer(self, request: Request, answer: Answer | Stream, reader: Reader) -> Response | Stream:
        if not isinstance(answer, Shown):
            return answer
        return unless_known(request, tagged(self._page(answer, await self._me(reader), await settings_of(self._graph))))

    async def _me(self, reader: Reader | None) -> Me | None:
        """The reader as the shell shows them. Three engine calls, and those of finding what is new."""
        if reader is None:
            return None
        unread = await count_unread_groups(self._graph, reader.id, Wanted(limit=MOST_UNREAD + 1))
        return Me(face(reader.id, reader.account.value), unread, reader.proof, POWERS[reader.account.value.role])

    def _page(self, shown: Shown, me: Me | None, settings: Settings) -> Response:
        body = self._renderer.page(shown.template, settings, me=me, **shown.context)
        headers = FOR_ALL if me is None else forms_headers(scripted=shown.scripted) if shown.bare else FOR_ONE
        return Response(body, shown.status, [*headers, *shown.headers])

    def _guarded(self, handler: Handler) -> Handler:
        """The same handler, whose errors are shown as a page, or said to a script in JSON."""

        @wraps(handler)
        async def guard(request: Request, params: Any) -> Response | Stream:
            try:
                return await handler(request, params)
            except RipstopError as error:
                if error.status >= 500:
                    log.warning("%s %s: %s (%s)", request.method, request.path, error.sentence, error.cause)
                if is_scripted(request):
                    return Response(error_body(error), error.status, [*JSON_HEADERS, *error_headers(error)])
                me = settings = None
                if error.status < 500:
                    me = await self._me(_reader(await self._visitors.recall(request)))
                    settings = await settings_of(self._graph)
                context = {"me": me, "sentence": error.sentence, "status": error.status}
                body = self._renderer.page("problem.html", settings, **context)
                return Response(body, error.status, [*_PAGE, ("cache-control", "no-store"), *error_headers(error)])

        return guard


def is_scripted(request: Request) -> bool:
    """Whether a module of ours asks, which shows the outcome itself."""
    return (request.header("accept") or "").startswith("application/json")


def lead(location: str) -> Response:
    """303: go on there with GET. `location` is a whole URL."""
    return Response(b"", 303, [*_PAGE, ("cache-control", "no-store"), ("location", quote(location, safe=_SAFE))])


_SAFE = "!#$%&'()*+,/:;=?@[]~"


def done(request: Request, fallback: str, *, anchor: str = "") -> Response:
    """What a form answers that is done: back to where it stood, or to `fallback`; a script is told no more."""
    if is_scripted(request):
        return Response(msgspec.json.encode({}), 200, JSON_HEADERS)
    return lead(request.origin + (came_from(request) or fallback) + anchor)


def came_from(request: Request) -> str:
    """The path of the page on which a form stood, if the browser says it; empty for pages that only forms lead to."""
    referer = request.header("referer") or ""
    if not referer.startswith(request.origin + "/"):
        return ""
    parts = urlsplit(referer)
    return local_path(parts.path + (f"?{parts.query}" if parts.query else ""))


def older(request: Request, next_max_id: int | None, **kept: object) -> str:
    """The address of what is older; empty where there is nothing."""
    if next_max_id is None:
        return ""
    query = {name: value for name, value in kept.items() if value}
    return f"{_path(request)}?{urlencode({**query, 'max_id': next_max_id})}"


def _reader(visitor: Visitor | None) -> Reader | None:
    if visitor is None or visitor.known is None:
        return None
    return Reader(visitor.known.account, visitor.known.session, visitor.proof)


def _path(request: Request) -> str:
    return quote(request.path, safe="/@")


def _address(request: Request) -> str:
    """The path and the query, as a key and to come back to."""
    query = urlencode([(name, str(value)) for name, value in request.query])
    return _path(request) + (f"?{query}" if query else "")


def sentences(problems: Sequence[str]) -> list[str]:
    """Findings without what programs prefix them with."""
    return [problem.removeprefix("Validation failed: ") for problem in problems]
