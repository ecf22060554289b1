"""A client of the streaming API for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.api.client import Person
from tests.server import PATIENCE, Server

PATH = "/api/v1/streaming"


class Socket:
    """An open WebSocket."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def order(self, kind: str, stream: str, **fields: object) -> None:
        """Subscribe or unsubscribe, and return when the server has done so."""
        await self.websocket.send_json({"type": kind, "stream": stream, **fields})
        await self.settled()

    async def settled(self) -> None:
        """Return when the server has taken all that was sent before: it answers in turn what it does not know."""
        await self.websocket.send_json({"type": "subscribe", "stream": "nonsense"})
        answer = await self._next()
        assert answer == {"error": "Unknown stream type", "status": 404}, answer

    async def next(self) -> tuple[list[str], str, Any]:
        """The streams, the event and the payload of what comes next."""
        frame = await self._next()
        assert set(frame) | {"payload"} == {"stream", "event", "payload"}, frame
        return frame["stream"], frame["event"], msgspec.json.decode(frame.get("payload", "null"))

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return dict(await self.websocket.receive_json())

    async def closed(self) -> int | None:
        """The code with which the server closes, after whatever else it sends."""
        async with asyncio.timeout(PATIENCE):
            async for _ in self.websocket:
                pass
        return self.websocket.close_code


class Events:
    """An open event stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def begun(self) -> None:
        """Return at the first heartbeat, which is sent when the stream is subscribed."""
        assert await self.line() == ":thump"

    async def line(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return (await self._response.content.readline()).decode().rstrip("\n")

    async def next(self) -> tuple[str, Any]:
        """The event and its data, heartbeats left out."""
        while not (line := await self.line()).startswith("event: "):
            assert line in ("", ":thump"), line
        data = await self.line()
        assert data.startswith("data: "), data
        return line.removeprefix("event: "), msgspec.json.decode(data.removeprefix("data: "))

    async def ended(self) -> None:
        """Return when the server ends the stream."""
        async with asyncio.timeout(PATIENCE):
            await self._response.read()


class Streams:
    """Opens streams on one server."""

    def __init__(self, session: aiohttp.ClientSession, server: Server) -> None:
        self.session = session
        self.url = server.url + PATH

    @asynccontextmanager
    async def socket(self, who: Person, *subscribed: str, **query: str) -> AsyncIterator[Socket]:
        """A WebSocket that is subscribed to these streams."""
        async with await self.connect(params={"access_token": who.token, **query}) as websocket:
            socket = Socket(websocket)
            for stream in subscribed:
                await websocket.send_json({"type": "subscribe", "stream": stream})
            await socket.settled()
            yield socket

    @asynccontextmanager
    async def events(self, who: Person, path: str, **query: str) -> AsyncIterator[Events]:
        """An event stream that has begun."""
        headers = {"authorization": f"Bearer {who.token}"}
        async with self.session.get(f"{self.url}/{path}", params=query, headers=headers) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            events = Events(response)
            await events.begun()
            yield events

    async def connect(self, **options: Any) -> aiohttp.ClientWebSocketResponse:
        """A handshake. Where the server says that it has too much to do, it is tried again."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    websocket: aiohttp.ClientWebSocketResponse
                    websocket = await self.session.ws_connect(self.url, max_msg_size=0, **options)
                    return websocket
                except aiohttp.WSServerHandshakeError as error:
                    if error.status != 503:
                        raise
                await asyncio.sleep(0.1)

    async def refused(self, path: str = "", **options: Any) -> int:
        """The status with which a handshake or an event stream is refused."""
        if path:
            async with self.session.get(f"{self.url}/{path}", **options) as response:
                return response.status
        try:
            await self.connect(**options)
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        raise AssertionError("the handshake was accepted")
