"""Answers that go on: a reader who is slow is let go, or waited for where the answer is a file."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

import pytest

from ripstop.surfaces.http.lasting import Lasting
from ripstop.surfaces.http.response import Stream
from tests.unit.http.web import FakeHeaders, FakeScope

PIECE, PIECES = bytes(256 << 10), 32


class Connection:
    """The server's side of a connection, as the framework gives it to an answer: what is sent never waits."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._gone = asyncio.get_running_loop().create_future()

    def response_stream(self, status: int, headers: object) -> Connection:
        return self

    async def send_bytes(self, data: bytes) -> None:
        self._writer.write(data)

    async def client_disconnect(self) -> None:
        await self._gone


async def pieces(ended: asyncio.Event) -> AsyncIterator[bytes]:
    try:
        for _ in range(PIECES):
            yield PIECE
    finally:
        ended.set()


@pytest.mark.parametrize("patient", [True, False])
async def test_only_a_patient_answer_waits_for_a_slow_reader(patient: bool) -> None:
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda reader, writer: accepted.set_result(writer), "127.0.0.1", 0)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    lasting, ended = Lasting(), asyncio.Event()
    async with server:
        await loop.sock_connect(client, server.sockets[0].getsockname())
        writer = await accepted
        scope = FakeScope("GET", "/", "", FakeHeaders({}))
        scope.client = "{}:{}".format(*client.getsockname())
        stream = Stream(pieces(ended), headers=[], patient=patient)
        lasting.start_stream(stream, cast(Any, scope), cast(Any, Connection(writer)))
        if not patient:
            await ended.wait()  # nothing was read at all
        read = 0
        async with asyncio.timeout(120):
            with suppress(ConnectionResetError):
                while read < PIECES * len(PIECE) and (data := await loop.sock_recv(client, 1 << 16)):
                    read += len(data)
        await lasting.close()
        client.close()
        writer.transport.abort()
    assert (read == PIECES * len(PIECE)) is patient
