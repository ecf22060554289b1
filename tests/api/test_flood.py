"""Everybody comes at once: what is dear gets through, and what is cheap is refused early.

The load is requests under way, of which a test has as many as it likes: how late an event loop runs, and how long
commits take, is decided by whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Iterator

import aiohttp
import pytest

from tests.api.client import Api, sign_up_form
from tests.server import PATIENCE, Server, installed

IN_FLIGHT = 100
"""Requests under way from which anonymous reads are turned away; other reads are from twice as many on."""
SLOW, FLOOD = 120, 60
"""Connections that send half a request, which is more than that, and that ask without a pause: less than twice as many
together."""
SIGN_UPS = 40


@pytest.fixture
def small_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One HTTP process that thinks itself overloaded early, so that a test can overload it."""
    settings = {
        "RIPSTOP_PROCESSES": "1",
        "RIPSTOP_LIMITS_IN_FLIGHT": str(IN_FLIGHT),
        "RIPSTOP_LIMITS_BODY_SECONDS": "600",
        "RIPSTOP_LOG_LEVEL": "warning",
    }
    with installed("sqlite", request, **settings) as server:
        server.start()
        yield server


class Flood:
    """Connections that ask for the public timeline without a pause, several requests ahead of the answers."""

    AHEAD = 20

    def __init__(self, server: Server) -> None:
        self._host, self._port = server.url.removeprefix("http://").split(":")
        self.statuses: Counter[str] = Counter()
        self.waits: set[int] = set()
        self.has_answers = asyncio.Event()
        self.has_refusals = asyncio.Event()

    async def stay(self) -> None:
        """One connection that never sends the body of its request; for ever."""
        _, writer = await asyncio.open_connection(self._host, int(self._port))
        try:
            writer.write(b"POST /api/v1/apps HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
            await asyncio.Future()
        finally:
            writer.close()

    async def ask(self) -> None:
        """One connection; for ever."""
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        try:
            while True:
                writer.write(b"GET /api/v1/timelines/public HTTP/1.1\r\nHost: x\r\n\r\n" * self.AHEAD)
                for _ in range(self.AHEAD):
                    head = (await reader.readuntil(b"\r\n\r\n")).decode()
                    await reader.readexactly(int(re.findall(r"content-length: (\d+)", head)[0]))
                    self._count(head)
        finally:
            writer.close()

    def _count(self, head: str) -> None:
        status = head[9:12]
        self.statuses[status] += 1
        self.has_answers.set()
        if status == "503":
            self.waits.add(int(re.findall(r"retry-after: (\d+)", head)[0]))
            if self.statuses[status] > 200:
                self.has_refusals.set()


async def test_sign_ups_get_through_a_flood_of_anonymous_reads(small_server: Server) -> None:
    flood = Flood(small_server)
    async with aiohttp.ClientSession() as session:
        api = Api(session, small_server)
        token = await api.app_token()
        connections = [asyncio.create_task(flood.ask()) for _ in range(FLOOD)]
        async with asyncio.timeout(PATIENCE):
            await flood.has_answers.wait()
            connections += [asyncio.create_task(flood.stay()) for _ in range(SLOW)]
            await flood.has_refusals.wait()
        for _ in range(SIGN_UPS):
            form = sign_up_form(f"guest_{secrets.token_hex(6)}")
            answer = await api.post("/api/v1/accounts", token=token, form=form)
            assert answer.status == 200, answer.body
        metrics = (await api.get("/metrics")).body.decode()
        for connection in connections:
            connection.cancel()
        ends = await asyncio.gather(*connections, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), "nothing breaks"
    assert flood.statuses.keys() == {"200", "503"}, "and nothing times out"
    assert min(flood.waits) >= 1
    assert shed(metrics, "anonymous_read") > 200
    assert shed(metrics, "sign_up") == 0


def shed(metrics: str, kind: str) -> float:
    """How many requests of a kind were refused."""
    [line] = [line for line in metrics.splitlines() if line.startswith(f'ripstop_shed_requests_total{{kind="{kind}"}}')]
    return float(line.rpartition(" ")[2])
