"""What the older version left on each engine (`data/`), put where today's code opens it."""

from __future__ import annotations

import asyncio
import contextlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.server import Server, database_for
from tests.stores import session, temporary_folder
from tests.upgrades.town import Told

DATA = Path(__file__).parent / "data"


def asking() -> aiohttp.ClientSession:
    """Lets go of idle connections long before a server closes them, which it may learn too late."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=5))


@contextlib.contextmanager
def unpacked(engine: str) -> Iterator[tuple[Path, Told]]:
    """The folder with all that was kept of an engine, and what the older version had acknowledged."""
    with temporary_folder() as folder:
        with tarfile.open(DATA / f"{engine}.tar.xz") as files:
            files.extractall(folder, filter="data")
        yield folder, msgspec.json.decode((folder / "told.json").read_bytes(), type=Told)


@contextlib.contextmanager
def older_installation(engine: str, request: pytest.FixtureRequest) -> Iterator[tuple[Server, Told]]:
    """An installation of today's version on the older one's data, not started, and stopped at the end."""
    with unpacked(engine) as (folder, told), database_for(engine, request) as database:
        if database:
            asyncio.run(_fill(database, (folder / "database.sql").read_text(encoding="utf-8")))
        server = Server(folder / "data", database)
        try:
            yield server, told
        finally:
            server.stop()


async def _fill(dsn: str, dump: str) -> None:
    async with session(dsn) as connection:
        await connection.execute(dump)
