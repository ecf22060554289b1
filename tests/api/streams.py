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
    """An open WebSocket.

    What comes is taken at once, whatever the test does meanwhile: a client answers pings only while it reads, and who
    answers none is let go.
    """

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket
        self._came: asyncio.Queue[aiohttp.WSMessage] = asyncio.Queue()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> aiohttp.WSMessage:
        """Until the end, which is the last that comes."""
        while True:
            message = await self.websocket.receive()
            self._came.put_nowait(message)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return message

    async def order(self, kind: str, stream: str, **fields: object) -> None:
        """Subscribe or unsubscribe, and return when the server has done so."""
        await self.websocket.send_json({"type": kind, "stream": stream, **fields})
        await self.settled()

    async def settled(self) -> None:
        """Return when the server has taken all that was sent before: it answers in turn what it does not know."""
        await self.websocket.send_json({"type": "subscribe", "stream": "nonsense"})
        answer = await self.frame()
        assert answer == {"error": "Unknown stream type", "status": 404}, answer

    async def next(self, *by: Person) -> tuple[list[str], str, Any]:
        """The streams, the event and the payload of what comes next.

        :param by: whose posts are looked for in streams that bring those of all: what others do is passed by, and what
            is deleted.
        """
        authors = {person.id for person in by}
        while True:
            frame = await self.frame()
            assert set(frame) | {"payload"} == {"stream", "event", "payload"}, frame
            event, payload = frame["event"], msgspec.json.decode(frame.get("payload", "null"))
            of_others = event == "delete" or ("account" in (payload or ()) and payload["account"]["id"] not in authors)
            if not authors or not of_others:
                return frame["stream"], event, payload

    async def frame(self) -> dict[str, Any]:
        """What comes next, whatever it is."""
        async with asyncio.timeout(PATIENCE):
            message = await self._came.get()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return dict(message.json())

    async def closed(self) -> int | None:
        """The code with which the server closes, after whatever else it sends."""
        async with asyncio.timeout(PATIENCE):
            last = await self._reading
        return last.data if last.type is aiohttp.WSMsgType.CLOSE else self.websocket.close_code

    async def close(self) -> None:
        """Close it, if the server did not."""
        await self.websocket.close()
        await self._reading


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
        socket = Socket(await self.connect(params={"access_token": who.token, **query}))
        try:
            for stream in subscribed:
                await socket.websocket.send_json({"type": "subscribe", "stream": stream})
            await socket.settled()
            yield socket
        finally:
            await socket.close()

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
