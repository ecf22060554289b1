"""The pages on which somebody lets an application in: `/oauth/authorize`, and the one that shows a code to copy."""

import re
from urllib.parse import urlencode, urlsplit

import msgspec

from ripstop.domain.accounts.applications import OUT_OF_BAND, UnknownScope, find_application
from ripstop.domain.accounts.grants import Ask, BadChallenge, check_ask, grant_access
from ripstop.domain.accounts.model import Application
from ripstop.domain.accounts.scopes import DEFAULT_SCOPES, parse_scopes
from ripstop.kernel.errors import BadRequest, NotFound
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response
from ripstop.surfaces.http.routing import Kind, Route
from ripstop.surfaces.web.forms import Forms
from ripstop.surfaces.web.permissions import explain
from ripstop.surfaces.web.sign_in import sign_in_address
from ripstop.surfaces.web.visitor import check_proof

AUTHORIZE = "/oauth/authorize"
NATIVE = "/oauth/authorize/native"

_CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")


class AuthorizeParams(msgspec.Struct, kw_only=True):
    """What an application asks for (RFC 6749, section 4.1.1; RFC 7636, section 4.3)."""

    response_type: str = ""
    client_id: str | int = ""
    redirect_uri: str = ""
    scope: str = ""
    state: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    force_login: bool = False


class DecisionParams(AuthorizeParams, kw_only=True):
    """The consent form: what was asked for, and the answer."""

    decision: str = ""
    proof: str = ""


class NativeParams(msgspec.Struct, kw_only=True):
    """A code to be shown."""

    code: str = ""


class _Refusal(Exception):
    """An error that the application is told of, by one of the codes of RFC 6749, section 4.1.2.1."""

    def __init__(self, error: str, sentence: str) -> None:
        super().__init__(sentence)
        self.error = error
        self.sentence = sentence


class Authorize:
    """Handlers of the consent."""

    def __init__(self, graph: Graph, forms: Forms) -> None:
        self._graph = graph
        self._forms = forms

    def routes(self) -> list[Route]:
        guarded = self._forms.guarded
        return [
            Route("GET", AUTHORIZE, guarded(self.ask), params=AuthorizeParams, kind=Kind.SIGN_UP),
            Route("POST", AUTHORIZE, guarded(self.decide), params=DecisionParams, kind=Kind.SIGN_UP),
            Route("GET", NATIVE, guarded(self.show_code), params=NativeParams, kind=Kind.SIGN_UP),
        ]

    async def ask(self, request: Request, params: AuthorizeParams) -> Response:
        """The consent form; whoever is not logged in is led to do so first. At most four engine calls."""
        application = await self._access_application(params)
        try:
            ask = _check(application, params)
        except _Refusal as refusal:
            return self._tell(request, params, {"error": refusal.error, "error_description": refusal.sentence})
        visitor = await self._forms.visitors.meet(request)
        if visitor.known is None or params.force_login:
            return self._forms.lead(sign_in_address(request, _path_of(params), again=params.force_login))
        return self._forms.page(
            "authorize.html",
            visitor,
            leads_to="" if ask.redirect_uri == OUT_OF_BAND else ask.redirect_uri,
            application=application.value.name,
            website=application.value.website,
            username=visitor.known.account.value.username,
            permissions=explain(ask.scopes),
            destination=_destination(ask.redirect_uri),
            fields=_fields(params),
            another=sign_in_address(request, _path_of(params), again=True),
        )

    async def decide(self, request: Request, params: DecisionParams) -> Response:
        """Go back to the application, with a code or without one. At most four engine calls and a commit."""
        application = await self._access_application(params)
        visitor = await self._forms.visitors.meet(request)
        if visitor.known is None:
            return self._forms.lead(sign_in_address(request, _path_of(params)))
        check_proof(visitor, params.proof)
        try:
            ask = _check(application, params)
        except _Refusal as refusal:
            return self._tell(request, params, {"error": refusal.error, "error_description": refusal.sentence})
        if params.decision != "allow":
            told = "The resource owner or authorization server denied the request."
            return self._tell(request, params, {"error": "access_denied", "error_description": told})
        code = await grant_access(self._graph, visitor.known.account.id, application, ask)
        if params.redirect_uri == OUT_OF_BAND:
            return self._forms.lead(f"{request.origin}{NATIVE}?{urlencode({'code': code})}")
        return self._tell(request, params, {"code": code})

    async def show_code(self, request: Request, params: NativeParams) -> Response:
        """A code to copy into a program that has no address. No engine call without a session."""
        if not _CODE.fullmatch(params.code):
            raise NotFound("There is no such code.")
        return self._forms.page("code.html", await self._forms.visitors.meet(request), code=params.code)

    async def _access_application(self, params: AuthorizeParams) -> Entry[Application]:
        """The application, if the answer may be sent where it wants.

        :raises BadRequest: not told to whoever asks by a redirect, since it is not known to be that application.
        """
        application = await find_application(self._graph, str(params.client_id))
        if application is None:
            raise BadRequest("No application of this client_id is registered here.")
        if params.redirect_uri not in application.value.redirect_uris:
            raise BadRequest("The redirect_uri is not one that this application has registered.")
        return application

    def _tell(self, request: Request, params: AuthorizeParams, said: dict[str, str]) -> Response:
        """Lead back to the application; where it has no address, show what it would have been told."""
        if params.redirect_uri == OUT_OF_BAND:
            raise BadRequest(said["error_description"])
        query = urlencode(said | ({"state": params.state} if params.state else {}))
        return self._forms.lead(params.redirect_uri + ("&" if "?" in params.redirect_uri else "?") + query)


def _check(application: Entry[Application], params: AuthorizeParams) -> Ask:
    if params.response_type != "code":
        if not params.response_type:
            raise _Refusal("invalid_request", "Missing required parameter: response_type.")
        raise _Refusal("unsupported_response_type", "The only response_type of this server is code.")
    try:
        return check_ask(
            application,
            params.redirect_uri,
            parse_scopes(params.scope) or DEFAULT_SCOPES,
            challenge=params.code_challenge,
            method=params.code_challenge_method,
        )
    except UnknownScope:
        raise _Refusal("invalid_scope", "The requested scope is invalid, unknown, or malformed.") from None
    except BadChallenge as error:
        raise _Refusal("invalid_request", str(error)) from None


def _fields(params: AuthorizeParams) -> dict[str, str]:
    """What was asked for, as it was asked for; without the wish that somebody log in anew, which is fulfilled."""
    return {
        name: value
        for name in AuthorizeParams.__struct_fields__
        if name != "force_login" and (value := str(getattr(params, name)))
    }


def _path_of(params: AuthorizeParams) -> str:
    return f"{AUTHORIZE}?{urlencode(_fields(params))}"


def _destination(uri: str) -> str:
    """Where the answer goes, in the words of somebody who reads addresses."""
    parts = urlsplit(uri)
    return "" if uri == OUT_OF_BAND else parts.hostname or f"{parts.scheme}:"
