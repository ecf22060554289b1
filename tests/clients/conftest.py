"""People who use the clients, and what each test says that it uses of them.

A test is marked ``@pytest.mark.covers("method", …)`` with the methods or commands of its client that it uses, and fails
if it did not use one of them. So the marks can be believed, and the page of the clients (docs/clients.md) is made of
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import pytest

from tests.api.client import Api, Person
from tests.clients.covering import expanded
from tests.clients.mastodon_py import Client, Join, joined
from tests.server import Server


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "covers(*names): methods or commands of a client that a test uses")


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(session, server)


@pytest.fixture
async def alice(api: Api) -> Person:
    return await api.person("alice")


@pytest.fixture
async def bob(api: Api) -> Person:
    return await api.person("bob")


@pytest.fixture
def drained(server: Server) -> Callable[[], None]:
    """Returns once nothing is left to be done in the background."""

    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await Api(session, server).drained()

    return lambda: asyncio.run(ask())


@pytest.fixture
def used(request: pytest.FixtureRequest) -> Iterator[set[str]]:
    """What the test has used of its client; all that it says it covers must be in it at the end."""
    used: set[str] = set()
    yield used
    said = expanded(name for mark in request.node.iter_markers("covers") for name in mark.args)
    assert said <= used, f"said to be covered, and not used: {sorted(said - used)}"


@pytest.fixture
def join(server: Server, used: set[str]) -> Join:
    """Somebody new with Mastodon.py."""
    return lambda name: joined(server, name, used)


@pytest.fixture
def ann(join: Join) -> Client:
    return join("ann")


@pytest.fixture
def ben(join: Join) -> Client:
    return join("ben")
