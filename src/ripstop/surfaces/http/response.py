"""What a handler gives back. Header lists are built once and shared, since each costs time per request."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec

from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.websocket import WebSocket

Headers = list[tuple[str, str]]

EXPOSED = (
    "Link, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, "
    "Idempotency-Key, Mastodon-Async-Refresh, Retry-After"
)

_EVERYWHERE: Headers = [
    ("server", "Ripstop"),
    ("x-content-type-options", "nosniff"),
]
_CROSS_ORIGIN: Headers = [
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", EXPOSED),
]

JSON_HEADERS: Headers = [
    ("content-type", "application/json; charset=utf-8"),
    *_EVERYWHERE,
    *_CROSS_ORIGIN,
    ("cache-control", "private, no-store"),
]
"""Of every JSON answer. Shared: extend by ``[*JSON_HEADERS, ...]``, never in place."""

TEXT_HEADERS: Headers = [("content-type", "text/plain; charset=utf-8"), *_EVERYWHERE, ("cache-control", "no-store")]

PREFLIGHT_HEADERS: Headers = [
    *_EVERYWHERE,
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("access-control-allow-headers", "Authorization, Content-Type, Idempotency-Key, Accept, X-Requested-With"),
    ("access-control-expose-headers", EXPOSED),
    ("access-control-max-age", "86400"),
]


class Response:
    """A whole answer: bytes, status, headers. A handler may return bare bytes for 200 with JSON headers."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: bytes = b"", status: int = 200, headers: Headers = JSON_HEADERS) -> None:
        self.body = body
        self.status = status
        self.headers = headers


class Stream:
    """An answer that goes on: chunks are sent as the iterator yields them.

    The iterator is closed (``aclose``) when the client goes away or the process stops.

    :param patient: wait for a client that reads slowly, as with a file; else it is let go, as with what happens now.
    """

    __slots__ = ("chunks", "headers", "patient", "status")

    def __init__(
        self, chunks: AsyncIterator[bytes], *, status: int = 200, headers: Headers, patient: bool = False
    ) -> None:
        self.chunks = chunks
        self.status = status
        self.headers = headers
        self.patient = patient


Session = Callable[[WebSocket], Awaitable[None]]
"""Serves a WebSocket, which is closed when it returns."""


class Upgrade:
    """An answer that makes the connection of its request a WebSocket; see `ripstop.surfaces.http.handshake`."""

    __slots__ = ("headers", "session")

    def __init__(self, session: Session, headers: Headers) -> None:
        self.session = session
        self.headers = headers


Answer = bytes | Response | Stream | Upgrade

_encode = msgspec.json.Encoder().encode


def json(value: Any, status: int = 200) -> Response:
    """Any value that msgspec can encode."""
    return Response(_encode(value), status)


def text(body: str, status: int = 200) -> Response:
    return Response(body.encode(), status, TEXT_HEADERS)


def empty() -> Response:
    """What Mastodon answers where there is nothing to say: an empty JSON object."""
    return Response(b"{}")


_NOT_KEPT = frozenset({"max_id", "min_id", "since_id", "access_token"})


def page(request: Request, body: bytes, *, next_max_id: int | None, prev_min_id: int | None) -> Response:
    """A JSON list with the ``Link`` header by which clients page.

    :param next_max_id: the last entry examined, if anything may lie behind it; what is older begins below it.
    :param prev_min_id: the newest entry of this page; what is newer begins above it. None for an empty page.
    """
    links = page_links(request, next_max_id=next_max_id, prev_min_id=prev_min_id)
    return Response(body, 200, [*JSON_HEADERS, ("link", links)] if links else JSON_HEADERS)


def page_links(request: Request, *, next_max_id: int | None, prev_min_id: int | None) -> str:
    """The value of a ``Link`` header with ``rel="next"`` and ``rel="prev"``; empty where there are neither."""
    base = request.origin + _escape_path(request.path) + "?"
    kept = ""
    for name, value in request.query:
        if name not in _NOT_KEPT:
            kept += f"{_escape(name)}={_escape(value)}&"
    links = []
    if next_max_id is not None:
        links.append(f'<{base}{kept}max_id={next_max_id}>; rel="next"')
    if prev_min_id is not None:
        links.append(f'<{base}{kept}min_id={prev_min_id}>; rel="prev"')
    return ", ".join(links)


@lru_cache(maxsize=1_024)
def _escape(text: str) -> str:
    return quote(text, safe="[]")


@lru_cache(maxsize=1_024)
def _escape_path(path: str) -> str:
    return quote(path)


def with_headers(response: Response, extra: Sequence[tuple[str, str]]) -> Response:
    """The same answer with more headers."""
    return Response(response.body, response.status, [*response.headers, *extra])
