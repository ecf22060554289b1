"""The pages on which somebody proves by a code or a passkey who they are: after the password, or in its place."""

import msgspec

from ripstop.domain.accounts.sessions import Opened
from ripstop.domain.security.login import Logins, Wanted
from ripstop.domain.security.passkeys import Asked, Passkeys
from ripstop.domain.security.tickets import Expired
from ripstop.kernel.errors import Invalid, RipstopError, TooManyRequests
from ripstop.surfaces.http.errors import error_headers
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, with_headers
from ripstop.surfaces.http.routing import Kind, Route
from ripstop.surfaces.web.entrance import SIGN_IN, Entrance, agent_of, with_return
from ripstop.surfaces.web.forms import Forms, local_path, sentences_of
from ripstop.surfaces.web.visitor import Visitor, check_proof

CODE = "/auth/second_factor"
SECOND_PASSKEY = "/auth/second_factor/passkey"
PASSKEY = "/auth/passkey"


class StartParams(msgspec.Struct, kw_only=True):
    """The page for a passkey in place of the password."""

    return_to: str = ""


class CodeParams(msgspec.Struct, kw_only=True):
    """A code, and the ticket of whoever gave the password."""

    ticket: str = ""
    code: str = ""
    return_to: str = ""
    proof: str = ""


class PasskeyParams(msgspec.Struct, kw_only=True):
    """What a browser answers when it is asked for a passkey. After the password it is empty at first: ask it."""

    ticket: str = ""
    response: str = ""
    return_to: str = ""
    proof: str = ""


class SecondFactor:
    """Handlers of these pages."""

    def __init__(self, forms: Forms, entrance: Entrance, logins: Logins, passkeys: Passkeys) -> None:
        self.entrance = entrance
        self.logins = logins
        self.passkeys = passkeys
        self._forms = forms
        self._visitors = forms.visitors

    def routes(self) -> list[Route]:
        guarded = self._forms.guarded
        return [
            *(Route("GET", path, guarded(self.begin_again), kind=Kind.SIGN_UP) for path in (CODE, SECOND_PASSKEY)),
            Route("POST", CODE, guarded(self.enter_by_code), params=CodeParams, kind=Kind.SIGN_UP),
            Route("POST", SECOND_PASSKEY, guarded(self.enter_by_second), params=PasskeyParams, kind=Kind.SIGN_UP),
            Route("GET", PASSKEY, guarded(self.show_passkey), params=StartParams, kind=Kind.SIGN_UP),
            Route("POST", PASSKEY, guarded(self.enter_by_passkey), params=PasskeyParams, kind=Kind.SIGN_UP),
        ]

    def page(self, visitor: Visitor, wanted: Wanted, return_to: str, error: RipstopError | None = None) -> Response:
        """The page that asks for a second factor."""
        answer = self._forms.page(
            "second_factor.html",
            visitor,
            status=200 if error is None else error.status,
            problems=[] if error is None else sentences_of(error),
            ticket=wanted.ticket,
            has_app=wanted.has_app,
            has_passkeys=wanted.has_passkeys,
            return_to=local_path(return_to),
            sign_in=with_return(SIGN_IN, return_to),
        )
        return answer if error is None else with_headers(answer, error_headers(error))

    async def begin_again(self, request: Request, params: None) -> Response:
        """Whoever loads these pages anew has left the ticket behind. No engine call."""
        return self._forms.lead(request.origin + SIGN_IN)

    async def enter_by_code(self, request: Request, params: CodeParams) -> Response:
        """Log in by a code, after the password. At most twelve engine calls and two commits."""
        visitor = await self._visitors.meet(request)
        check_proof(visitor, params.proof)
        browser = visitor.proof
        try:
            opened = await self.logins.by_code(
                params.ticket, params.code, browser=browser, agent=agent_of(request), network=request.network
            )
        except Expired:
            return self._begin_again(request, params.return_to)
        except (Invalid, TooManyRequests) as error:
            wanted = await self.logins.again(params.ticket, browser=browser)
            return self.page(visitor, wanted, params.return_to, error)
        return await self.entrance.enter(request, visitor, opened, params.return_to)

    async def enter_by_second(self, request: Request, params: PasskeyParams) -> Response:
        """Log in by a passkey, after the password. At most twelve engine calls and two commits."""
        visitor = await self._visitors.meet(request)
        check_proof(visitor, params.proof)
        try:
            if not params.response:
                ticket, asked = await self.logins.ask_second(params.ticket, browser=visitor.proof)
                return self._passkey_page(visitor, SECOND_PASSKEY, ticket, asked, params.return_to)
            opened = await self.logins.by_second_passkey(
                params.ticket,
                params.response,
                browser=visitor.proof,
                agent=agent_of(request),
                network=request.network,
            )
        except Expired:
            return self._begin_again(request, params.return_to)
        except Invalid as error:
            ticket, asked = await self.logins.ask_second(params.ticket, browser=visitor.proof)
            return self._passkey_page(visitor, SECOND_PASSKEY, ticket, asked, params.return_to, error)
        return await self.entrance.enter(request, visitor, opened, params.return_to)

    async def show_passkey(self, request: Request, params: StartParams) -> Response:
        """The page that asks for a passkey in place of the password. At most three engine calls."""
        visitor = await self._visitors.meet(request)
        return self._alone_page(visitor, params.return_to)

    async def enter_by_passkey(self, request: Request, params: PasskeyParams) -> Response:
        """Log in by a passkey alone. At most seven engine calls and two commits."""
        visitor = await self._visitors.meet(request)
        check_proof(visitor, params.proof)
        opened: Opened
        try:
            opened = await self.logins.by_passkey(
                params.ticket, params.response, browser=visitor.proof, agent=agent_of(request)
            )
        except Invalid as error:
            return self._alone_page(visitor, params.return_to, error)
        return await self.entrance.enter(request, visitor, opened, params.return_to)

    def _begin_again(self, request: Request, return_to: str) -> Response:
        return self._forms.lead(request.origin + with_return(SIGN_IN, return_to))

    def _alone_page(self, visitor: Visitor, return_to: str, error: RipstopError | None = None) -> Response:
        ticket, asked = self.logins.ask_alone(browser=visitor.proof)
        return self._passkey_page(visitor, PASSKEY, ticket, asked, return_to, error)

    def _passkey_page(
        self,
        visitor: Visitor,
        action: str,
        ticket: str,
        asked: Asked,
        return_to: str,
        error: RipstopError | None = None,
    ) -> Response:
        return self._forms.page(
            "passkey.html",
            visitor,
            status=200 if error is None else error.status,
            scripted=True,
            problems=[] if error is None else sentences_of(error),
            title="Log in by a passkey",
            words="Your telephone, computer or security key asks for your finger, your face or its PIN.",
            label="Use a passkey",
            kind="get",
            action=action,
            options=msgspec.json.encode(asked.options).decode(),
            fields={"proof": visitor.proof, "ticket": ticket, "return_to": local_path(return_to)},
            back=with_return(SIGN_IN, return_to),
        )
