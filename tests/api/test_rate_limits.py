"""Rate limits of a running server, seen from behind a proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from ripstop.surfaces.http.rates import SHORT
from tests.api.client import Answer, Api, sign_up_form
from tests.api.everything import sent
from tests.periods import in_one_period
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


@pytest.fixture
async def api(strict_server: Server) -> AsyncIterator[Api]:
    # A connection for each request, so that the kernel spreads them over the processes.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield Api(session, strict_server)


async def test_processes_count_together(api: Api) -> None:
    async def ask(number: int) -> list[Answer]:
        address = behind(f"203.0.113.{number}")
        return [await api.get("/api/v2/instance", headers=address) for _ in range(20)]

    answers = await in_one_period(SHORT, ask)
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 15
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers[:6]] == ["4", "3", "2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.json() == {"error": "Too many requests: 5 in 5 minutes are allowed. Try again later."}
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert refused.headers["x-ratelimit-limit"] == "5"
    assert "X-RateLimit-Reset" in refused.headers["access-control-expose-headers"]
    assert (await api.get("/api/v2/instance", headers=behind("203.0.113.254"))).status == 200


async def test_this_machine_is_told_and_not_counted(api: Api) -> None:
    for _ in range(20):
        answer = await api.get("/api/v2/instance")
        assert (answer.status, answer.headers["x-ratelimit-remaining"]) == (200, "5")


async def test_nobody_hides_behind_bytes_that_are_no_text(strict_server: Server) -> None:
    async def ask(number: int) -> tuple[list[bytes], int]:
        head = b"GET /api/v2/instance HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        head += b"X-Forwarded-For: \xff, 203.0.113.9\r\n\r\n"
        statuses: list[bytes] = []
        while len(statuses) < 6:
            status = (await sent(strict_server, head))[9:12]
            statuses += [] if status == b"503" else [status]  # it has too much to do, and counts nothing
        return statuses, number

    statuses, number = await in_one_period(SHORT, ask)
    # All of them are one network, so that what was asked in vain, while a period ended, counts as well.
    let_in = 5 if number == 1 else min(5, statuses.count(b"200"))
    assert statuses == [b"200"] * let_in + [b"429"] * (6 - let_in)


async def test_an_account_has_one_limit_wherever_it_asks_from(api: Api) -> None:
    async def ask(_: int) -> list[int]:
        alice = await api.person("alice")
        return [
            (await api.get("/api/v1/timelines/home", as_=alice, headers=behind(f"192.0.2.{number}"))).status
            for number in range(100, 120)
        ]

    assert await in_one_period(SHORT, ask) == [200] * 12 + [429] * 8


async def test_deletes_have_a_limit_of_their_own(api: Api) -> None:
    headers = behind("192.0.2.1")

    async def ask(_: int) -> tuple[list[int], str]:
        bob = await api.person("bob")
        posts = [(await api.publish(bob, f"post {number}"))["id"] for number in range(3)]
        path, options = "/api/v1/statuses/", {"as_": bob, "headers": headers}
        passed_on = [await api.post(f"{path}{posts[0]}/{verb}", **options) for verb in ("reblog", "unreblog")]
        deleted = [await api.delete(path + post, **options) for post in posts]
        return [answer.status for answer in passed_on + deleted], posts[2]

    statuses, last = await in_one_period(SHORT, ask)
    assert statuses == [200, 200, 200, 429, 429]
    assert (await api.get(f"/api/v1/statuses/{last}")).status == 200


async def test_a_network_signs_up_only_so_many(api: Api) -> None:
    token = await api.app_token()

    async def ask(number: int) -> list[int]:
        return [
            (
                await api.post(
                    "/api/v1/accounts",
                    token=token,
                    form=sign_up_form(f"{name}_of_many_{number}"),
                    headers=behind(f"2001:db8:{number}:{rest}"),
                )
            ).status
            for name, rest in (("first", "1::1"), ("second", "1::2"), ("third", "2::1"))
        ]

    assert await in_one_period(SHORT, ask) == [200, 429, 200]


async def test_uploads_have_a_limit_of_their_own(api: Api) -> None:
    async def ask(_: int) -> list[int]:
        carol = await api.person("carol")
        form, headers = {"description": "no file"}, behind("192.0.2.2")
        return [(await api.post("/api/v2/media", as_=carol, form=form, headers=headers)).status for _ in range(2)]

    assert await in_one_period(SHORT, ask) == [422, 429]
