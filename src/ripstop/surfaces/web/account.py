"""The page on which the owner of an account changes its password, and sees who and what is let in."""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.applications import applications_of, revoke_application
from ripstop.domain.accounts.check import MIN_PASSWORD
from ripstop.domain.accounts.model import Session
from ripstop.domain.accounts.passwords import Passwords
from ripstop.domain.accounts.sessions import close_session, sessions_of
from ripstop.kernel.errors import Conflict, Invalid, TooManyRequests
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.errors import error_headers
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, with_headers
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.forms import Forms, sentences_of
from ripstop.surfaces.web.sign_in import ACCOUNT, sign_in_address
from ripstop.surfaces.web.visitor import LoggedIn, Visitor, check_proof, network_of


class AccountParams(msgspec.Struct, kw_only=True):
    """`changed` after a password was."""

    changed: bool = False


class PasswordParams(msgspec.Struct, kw_only=True):
    """A form that changes the password."""

    current: str = ""
    password: str = ""
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

    def __init__(self, graph: Graph, forms: Forms, passwords: Passwords) -> None:
        self._graph = graph
        self._forms = forms
        self._passwords = passwords

    def routes(self) -> list[Route]:
        guarded = self._forms.guarded
        return [
            Route("GET", ACCOUNT, guarded(self.show), params=AccountParams),
            Route("POST", ACCOUNT, guarded(self.change_password), params=PasswordParams),
            Route("POST", "/auth/sessions/{id}/end", guarded(self.end_session), params=EndParams),
            Route("POST", "/auth/applications/{id}/revoke", guarded(self.revoke_application), params=EndParams),
        ]

    async def show(self, request: Request, params: AccountParams) -> Response:
        """At most eight engine calls."""
        visitor = await self._forms.visitors.meet(request)
        if visitor.known is None:
            return self._forms.lead(sign_in_address(request, ACCOUNT))
        return await self._page(visitor, visitor.known, changed=params.changed)

    async def change_password(self, request: Request, params: PasswordParams) -> Response:
        """Change the password, and log out everywhere else. At most nine engine calls and a commit."""
        visitor = await self._forms.visitors.meet(request)
        if visitor.known is None:
            return self._forms.lead(sign_in_address(request, ACCOUNT))
        check_proof(visitor, params.proof)
        known = visitor.known
        try:
            await self._passwords.change(
                known.account, params.current, params.password, keep=known.session.id, network=network_of(request)
            )
        except (Invalid, TooManyRequests, Conflict) as error:
            answer = await self._page(visitor, known, status=error.status, problems=sentences_of(error))
            return with_headers(answer, error_headers(error))
        return self._forms.lead(f"{request.origin}{ACCOUNT}?changed=true")

    async def end_session(self, request: Request, params: EndParams) -> Response:
        """At most four engine calls and a commit."""
        visitor = await self._forms.visitors.meet(request)
        if visitor.known is None:
            return self._forms.lead(sign_in_address(request, ACCOUNT))
        check_proof(visitor, params.proof)
        await close_session(self._graph, visitor.known.account.id, params.id)
        return self._forms.lead(request.origin + ACCOUNT)

    async def revoke_application(self, request: Request, params: EndParams) -> Response:
        """At most five engine calls and a commit."""
        visitor = await self._forms.visitors.meet(request)
        if visitor.known is None:
            return self._forms.lead(sign_in_address(request, ACCOUNT))
        check_proof(visitor, params.proof)
        await revoke_application(self._graph, visitor.known.account.id, params.id)
        return self._forms.lead(request.origin + ACCOUNT)

    async def _page(
        self,
        visitor: Visitor,
        known: LoggedIn,
        *,
        status: int = 200,
        changed: bool = False,
        problems: list[str] | None = None,
    ) -> Response:
        sessions = await sessions_of(self._graph, known.account.id)
        return self._forms.page(
            "account.html",
            visitor,
            status=status,
            changed=changed,
            problems=problems or [],
            username=known.account.value.username,
            sessions=[_shown(session, present=session.id == known.session.id) for session in sessions],
            applications=await applications_of(self._graph, known.account.id),
            least_password=MIN_PASSWORD,
        )


def _shown(session: Entry[Session], *, present: bool) -> ShownSession:
    since = datetime.fromtimestamp(session.value.created_at / 1_000, UTC)
    return ShownSession(
        session.id, session.value.agent or "an unknown program", f"{since.day} {since:%b %Y, %H:%M} UTC", present
    )
