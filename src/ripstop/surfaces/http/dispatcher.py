"""From the server's callback to a handler and back: one function, one `try`, no layers.

What a request passes, in order: route, admission, change log, token and scope, rate limit, parameters, handler.
Whatever goes wrong on the way ends in one place and leaves in one shape.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any

from ripstop.kernel.errors import BadRequest, RipstopError
from ripstop.kernel.metrics import Histogram, Metrics
from ripstop.surfaces.http.admission import Admission
from ripstop.surfaces.http.auth import Authenticate, authorise, bearer_token
from ripstop.surfaces.http.body import parse_body, read_body
from ripstop.surfaces.http.errors import INTERNAL, error_body, error_headers
from ripstop.surfaces.http.lasting import Lasting
from ripstop.surfaces.http.networks import Networks
from ripstop.surfaces.http.params import Decoder
from ripstop.surfaces.http.rates import Rates
from ripstop.surfaces.http.request import Channel, Request, Scope
from ripstop.surfaces.http.response import JSON_HEADERS, PREFLIGHT_HEADERS, Answer, Headers, Response, Stream, Upgrade
from ripstop.surfaces.http.routing import METHODS, Endpoint, Kind, Route, Router
from ripstop.surfaces.http.uploads import Incoming, Room

log = logging.getLogger(__name__)

Begin = Callable[[], Awaitable[None]]
"""What must be done before a handler may read: catch up with what other processes changed."""

_STATUS_CLASSES = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")


class Tally:
    """Counts of one route."""

    __slots__ = ("latency", "statuses")

    def __init__(self, metrics: "RouteMetrics", method: str, pattern: str) -> None:
        self.statuses = [metrics.requests.cell(method, pattern, status) for status in _STATUS_CLASSES]
        self.latency: Histogram = metrics.latency.cell(method, pattern)


class RouteMetrics:
    """The families that every request counts in. Cells of routes that were never asked are left out."""

    def __init__(self, metrics: Metrics) -> None:
        self.requests = metrics.counter(
            "ripstop_http_requests_total",
            "Requests answered, by route and class of status.",
            ["method", "route", "status"],
        )
        self.latency = metrics.histogram(
            "ripstop_http_request_seconds", "From a request's head to its answer, by route.", ["method", "route"]
        )


class Dispatcher:
    """Serves routes over RSGI. One per process; its counters are plain attributes of one event loop.

    :param origin: the public URL, without a slash at the end.
    :param authenticate: from token to viewer.
    :param begin: awaited before each handler.
    :param rates: how often whoever asks may do so; None: as often as they like.
    :param networks: where requests come from.
    :param max_body: bytes a body may have, where its route says nothing else.
    :param body_seconds: by when a body must have come.
    :param uploads: bytes of larger bodies, which some routes take, that may be there at once.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        origin: str,
        authenticate: Authenticate,
        begin: Begin,
        admission: Admission,
        metrics: Metrics,
        rates: Rates | None = None,
        networks: Networks | None = None,
        max_body: int = 1 << 20,
        body_seconds: float = 20.0,
        uploads: int = 128 << 20,
    ) -> None:
        self._router = Router(routes)
        self._origin = origin.rstrip("/")
        self._authenticate = authenticate
        self._begin = begin
        self._admission = admission
        self._rates = rates
        self._networks = networks or Networks()
        self._max_body = max_body
        self._body_seconds = body_seconds
        self._room = Room(uploads)
        self._metrics = RouteMetrics(metrics)
        self._tallies: dict[Endpoint | None, Tally] = {}
        self._lasting = Lasting()

    async def __rsgi__(self, scope: Scope, channel: Channel) -> None:
        """Answer one request. Never raises."""
        started = perf_counter()
        admission = self._admission
        admission.in_flight += 1
        endpoint: Endpoint | None = None
        request: Request | None = None
        answer: Answer
        try:
            method = scope.method
            path = scope.path
            if method in METHODS or method == "HEAD":
                endpoint, args = self._router.find(method, path)
                request = Request(
                    scope, method=method, path=path, args=args, origin=self._origin, networks=self._networks
                )
                answer = await self._answer(endpoint, request, channel)
            else:
                answer = _other_method(method)
            rate = None if request is None else request.rate
            if type(answer) is bytes:
                status = 200
                channel.response_bytes(200, JSON_HEADERS if rate is None else [*JSON_HEADERS, *rate], answer)
            elif isinstance(answer, Response):
                status = answer.status
                headers = answer.headers if rate is None else [*answer.headers, *rate]
                channel.response_bytes(status, headers, answer.body)
            elif isinstance(answer, Stream):
                status = answer.status
                self._lasting.start_stream(answer, scope, channel)
            else:
                assert isinstance(answer, Upgrade)
                status = 101
                self._lasting.start_websocket(answer, scope, channel)
        except Exception as error:  # noqa: BLE001 - the one place where whatever went wrong becomes an answer
            status = self._refuse(error, scope, channel, (request and request.rate) or [])
        finally:
            admission.in_flight -= 1
        tally = self._tallies.get(endpoint) or self._tally(endpoint)
        tally.statuses[status // 100].value += 1
        tally.latency.observe(perf_counter() - started)

    async def _answer(self, endpoint: Endpoint, request: Request, channel: Channel) -> Answer:
        limit = self._max_body if endpoint.max_body is None else endpoint.max_body
        try:
            token = None if endpoint.is_open else bearer_token(request)
            admission = self._admission
            if admission.pressure:
                admission.admit(endpoint.anonymous_kind if token is None else endpoint.kind)
            if endpoint.kind is not Kind.ALWAYS:
                await self._begin()
            try:
                if not endpoint.is_open:
                    await authorise(request, token, endpoint, self._authenticate)
            finally:  # where a token is refused too, so that guesses count
                if self._rates is not None:
                    self._rates.admit(request, endpoint)
        except RipstopError:
            if limit > self._max_body:
                await Incoming(request.headers, channel, self._room).discard(seconds=self._body_seconds)
            raise
        decoder = endpoint.decoder
        if decoder is None:
            return await endpoint.handler(request, None)
        fields = None
        if limit > self._max_body:
            return await self._answer_upload(endpoint, request, channel, decoder)
        if limit:
            seconds = endpoint.body_seconds or self._body_seconds
            body = await read_body(request.headers, channel, limit=limit, seconds=seconds)
            if body:
                fields = parse_body(request.headers.get("content-type"), body)
        return await endpoint.handler(request, decoder.decode(request.args, request.query, fields))

    async def _answer_upload(
        self, endpoint: Endpoint, request: Request, channel: Channel, decoder: Decoder[Any]
    ) -> Answer:
        """The same for bodies that are so large that not all of them may be there at once."""
        assert endpoint.max_body is not None
        seconds = endpoint.body_seconds or self._body_seconds
        with Incoming(request.headers, channel, self._room) as incoming:
            try:
                body = await incoming.read(limit=endpoint.max_body, seconds=seconds)
            except RipstopError:
                await incoming.discard(seconds=self._body_seconds)
                raise
            fields = None
            if body:
                # Taking it apart takes tens of milliseconds, in which others are to be answered.
                fields = await asyncio.to_thread(parse_body, request.headers.get("content-type"), body)
            return await endpoint.handler(request, decoder.decode(request.args, request.query, fields))

    def _refuse(self, error: Exception, scope: Scope, channel: Channel, rate: Headers) -> int:
        """Send an error in the one shape; says with which status."""
        if not isinstance(error, RipstopError):
            log.error("%s %s failed", scope.method, scope.path, exc_info=error)
            error = RipstopError(INTERNAL)
        elif error.status >= 500 and error.cause is not None:
            log.warning("%s %s: %s (%s)", scope.method, scope.path, error.sentence, error.cause)
        channel.response_bytes(error.status, [*JSON_HEADERS, *rate, *error_headers(error)], error_body(error))
        return error.status

    def _tally(self, endpoint: Endpoint | None) -> Tally:
        if endpoint is None:
            tally = Tally(self._metrics, "", "none")
        else:
            tally = Tally(self._metrics, endpoint.route.method, endpoint.route.pattern)
        self._tallies[endpoint] = tally
        return tally

    async def close(self) -> None:
        """End what goes on, so that its connections can be closed."""
        await self._lasting.close()


def _other_method(method: str) -> Response:
    """Preflights are answered on every path: a page learns of a 404 only by the request that comes after them."""
    if method != "OPTIONS":
        raise BadRequest("This method is not known here")
    return Response(b"", 204, PREFLIGHT_HEADERS)
