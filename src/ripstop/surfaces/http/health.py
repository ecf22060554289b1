"""Whether the server is well, for load balancers, and its metrics, for Prometheus."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ripstop.surfaces.http.openapi import Media
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import TEXT_HEADERS, Headers, Response, json, text
from ripstop.surfaces.http.routing import Kind, Route

_METRICS_HEADERS: Headers = [("content-type", "text/plain; version=0.0.4; charset=utf-8"), *TEXT_HEADERS[1:]]


ANSWERS: Mapping[str, Any] = {
    "GET /health": (Media("text/plain"), dict[str, Any]),
    "GET /metrics": Media("text/plain"),
}
"""What each route answers, for the description of the API."""


class HealthParams(msgspec.Struct, kw_only=True):
    """``?verbose`` asks for what is known as JSON."""

    verbose: str | None = None


class Health:
    """Both endpoints. They need no store, so they answer whatever has become of it.

    :param state: what a verbose answer tells beyond ``status``.
    :param render: the merged metrics of all processes in Prometheus's text format.
    """

    def __init__(self, state: Callable[[], Mapping[str, object]], render: Callable[[], bytes]) -> None:
        self._state = state
        self._render = render

    async def health(self, request: Request, params: HealthParams) -> Response:
        """``GET /health``: ``OK`` while this process answers."""
        if params.verbose is None:
            return text("OK")
        return json({"status": "ok", **self._state()})

    async def metrics(self, request: Request, params: None) -> Response:
        """``GET /metrics``: the figures of all processes of this server, added up."""
        return Response(self._render(), 200, _METRICS_HEADERS)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/health", self.health, params=HealthParams, kind=Kind.ALWAYS),
            Route("GET", "/metrics", self.metrics, kind=Kind.ALWAYS),
        ]
