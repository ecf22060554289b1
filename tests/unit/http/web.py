"""A dispatcher with a few routes for the tests of the HTTP plumbing, and a client that needs no socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ripstop.kernel.clock import ManualClock
from ripstop.kernel.metrics import Metrics
from ripstop.surfaces.http.admission import Admission, Limits
from ripstop.surfaces.http.dispatcher import Dispatcher
from ripstop.surfaces.http.request import HeaderMap
from ripstop.surfaces.http.routing import Route

ORIGIN = "https://ripstop.test"


@dataclass(frozen=True)
class Bearer:
    """A viewer."""

    account: int | None
    application: int | None
    scopes: frozenset[str]
    pending: bool = False


TOKENS = {
    "user": Bearer(17, 3, frozenset({"read", "write:statuses"})),
    "app": Bearer(None, 3, frozenset({"read", "write"})),
    "follower": Bearer(18, 3, frozenset({"follow"})),
}


class FakeHeaders:
    """Headers by lower-case name."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def __contains__(self, key: str, /) -> bool:
        return key in self._headers

    def get(self, key: str, default: str | None = None, /) -> str | None:
        return self._headers.get(key, default)

    def get_all(self, key: str, /) -> list[str]:
        return [self._headers[key]] if key in self._headers else []


@dataclass
class FakeScope:
    """A request as the server hands it over."""

    method: str
    path: str
    query_string: str
    headers: HeaderMap
    proto: str = "http"
    client: str = "192.0.2.1:50000"


class FakeChannel:
    """The way back; keeps the answer. The body comes in one piece, or in chunks where it is not declared."""

    def __init__(self, body: bytes = b"", *, never_ends: bool = False) -> None:
        self._body = body
        self._never_ends = never_ends
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.read = 0

    async def __call__(self) -> bytes:
        if self._never_ends:
            await asyncio.Event().wait()
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 1000):
            self.read += 1000
            yield self._body[start : start + 1000]

    async def client_disconnect(self) -> None:
        await asyncio.Event().wait()

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Any:
        raise NotImplementedError

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class App:
    """A dispatcher over routes, asked without sockets."""

    def __init__(self, routes: Sequence[Route], **options: Any) -> None:
        self.metrics = Metrics()
        self.clock = ManualClock()
        self.begun = 0
        self.admission = Admission(self.clock, Limits(), commit_seconds=lambda: 0.0, metrics=self.metrics)
        self.dispatcher = Dispatcher(
            routes,
            origin=ORIGIN,
            authenticate=self._authenticate,
            begin=self._begin,
            admission=self.admission,
            metrics=self.metrics,
            **options,
        )

    async def _authenticate(self, token: str) -> Bearer | None:
        return TOKENS.get(token)

    async def _begin(self) -> None:
        self.begun += 1

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: bytes | None = None,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
        client: str = "192.0.2.1:50000",
    ) -> FakeChannel:
        """Send a request; `path` may hold a query."""
        sent = dict(headers or {})
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        if body is not None:
            sent.setdefault("content-type", kind)
            if "transfer-encoding" not in sent:
                sent.setdefault("content-length", str(len(body)))
        bare, _, query = path.partition("?")
        channel = FakeChannel(body or b"")
        await self.dispatcher.__rsgi__(FakeScope(method, bare, query, FakeHeaders(sent), client=client), channel)
        return channel
