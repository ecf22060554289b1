"""What all tests share: a PostgreSQL for the run, a database of it for each test that asks, and stores."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.postgres import PostgresServer, running_postgres

pytest_plugins = ["tests.stores", "tests.server"]  # the second imports the first

# Random tests, in the suite: enough to find what is broken, and no search for the smallest failure. The examples are
# the same in each run, so that it fails for what was changed; --hypothesis-profile=deep looks at others, for longer.
# How long it takes is no finding: a machine may stand still at any moment.
ANY_TIME: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile(
    "suite",
    max_examples=30,
    stateful_step_count=20,
    derandomize=True,
    **ANY_TIME,
    phases=[Phase.explicit, Phase.generate],
)
settings.register_profile("deep", max_examples=1500, stateful_step_count=50, **ANY_TIME)
settings.load_profile("suite")

POSTGRES_ORIGIN = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run, started by the first test that needs it."""
    with running_postgres() as server:
        pytestconfig.stash[POSTGRES_ORIGIN] = server.origin
        yield server


@pytest.fixture(scope="session")
def postgres_of_servers(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """Another one, for Ripstop's own servers.

    They go on writing while other tests run, and PostgreSQL numbers the transactions of all its databases together:
    cursors of the change log, and counts of transactions, would move by what servers do.
    """
    with running_postgres() as server:
        pytestconfig.stash[POSTGRES_ORIGIN] = server.origin
        yield server


@pytest.fixture
async def postgres_dsn(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The DSN of an empty database that this test has for itself."""
    async with postgres_server.fresh_database() as dsn:
        yield dsn


@pytest.fixture
async def citus_dsn(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The DSN of an empty database with the extension citus; skips the test where the server has none."""
    if not await postgres_server.offers_citus():
        pytest.skip(f"the extension citus is not installed on {postgres_server.origin}")
    async with postgres_server.fresh_database() as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute("CREATE EXTENSION citus")
        finally:
            await connection.close()
        yield dsn


ONE_ENGINE = ("tests/web/", "tests/api/test_fuzz.py", "tests/api/test_rubbish.py", "tests/api/test_spellings.py")
"""Tests of what stands above the engines: they run on SQLite alone, unless RIPSTOP_TEST_ALL is set."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another engine would show just as well."""
    if os.environ.get("RIPSTOP_TEST_ALL"):
        return
    left_out = [item for item in items if item.nodeid.startswith(ONE_ENGINE) and "postgres" in item.nodeid]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In one of several processes: hand on which PostgreSQL its tests ran on."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["postgres"] = session.config.stash.get(POSTGRES_ORIGIN, "")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what such a process handed on."""
    if origin := getattr(node, "workeroutput", {}).get("postgres"):
        node.config.stash[POSTGRES_ORIGIN] = origin


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Says which PostgreSQL the tests ran on."""
    terminalreporter.write_line(f"PostgreSQL: {config.stash.get(POSTGRES_ORIGIN, 'no test asked for it')}")
