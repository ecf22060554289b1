"""Installations for tests of commands, each for one test, once on each engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import Server, installed


@pytest.fixture
def server(engine: str, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running server."""
    with installed(engine, request) as server:
        server.start()
        yield server


@pytest.fixture
def empty(engine: str, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Another installation, on which nothing ever ran."""
    with installed(engine, request) as server:
        yield server
