"""Servers on stores that a bench has loaded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from bench.grow import grow_postgres, grow_sqlite
from bench.population import Population
from tests.server import Server, installed

Loaded = TypeVar("Loaded", bound=Population)


@contextlib.contextmanager
def loaded(request: pytest.FixtureRequest, make: Callable[[Server], Loaded]) -> Iterator[tuple[Server, Loaded]]:
    """A server on the engine that is asked for, and the population in its store.

    :param make: makes the population, given the server on the empty store.
    """
    with installed(request.param, request) as server:
        server.start()
        population = make(server)
        server.stop()
        if server.database:
            asyncio.run(grow_postgres(server.database, population))
        else:
            grow_sqlite(server.folder, population)
        server.start()
        yield server, population
