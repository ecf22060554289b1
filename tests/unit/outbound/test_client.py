"""Asking other servers, which here are on this machine: addresses 127.0.0.2 are allowed, 127.0.0.1 is not."""

from __future__ import annotations

import asyncio
import errno
import gzip
import socket
import zlib
from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from ripstop.kernel.metrics import Metrics
from ripstop.machinery.outbound import Guard, Limits, Outbound, Refused, TooMuch, Unreachable
from tests.world import PATIENCE

FRIEND, INSIDE = "127.0.0.2", "127.0.0.1"
"""What stands for the internet, and for what lies behind."""
PATIENT = Limits(seconds=PATIENCE)
BOMB = zlib.compress(bytes(50 << 20))


class Names(AbstractResolver):
    """Names lead to what they are said to, to one after the other where there are several."""

    def __init__(self, **names: Sequence[str]) -> None:
        self._names = {name.replace("_", "."): list(addresses) for name, addresses in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        left = self._names.get(host)
        if left is None:
            raise OSError(f"{host} is not known")
        address = left.pop(0) if len(left) > 1 else left[0]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in address.split()
        ]

    async def close(self) -> None:
        pass


class Site:
    """A server on both addresses. `seen` are the requests that reached it, with the address that was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.seen.append((request.transport.get_extra_info("sockname")[0], request.path))
        self.headers = dict(request.headers)
        match request.path:
            case "/to":
                raise web.HTTPFound(request.query["url"])
            case "/round":
                raise web.HTTPFound("/round")
            case "/large":
                return web.Response(body=b"x" * 300_000, content_type="text/html")
            case "/packed":
                return web.Response(
                    body=gzip.compress(b"hello"), headers={"content-encoding": "gzip", "content-type": "text/html"}
                )
            case "/bomb":
                return web.Response(body=BOMB, headers={"content-encoding": "deflate", "content-type": "text/html"})
            case "/odd":
                return web.Response(body=b"x", headers={"content-encoding": "br"})
            case "/slow":
                response = web.StreamResponse()
                await response.prepare(request)
                for _ in range(200):
                    await response.write(b"x")
                    await asyncio.sleep(0.05)
                return response
            case "/cookie":
                response = web.Response(text="cookie")
                response.set_cookie("tracked", "yes")
                return response
        return web.Response(text="hello", headers={"content-type": "text/plain; charset=utf-8"})


def listeners() -> tuple[socket.socket, socket.socket]:
    """Sockets on both addresses at one port, which may be free on one of them and taken on the other."""
    while True:
        friend = socket.create_server((FRIEND, 0))
        try:
            return friend, socket.create_server((INSIDE, friend.getsockname()[1]))
        except OSError as error:
            friend.close()
            if error.errno != errno.EADDRINUSE:
                raise


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    application = web.Application()
    application.router.add_get("/{tail:.*}", site.answer)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    for listener in listeners():
        await web.SockSite(runner, listener).start()
        site.port = listener.getsockname()[1]
    yield site
    await runner.cleanup()


class Fickle(Guard):
    """Takes anything for permitted the first time it is asked."""

    def __init__(self) -> None:
        super().__init__(allowed=[f"{FRIEND}/32"])
        self.asked = 0

    def permits(self, host: str, port: int) -> bool:
        self.asked += 1
        return self.asked == 1 or super().permits(host, port)


def outbound(names: Names | None = None, limits: Limits = PATIENT, metrics: Metrics | None = None) -> Outbound:
    guard = Guard(allowed=[f"{FRIEND}/32"])
    return Outbound(
        guard, agent="Ripstop/1 (+http://ripstop.test)", metrics=metrics or Metrics(), limits=limits, resolver=names
    )


async def test_it_says_who_asks_and_reads_the_answer(site: Site) -> None:
    names = Names(friend_test=[FRIEND])
    async with outbound(names) as client:
        answer = await client.get(f"http://friend.test:{site.port}/hello#part", accept="text/html")
    assert (answer.status, answer.body, answer.kind, answer.charset) == (200, b"hello", "text/plain", "utf-8")
    assert site.headers["User-Agent"] == "Ripstop/1 (+http://ripstop.test)"
    assert site.headers["Host"] == f"friend.test:{site.port}"
    assert site.seen == [(FRIEND, "/hello")]
    assert names.asked == ["friend.test"]


async def test_private_addresses_are_refused_however_they_are_named(site: Site) -> None:
    names = Names(inside_test=[INSIDE], both_test=[f"{INSIDE} {FRIEND}"])
    metrics = Metrics()
    async with outbound(names, metrics=metrics) as client:
        for host in ("inside.test", INSIDE, "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.2]"):
            with pytest.raises((Refused, Unreachable)):
                await client.get(f"http://{host}:{site.port}/")
        with pytest.raises(Refused):
            await client.get(f"http://inside.test:{site.port}/")
        assert site.seen == []
        await client.get(f"http://both.test:{site.port}/")
    assert site.seen == [(FRIEND, "/")]
    assert b'ripstop_outbound_requests_total{result="answered"} 1' in metrics.render([metrics.snapshot()], [])


async def test_the_names_of_this_machine_lead_nowhere(site: Site) -> None:
    async with outbound() as client:
        with pytest.raises(Refused):
            await client.get(f"http://localhost:{site.port}/")
    assert site.seen == []


async def test_the_address_is_looked_at_once_more_before_it_is_connected_to(site: Site) -> None:
    guard = Fickle()
    names = Names(inside_test=[INSIDE])
    async with Outbound(guard, agent="Ripstop", metrics=Metrics(), limits=PATIENT, resolver=names) as client:
        with pytest.raises(Refused):
            await client.get(f"http://inside.test:{site.port}/")
    assert guard.asked == 2
    assert site.seen == []


async def test_redirects_are_looked_at_as_what_they_begin_with(site: Site) -> None:
    names = Names(friend_test=[FRIEND], inside_test=[INSIDE])
    begin = f"http://friend.test:{site.port}/to?url="
    async with outbound(names) as client:
        answer = await client.get(f"{begin}/end")
        assert answer.url == f"http://friend.test:{site.port}/end"
        for inside in (
            f"http://inside.test:{site.port}/secret",
            f"http://{INSIDE}:{site.port}/secret",
            f"//inside.test:{site.port}/secret",
            "file:///etc/passwd",
            f"http://user@friend.test:{site.port}/secret",
        ):
            with pytest.raises(Refused):
                await client.get(begin + inside)
        with pytest.raises(Unreachable, match="leads on"):
            await client.get(f"http://friend.test:{site.port}/round")
    assert "/secret" not in [path for _, path in site.seen]
    assert [path for _, path in site.seen].count("/round") == 6


async def test_a_name_whose_address_changes_is_looked_at_each_time(site: Site) -> None:
    names = Names(rebind_test=[FRIEND, INSIDE])
    async with outbound(names) as client:
        await client.get(f"http://rebind.test:{site.port}/first")
        with pytest.raises(Refused):
            await client.get(f"http://rebind.test:{site.port}/second")
    names = Names(rebind_test=[FRIEND, INSIDE])
    async with outbound(names) as client:
        with pytest.raises(Refused):
            await client.get(f"http://rebind.test:{site.port}/to?url=/second")
    assert site.seen == [(FRIEND, "/first"), (FRIEND, "/to")]


async def test_answers_are_bounded_in_size_packed_and_unpacked(site: Site) -> None:
    names = Names(friend_test=[FRIEND])
    base = f"http://friend.test:{site.port}"
    async with outbound(names, Limits(seconds=PATIENCE, bytes=200_000)) as client:
        assert (await client.get(f"{base}/packed")).body == b"hello"
        with pytest.raises(TooMuch):
            await client.get(f"{base}/large")
        with pytest.raises(TooMuch):
            await client.get(f"{base}/bomb")
        assert len((await client.get(f"{base}/large", cut=True)).body) == 200_000
        assert len((await client.get(f"{base}/bomb", cut=True, most_bytes=1_000)).body) == 1_000
        assert (await client.get(f"{base}/large", kinds={"image/png"})).body == b""
        with pytest.raises(Unreachable, match="packed as br"):
            await client.get(f"{base}/odd")


async def test_answers_are_bounded_in_time(site: Site) -> None:
    names = Names(friend_test=[FRIEND])
    async with outbound(names, Limits(seconds=0.3)) as client:
        with pytest.raises(Unreachable):
            await client.get(f"http://friend.test:{site.port}/slow")


async def test_it_keeps_no_cookies_and_says_when_nobody_is_there(site: Site) -> None:
    names = Names(friend_test=[FRIEND])
    async with outbound(names) as client:
        await client.get(f"http://friend.test:{site.port}/cookie")
        await client.get(f"http://friend.test:{site.port}/cookie")
        assert "Cookie" not in site.headers
        for url in (f"http://nobody.test:{site.port}/", "http://friend.test:9/"):
            with pytest.raises(Unreachable):
                await client.get(url)
