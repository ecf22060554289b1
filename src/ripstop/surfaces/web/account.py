"""The page on which the owner of an account keeps it: password, defaults, who and what is let in, and its end."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

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
from ripstop.kernel.errors import Conflict, Invalid, TooManyRequests
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.errors import error_headers
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, with_headers
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.forms import Forms, Page, sentences_of
from ripstop.surfaces.web.sign_in import ACCOUNT, sign_in_address
from ripstop.surfaces.web.visitor import LoggedIn, Visitor, check_proof

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


Act = Callable[[Request, Any, Visitor, LoggedIn], Awaitable[Response]]
"""What a form of the page does."""


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
            *(
                Route("POST", path, guarded(self._of_owner(act)), params=params)
                for path, act, params in (
                    (ACCOUNT, self.change_password, PasswordParams),
                    ("/auth/defaults", self.set_defaults, DefaultsParams),
                    ("/auth/delete", self.delete, DeleteParams),
                    ("/auth/sessions/{id}/end", self.end_session, EndParams),
                    ("/auth/applications/{id}/revoke", self.revoke_application, EndParams),
                )
            ),
        ]

    def _of_owner(self, act: Act) -> Page[Any]:
        """What is done with a form of the page, by whoever is logged in and was sent it. Three engine calls."""

        async def handler(request: Request, params: Any) -> Response:
            visitor = await self._forms.visitors.meet(request)
            if visitor.known is None:
                return self._forms.lead(sign_in_address(request, ACCOUNT))
            check_proof(visitor, params.proof)
            return await act(request, params, visitor, visitor.known)

        return handler

    async def show(self, request: Request, params: AccountParams) -> Response:
        """At most eight engine calls."""
        visitor = await self._forms.visitors.meet(request)
        if visitor.known is None:
            return self._forms.lead(sign_in_address(request, ACCOUNT))
        return await self._page(visitor, visitor.known, changed=params.changed, saved=params.saved)

    async def change_password(
        self, request: Request, params: PasswordParams, visitor: Visitor, known: LoggedIn
    ) -> Response:
        """Change the password, and log out everywhere else. At most nine engine calls and a commit."""
        try:
            await self._passwords.change(
                known.account, params.current, params.password, keep=known.session.id, network=request.network
            )
        except (Invalid, TooManyRequests, Conflict) as error:
            answer = await self._page(visitor, known, status=error.status, problems=sentences_of(error))
            return with_headers(answer, error_headers(error))
        return self._forms.lead(f"{request.origin}{ACCOUNT}?changed=true")

    async def set_defaults(
        self, request: Request, params: DefaultsParams, visitor: Visitor, known: LoggedIn
    ) -> Response:
        """At most four engine calls and a commit."""
        changes = ProfileChanges(
            posting_visibility=params.visibility,
            posting_sensitive=params.sensitive,
            posting_language=params.language.strip(),
            posting_quote_policy=params.quotes,
            posting_reply_policy=params.replies,
        )
        try:
            await update_profile(self._graph, known.account, changes)
        except Invalid as error:
            return await self._page(visitor, known, status=error.status, problems=sentences_of(error))
        return self._forms.lead(f"{request.origin}{ACCOUNT}?saved=true")

    async def delete(self, request: Request, params: DeleteParams, visitor: Visitor, known: LoggedIn) -> Response:
        """Delete the account, with the present password. At most eight engine calls, and a few commits."""
        try:
            await self._passwords.confirm(known.account, params.current, network=request.network)
            await delete_account(self._graph, known.account)
        except (Invalid, TooManyRequests, Conflict) as error:
            answer = await self._page(visitor, known, status=error.status, problems=sentences_of(error))
            return with_headers(answer, error_headers(error))
        return self._forms.lead(request.origin + "/", *self._forms.visitors.close())

    async def end_session(self, request: Request, params: EndParams, visitor: Visitor, known: LoggedIn) -> Response:
        """At most four engine calls and a commit."""
        await close_session(self._graph, known.account.id, params.id)
        return self._forms.lead(request.origin + ACCOUNT)

    async def revoke_application(
        self, request: Request, params: EndParams, visitor: Visitor, known: LoggedIn
    ) -> Response:
        """At most five engine calls and a commit."""
        await revoke_application(self._graph, known.account.id, params.id)
        return self._forms.lead(request.origin + ACCOUNT)

    async def _page(
        self,
        visitor: Visitor,
        known: LoggedIn,
        *,
        status: int = 200,
        changed: bool = False,
        saved: bool = False,
        problems: list[str] | None = None,
    ) -> Response:
        sessions = await sessions_of(self._graph, known.account.id)
        return self._forms.page(
            "account.html",
            visitor,
            status=status,
            changed=changed,
            saved=saved,
            problems=problems or [],
            username=known.account.value.username,
            visibilities=VISIBILITIES,
            visibility=known.account.value.posting_visibility,
            sensitive=known.account.value.posting_sensitive,
            language=known.account.value.posting_language or "",
            quoters=QUOTERS,
            quotes=known.account.value.posting_quote_policy,
            repliers=REPLIERS,
            replies=known.account.value.posting_reply_policy,
            sessions=[_shown(session, present=session.id == known.session.id) for session in sessions],
            applications=await applications_of(self._graph, known.account.id),
            least_password=MIN_PASSWORD,
        )


def _shown(session: Entry[Session], *, present: bool) -> ShownSession:
    since = datetime.fromtimestamp(session.value.created_at / 1_000, UTC)
    return ShownSession(
        session.id, session.value.agent or "an unknown program", f"{since.day} {since:%b %Y, %H:%M} UTC", present
    )
