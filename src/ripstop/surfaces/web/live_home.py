"""Home, live: those who look at it are told that something new stands in it, and their page asks for that itself."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from ripstop.domain.feeds import Home, Window
from ripstop.domain.posts.events import PostPublished, PostReposted
from ripstop.domain.posts.model import IS_DIRECT, IS_PUBLIC
from ripstop.domain.streams import Following, Kind, allowed
from ripstop.domain.streams import Stream as Listened
from ripstop.kernel.errors import Unauthenticated
from ripstop.machinery.bus import Bus, Unsubscribe
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Stream
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.live import (
    MOST_MISSED,
    PUBLISHED,
    REPOSTED,
    STREAM_HEADERS,
    LiveParams,
    frame,
    last_event,
)
from ripstop.surfaces.web.visitor import Visitors
from ripstop.surfaces.web.watchers import MOST_OF_ONE, Watchers, chunks_of, end_with

log = logging.getLogger(__name__)

LIVE_HOME = "/live/home"
MOST_SECONDS = 600.0
"""After which a connection ends, and the browser comes back for another: so it is asked again who it is."""
MOST_ARRIVED = 10_000
"""Posts that wait to be told of; beyond, the oldest are not, and are found by whoever loads home."""
AT_ONCE = 200
"""Watchers that are told before other work has its turn."""

_decode_published = msgspec.json.Decoder(PostPublished).decode
_decode_reposted = msgspec.json.Decoder(PostReposted).decode


class _Arrived(NamedTuple):
    """Something that may stand in homes."""

    id: int
    author: int
    tags: tuple[str, ...]


class LiveHome:
    """Those who look at their home in this process, which hears of posts only while there are any."""

    def __init__(self, graph: Graph, bus: Bus, home: Home, visitors: Visitors) -> None:
        self._graph = graph
        self._bus = bus
        self._home = home
        self._visitors = visitors
        self._following = Following(graph)
        self._watchers: Watchers[Listened] = Watchers(self._listen, gone=self._following.leave, most=MOST_OF_ONE)
        self._arrived: deque[_Arrived] = deque(maxlen=MOST_ARRIVED)
        self._task: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        return [Route("GET", LIVE_HOME, self.watch, params=LiveParams)]

    async def watch(self, request: Request, params: LiveParams) -> Stream:
        """The ids of what stands in home since, and then of whatever comes.

        :raises Unauthenticated: nobody is logged in there.
        """
        visitor = await self._visitors.recall(request)
        if visitor is None or visitor.known is None:
            raise Unauthenticated("Please log in")
        stream = Listened(Kind.HOME, visitor.known.account.id)
        self._watchers.check_room(stream)
        last = last_event(request)
        return Stream(self._chunks(stream, params.since if last is None else last), headers=STREAM_HEADERS)

    async def _chunks(self, stream: Listened, since: int | None) -> AsyncIterator[bytes]:
        queue = self._watchers.join(stream)
        self._following.join(stream)
        try:
            await self._following.refresh(stream)
            yield b"retry: 3000\n\n"
            if since is not None:
                yield await self._missed(stream, since)
            async for chunk in chunks_of(queue, seconds=MOST_SECONDS):
                yield chunk
        finally:
            self._watchers.leave(stream, queue)

    def _listen(self) -> list[Unsubscribe]:
        return [
            self._bus.subscribe(PUBLISHED, self._on_published),
            self._bus.subscribe(REPOSTED, self._on_reposted),
            *end_with(self._bus, lambda account: self._watchers.end(Listened(Kind.HOME, account))),
        ]

    async def _missed(self, stream: Listened, since: int) -> bytes:
        """What a watcher has not heard of, oldest first. It may hear of one twice; the page knows what it shows."""
        assert isinstance(stream.of, int)
        page = await self._home.read(stream.of, Window(limit=MOST_MISSED, since_id=since))
        return b"".join(_told(item.post.id) for item in reversed(page.items)) or b":\n\n"

    def _on_published(self, topic: str, payload: bytes) -> None:
        event = _decode_published(payload)
        if not event.flags & IS_DIRECT:
            self._arrive(_Arrived(event.post, event.author, event.tags if event.flags & IS_PUBLIC else ()))

    def _on_reposted(self, topic: str, payload: bytes) -> None:
        event = _decode_reposted(payload)
        self._arrive(_Arrived(event.repost, event.actor, ()))

    def _arrive(self, arrived: _Arrived) -> None:
        self._arrived.append(arrived)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tell_of_arrived())

    async def _tell_of_arrived(self) -> None:
        try:
            while self._arrived:
                arrived = self._arrived.popleft()
                try:
                    await self._tell_of(arrived)
                except Exception:
                    log.exception("not all were told of %r", arrived)
        finally:
            self._task = None

    async def _tell_of(self, arrived: _Arrived) -> None:
        await self._graph.sync()
        streams = self._following.of(arrived.author, arrived.tags) | {Listened(Kind.HOME, arrived.author)}
        for place, stream in enumerate(streams & self._watchers.watched):
            await self._tell(stream, arrived.id)
            if place % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)

    async def _tell(self, stream: Listened, id_: int) -> None:
        """Tell those who look at one home, if the post stands in it by the rules of viewing as of now."""
        assert isinstance(stream.of, int)
        await self._following.refresh(stream)
        if await allowed(self._graph, stream.of, id_, stream) is None:
            return
        self._watchers.tell(stream, _told(id_))


def _told(id_: int) -> bytes:
    return frame("post", id_, {"id": str(id_)})
