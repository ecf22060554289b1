"""The page of the staff on which the server's settings are changed, while it runs."""

import msgspec

from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.authority import access_staff
from ripstop.domain.moderation.settings import (
    APPROVAL,
    CLOSED,
    MAX_LINE,
    MAX_TEXT,
    MAX_TITLE,
    OPEN,
    Changes,
    change_settings,
    entry_of,
    letting_in,
)
from ripstop.domain.settings import settings_of
from ripstop.kernel.errors import Conflict, Invalid
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.forms import sentences_of
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, sentences

SETTINGS = "/admin/settings"
MAX_BODY = 1 << 20
"""Bytes of the form: its texts are longer than those of others."""


class SavedParams(msgspec.Struct, kw_only=True):
    """`saved` after something was changed."""

    saved: bool = False


class SettingsParams(msgspec.Struct, kw_only=True):
    """All settings; a rule is a line of `rules`. A browser sends only set ticks."""

    title: str = ""
    description: str = ""
    entry: str = ""
    reason_required: bool = False
    closed_message: str = ""
    contact_email: str = ""
    contact_account: str = ""
    extended_description: str = ""
    terms_of_service: str = ""
    privacy_policy: str = ""
    rules: str = ""
    proof: str = ""


class AdminSettings:
    """Handlers of the settings."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("GET", SETTINGS, self._shell.own(self.form), params=SavedParams),
            Route("POST", SETTINGS, self._shell.act(self.save), params=SettingsParams, max_body=MAX_BODY),
        ]

    async def form(self, request: Request, params: SavedParams, reader: Reader) -> Answer:
        """The settings as they are. At most two engine calls."""
        await access_staff(self._graph, reader.id, Power.MANAGE_SETTINGS)
        settings = await settings_of(self._graph)
        contact = None if settings.contact_account is None else await self._graph.get(ACCOUNT, settings.contact_account)
        form = SettingsParams(
            title=settings.title,
            description=settings.description,
            entry=entry_of(settings),
            reason_required=settings.reason_required,
            closed_message=settings.closed_message,
            contact_email=settings.contact_email,
            contact_account="" if contact is None else contact.value.acct,
            extended_description=settings.extended_description,
            terms_of_service=settings.terms_of_service,
            privacy_policy=settings.privacy_policy,
            rules="\n".join(rule.text for rule in settings.rules),
        )
        return _page(form, saved=params.saved)

    async def save(self, request: Request, params: SettingsParams, reader: Reader) -> Answer:
        """At most three engine calls and a commit."""
        staff = await access_staff(self._graph, reader.id, Power.MANAGE_SETTINGS)
        changes = Changes(
            title=params.title,
            description=params.description,
            reason_required=params.reason_required,
            closed_message=params.closed_message,
            contact_email=params.contact_email,
            contact_account=params.contact_account,
            extended_description=params.extended_description,
            terms_of_service=params.terms_of_service,
            privacy_policy=params.privacy_policy,
            rules=tuple(params.rules.splitlines()),
        )
        try:
            await change_settings(self._graph, staff, letting_in(changes, params.entry))
        except (Invalid, Conflict) as error:
            return _page(params, sentences(sentences_of(error)), status=error.status)
        return lead(f"{request.origin}{SETTINGS}?saved=true")


def _page(form: SettingsParams, problems: list[str] | None = None, *, saved: bool = False, status: int = 200) -> Shown:
    context = {
        "form": form,
        "entries": {OPEN: "everybody, at once", APPROVAL: "everybody whom the staff approves", CLOSED: "nobody"},
        "problems": problems or [],
        "saved": saved,
        "most_title": MAX_TITLE,
        "most_line": MAX_LINE,
        "most_text": MAX_TEXT,
    }
    return Shown("admin_settings.html", context, status)
