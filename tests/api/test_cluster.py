"""A server in parts: HTTP processes and workers apart, each with a data folder of its own, over one PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import aiohttp
import httpx
import pytest

from tests.api.client import Api
from tests.server import PATIENCE, Server, database_for, wait_until
from tests.stores import temporary_folder


@pytest.fixture
def parts(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server, Server]]:
    """Two that serve HTTP, and one that works in the background."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(database_for("postgres", request))
        folder = stack.enter_context(temporary_folder())
        settings = {"RIPSTOP_SECRET": str(folder / "secret"), "RIPSTOP_PROCESSES": "1"}
        found = []
        for name, command in (("one", "web"), ("two", "web"), ("three", "worker")):
            server = Server(folder / name, database, **settings)
            stack.callback(server.stop)
            server.start(command=command, check=command == "web")
            found.append(server)
        yield found[0], found[1], found[2]


async def test_parts_make_one_server(parts: tuple[Server, Server, Server]) -> None:
    one, two, worker = parts
    assert set(one.children()) == {"rip-http-0"}
    assert set(worker.children()) == {"rip-worker-0"}
    async with aiohttp.ClientSession() as session:
        here, there = Api(session, one), Api(session, two)
        alice = await here.person("alice")
        bob = await there.person("bob")
        await there.follow(bob, alice)
        post = await here.publish(alice, "To all machines")
        wait_until(lambda: post["id"] in homes(two, bob.token), "the post at home")


def homes(server: Server, token: str) -> list[str]:
    """The ids of a home timeline, as far as the server can say now."""
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.get(server.url + "/api/v1/timelines/home", headers=headers, timeout=PATIENCE)
    return [post["id"] for post in answer.json()] if answer.status_code == 200 else []
