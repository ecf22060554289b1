"""Registering applications, and giving them tokens: `/api/v1/apps` and OAuth's endpoints."""

import base64
import binascii

import msgspec

from ripstop.domain.accounts.access import access_application
from ripstop.domain.accounts.applications import (
    UnknownScope,
    check_client,
    grant_to_application,
    register_application,
    revoke,
)
from ripstop.domain.accounts.scopes import DEFAULT_SCOPES, parse_scopes
from ripstop.kernel.errors import Forbidden, Unauthenticated
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.errors import INVALID_TOKEN, OAuthError
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Kind, Route
from ripstop.surfaces.mastodon.present.application import (
    application_fields,
    credential_application_fields,
    token,
)
from ripstop.surfaces.mastodon.site import Site


class AppParams(msgspec.Struct, kw_only=True):
    """An application that introduces itself. Several redirect URIs come as a list, or as lines of one text."""

    client_name: str = ""
    redirect_uris: list[str] = []
    scopes: str = ""
    website: str | None = None


class TokenParams(msgspec.Struct, kw_only=True):
    """RFC 6749, section 4.4.2. The client may as well prove itself in the Authorization header."""

    grant_type: str = ""
    client_id: str | int = ""
    client_secret: str = ""
    scope: str = ""


class RevokeParams(msgspec.Struct, kw_only=True):
    """RFC 7009, section 2.1."""

    token: str = ""
    client_id: str | int = ""
    client_secret: str = ""


class Apps:
    """Handlers of everything about applications."""

    def __init__(self, graph: Graph, site: Site) -> None:
        self._graph = graph
        self._site = site

    def routes(self) -> list[Route]:
        # What a newcomer's app must ask before it can sign them up counts as a part of it.
        return [
            Route("POST", "/api/v1/apps", self.register, params=AppParams, kind=Kind.SIGN_UP),
            Route("GET", "/api/v1/apps/verify_credentials", self.verify, auth=Auth.APP),
            Route("POST", "/oauth/token", self.token, params=TokenParams, kind=Kind.SIGN_UP),
            Route("POST", "/oauth/revoke", self.revoke, params=RevokeParams),
        ]

    async def register(self, request: Request, params: AppParams) -> Response:
        """One commit."""
        registered = await register_application(
            self._graph,
            name=params.client_name,
            redirect_uris=[uri for text in params.redirect_uris for uri in text.split()],
            scopes=parse_scopes(params.scopes) or DEFAULT_SCOPES,
            website=params.website or None,
        )
        site = self._site
        fields = credential_application_fields(registered.id, registered.application, registered.secret, site.vapid_key)
        return json(fields)

    async def verify(self, request: Request, params: None) -> Response:
        """The application of the token."""
        viewer = request.viewer
        if viewer is None or viewer.application is None:
            raise Unauthenticated(INVALID_TOKEN)
        application = await access_application(self._graph, viewer.application)
        return json(application_fields(application.id, application.value, self._site.vapid_key))

    async def token(self, request: Request, params: TokenParams) -> Response:
        """A token for the application alone. A cached read and a commit."""
        if params.grant_type != "client_credentials":
            if not params.grant_type:
                raise OAuthError("invalid_request", "Missing required parameter: grant_type.")
            raise OAuthError("unsupported_grant_type", "The authorization grant type is not supported by this server.")
        client_id, client_secret = _client(request, str(params.client_id), params.client_secret)
        try:
            application = await check_client(self._graph, client_id, client_secret)
            granted = await grant_to_application(self._graph, application, parse_scopes(params.scope) or DEFAULT_SCOPES)
        except Unauthenticated:
            raise _invalid_client() from None
        except UnknownScope:
            raise OAuthError("invalid_scope", "The requested scope is invalid, unknown, or malformed.") from None
        return Response(token(granted))

    async def revoke(self, request: Request, params: RevokeParams) -> Response:
        """Two engine calls and a commit; nothing for a token that there is not."""
        client_id, client_secret = _client(request, str(params.client_id), params.client_secret)
        try:
            application = await check_client(self._graph, client_id, client_secret)
            await revoke(self._graph, params.token, application)
        except Unauthenticated:
            raise _invalid_client() from None
        except Forbidden as error:
            raise OAuthError("unauthorized_client", error.sentence, status=403) from None
        return empty()


def _client(request: Request, client_id: str, client_secret: str) -> tuple[str, str]:
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
