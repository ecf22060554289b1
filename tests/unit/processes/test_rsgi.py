"""A dispatcher over real sockets: what only the server itself can do wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from ripstop.processes.listener import Port
from ripstop.processes.rsgi import RsgiServer
from ripstop.surfaces.http.networks import Networks
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import TEXT_HEADERS, Response, Stream, json, text
from ripstop.surfaces.http.routing import Route
from tests.unit.http.web import App

PATIENCE = 30.0


class Said(msgspec.Struct):
    """What the echoing route takes."""

    text: str = ""


class House:
    """A server with routes that wait until they are let go, and the patience of tests but for what shall not come."""

    def __init__(self, *, body_seconds: float = PATIENCE) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()
        self.app = App(
            [
                Route("GET", "/now", self.now),
                Route("GET", "/wait", self.wait),
                Route("POST", "/echo", self.echo, params=Said),
                Route("GET", "/stream", self.stream),
            ],
            networks=Networks([]),
            max_body=100_000,
            body_seconds=body_seconds,
        )
        with contextlib.closing(Port("127.0.0.1", 0)) as port:
            self.port = port.number
            listener = port.listen()
        self.ended = False
        self.server = RsgiServer(
            self.app.dispatcher.__rsgi__, listener, head_seconds=PATIENCE, connections=100, backlog=100
        )

    async def now(self, request: Request, params: None) -> Response:
        return text(request.network)

    async def wait(self, request: Request, params: None) -> Response:
        self.entered.set()
        await self.go.wait()
        return text("done")

    async def echo(self, request: Request, params: Said) -> Response:
        return json(params)

    async def stream(self, request: Request, params: None) -> Stream:
        return Stream(self._chunks(), headers=TEXT_HEADERS)

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await self.go.wait()
            yield b"two"
        finally:
            self.ended = True
            self.entered.set()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, head: str, body: bytes = b"") -> bytes:
        """All that comes back on a connection of its own."""
        reader, writer = await self.connect()
        writer.write(f"{head}\r\nHost: x\r\nConnection: close\r\n".encode() + b"\r\n" + body)
        try:
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def running(house: House) -> AsyncIterator[House]:
    house.server.start()
    yield house
    house.go.set()
    await house.app.dispatcher.close()
    await house.server.stop(PATIENCE)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with running(House()) as house:
        yield house


async def test_a_request_gets_its_answer(house: House) -> None:
    answer = await house.ask("GET /now HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"127.0.0.1")
    assert answer.lower().count(b"\r\nserver: ripstop\r\n") == 1


async def test_what_is_under_way_finishes_and_nothing_new_is_taken(house: House) -> None:
    asked = asyncio.ensure_future(house.ask("GET /wait HTTP/1.1"))
    await house.entered.wait()
    stopping = asyncio.ensure_future(house.server.stop(PATIENCE))
    while await is_open(house):  # noqa: ASYNC110 - only those who knock learn that the door is shut
        await asyncio.sleep(0)
    assert not stopping.done()
    house.go.set()
    assert await stopping
    assert (await asked).endswith(b"done")


async def is_open(house: House) -> bool:
    """Whether connections are still accepted."""
    try:
        _, writer = await house.connect()
    except ConnectionError:
        return False
    writer.close()
    return True


async def test_a_stop_does_not_wait_for_ever(house: House) -> None:
    asked = asyncio.ensure_future(house.ask("GET /wait HTTP/1.1"))
    await house.entered.wait()
    assert not await house.server.stop(0.1)
    house.go.set()
    await asked


async def test_idle_connections_do_not_hold_up_a_stop(house: House) -> None:
    reader, writer = await house.connect()
    writer.write(b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"127.0.0.1")
    assert await house.server.stop(PATIENCE)
    assert await reader.read() == b""
    writer.close()


async def test_a_chunked_body_is_read_and_bounded(house: House) -> None:
    head = "POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
    assert (await house.ask(head, b'6\r\n{"text\r\n7\r\n": "ab"\r\n1\r\n}\r\n0\r\n\r\n')).endswith(b'{"text":"ab"}')
    large = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    assert (await house.ask(head, large + large + b"0\r\n\r\n")).startswith(b"HTTP/1.1 413 ")


async def test_a_large_body_is_refused_before_it_is_sent(house: House) -> None:
    answer = await house.ask("POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 999999999999")
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    head = "POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 50"
    async with running(House(body_seconds=0.5)) as house:
        assert (await house.ask(head, b"{")).startswith(b"HTTP/1.1 408 ")


async def test_a_stream_goes_on_until_its_source_ends(house: House) -> None:
    reader, writer = await house.connect()
    writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await reader.readuntil(b"one")).startswith(b"HTTP/1.1 200 OK")
    house.go.set()
    assert b"two" in await reader.read()
    writer.close()


@pytest.mark.parametrize("end", ["client", "server"])
async def test_a_stream_ends_with_its_client_or_its_server(house: House, end: str) -> None:
    reader, writer = await house.connect()
    writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"one")
    if end == "client":
        writer.close()
        await asyncio.wait_for(house.entered.wait(), PATIENCE)
    else:
        stopping = asyncio.ensure_future(house.server.stop(PATIENCE))
        await house.app.dispatcher.close()
        assert await stopping
        writer.close()
    assert house.ended
