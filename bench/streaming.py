"""Idle WebSockets: what each takes, and how soon a post reaches those of its author's followers.

python -m bench.streaming --sockets 5000 --followers 1000 --posts 20
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import secrets
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec
import uvloop

from bench.servers import Database, Server, data_folder, running_server

PEOPLE = 250
"""Accounts that listen; each has as many sockets as it takes."""
AT_ONCE = 64
SCOPES = "read write follow"


class Watcher(asyncio.Protocol):
    """A socket that counts when frames with an update came. It speaks as little WebSocket as a reader needs."""

    def __init__(self, target: str, opened: asyncio.Future[None], arrivals: list[float]) -> None:
        self._target = target
        self._opened = opened
        self._arrivals = arrivals
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._transport.write(
            f"GET {self._target} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        if b'"event":"update"' in data:
            self._arrivals.append(time.perf_counter())
        elif data.startswith(b"\x89"):
            self._transport.write(b"\x8a\x80\x00\x00\x00\x00")  # a pong without a payload
        elif data.startswith(b"HTTP/1.1 101"):
            self._opened.set_result(None)
        elif not self._opened.done():
            self._opened.set_exception(ConnectionError(data.split(b"\r\n", 1)[0].decode()))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(exc or ConnectionError("closed"))

    def close(self) -> None:
        self._transport.abort()


class Streaming(msgspec.Struct, kw_only=True):
    """What was measured. `kilobytes_each` is memory beyond that of the server without sockets."""

    sockets: int
    kilobytes_each: float
    handshake_cpu_ms: float
    idle_cores: float
    reached: int
    p50_ms: float
    p99_ms: float
    most_ms: float


async def measure_streaming(
    sockets: int = 5_000, followers: int = 1_000, posts: int = 20, *, database: Database | None = None
) -> Streaming:
    """The figures of a server of its own.

    :param followers: sockets whose owner follows the author of the posts.
    """
    with data_folder() as folder:
        async with (
            running_server(folder, database=database) as server,
            aiohttp.ClientSession(server.url) as session,
        ):
            author, author_id = await _join(session)
            watching = [(await _join(session))[0] for _ in range(PEOPLE)]
            followed = watching[: PEOPLE * followers // sockets]
            for token in followed:
                await _post(session, f"/api/v1/accounts/{author_id}/follow", token)
            await server.trees.idle(60.0)
            before, cpu = server.trees.pss_mb(), server.trees.cpu().total
            arrivals: list[float] = []
            opened = await _open(server, [watching[i % PEOPLE] for i in range(sockets)], arrivals)
            handshakes = server.trees.cpu().total - cpu
            await asyncio.sleep(12.0)
            cpu = server.trees.cpu().total
            await asyncio.sleep(5.0)
            idle = (server.trees.cpu().total - cpu) / 5
            after = server.trees.pss_mb()
            latencies = await _tell(session, author, len(followed) * sockets // PEOPLE, posts, arrivals)
            for watcher in opened:
                watcher.close()
    return Streaming(
        sockets=sockets,
        kilobytes_each=(after - before) * 1e3 / sockets,
        handshake_cpu_ms=handshakes * 1e3 / sockets,
        idle_cores=idle,
        reached=len(latencies) // posts,
        p50_ms=_percentile(latencies, 0.5),
        p99_ms=_percentile(latencies, 0.99),
        most_ms=max(latencies),
    )


async def _open(server: Server, tokens: Sequence[str], arrivals: list[float]) -> list[Watcher]:
    loop = asyncio.get_running_loop()
    room = asyncio.Semaphore(AT_ONCE)
    host, port = server.url.removeprefix("http://").split(":")

    async def one(token: str) -> Watcher:
        async with room:
            opened = loop.create_future()
            target = f"/api/v1/streaming?stream=user&access_token={token}"
            _, watcher = await loop.create_connection(lambda: Watcher(target, opened, arrivals), host, int(port))
            await opened
            return watcher

    return await asyncio.gather(*(one(token) for token in tokens))


async def _tell(
    session: aiohttp.ClientSession, author: str, expected: int, posts: int, arrivals: list[float]
) -> list[float]:
    """Milliseconds from the request of each post to each of its arrivals."""
    latencies: list[float] = []
    for number in range(posts):
        arrivals.clear()
        started = time.perf_counter()
        await _post(session, "/api/v1/statuses", author, status=f"Number {number}: " + "x" * 120)
        deadline = started + 10.0
        while len(arrivals) < expected and time.perf_counter() < deadline:  # noqa: ASYNC110 - arrivals wake nobody
            await asyncio.sleep(0.01)
        if len(arrivals) != expected:
            raise RuntimeError(f"{len(arrivals)} of {expected} sockets were told")
        latencies += [(arrival - started) * 1e3 for arrival in arrivals]
        await asyncio.sleep(0.2)
    return latencies


async def _join(session: aiohttp.ClientSession) -> tuple[str, str]:
    """Token and id of somebody new."""
    app = await _post(
        session, "/api/v1/apps", client_name="bench", redirect_uris="urn:ietf:wg:oauth:2.0:oob", scopes=SCOPES
    )
    client = {"client_id": app["client_id"], "client_secret": app["client_secret"], "scope": SCOPES}
    token = (await _post(session, "/oauth/token", grant_type="client_credentials", **client))["access_token"]
    name = f"w{secrets.token_hex(6)}"
    person = {"username": name, "email": f"{name}@example.org", "password": "a long enough secret"}
    own = (await _post(session, "/api/v1/accounts", token, agreement="true", locale="en", **person))["access_token"]
    headers = {"authorization": f"Bearer {own}"}
    async with session.get("/api/v1/accounts/verify_credentials", headers=headers) as response:
        return own, (await response.json())["id"]


async def _post(session: aiohttp.ClientSession, path: str, token: str = "", **form: str) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    while True:
        async with session.post(path, data=form, headers=headers) as response:
            if response.status == 503:
                await asyncio.sleep(0.5)
                continue
            response.raise_for_status()
            return await response.json()


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.streaming", description=__doc__)
    parser.add_argument("--sockets", type=int, default=5_000)
    parser.add_argument("--followers", type=int, default=1_000, help="sockets whose owner follows the author")
    parser.add_argument("--posts", type=int, default=20)
    options = parser.parse_args()
    figures = uvloop.run(measure_streaming(options.sockets, options.followers, options.posts))
    for name, value in msgspec.structs.asdict(figures).items():
        print(f"{name:>18} {value:12.3f}" if isinstance(value, float) else f"{name:>18} {value:12}")


if __name__ == "__main__":
    main()
