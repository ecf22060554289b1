"""A client of the shared server, and the cast."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.api.client import Api, Person
from tests.api.streams import Streams
from tests.server import Server


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    # A page's Link header repeats the query, and some tests ask with queries that are longer than the client's limit.
    # Idle connections are let go long before the server closes them, which the client may learn too late.
    connector = aiohttp.TCPConnector(keepalive_timeout=5)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False, max_field_size=1 << 16) as session:
        yield Api(session, server)


@pytest.fixture
async def streams(server: Server) -> AsyncIterator[Streams]:
    async with aiohttp.ClientSession() as session:
        yield Streams(session, server)


@pytest.fixture
async def alice(api: Api) -> Person:
    return await api.person("alice")


@pytest.fixture
async def bob(api: Api) -> Person:
    return await api.person("bob")


@pytest.fixture
async def carol(api: Api) -> Person:
    return await api.person("carol")
