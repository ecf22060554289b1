"""The page of the staff on which the server's settings are changed, while it runs."""

import msgspec

from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.authority import access_staff
from ripstop.domain.moderation.settings import MAX_LINE, MAX_TEXT, Changes, change_settings
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

    registrations: bool = False
    closed_message: str = ""
    contact_email: str = ""
    extended_description: str = ""
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
        """The settings as they are. At most one engine call."""
        await access_staff(self._graph, reader.id, Power.MANAGE_SETTINGS)
        settings = await settings_of(self._graph)
        form = SettingsParams(
            registrations=settings.registrations,
            closed_message=settings.closed_message,
            contact_email=settings.contact_email,
            extended_description=settings.extended_description,
            privacy_policy=settings.privacy_policy,
            rules="\n".join(rule.text for rule in settings.rules),
        )
        return _page(form, saved=params.saved)

    async def save(self, request: Request, params: SettingsParams, reader: Reader) -> Answer:
        """At most one engine call and a commit."""
        staff = await access_staff(self._graph, reader.id, Power.MANAGE_SETTINGS)
        changes = Changes(
            registrations=params.registrations,
            closed_message=params.closed_message,
            contact_email=params.contact_email,
            extended_description=params.extended_description,
            privacy_policy=params.privacy_policy,
            rules=tuple(params.rules.splitlines()),
        )
        try:
            await change_settings(self._graph, staff, changes)
        except (Invalid, Conflict) as error:
            return _page(params, sentences(sentences_of(error)), status=error.status)
        return lead(f"{request.origin}{SETTINGS}?saved=true")


def _page(form: SettingsParams, problems: list[str] | None = None, *, saved: bool = False, status: int = 200) -> Shown:
    context = {"form": form, "problems": problems or [], "saved": saved, "most_line": MAX_LINE, "most_text": MAX_TEXT}
    return Shown("admin_settings.html", context, status)
