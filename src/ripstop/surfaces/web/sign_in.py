"""Logging in, logging out, and signing up in a browser."""

from urllib.parse import urlencode

import msgspec

from ripstop.domain.accounts.actions import SignUp, sign_up_here
from ripstop.domain.accounts.check import MAX_REASON, MAX_USERNAME, MIN_PASSWORD
from ripstop.domain.security.login import Wanted
from ripstop.domain.settings import Settings, check_open, settings_of
from ripstop.kernel.errors import Invalid, TooManyRequests
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.errors import error_headers
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, with_headers
from ripstop.surfaces.http.routing import Kind, Quota, Route
from ripstop.surfaces.web.entrance import SIGN_IN, agent_of, with_return
from ripstop.surfaces.web.forms import Forms, local_path, sentences_of
from ripstop.surfaces.web.second_factor import PASSKEY, SecondFactor
from ripstop.surfaces.web.visitor import Visitor, check_proof

SIGN_UP = "/auth/sign_up"
ACCOUNT = "/auth/edit"
"""Where Mastodon has these pages, so that links to them work."""
MOST_RETURN = 2_000
"""Characters of an address that is come back to: browsers and proxies take no header of 8,190 bytes."""


class SignInParams(msgspec.Struct, kw_only=True):
    """A login form. `again` asks for it even if somebody is logged in."""

    login: str = ""
    password: str = ""
    return_to: str = ""
    again: bool = False
    proof: str = ""


class SignOutParams(msgspec.Struct, kw_only=True):
    """The button that logs out."""

    proof: str = ""


class JoinParams(msgspec.Struct, kw_only=True):
    """The form of somebody who wants an account."""

    username: str = ""
    email: str = ""
    password: str = ""
    agreement: bool = False
    locale: str = "en"
    reason: str = ""
    return_to: str = ""
    proof: str = ""


class SignIn:
    """Handlers of the pages that let people in and out."""

    def __init__(self, graph: Graph, forms: Forms, second: SecondFactor, *, seal: Secrets) -> None:
        self._graph = graph
        self._forms = forms
        self._visitors = forms.visitors
        self._second = second
        self._entrance = second.entrance
        self._logins = second.logins
        self._seal = seal

    def routes(self) -> list[Route]:
        guarded = self._forms.guarded
        show, enter, leave = guarded(self.show), guarded(self.enter), guarded(self.leave)
        return [
            *(Route("GET", path, show, params=SignInParams, kind=Kind.SIGN_UP) for path in (SIGN_IN, "/login")),
            *(Route("POST", path, enter, params=SignInParams, kind=Kind.SIGN_UP) for path in (SIGN_IN, "/login")),
            *(Route("POST", path, leave, params=SignOutParams) for path in ("/auth/sign_out", "/logout")),
            Route("GET", SIGN_UP, guarded(self.show_sign_up), params=JoinParams, kind=Kind.SIGN_UP),
            Route(
                "POST",
                SIGN_UP,
                guarded(self.sign_up),
                params=JoinParams,
                kind=Kind.SIGN_UP,
                quota=Quota.SIGN_UPS,
            ),
        ]

    async def show(self, request: Request, params: SignInParams) -> Response:
        """The login form; whoever is logged in is led on, unless it is asked for again. At most three engine calls."""
        visitor = await self._visitors.meet(request)
        if visitor.known is not None and not params.again:
            return self._entrance.lead_on(request, params.return_to)
        return self._sign_in_page(visitor, params)

    async def enter(self, request: Request, params: SignInParams) -> Response:
        """Log in, or ask for a second factor. A session of this browser that there was is over.

        At most ten engine calls and two commits.
        """
        visitor = await self._visitors.meet(request)
        check_proof(visitor, params.proof)
        try:
            found = await self._logins.by_password(
                params.login,
                params.password,
                browser=visitor.proof,
                agent=agent_of(request),
                network=request.network,
            )
        except (Invalid, TooManyRequests) as error:
            answer = self._sign_in_page(visitor, params, status=error.status, problems=sentences_of(error))
            return with_headers(answer, error_headers(error))
        if isinstance(found, Wanted):
            return self._second.page(visitor, found, params.return_to)
        return await self._entrance.enter(request, visitor, found, params.return_to)

    async def leave(self, request: Request, params: SignOutParams) -> Response:
        """Log out. At most three engine calls and a commit."""
        visitor = await self._visitors.meet(request)
        check_proof(visitor, params.proof)
        await self._entrance.close(visitor)
        return self._forms.lead(request.origin + "/", *self._visitors.close())

    async def show_sign_up(self, request: Request, params: JoinParams) -> Response:
        """The form of newcomers, if they are let in. At most four engine calls."""
        visitor = await self._visitors.meet(request)
        settings = await check_open(self._graph)
        if visitor.known is not None:
            return self._entrance.lead_on(request, params.return_to)
        return self._sign_up_page(visitor, params, settings)

    async def sign_up(self, request: Request, params: JoinParams) -> Response:
        """Make an account, and log it in, unless it waits for the staff. At most four engine calls and a commit."""
        visitor = await self._visitors.meet(request)
        check_proof(visitor, params.proof)
        form = SignUp(
            username=params.username.strip(),
            email=params.email,
            password=params.password,
            agreement=params.agreement,
            locale=params.locale,
            reason=params.reason.strip(),
        )
        settings = await settings_of(self._graph)
        try:
            opened = await sign_up_here(self._graph, form, agent=agent_of(request), seal=self._seal)
        except Invalid as error:
            return self._sign_up_page(visitor, params, settings, status=error.status, problems=sentences_of(error))
        if opened is None:
            return self._forms.page("waiting.html", visitor, username=form.username)
        return self._entrance.lead_on(request, params.return_to, secret=opened.secret)

    def _sign_in_page(
        self, visitor: Visitor, params: SignInParams, *, status: int = 200, problems: list[str] | None = None
    ) -> Response:
        return self._forms.page(
            "sign_in.html",
            visitor,
            status=status,
            problems=problems or [],
            login=params.login,
            return_to=local_path(params.return_to),
            sign_up=with_return(SIGN_UP, params.return_to),
            passkey=with_return(PASSKEY, params.return_to) if self._second.passkeys.is_possible else "",
        )

    def _sign_up_page(
        self,
        visitor: Visitor,
        params: JoinParams,
        settings: Settings,
        *,
        status: int = 200,
        problems: list[str] | None = None,
    ) -> Response:
        return self._forms.page(
            "sign_up.html",
            visitor,
            status=status,
            problems=problems or [],
            username=params.username,
            email=params.email,
            agreement=params.agreement,
            reason=params.reason,
            settings=settings,
            most_reason=MAX_REASON,
            return_to=local_path(params.return_to),
            sign_in=with_return(SIGN_IN, params.return_to),
            most_username=MAX_USERNAME,
            least_password=MIN_PASSWORD,
        )


def sign_in_address(request: Request, return_to: str, *, again: bool = False) -> str:
    """Where to log in and then come back to a path of this server; of one that is very long, without its query."""
    if len(return_to) > MOST_RETURN:
        return_to = return_to.partition("?")[0]
    query = {"return_to": return_to[:MOST_RETURN], **({"again": "true"} if again else {})}
    return f"{request.origin}{SIGN_IN}?{urlencode(query)}"
