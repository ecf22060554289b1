"""The endpoints of OAuth 2 that programs speak to; the pages for people are in `ripstop.surfaces.web.authorize`."""

import base64
import binascii

import msgspec

from ripstop.domain.accounts.access import access_own_account
from ripstop.domain.accounts.applications import (
    Granted,
    UnknownScope,
    check_client,
    grant_to_application,
    revoke,
)
from ripstop.domain.accounts.grants import BadGrant, exchange_code
from ripstop.domain.accounts.model import Application
from ripstop.domain.accounts.scopes import DEFAULT_SCOPES, SCOPES, parse_scopes
from ripstop.kernel.errors import Forbidden, Unauthenticated
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.errors import OAuthError
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import JSON_HEADERS, Response, empty, json
from ripstop.surfaces.http.routing import Auth, Kind, Route
from ripstop.surfaces.mastodon.present.account import account_fields
from ripstop.surfaces.mastodon.present.application import token
from ripstop.surfaces.mastodon.site import Site

_JSON = msgspec.json.Encoder()


class TokenParams(msgspec.Struct, kw_only=True):
    """RFC 6749, sections 4.1.3 and 4.4.2. The client may as well prove itself in the Authorization header."""

    grant_type: str = ""
    client_id: str | int = ""
    client_secret: str = ""
    scope: str = ""
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""


class RevokeParams(msgspec.Struct, kw_only=True):
    """RFC 7009, section 2.1."""

    token: str = ""
    client_id: str | int = ""
    client_secret: str = ""


class OAuth:
    """Handlers that give, describe and take back tokens."""

    def __init__(self, graph: Graph, site: Site) -> None:
        self._graph = graph
        self._origin = site.origin
        self._metadata = _JSON.encode(_metadata(site))

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/oauth/token", self.token, params=TokenParams, kind=Kind.SIGN_UP),
            Route("POST", "/oauth/revoke", self.revoke, params=RevokeParams),
            *(
                Route(method, "/oauth/userinfo", self.userinfo, scope="profile", auth=Auth.USER)
                for method in ("GET", "POST")
            ),
            Route("GET", "/.well-known/oauth-authorization-server", self.metadata),
        ]

    async def token(self, request: Request, params: TokenParams) -> Response:
        """A token for the application alone (a cached read and a commit), or for a code (four engine calls and one)."""
        if params.grant_type not in ("client_credentials", "authorization_code"):
            if not params.grant_type:
                raise OAuthError("invalid_request", "Missing required parameter: grant_type.")
            raise OAuthError("unsupported_grant_type", "The authorization grant type is not supported by this server.")
        application = await self._client(request, params)
        if params.grant_type == "authorization_code":
            return Response(token(await self._exchange(application, params)))
        try:
            granted = await grant_to_application(self._graph, application, parse_scopes(params.scope) or DEFAULT_SCOPES)
        except UnknownScope:
            raise OAuthError("invalid_scope", "The requested scope is invalid, unknown, or malformed.") from None
        return Response(token(granted))

    async def _client(self, request: Request, params: TokenParams | RevokeParams) -> Entry[Application]:
        """The application that asks. At most one engine call.

        :raises OAuthError: it has not proven to be one.
        """
        try:
            return await check_client(self._graph, *_proof(request, str(params.client_id), params.client_secret))
        except Unauthenticated:
            raise _invalid_client() from None

    async def _exchange(self, application: Entry[Application], params: TokenParams) -> Granted:
        for name in ("code", "redirect_uri"):
            if not getattr(params, name):
                raise OAuthError("invalid_request", f"Missing required parameter: {name}.")
        try:
            return await exchange_code(
                self._graph,
                application,
                params.code,
                redirect_uri=params.redirect_uri,
                verifier=params.code_verifier,
            )
        except BadGrant as error:
            raise OAuthError(
                "invalid_grant",
                "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI "
                "used in the authorization request, or was issued to another client.",
                cause=error,
            ) from None

    async def revoke(self, request: Request, params: RevokeParams) -> Response:
        """Two engine calls and a commit; nothing for a token that there is not."""
        application = await self._client(request, params)
        if not params.token:
            raise OAuthError("invalid_request", "Missing required parameter: token.")
        try:
            await revoke(self._graph, params.token, application)
        except Forbidden as error:
            raise OAuthError("unauthorized_client", error.sentence, status=403) from None
        return empty()

    async def userinfo(self, request: Request, params: None) -> Response:
        """Who the token stands for, in the claims of OpenID Connect. One engine call unless cached."""
        account = await access_own_account(self._graph, request.account)
        fields = account_fields(account.id, account.value, self._origin)
        return json(
            {
                "iss": self._origin + "/",
                "sub": fields["uri"],
                "name": fields["display_name"],
                "preferred_username": fields["username"],
                "profile": fields["url"],
                "picture": fields["avatar"],
            }
        )

    async def metadata(self, request: Request, params: None) -> Response:
        """What clients need to know of this server's OAuth (RFC 8414)."""
        return Response(self._metadata, 200, _METADATA_HEADERS)


_METADATA_HEADERS = [
    *(header for header in JSON_HEADERS if header[0] != "cache-control"),
    ("cache-control", "public, max-age=3600"),
]


def _metadata(site: Site) -> dict[str, object]:
    origin = site.origin
    return {
        "issuer": origin + "/",
        "authorization_endpoint": f"{origin}/oauth/authorize",
        "token_endpoint": f"{origin}/oauth/token",
        "app_registration_endpoint": f"{origin}/api/v1/apps",
        "revocation_endpoint": f"{origin}/oauth/revoke",
        "userinfo_endpoint": f"{origin}/oauth/userinfo",
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    }


def _proof(request: Request, client_id: str, client_secret: str) -> tuple[str, str]:
    """Id and secret of the client, out of the body or, if it has none, the header (RFC 6749, section 2.3.1)."""
    scheme, _, encoded = (request.header("authorization") or "").partition(" ")
    if client_id or scheme.lower() != "basic":
        return client_id, client_secret
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _invalid_client() from None
    return name, secret


def _invalid_client() -> OAuthError:
    return OAuthError(
        "invalid_client",
        "Client authentication failed due to unknown client, no client authentication included, or unsupported "
        "authentication method.",
        status=401,
    )
