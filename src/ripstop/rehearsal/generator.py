"""A generator process: takes its share and then orders from standard input, answers on standard output.

It ends when its input does, so no generator outlives the rehearsal that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import msgspec
import uvloop

from ripstop.rehearsal.acts import Founder, Share
from ripstop.rehearsal.crew import Crew
from ripstop.rehearsal.frames import read_frame, write_frame


async def serve() -> None:
    """Obey until the input ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    answers = asyncio.StreamWriter(transport, protocol, None, loop)

    await read_frame(orders)
    crew = Crew(msgspec.msgpack.decode(await read_frame(orders), type=Share))
    await write_frame(answers, b"")
    async with crew:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                word, argument = await read_frame(orders), await read_frame(orders)
                await write_frame(answers, await _obey(crew, word.decode(), argument))


async def _obey(crew: Crew, word: str, argument: bytes) -> bytes:
    match word:
        case "arrive":
            return msgspec.msgpack.encode(await crew.arrive())
        case "mingle":
            await crew.mingle(msgspec.msgpack.decode(argument, type=list[Founder]))
        case "traffic":
            await crew.traffic()
        case "outcome":
            return msgspec.msgpack.encode(crew.outcome())
    return b""


if __name__ == "__main__":
    uvloop.run(serve())
