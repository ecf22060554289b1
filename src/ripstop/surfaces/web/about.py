"""What the staff says of the server: what it is, its rules, its terms of service and its privacy policy."""

from datetime import UTC, datetime

from ripstop.domain.settings import settings_of
from ripstop.domain.text import render
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.mastodon.present.instance import ABOUT, PRIVACY, TERMS
from ripstop.surfaces.web.cards import faces
from ripstop.surfaces.web.shell import Answer, ForAll, Reader, Shell, Shown, lead

ELSEWHERE = {"/about/more": ABOUT, "/privacy-policy": PRIVACY, "/terms-of-service": TERMS}
"""Where Mastodon has these pages, so that links to them work."""


class About:
    """Handlers of these pages. They are for everybody."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("GET", ABOUT, self._shell.open(self.about)),
            Route("GET", TERMS, self._shell.open(self.terms)),
            Route("GET", PRIVACY, self._shell.open(self.privacy)),
            *(Route("GET", path, self._shell.open(_leads(to))) for path, to in ELSEWHERE.items()),
        ]

    async def about(self, request: Request, params: None, reader: Reader | None) -> Answer:
        """What the server is, whom to ask, and its rules. At most two engine calls."""
        settings = await settings_of(self._graph)
        contact = settings.contact_account
        known = {} if contact is None else await faces(self._graph, [contact])
        context = {
            "canonical": request.origin + ABOUT,
            "settings": settings,
            "contact": None if contact is None else known.get(contact),
            "text": _html(request, settings.extended_description),
        }
        return Shown("about.html", context)

    async def terms(self, request: Request, params: None, reader: Reader | None) -> Answer:
        """What people agree to who use this server. At most one engine call.

        :raises NotFound: there is nothing of the kind.
        """
        settings = await settings_of(self._graph)
        since = (
            None if settings.terms_at is None else f"{datetime.fromtimestamp(settings.terms_at / 1_000, UTC):%Y-%m-%d}"
        )
        return _text(request, TERMS, "Terms of service", settings.terms_of_service, since)

    async def privacy(self, request: Request, params: None, reader: Reader | None) -> Answer:
        """What this server does with what it knows of people. At most one engine call.

        :raises NotFound: there is nothing of the kind.
        """
        settings = await settings_of(self._graph)
        return _text(request, PRIVACY, "Privacy policy", settings.privacy_policy, None)


def _text(request: Request, path: str, title: str, text: str, since: str | None) -> Shown:
    if not text:
        raise NotFound(f"This server says nothing under “{title}”.")
    context = {"canonical": request.origin + path, "title": title, "text": _html(request, text), "since": since}
    return Shown("said.html", context)


def _html(request: Request, text: str) -> str:
    """Clean HTML of a plain text; empty for none."""
    return render(text, origin=request.origin, person=lambda handle: None) if text else ""


def _leads(path: str) -> ForAll:
    async def leads(request: Request, params: None, reader: Reader | None) -> Answer:
        """To the page under its name here."""
        return lead(request.origin + path)

    return leads
