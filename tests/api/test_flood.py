"""Everybody comes at once: what is dear gets through, and what is cheap is refused early."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator

import aiohttp
import pytest

from tests.api.client import Api, sign_up_form
from tests.server import Server, installed

READERS = 150
SIGN_UPS = 40


@pytest.fixture
def small_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One HTTP process that thinks itself overloaded early, so that a test can overload it."""
    with installed(
        "sqlite", request, RIPSTOP_PROCESSES="1", RIPSTOP_LIMITS_EVENT_LOOP_LAG="0.004", RIPSTOP_LOG_LEVEL="warning"
    ) as server:
        server.start()
        yield server


async def test_sign_ups_get_through_a_flood_of_anonymous_reads(small_server: Server) -> None:
    statuses: dict[int, int] = {}
    waits: list[str | None] = []
    flooded = asyncio.Event()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.timeout(60):
        api = Api(session, small_server)
        reader = await api.person("reader")
        token = await api.app_token()

        async def read() -> None:
            while True:
                answer = await api.get("/api/v1/timelines/public")
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                if answer.status == 503:
                    waits.append(answer.headers.get("retry-after"))
                    if statuses[503] > 200:
                        flooded.set()

        flood = [asyncio.create_task(read()) for _ in range(READERS)]
        await flooded.wait()
        for _ in range(SIGN_UPS):
            form = sign_up_form(f"guest_{secrets.token_hex(6)}")
            answer = await api.post("/api/v1/accounts", token=token, form=form)
            assert answer.status == 200, answer.body
        home = await api.get("/api/v1/timelines/home", as_=reader)
        metrics = (await api.get("/metrics")).body.decode()
        for task in flood:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*flood)
    assert statuses.keys() <= {200, 503}, "nothing breaks and nothing times out"
    assert all(wait is not None and 1 <= int(wait) <= 60 for wait in waits)
    assert home.status in {200, 503}
    assert shed(metrics, "anonymous_read") >= 200
    assert shed(metrics, "sign_up") == 0
    assert shed(metrics, "anonymous_read") > shed(metrics, "read") >= shed(metrics, "write")


def shed(metrics: str, kind: str) -> float:
    """How many requests of a kind were refused."""
    [line] = [line for line in metrics.splitlines() if line.startswith(f'ripstop_shed_requests_total{{kind="{kind}"}}')]
    return float(line.rpartition(" ")[2])
