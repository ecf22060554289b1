"""People who use the clients, and what each test says that it uses of them.

A test is marked ``@pytest.mark.covers("method", …)`` with the methods or commands of its client that it uses, and fails
if it did not use one of them. So the marks can be believed, and the page of the clients (docs/start/clients.md) is
made of them.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.api.client import Api
from tests.clients.covering import expanded
from tests.clients.mastodon_py import Client, Join, joined
from tests.server import Server

PASSED = pytest.StashKey[dict[str, set[str]]]()
"""What was used by tests that passed, by engine."""

FAILED = pytest.StashKey[bool]()
"""Whether a test has failed, so that nothing more is asked of it."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "covers(*names): methods or commands of a client that a test uses")
    config.stash[PASSED] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    if report.when == "teardown" and report.passed and isinstance(item, pytest.Function):
        engine = str(item.callspec.params.get("server", "")) if hasattr(item, "callspec") else ""
        item.config.stash[PASSED].setdefault(engine, set()).update(said(item))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where the environment names a file, write into it what was used; tools/clients.py reads it."""
    file = os.environ.get("RIPSTOP_CLIENTS")
    if file:
        passed = {engine: sorted(names) for engine, names in session.config.stash[PASSED].items()}
        Path(file).write_text(json.dumps(passed))


def said(item: pytest.Item) -> set[str]:
    """What a test says that it uses."""
    return expanded(name for mark in item.iter_markers("covers") for name in mark.args)


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
    missing = said(request.node) - used
    assert not missing or request.node.stash[FAILED], f"said to be covered, and not used: {sorted(missing)}"


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
