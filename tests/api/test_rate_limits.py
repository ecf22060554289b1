"""Rate limits of a running server, seen from behind a proxy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from ripstop.surfaces.http.rates import SHORT
from tests.api.client import Api, Person, sign_up_form
from tests.api.everything import sent
from tests.server import Server, installed

LIMITS = {
    "RIPSTOP_RATES_ACCOUNT": "12",
    "RIPSTOP_RATES_NETWORK": "5",
    "RIPSTOP_RATES_DELETES": "2",
    "RIPSTOP_RATES_SIGN_UPS": "1",
    "RIPSTOP_RATES_UPLOADS": "1",
}


def behind(address: str) -> dict[str, str]:
    """As a proxy asks for somebody."""
    return {"x-forwarded-for": address}


@pytest.fixture(scope="module")
def strict_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with installed("sqlite", request, **LIMITS) as server:
        server.start()
        yield server


@pytest.fixture(autouse=True)
async def _in_one_period() -> None:
    """Wait for the next period where this one is about to end, since all in a test belongs into one."""
    left = SHORT * 60 - time.time() % (SHORT * 60)
    if left < 15.0:
        await asyncio.sleep(left)


@pytest.fixture
async def api(strict_server: Server) -> AsyncIterator[Api]:
    # A connection for each request, so that the kernel spreads them over the processes.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield Api(session, strict_server)


async def test_processes_count_together(api: Api) -> None:
    answers = [await api.get("/api/v2/instance", headers=behind("203.0.113.1")) for _ in range(20)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 15
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers[:6]] == ["4", "3", "2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.json() == {"error": "Too many requests: 5 in 5 minutes are allowed. Try again later."}
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert refused.headers["x-ratelimit-limit"] == "5"
    assert "X-RateLimit-Reset" in refused.headers["access-control-expose-headers"]
    assert (await api.get("/api/v2/instance", headers=behind("203.0.113.2"))).status == 200


async def test_this_machine_is_told_and_not_counted(api: Api) -> None:
    for _ in range(20):
        answer = await api.get("/api/v2/instance")
        assert (answer.status, answer.headers["x-ratelimit-remaining"]) == (200, "5")


async def test_nobody_hides_behind_bytes_that_are_no_text(strict_server: Server) -> None:
    head = b"GET /api/v2/instance HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    statuses: list[bytes] = []
    while len(statuses) < 6:
        status = (await sent(strict_server, head + b"X-Forwarded-For: \xff, 203.0.113.9\r\n\r\n"))[9:12]
        statuses += [] if status == b"503" else [status]  # it has too much to do, and counts nothing
    assert statuses == [b"200"] * 5 + [b"429"]


async def test_an_account_has_one_limit_wherever_it_asks_from(api: Api, alice: Person) -> None:
    statuses = [
        (await api.get("/api/v1/timelines/home", as_=alice, headers=behind(f"203.0.113.{number}"))).status
        for number in range(100, 120)
    ]
    assert statuses == [200] * 12 + [429] * 8


async def test_deletes_have_a_limit_of_their_own(api: Api, bob: Person) -> None:
    posts = [await api.publish(bob, f"post {number}") for number in range(3)]
    for verb in ("reblog", "unreblog"):
        headers = behind("203.0.113.3")
        assert (await api.post(f"/api/v1/statuses/{posts[0]['id']}/{verb}", as_=bob, headers=headers)).status == 200
    statuses = []
    for post in posts:
        path = f"/api/v1/statuses/{post['id']}"
        statuses.append((await api.delete(path, as_=bob, headers=behind("203.0.113.3"))).status)
    assert statuses == [200, 429, 429]
    assert (await api.get(f"/api/v1/statuses/{posts[2]['id']}")).status == 200


async def test_a_network_signs_up_only_so_many(api: Api) -> None:
    token = await api.app_token()
    for name, address, status in (
        ("first", "2001:db8:1:1::1", 200),
        ("second", "2001:db8:1:1::2", 429),
        ("third", "2001:db8:1:2::1", 200),
    ):
        form = sign_up_form(f"{name}_of_many")
        assert (await api.post("/api/v1/accounts", token=token, form=form, headers=behind(address))).status == status


async def test_uploads_have_a_limit_of_their_own(api: Api, carol: Person) -> None:
    said = [
        await api.post("/api/v2/media", as_=carol, form={"description": "no file"}, headers=behind("203.0.113.4"))
        for _ in range(2)
    ]
    assert [answer.status for answer in said] == [422, 429]
