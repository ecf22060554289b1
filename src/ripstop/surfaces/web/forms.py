"""What all pages with forms share: how they are rendered, how errors are shown, and where they lead."""

import logging
import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TypeVar
from urllib.parse import quote, urlsplit

from ripstop.kernel.errors import Invalid, RipstopError
from ripstop.surfaces.http.errors import error_headers
from ripstop.surfaces.http.rates import Rates
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers, Response
from ripstop.surfaces.web.pages import Renderer
from ripstop.surfaces.web.visitor import Cookie, Visitor, Visitors

P = TypeVar("P")

log = logging.getLogger(__name__)

Page = Callable[[Request, P], Awaitable[Response]]
"""A handler of a page."""

MAX_PATH = 8_000
"""Characters of a path to return to."""

_HOST = re.compile(r"[a-z0-9.-]+(:[0-9]+)?")
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
_URI_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"


def _policy(form_action: str, *, scripted: bool) -> str:
    """A content security policy: forms run nothing at all, or modules of ours, and show nothing from elsewhere."""
    runs = "script-src 'self'; " if scripted else ""
    return (
        f"default-src 'none'; {runs}style-src 'self'; img-src 'self'; manifest-src 'self'; "
        f"form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )


def forms_headers(form_action: str = "'self'", *, scripted: bool = False) -> Headers:
    """Of a page with a form that matters: it is kept nowhere, and nothing runs on it but, where one types no secret
    there, modules of ours."""
    return [
        ("content-type", "text/html; charset=utf-8"),
        ("server", "Ripstop"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        # Pages with a code or a return path in their address tell it to nobody else.
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("content-security-policy", _policy(form_action, scripted=scripted)),
    ]


class Forms:
    """Answers of pages with forms."""

    def __init__(self, renderer: Renderer, visitors: Visitors, rates: Rates) -> None:
        self.visitors = visitors
        self._rates = rates
        self._renderer = renderer

    def page(
        self,
        template: str,
        visitor: Visitor,
        *,
        status: int = 200,
        leads_to: str = "",
        scripted: bool = False,
        **context: object,
    ) -> Response:
        """A page with a form.

        :param leads_to: where else than here its form may lead in the end: browsers follow redirects after a form
            only to what the policy names.
        :param scripted: whether modules of ours run on it, since nobody types a secret there.
        """
        who = {"me": None, "proof": visitor.proof, "known": visitor.known}
        body = self._renderer.page(template, visitor.settings, **who, **context)
        action = f"'self' {_source_of(leads_to)}" if leads_to else "'self'"
        return Response(body, status, [*forms_headers(action, scripted=scripted), *visitor.cookies])

    def lead(self, location: str, *cookies: Cookie) -> Response:
        """303: go on there with GET. `location` is a whole URL."""
        return Response(b"", 303, [*forms_headers(), ("location", quote(location, safe=_URI_CHARACTERS)), *cookies])

    def guarded(self, handler: Page[P]) -> Page[P]:
        """The same handler, whose forms are counted, and whose errors are shown as a page."""

        @wraps(handler)
        async def guard(request: Request, params: P) -> Response:
            try:
                if request.method == "POST":
                    self._rates.admit_form(request)
                return await handler(request, params)
            except RipstopError as error:
                if error.status >= 500:
                    log.warning("%s %s: %s (%s)", request.method, request.path, error.sentence, error.cause)
                settings = None if error.status >= 500 else await self.visitors.settings()
                context = {"me": None, "sentence": error.sentence, "status": error.status}
                body = self._renderer.page("problem.html", settings, **context)
                return Response(body, error.status, [*forms_headers(), *error_headers(error)])

        return guard


def sentences_of(error: RipstopError) -> list[str]:
    """What is wrong with a form, a sentence for each finding."""
    if not isinstance(error, Invalid) or not error.details:
        return [error.sentence]
    return [
        f"{field.replace('_', ' ').capitalize()} {sentence}"
        for field, reasons in error.details.items()
        for _, sentence in reasons
    ]


def local_path(text: str) -> str:
    """A path of this server with its query, as it was given; empty for anything else."""
    return text if len(text) <= MAX_PATH and _LOCAL.fullmatch(text) else ""


def _source_of(uri: str) -> str:
    """The origin of an address on the web, or the scheme of anything else, as a policy names it."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc.lower()):
        return f"{parts.scheme}://{parts.netloc.lower()}"
    return f"{parts.scheme}:"
