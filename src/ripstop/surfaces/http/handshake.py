"""The handshake of a WebSocket (RFC 6455, section 4.2)."""

from websockets.utils import accept_key

from ripstop.kernel.errors import BadRequest
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers, Session, Upgrade


def wants_websocket(request: Request) -> bool:
    """Whether the client asks for a WebSocket."""
    return (request.header("upgrade") or "").lower() == "websocket"


def upgrade(request: Request, session: Session, *, protocol: str | None = None) -> Upgrade:
    """Accept a client that `wants_websocket`.

    :param protocol: that of the subprotocols which the client named that is spoken.
    :raises BadRequest: its handshake is not that of version 13.
    """
    key = request.header("sec-websocket-key")
    if not key or request.header("sec-websocket-version") != "13":
        raise BadRequest("This is no handshake of WebSocket version 13")
    headers: Headers = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", accept_key(key)),
    ]
    if protocol is not None:
        headers.append(("sec-websocket-protocol", protocol))
    return Upgrade(session, headers)
