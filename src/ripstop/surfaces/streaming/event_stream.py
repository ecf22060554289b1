"""Event streams (HTML, section 9.2): one connection, one stream."""

import asyncio
from collections.abc import AsyncIterator

from ripstop.domain.streams import Stream
from ripstop.surfaces.streaming.hub import Hub
from ripstop.surfaces.streaming.listener import Listener
from ripstop.surfaces.streaming.news import News

THUMP = b":thump\n"
MOST_WAITING = 64
"""Events that wait for a slow reader; beyond, it is let go."""


class EventListener(Listener):
    """Somebody who reads an event stream."""

    __slots__ = ("_queue",)

    def __init__(self, viewer: int, secret: str, scopes: frozenset[str]) -> None:
        super().__init__(viewer, secret, scopes)
        # The last place is kept for the end.
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING + 1)

    def tell(self, stream: Stream, news: News) -> None:
        self._put(news.chunk())

    def beat(self) -> None:
        self._put(THUMP)

    def dismiss(self) -> None:
        if not self._queue.full():
            self._queue.put_nowait(None)

    def _put(self, chunk: bytes) -> None:
        if self._queue.qsize() < MOST_WAITING:
            self._queue.put_nowait(chunk)
        else:
            self.dismiss()

    async def chunks(self, hub: Hub, stream: Stream) -> AsyncIterator[bytes]:
        """What is sent, until the reader is let go."""
        hub.enter(self)
        try:
            await hub.subscribe(self, stream)
            yield THUMP
            while (chunk := await self._queue.get()) is not None:
                yield chunk
        finally:
            hub.leave(self)
