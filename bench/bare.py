"""The bare server of the first ceiling: Granian's RSGI, one process, the same bytes for every request.

python -m bench.bare PORT FILE
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Protocol

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

HEADERS = [("content-type", "application/json; charset=utf-8")]


class _Answering(Protocol):
    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


class SameBytes:
    """An RSGI application with one answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __rsgi__(self, scope: object, protocol: _Answering) -> None:
        protocol.response_bytes(200, HEADERS, self._body)


async def serve(port: int, body: bytes) -> None:
    """Serve until the process is ended."""
    server = Server(SameBytes(body), address="127.0.0.1", port=port, interface=Interfaces.RSGI, log_enabled=False)
    await server.serve()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
