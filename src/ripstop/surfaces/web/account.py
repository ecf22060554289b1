"""The page on which the owner of an account keeps it: password, defaults, who and what is let in, and its end."""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.actions import ProfileChanges, update_profile
from ripstop.domain.accounts.applications import applications_of, revoke_application
from ripstop.domain.accounts.check import MIN_PASSWORD
from ripstop.domain.accounts.leaving import delete_account
from ripstop.domain.accounts.model import (
    EVERYONE,
    FOLLOWERS,
    FOLLOWING,
    MENTIONED,
    NOBODY,
    PRIVATE,
    PUBLIC,
    UNLISTED,
    Session,
)
from ripstop.domain.accounts.passwords import Passwords
from ripstop.domain.accounts.sessions import close_session, sessions_of
from ripstop.kernel.errors import Conflict, Invalid, RipstopError, TooManyRequests
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.errors import error_headers
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.forms import Forms, sentences_of
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, sentences
from ripstop.surfaces.web.sign_in import ACCOUNT

VISIBILITIES = {PUBLIC: "everybody", UNLISTED: "everybody who comes by", PRIVATE: "those who follow you"}
QUOTERS = {PUBLIC: "everybody", FOLLOWERS: "those who follow you", NOBODY: "nobody but you"}
REPLIERS = {
    EVERYONE: "everybody",
    FOLLOWING: "those whom you follow",
    FOLLOWERS: "those who follow you",
    MENTIONED: "only those whom they mention",
}
"""For whom posts may be by default, and who may quote or answer them, in words."""


class AccountParams(msgspec.Struct, kw_only=True):
    """`changed` after a password was, `saved` after anything else was."""

    changed: bool = False
    saved: bool = False


class PasswordParams(msgspec.Struct, kw_only=True):
    """A form that changes the password."""

    current: str = ""
    password: str = ""
    proof: str = ""


class DefaultsParams(msgspec.Struct, kw_only=True):
    """A form that says how new posts are to be unless their author says otherwise. A browser sends only set ticks."""

    visibility: str = PUBLIC
    sensitive: bool = False
    language: str = ""
    quotes: str = PUBLIC
    replies: str = EVERYONE
    proof: str = ""


class DeleteParams(msgspec.Struct, kw_only=True):
    """A form that deletes the account."""

    current: str = ""
    proof: str = ""


class EndParams(msgspec.Struct, kw_only=True):
    """The button that ends a session, or takes an application's tokens back."""

    id: Id
    proof: str = ""


class ShownSession(NamedTuple):
    """A session as the page shows it."""

    id: int
    agent: str
    since: str
    present: bool


class AccountPage:
    """Handlers for people who are logged in."""

    def __init__(self, graph: Graph, shell: Shell, forms: Forms, passwords: Passwords) -> None:
        self._graph = graph
        self._shell = shell
        self._forms = forms
        self._passwords = passwords

    def routes(self) -> list[Route]:
        return [
            Route("GET", ACCOUNT, self._shell.own(self.show), params=AccountParams),
            *(
                Route("POST", path, self._shell.act(act), params=params)
                for path, act, params in (
                    (ACCOUNT, self.change_password, PasswordParams),
                    ("/auth/defaults", self.set_defaults, DefaultsParams),
                    ("/auth/delete", self.delete, DeleteParams),
                    ("/auth/sessions/{id}/end", self.end_session, EndParams),
                    ("/auth/applications/{id}/revoke", self.revoke_application, EndParams),
                )
            ),
        ]

    async def show(self, request: Request, params: AccountParams, reader: Reader) -> Answer:
        """At most five engine calls."""
        return await self._page(reader, changed=params.changed, saved=params.saved)

    async def change_password(self, request: Request, params: PasswordParams, reader: Reader) -> Answer:
        """Change the password, and log out everywhere else. At most nine engine calls and a commit."""
        try:
            await self._passwords.change(
                reader.account, params.current, params.password, keep=reader.session.id, network=request.network
            )
        except (Invalid, TooManyRequests, Conflict) as error:
            return await self._page(reader, error)
        return lead(f"{request.origin}{ACCOUNT}?changed=true")

    async def set_defaults(self, request: Request, params: DefaultsParams, reader: Reader) -> Answer:
        """At most four engine calls and a commit."""
        changes = ProfileChanges(
            posting_visibility=params.visibility,
            posting_sensitive=params.sensitive,
            posting_language=params.language.strip(),
            posting_quote_policy=params.quotes,
            posting_reply_policy=params.replies,
        )
        try:
            await update_profile(self._graph, reader.account, changes)
        except Invalid as error:
            return await self._page(reader, error)
        return lead(f"{request.origin}{ACCOUNT}?saved=true")

    async def delete(self, request: Request, params: DeleteParams, reader: Reader) -> Answer:
        """Delete the account, with the present password. At most eight engine calls, and a few commits."""
        try:
            await self._passwords.confirm(reader.account, params.current, network=request.network)
            await delete_account(self._graph, reader.account)
        except (Invalid, TooManyRequests, Conflict) as error:
            return await self._page(reader, error)
        return self._forms.lead(request.origin + "/", *self._forms.visitors.close())

    async def end_session(self, request: Request, params: EndParams, reader: Reader) -> Answer:
        """At most four engine calls and a commit."""
        await close_session(self._graph, reader.id, params.id)
        return lead(request.origin + ACCOUNT)

    async def revoke_application(self, request: Request, params: EndParams, reader: Reader) -> Answer:
        """At most five engine calls and a commit."""
        await revoke_application(self._graph, reader.id, params.id)
        return lead(request.origin + ACCOUNT)

    async def _page(
        self, reader: Reader, error: RipstopError | None = None, *, changed: bool = False, saved: bool = False
    ) -> Shown:
        account = reader.account.value
        sessions = await sessions_of(self._graph, reader.id)
        context = {
            "changed": changed,
            "saved": saved,
            "problems": [] if error is None else sentences(sentences_of(error)),
            "username": account.username,
            "visibilities": VISIBILITIES,
            "visibility": account.posting_visibility,
            "sensitive": account.posting_sensitive,
            "language": account.posting_language or "",
            "quoters": QUOTERS,
            "quotes": account.posting_quote_policy,
            "repliers": REPLIERS,
            "replies": account.posting_reply_policy,
            "sessions": [_shown(session, present=session.id == reader.session.id) for session in sessions],
            "applications": await applications_of(self._graph, reader.id),
            "least_password": MIN_PASSWORD,
        }
        if error is None:
            return Shown("account.html", context, bare=True)
        return Shown("account.html", context, error.status, error_headers(error), bare=True)


def _shown(session: Entry[Session], *, present: bool) -> ShownSession:
    since = datetime.fromtimestamp(session.value.created_at / 1_000, UTC)
    return ShownSession(
        session.id, program_named(session.value.agent), f"{since.day} {since:%b %Y, %H:%M} UTC", present
    )


_PROGRAMS = (
    ("Firefox/", "Firefox"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "a Mac"),
    ("Linux", "Linux"),
)
"""Parts of what browsers call themselves, and what people call them; the first that is found tells."""


def program_named(agent: str) -> str:
    """A browser by the name that people know, if it has one."""
    program = next((words for part, words in _PROGRAMS if part in agent), "")
    system = next((words for part, words in _SYSTEMS if part in agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or agent or "An unknown program"
