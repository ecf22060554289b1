"""The whole server is killed while people post and listen: nothing acknowledged is lost, and who listens comes back."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import msgspec

from tests.api.client import Api, Person
from tests.api.streams import Streams
from tests.server import PATIENCE, Server

KILLS = 3
BEFORE = 15
"""Posts that are acknowledged before each kill."""
HELD = 400
"""Posts that a home surely holds; who writes without pause may have written more."""


class Listener:
    """Somebody whose client connects again whenever the stream has ended."""

    def __init__(self, streams: Streams, who: Person) -> None:
        self.heard: set[str] = set()
        self.connected = asyncio.Event()
        self._streams = streams
        self._who = who

    async def listen(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with await self._streams.connect(params={"access_token": self._who.token}) as socket:
                    for stream in ("user", "nonsense"):
                        await socket.send_json({"type": "subscribe", "stream": stream})
                    async for message in socket:
                        self._hear(message)
            self.connected.clear()
            await asyncio.sleep(0.05)

    def _hear(self, message: aiohttp.WSMessage) -> None:
        """Take what comes. Posts may come before the server says that it knows no nonsense, to what was sent last."""
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        said = message.json()
        if "error" in said:
            self.connected.set()
        elif said["event"] == "update":
            self.heard.add(msgspec.json.decode(said["payload"])["id"])

    async def heard_of(self, post: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while post not in self.heard:  # noqa: ASYNC110 - what comes wakes nobody
                await asyncio.sleep(0.01)


class Writer:
    """Somebody who posts without pause, and knows what was acknowledged."""

    def __init__(self, session: aiohttp.ClientSession, server: Server, who: Person) -> None:
        self.acknowledged: list[str] = []
        self.enough = False
        self._session = session
        self._url = f"{server.url}/api/v1/statuses"
        self._headers = {"authorization": f"Bearer {who.token}"}

    async def write(self) -> None:
        number = 0
        while not self.enough:
            number += 1
            with contextlib.suppress(aiohttp.ClientError, OSError):
                form = {"status": f"number {number}"}
                async with self._session.post(self._url, data=form, headers=self._headers) as response:
                    if response.status == 200:
                        self.acknowledged.append((await response.json())["id"])
                        continue
            await asyncio.sleep(0.05)

    async def wrote(self, more: int) -> None:
        """Return once so many more were acknowledged."""
        wanted = len(self.acknowledged) + more
        async with asyncio.timeout(PATIENCE):
            while len(self.acknowledged) < wanted:  # noqa: ASYNC110 - what is written wakes nobody
                await asyncio.sleep(0.01)


async def test_killed_while_people_post_and_listen(own_server: Server) -> None:
    server = own_server
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        api = Api(session, server)
        alice, bob = await api.person("alice"), await api.person("bob")
        await api.follow(bob, alice)
        listener, writer = Listener(Streams(session, server), bob), Writer(session, server, alice)
        listening, writing = asyncio.create_task(listener.listen()), asyncio.create_task(writer.write())
        try:
            for _ in range(KILLS):
                async with asyncio.timeout(PATIENCE):
                    await listener.connected.wait()
                await writer.wrote(BEFORE)
                await listener.heard_of(writer.acknowledged[-1])
                await asyncio.to_thread(server.kill_all)
                listener.connected.clear()
                await asyncio.to_thread(server.start)
            async with asyncio.timeout(PATIENCE):
                await listener.connected.wait()
            await writer.wrote(BEFORE)
        finally:
            writer.enough = True  # what is under way is answered first
            listening.cancel()
            await asyncio.gather(listening, writing, return_exceptions=True)
        there = await posts_of(api, f"/api/v1/accounts/{alice.id}/statuses", alice)
        assert set(writer.acknowledged) <= set(there)
        assert listener.heard <= set(there)
        assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["statuses_count"] == len(there)
        assert set(there[:HELD]) <= set(await posts_of(api, "/api/v1/timelines/home", bob))
    assert server.stop() == 0
    checked = await asyncio.to_thread(server.run, "check")
    assert checked.returncode == 0, checked.stdout


async def posts_of(api: Api, path: str, who: Person) -> list[str]:
    """All ids of a list, page by page."""
    answer = await api.get(path, as_=who, query={"limit": "40"})
    ids = answer.ids
    while (further := answer.link("next")) is not None:
        answer = await api.get(path, as_=who, query=further)
        ids += answer.ids
    return ids
