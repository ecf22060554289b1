"""Bodies that are larger than others: how many may be there at once, and for how long they may come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Route
from tests.unit.http.web import App, FakeChannel, FakeHeaders, FakeScope


class Uploaded(msgspec.Struct, kw_only=True):
    text: str


class Silent(FakeChannel):
    """A client that declares a body and does not send it."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


class Desk:
    """Takes uploads, and keeps each until it is let go."""

    def __init__(self) -> None:
        self.holds = asyncio.Event()
        self.release = asyncio.Event()

    async def take(self, request: Request, params: Uploaded) -> Response:
        self.holds.set()
        await self.release.wait()
        return json(len(params.text))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def app(desk: Desk) -> App:
    routes = [
        Route("POST", "/upload", desk.take, params=Uploaded, max_body=20_000, body_seconds=0.05),
        Route("POST", "/small", desk.take, params=Uploaded),
        Route("POST", "/own", desk.take, params=Uploaded, max_body=20_000, auth=Auth.USER),
    ]
    return App(routes, max_body=1_000, uploads=30_000)


def body_of(size: int) -> bytes:
    return b'{"text": "%s"}' % (b"x" * (size - 12))


async def test_a_route_may_take_more_than_others(app: App, desk: Desk) -> None:
    desk.release.set()
    assert (await app.ask("POST", "/upload", body=body_of(20_000))).json() == 20_000 - 12
    assert (await app.ask("POST", "/upload", body=body_of(20_001))).status == 413
    assert (await app.ask("POST", "/small", body=body_of(1_001))).status == 413


async def test_what_is_there_at_once_is_bounded_and_small_bodies_do_not_count(app: App, desk: Desk) -> None:
    first = asyncio.ensure_future(app.ask("POST", "/upload", body=body_of(20_000)))
    await desk.holds.wait()
    refused = await app.ask("POST", "/upload", body=body_of(20_000))
    assert refused.status == 503
    assert refused.header("retry-after") is not None
    second = asyncio.ensure_future(app.ask("POST", "/upload", body=body_of(10_000)))
    small = asyncio.ensure_future(app.ask("POST", "/small", body=body_of(900)))
    desk.release.set()
    answers = await asyncio.gather(first, second, small)
    assert [answer.status for answer in answers] == [200, 200, 200]


async def test_what_is_over_makes_room_however_it_ended(app: App, desk: Desk) -> None:
    desk.release.set()
    for body in (body_of(19_000), b"x" * 19_000, b'{"text": %s' % (b"9" * 19_000), b"[]" * 9_000):
        for _ in range(2):
            assert (await app.ask("POST", "/upload", body=body)).status in (200, 400)


async def test_what_is_refused_is_read_all_the_same_so_that_the_client_hears_of_it(app: App) -> None:
    for body, headers in ((body_of(90_000), {}), (body_of(90_000), {"transfer-encoding": "chunked"})):
        answer = await app.ask("POST", "/upload", body=body, headers=headers)
        assert (answer.status, answer.read) == (413, 90_000)
    answer = await app.ask("POST", "/own", body=body_of(9_000))
    assert (answer.status, answer.read) == (401, 9_000)


async def test_but_not_without_end(app: App) -> None:
    answer = await app.ask("POST", "/upload", body=b"x", headers={"content-length": str(1 << 40)})
    assert (answer.status, answer.read) == (413, 0)


async def test_who_sends_nothing_holds_nothing_and_has_the_time_of_the_route(app: App, desk: Desk) -> None:
    channel = Silent()
    headers = FakeHeaders({"content-length": "20000", "content-type": "application/json"})
    await app.dispatcher.__rsgi__(FakeScope("POST", "/upload", "", headers), channel)
    assert channel.status == 408
