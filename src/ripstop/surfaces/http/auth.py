"""Who asks: from a bearer token to a viewer, and whether the token allows what a route does."""

from collections.abc import Awaitable, Callable

from ripstop.kernel.errors import Forbidden, Invalid, Unauthenticated
from ripstop.surfaces.http.errors import INVALID_TOKEN, MISSING_SCOPE, NEEDS_USER, PENDING
from ripstop.surfaces.http.request import Request, Viewer
from ripstop.surfaces.http.routing import Auth, Endpoint

Authenticate = Callable[[str], Awaitable[Viewer | None]]
"""The viewer whom a token stands for, or None: unknown, expired or revoked."""

MOST_TOKEN = 512
"""Characters of a token; longer ones are not even looked for."""


def bearer_token(request: Request) -> str | None:
    """The token of the ``Authorization`` header, or of the parameter ``access_token`` in the query."""
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None
    for name, value in request.query:
        if name == "access_token":
            return str(value)
    return None


async def authorise(request: Request, token: str | None, endpoint: Endpoint, authenticate: Authenticate) -> None:
    """Set the request's viewer as its route asks.

    :raises Unauthenticated: there is no token where one is needed, or a bad one.
    :raises Forbidden: the token lacks the scope, or its account waits to be let in.
    :raises Invalid: the token is an application's, and the route is for users.
    """
    if token is None:
        if endpoint.auth is Auth.OPTIONAL:
            return
        raise Unauthenticated(INVALID_TOKEN)
    viewer = await authenticate(token) if 0 < len(token) <= MOST_TOKEN else None
    if viewer is None:
        raise Unauthenticated(INVALID_TOKEN)
    if endpoint.scopes is not None and endpoint.scopes.isdisjoint(viewer.scopes):
        raise Forbidden(MISSING_SCOPE)
    if viewer.account is None and endpoint.auth is Auth.USER:
        raise Forbidden(PENDING) if viewer.pending else Invalid(NEEDS_USER)
    request.viewer = viewer
