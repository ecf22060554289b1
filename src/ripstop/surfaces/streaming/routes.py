"""The routes of the streaming API."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from ripstop.domain import streams
from ripstop.domain.accounts.scopes import covers
from ripstop.domain.streams import Kind
from ripstop.kernel.errors import Forbidden, NotFound, Unauthenticated
from ripstop.machinery.bus import Bus
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http import routing
from ripstop.surfaces.http.auth import MOST_TOKEN, Authenticate, bearer_token
from ripstop.surfaces.http.errors import INVALID_TOKEN, MISSING_SCOPE, PENDING
from ripstop.surfaces.http.handshake import upgrade, wants_websocket
from ripstop.surfaces.http.openapi import Media
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers, Response, Stream, Upgrade, text
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.http.websocket import WebSocket
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.conversation import ConversationPresenter
from ripstop.surfaces.mastodon.present.notification import NotificationPresenter
from ripstop.surfaces.mastodon.present.status import StatusPresenter
from ripstop.surfaces.streaming.event_stream import EventListener
from ripstop.surfaces.streaming.hub import Hub
from ripstop.surfaces.streaming.listener import NOTIFICATIONS, STATUSES, stream_named
from ripstop.surfaces.streaming.socket import SocketListener, serve_socket

BASE = "/api/v1/streaming"
MEDIA = {
    Kind.PUBLIC: Kind.PUBLIC_MEDIA,
    Kind.PUBLIC_LOCAL: Kind.PUBLIC_LOCAL_MEDIA,
    Kind.PUBLIC_REMOTE: Kind.PUBLIC_REMOTE_MEDIA,
}
"""Streams that `only_media` narrows."""
PATHS = {kind.value.replace(":", "/"): kind for kind in Kind if kind not in MEDIA.values()}
_EVENTS = Media("text/event-stream")
ANSWERS: Mapping[str, Any] = {
    f"GET {BASE}/health": Media("text/plain"),
    f"GET {BASE}": {200: _EVENTS, 101: None},
    **{f"GET {BASE}/{path}": _EVENTS for path in PATHS},
}
"""What each route answers, for the description of the API."""

_PROTOCOL = "sec-websocket-protocol"
_EVENT_STREAM: Headers = [
    ("content-type", "text/event-stream"),
    ("cache-control", "private, no-store"),
    ("x-accel-buffering", "no"),
    ("x-content-type-options", "nosniff"),
    ("access-control-allow-origin", "*"),
]


def streaming_routes(graph: Graph, bus: Bus, authenticate: Authenticate, *, origin: str) -> list[Route]:
    """The routes, over one hub."""
    accounts = AccountPresenter(graph, origin=origin)
    statuses = StatusPresenter(graph, accounts.cards, origin=origin)
    notifications = NotificationPresenter(graph, accounts, statuses)
    hub = Hub(graph, bus, authenticate, statuses, notifications, ConversationPresenter(accounts, statuses))
    return Streaming(hub, authenticate).routes()


class StreamParams(msgspec.Struct, kw_only=True):
    """Which stream, where the path does not say it."""

    stream: str | None = None
    tag: str | None = None
    list: Id | None = None
    only_media: bool = False


class Holder(NamedTuple):
    """Somebody with a good token of their own."""

    account: int
    secret: str
    scopes: frozenset[str]


class Streaming:
    """Handlers of the streaming API."""

    def __init__(self, hub: Hub, authenticate: Authenticate) -> None:
        self._hub = hub
        self._authenticate = authenticate

    def routes(self) -> list[Route]:
        return [
            Route("GET", BASE + "/health", self.health, kind=routing.Kind.ALWAYS),
            Route("GET", BASE, self.any, auth=Auth.OWN, params=StreamParams),
            *(
                Route("GET", f"{BASE}/{path}", self._events_of(kind), auth=Auth.OWN, params=StreamParams)
                for path, kind in PATHS.items()
            ),
        ]

    async def health(self, request: Request, params: None) -> Response:
        """Whether streams are served."""
        return text("OK")

    async def any(self, request: Request, params: StreamParams) -> Upgrade | Stream:
        """The WebSocket; or, as clients of old ask for it, an event stream named in the query."""
        if wants_websocket(request):
            return await self._socket(request, params)
        if not params.stream:
            raise NotFound("Record not found")
        return await self._events(request, params.stream, params)

    def _events_of(self, kind: Kind) -> routing.Handler:
        async def events(request: Request, params: StreamParams) -> Stream:
            """The event stream of one kind."""
            narrowed = MEDIA.get(kind, kind) if params.only_media else kind
            return await self._events(request, narrowed.value, params)

        return events

    async def _events(self, request: Request, name: str, params: StreamParams) -> Stream:
        holder = await self._holder(request, bearer_token(request))
        stream = await self._named(holder, name, params)
        self._hub.check_room(holder.account)
        listener = EventListener(holder.account, holder.secret, holder.scopes)
        return Stream(listener.chunks(self._hub, stream), headers=_EVENT_STREAM)

    async def _socket(self, request: Request, params: StreamParams) -> Upgrade:
        token = bearer_token(request)
        # Browsers let a page set no other header: such clients send the token as the one subprotocol they speak.
        protocol = request.header(_PROTOCOL)
        holder = await self._holder(
            request, protocol.partition(",")[0].strip() if token is None and protocol else token
        )
        if not covers(holder.scopes, STATUSES) and not covers(holder.scopes, NOTIFICATIONS):
            raise Forbidden(MISSING_SCOPE)
        first = None
        if params.stream:
            first = await self._named(holder, params.stream, params)
        self._hub.check_room(holder.account)

        async def session(websocket: WebSocket) -> None:
            listener = SocketListener(holder.account, holder.secret, holder.scopes, websocket)
            await serve_socket(self._hub, listener, websocket, first)

        return upgrade(request, session, protocol=protocol.partition(",")[0].strip() if protocol else None)

    async def _named(self, holder: Holder, name: str, params: StreamParams) -> streams.Stream:
        """The stream that is asked for, if it may be listened to."""
        stream = stream_named(name, holder.account, holder.scopes, tag=params.tag, list_=params.list)
        await self._hub.check_own(holder.account, stream)
        return stream

    async def _holder(self, request: Request, token: str | None) -> Holder:
        """Who listens.

        :raises Unauthenticated: there is no token, a bad one, or one of an application alone.
        :raises Forbidden: its account waits to be let in.
        """
        viewer = await self._authenticate(token) if token and len(token) <= MOST_TOKEN else None
        if viewer is not None and viewer.pending:
            raise Forbidden(PENDING)
        if token is None or viewer is None or viewer.account is None:
            raise Unauthenticated(INVALID_TOKEN)
        return Holder(viewer.account, token, viewer.scopes)
