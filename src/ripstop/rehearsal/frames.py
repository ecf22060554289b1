"""Length-prefixed frames between the crowd and its generator processes."""

from __future__ import annotations

import asyncio

LENGTH_BYTES = 8


async def read_frame(stream: asyncio.StreamReader) -> bytes:
    """One frame. Raises asyncio.IncompleteReadError at the end of the stream."""
    length = int.from_bytes(await stream.readexactly(LENGTH_BYTES), "big")
    return await stream.readexactly(length)


async def write_frame(stream: asyncio.StreamWriter, data: bytes) -> None:
    stream.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    await stream.drain()
