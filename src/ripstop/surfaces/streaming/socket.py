"""The multiplexed WebSocket: one connection, many streams, ordered by frames."""

import msgspec

from ripstop.domain.streams import Stream
from ripstop.kernel.errors import BadRequest, RipstopError
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.websocket import POLICY_VIOLATION, WebSocket, text_frame
from ripstop.surfaces.streaming.hub import Hub
from ripstop.surfaces.streaming.listener import Listener, stream_named
from ripstop.surfaces.streaming.news import News


class Order(msgspec.Struct):
    """What a client sends: `subscribe` or `unsubscribe`, and to what. A list is named by its id, as text mostly."""

    type: str
    stream: str
    tag: str | None = None
    list: Id | None = None


_decode = msgspec.json.Decoder(Order, strict=False).decode


class SocketListener(Listener):
    """Somebody at the other end of a WebSocket."""

    __slots__ = ("_websocket",)

    def __init__(self, viewer: int, secret: str, scopes: frozenset[str], websocket: WebSocket) -> None:
        super().__init__(viewer, secret, scopes)
        self._websocket = websocket

    def tell(self, stream: Stream, news: News) -> None:
        self._websocket.send(news.frame(stream))

    def beat(self) -> None:
        websocket = self._websocket
        if not websocket.heard:  # not even an answer to the last ping
            websocket.abort()
            return
        websocket.heard = False
        websocket.ping()

    def dismiss(self) -> None:
        self._websocket.close(POLICY_VIOLATION)


async def serve_socket(hub: Hub, listener: SocketListener, websocket: WebSocket, first: Stream | None) -> None:
    """Serve one connection until it is gone.

    :param first: the stream that the client asked for with its handshake.
    """
    hub.enter(listener)
    try:
        if first is not None:
            await hub.subscribe(listener, first)
        while (message := await websocket.receive()) is not None:
            try:
                await _obey(hub, listener, message)
            except RipstopError as error:
                answer = {"error": error.sentence, "status": error.status}
                websocket.send(text_frame(msgspec.json.encode(answer)))
    finally:
        hub.leave(listener)


async def _obey(hub: Hub, listener: SocketListener, message: bytes) -> None:
    """Do what a frame says.

    :raises RipstopError: it cannot be done.
    """
    try:
        order = _decode(message)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest("A message is a JSON object with type and stream") from None
    stream = stream_named(order.stream, listener.viewer, listener.scopes, tag=order.tag, list_=order.list)
    if order.type == "subscribe":
        await hub.subscribe(listener, stream)
    elif order.type == "unsubscribe":
        hub.unsubscribe(listener, stream)
    else:
        raise BadRequest("The type is subscribe or unsubscribe")
