"""Bodies that are larger than others: how much of them may be there at once, and how they are refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType

from ripstop.kernel.errors import Overloaded
from ripstop.surfaces.http.body import too_large, too_slow
from ripstop.surfaces.http.request import Channel, HeaderMap

LINGER_BYTES = 64 << 20
"""Of a body that is refused, so many are read all the same."""


class Room:
    """How many bytes of large bodies one process holds at once, so that many cannot take all memory.

    :param most: bytes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    def take(self, size: int) -> None:
        """Hold so many bytes more.

        :raises Overloaded: there is no room.
        """
        if self._held + size > self._most:
            raise Overloaded("Too many uploads are under way. Please try again in a moment.", retry_after=5)
        self._held += size

    def give_back(self, size: int) -> None:
        """Hold so many bytes less."""
        self._held -= size


class Incoming:
    """A large body as it comes. What has come takes up room until the context is left."""

    def __init__(self, headers: HeaderMap, channel: Channel, room: Room) -> None:
        self._headers = headers
        self._channel = channel
        self._room = room
        self._chunks: AsyncIterator[bytes] | None = None
        self._is_over = headers.get("content-length") in (None, "0") and headers.get("transfer-encoding") is None
        self._held = 0

    def __enter__(self) -> "Incoming":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.give_back(self._held)

    async def read(self, *, limit: int, seconds: float) -> bytes:
        """All of it.

        :param limit: bytes.
        :param seconds: by when all of it must have come.
        :raises TooLarge: it is larger than `limit`; nothing beyond that was kept.
        :raises RequestTimeout: it came too slowly.
        :raises Overloaded: too much else is held.
        """
        if self._declared > limit:
            raise too_large(limit)
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(seconds):
                while (chunk := await self._next()) is not None:
                    if self._held + len(chunk) > limit:
                        raise too_large(limit)
                    self._room.take(len(chunk))
                    self._held += len(chunk)
                    chunks.append(chunk)
        except TimeoutError:
            raise too_slow(seconds) from None
        return b"".join(chunks)

    async def discard(self, *, seconds: float) -> None:
        """Read what is left, up to `LINGER_BYTES` and for so long, and keep none of it.

        A client that is cut off while it sends mostly sees a broken connection, and not the answer.
        """
        if self._declared > LINGER_BYTES:
            return
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while size <= LINGER_BYTES and (chunk := await self._next()) is not None:
                    size += len(chunk)

    @property
    def _declared(self) -> int:
        return int(self._headers.get("content-length") or 0)

    async def _next(self) -> bytes | None:
        """The next chunk. Where there is none any more, the server is not asked again, which it takes amiss."""
        if self._is_over:
            return None
        if self._chunks is None:
            self._chunks = aiter(self._channel)
        try:
            # NOTE: not `anext(…, None)`, which brings the interpreter down over the server's awaitables.
            return await anext(self._chunks)
        except StopAsyncIteration:
            self._is_over = True
            return None
