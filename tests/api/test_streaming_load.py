"""Streams on bad days: many of them, slow readers, a server that stops, and an existing client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.api.client import Api, Person
from tests.api.streams import Socket, Streams
from tests.server import PATIENCE, Server, wait_until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the client's own making
    from mastodon import Mastodon, StreamListener

SOCKETS = 200
POSTS = 400
"""Of 500 characters each: more than the buffers of one connection hold."""
MOST_OF_ONE = 32
"""Connections of one account in one process, of which a server here has two."""


@pytest.fixture
async def streams(server: Server) -> AsyncIterator[Streams]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Streams(session, server)


async def test_a_post_reaches_two_hundred_sockets(api: Api, streams: Streams, alice: Person) -> None:
    crowd = [await api.person(f"one{number}") for number in range(SOCKETS // 20)]
    for person in crowd:
        await api.follow(person, alice)
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(streams.socket(person, "user")) for person in crowd for _ in range(20)
        ]
        post = await api.publish(alice, "to all of you")
        for one in sockets:
            assert (await one.next())[2]["id"] == post["id"]


async def test_nobody_opens_too_many(api: Api, streams: Streams) -> None:
    greedy = await api.person("greedy")
    opened: list[Socket] = []
    status = 101
    while status == 101 and len(opened) <= 2 * MOST_OF_ONE:
        try:
            opened.append(Socket(await streams.connect(params={"access_token": greedy.token})))
            await opened[-1].settled()
        except aiohttp.WSServerHandshakeError as error:
            status = error.status
    assert status == 429
    assert len(opened) >= MOST_OF_ONE
    for one in opened:
        await one.close()


@pytest.mark.parametrize("kind", ["websocket", "event stream"])
async def test_who_does_not_read_is_dropped_and_others_are_served(
    api: Api, streams: Streams, server: Server, alice: Person, kind: str
) -> None:
    url = urlsplit(server.url)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(slow.connect, (url.hostname, url.port))
        if kind == "websocket":
            target = f"/api/v1/streaming?stream=user&access_token={alice.token}"
            headers = (
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            )
        else:
            target, headers = f"/api/v1/streaming/user?access_token={alice.token}", ""
        slow.sendall(f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\n{headers}\r\n".encode())
        assert (await asyncio.to_thread(slow.recv, 12)) in (b"HTTP/1.1 101", b"HTTP/1.1 200")
        async with streams.socket(alice, "user") as hers:
            for number in range(POSTS):
                post = await api.publish(alice, f"{number} " + "x" * 480)
                assert (await hers.next())[2]["id"] == post["id"]
        assert (await asyncio.to_thread(received, slow)).count(b"update") < POSTS


def received(slow: socket.socket) -> bytes:
    """All that is left to be read of a connection that was dropped."""
    slow.settimeout(PATIENCE)
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := slow.recv(1 << 20):
            found += data
    return found


async def test_a_server_that_stops_says_so(own_server: Server) -> None:
    async with aiohttp.ClientSession() as session:
        api, streams = Api(session, own_server), Streams(session, own_server)
        alice = await api.person("alice")
        async with streams.socket(alice, "user") as hers, streams.events(alice, "user") as events:
            stopping = asyncio.create_task(asyncio.to_thread(own_server.stop))
            assert await hers.closed() == 1001
            await events.ended()
            assert await stopping == 0


class Heard(StreamListener):
    """Keeps what the client was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.begun = threading.Event()
        self.enough = threading.Event()

    async def until(self, event: tuple[str, Any]) -> None:
        """Return once this was told."""
        await asyncio.to_thread(wait_until, lambda: event in self.events, f"{event}")

    def handle_heartbeat(self) -> None:
        self.begun.set()

    def on_update(self, status: Any) -> None:
        self.events.append(("update", str(status["id"])))

    def on_status_update(self, status: Any) -> None:
        self.events.append(("status.update", str(status["id"])))

    def on_notification(self, notification: Any) -> None:
        self.events.append((notification["type"], notification["account"]["acct"]))

    def on_delete(self, status_id: Any) -> None:
        self.events.append(("delete", str(status_id)))
        self.enough.set()


class EnoughError(Exception):
    """Nothing more is to be heard."""


class Patient(Heard):
    """Listens in the thread that asked for the stream, until something is deleted."""

    def on_delete(self, status_id: Any) -> None:
        super().on_delete(status_id)
        raise EnoughError


async def write(api: Api, heard: Heard, alice: Person, bob: Person, *, told: bool) -> list[tuple[str, str]]:
    """Post, have it liked, edit it and delete it; what is heard of that by whoever is told of the like, or is not.

    Each is heard before the next is done: several processes tell of it, and of what is gone by then nobody is told.
    """
    said = (await api.publish(alice, "mine"))["id"]
    post, like, edit = ("update", said), ("favourite", bob.username), ("status.update", said)
    await heard.until(post)
    await api.want("POST", f"/api/v1/statuses/{said}/favourite", as_=bob)
    await api.drained()
    if told:
        await heard.until(like)
    await api.edit(alice, said, "mine, still")
    await heard.until(edit)
    await api.delete(f"/api/v1/statuses/{said}", as_=alice)
    return [post, *([like] if told else []), edit, ("delete", said)]


async def test_an_existing_client_listens(api: Api, server: Server, alice: Person, bob: Person) -> None:
    client = Mastodon(access_token=alice.token, api_base_url=server.url)
    assert await asyncio.to_thread(client.stream_healthy)
    heard = Heard()
    handle = await asyncio.to_thread(client.stream_user, heard, run_async=True)
    try:
        assert await asyncio.to_thread(heard.begun.wait, PATIENCE)
        expected = await write(api, heard, alice, bob, told=True)
        assert await asyncio.to_thread(heard.enough.wait, PATIENCE)
        assert heard.events == expected
    finally:
        # The client closes once it has read what comes next: this, or a heartbeat in ten seconds.
        await asyncio.gather(asyncio.to_thread(handle.close), api.publish(alice, "the last"))


async def test_an_existing_client_waits_for_what_comes(api: Api, server: Server, alice: Person, bob: Person) -> None:
    client = Mastodon(access_token=alice.token, api_base_url=server.url)
    heard = Patient()
    listening = asyncio.create_task(asyncio.to_thread(client.stream_user, heard))
    assert await asyncio.to_thread(heard.begun.wait, PATIENCE)
    expected = await write(api, heard, alice, bob, told=True)
    with pytest.raises(EnoughError):
        await listening
    assert heard.events == expected


async def test_an_existing_client_listens_to_a_list(api: Api, server: Server, alice: Person, bob: Person) -> None:
    client = Mastodon(access_token=bob.token, api_base_url=server.url)
    await api.follow(bob, alice)
    made = await api.want("POST", "/api/v1/lists", as_=bob, form={"title": "some"})
    await api.want("POST", f"/api/v1/lists/{made['id']}/accounts", as_=bob, form={"account_ids[]": alice.id})
    heard = Patient()
    listening = asyncio.create_task(asyncio.to_thread(client.stream_list, made["id"], heard))
    assert await asyncio.to_thread(heard.begun.wait, PATIENCE)
    expected = await write(api, heard, alice, bob, told=False)
    with pytest.raises(EnoughError):
        await listening
    assert heard.events == expected
