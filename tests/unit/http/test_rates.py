"""How often somebody may ask."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ripstop.kernel.clock import ManualClock
from ripstop.kernel.metrics import Metrics
from ripstop.surfaces.http.networks import Networks
from ripstop.surfaces.http.rates import FEW, Counters, Limits, Rates
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Quota, Route
from tests.unit.http.web import App, FakeChannel


async def answer(request: Request, params: None) -> Response:
    return json("well")


async def plain(request: Request, params: None) -> bytes:
    return b'"well"'


ROUTES = [
    Route("GET", "/api/open", answer),
    Route("GET", "/api/any", plain, auth=Auth.OPTIONAL),
    Route("POST", "/api/delete", answer, auth=Auth.USER, quota=Quota.DELETES),
    Route("POST", "/api/join", answer, auth=Auth.APP, quota=Quota.SIGN_UPS),
    Route("GET", "/page", answer),
]


class Place:
    """Routes with limits, asked from several networks."""

    def __init__(self, **limits: int) -> None:
        self.clock = ManualClock(1_700_000_040_000)  # 20 s into a period of 5 minutes, 14:00 into one of 30
        self.metrics = Metrics()
        given: dict[str, Any] = {"account": 0, "network": 0, "uploads": 0, "deletes": 0, "sign_ups": 0, **limits}
        self.rates = Rates(Limits(**given), clock=self.clock, metrics=self.metrics)
        self._app = App(ROUTES, rates=self.rates, networks=Networks(["127.0.0.0/8", "::1", "10.0.0.0/8"]))

    async def ask(self, path: str, *, method: str = "GET", token: str | None = None, **headers: str) -> FakeChannel:
        sent = {name.replace("_", "-"): value for name, value in headers.items() if name != "client"}
        client = headers.get("client", "192.0.2.1:50000")
        return await self._app.ask(method, path, token=token, headers=sent, client=client)


def told(answer: FakeChannel) -> tuple[str | None, str | None, str | None]:
    return (
        answer.header("x-ratelimit-limit"),
        answer.header("x-ratelimit-remaining"),
        answer.header("x-ratelimit-reset"),
    )


async def test_what_is_beyond_the_limit_is_refused_until_the_next_period() -> None:
    place = Place(network=2)
    assert told(await place.ask("/api/open")) == ("2", "1", "2023-11-14T22:15:00.000Z")
    assert told(await place.ask("/api/any")) == ("2", "0", "2023-11-14T22:15:00.000Z")
    refused = await place.ask("/api/open")
    assert refused.status == 429
    assert refused.json() == {"error": "Too many requests: 2 in 5 minutes are allowed. Try again later."}
    assert told(refused) == ("2", "0", "2023-11-14T22:15:00.000Z")
    assert refused.header("retry-after") == "60"
    assert b"ripstop_rate_limited_requests_total 1.0" in place.metrics.render([place.metrics.snapshot()])
    place.clock.advance(60)
    assert told(await place.ask("/api/open")) == ("2", "1", "2023-11-14T22:20:00.000Z")


async def test_each_account_and_each_network_has_its_own() -> None:
    place = Place(account=1, network=1)
    assert (await place.ask("/api/any")).status == 200
    assert (await place.ask("/api/any")).status == 429
    assert (await place.ask("/api/any", client="192.0.2.2:1")).status == 200
    assert (await place.ask("/api/any", token="user")).status == 200
    assert (await place.ask("/api/any", token="user", client="192.0.2.2:1")).status == 429
    assert (await place.ask("/api/any", token="follower")).status == 200


async def test_customers_of_ipv6_have_64_bits() -> None:
    place = Place(network=1)
    assert (await place.ask("/api/open", client="[2001:db8:0:1::1]:1")).status == 200
    assert (await place.ask("/api/open", client="[2001:db8:0:1:ffff::1]:1")).status == 429
    assert (await place.ask("/api/open", client="[2001:db8:0:2::1]:1")).status == 200
    assert (await place.ask("/api/open", client="[::ffff:192.0.2.7]:1")).status == 200
    assert (await place.ask("/api/open", client="192.0.2.7:1")).status == 429


async def test_guesses_of_tokens_count() -> None:
    place = Place(network=2)
    assert (await place.ask("/api/any", token="wrong")).status == 401
    assert (await place.ask("/api/any", token="wrong too")).status == 401
    assert (await place.ask("/api/any", token="another")).status == 429


async def test_what_is_dear_has_limits_of_its_own() -> None:
    place = Place(account=10, network=10, deletes=1, sign_ups=1)
    assert told(await place.ask("/api/delete", method="POST", token="user"))[:2] == ("1", "0")
    assert (await place.ask("/api/delete", method="POST", token="user")).status == 429
    assert told(await place.ask("/api/any", token="user"))[:2] == ("10", "7"), "and counts as a request too"
    assert (await place.ask("/api/join", method="POST", token="app")).status == 200
    assert (await place.ask("/api/join", method="POST", token="app")).status == 429
    assert (await place.ask("/api/join", method="POST", token="app", client="192.0.2.2:1")).status == 200
    place.clock.advance(300)
    assert (await place.ask("/api/delete", method="POST", token="user")).status == 429, "for half an hour"
    place.clock.advance(1800)
    assert (await place.ask("/api/delete", method="POST", token="user")).status == 200


async def test_pages_are_not_counted_and_zero_is_no_limit() -> None:
    place = Place(network=1)
    for _ in range(3):
        page = await place.ask("/page")
        assert (page.status, told(page)) == (200, (None, None, None))
    unbound = Place()
    for _ in range(3):
        assert told(await unbound.ask("/api/open")) == (None, None, None)


async def test_this_machine_is_told_and_not_counted() -> None:
    place = Place(network=1)
    for client in ("127.0.0.1:1", "[::1]:1", "10.1.2.3:1"):
        for _ in range(3):
            answer = await place.ask("/api/open", client=client)
            assert (answer.status, told(answer)[:2]) == (200, ("1", "1"))


@pytest.mark.parametrize(
    ("said", "network"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("198.51.100.1, 192.0.2.9", "192.0.2.9"),
        ("192.0.2.9, 10.0.0.2, 127.0.0.1", "192.0.2.9"),
        ("192.0.2.9,10.0.0.2", "192.0.2.9"),
        ("2001:db8::5", "2001:0db8:0000:0000::/64"),
        ("192.0.2.9:4711", "192.0.2.9"),
        ("[2001:db8::5]:4711", "2001:0db8:0000:0000::/64"),
        ("192.0.2.9, nonsense", "unknown"),
        ("", "unknown"),
        ("127.0.0.1", ""),
    ],
)
async def test_a_proxy_says_for_whom_it_asks(said: str, network: str) -> None:
    networks = Networks(["127.0.0.0/8", "10.0.0.0/8"])
    assert networks.of("10.0.0.1:4") == ""
    assert networks.behind([said]) == network
    place = Place(network=1)
    assert (await place.ask("/api/open", client="10.0.0.1:4", x_forwarded_for=said)).status == 200
    again = await place.ask("/api/open", client="127.0.0.1:4", x_forwarded_for=said)
    assert again.status == (429 if network else 200)


def test_of_several_lines_the_last_is_of_the_nearest_proxy() -> None:
    networks = Networks(["10.0.0.0/8"])
    assert networks.behind(["198.51.100.1", "192.0.2.9, 10.0.0.2"]) == "192.0.2.9"
    assert networks.behind([]) == "unknown", "there was one, and it is not ASCII"


async def test_what_others_say_of_themselves_does_not_count() -> None:
    place = Place(network=1)
    assert (await place.ask("/api/open", x_forwarded_for="198.51.100.1")).status == 200
    assert (await place.ask("/api/open", x_forwarded_for="198.51.100.2")).status == 429


def test_processes_count_together() -> None:
    counters = Counters(FEW)
    counters.begin(1)
    assert [counters.add("alice") for _ in range(3)] == [1, 2, 3]
    pid = os.fork()
    if pid == 0:
        os._exit(counters.add("alice"))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
    assert counters.add("alice") == 5
    assert counters.add("bob") == 1
    counters.begin(1)
    assert counters.add("bob") == 2
    counters.begin(2)
    assert counters.add("alice") == 1


def test_a_full_table_counts_no_new_keys_and_keeps_the_old() -> None:
    counters = Counters(64)
    counters.begin(1)
    assert {counters.add(key) for key in range(1_000)} == {1}
    counted = [key for key in range(1_000) if counters.add(key) == 2]
    assert 32 < len(counted) <= 64
