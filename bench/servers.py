"""Starts what is measured: Ripstop on a folder of its own, with SQLite or with a PostgreSQL of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import asyncpg

from bench.processes import Trees
from ripstop.rehearsal.pool import Pool, UnansweredError, clock
from ripstop.rehearsal.target import Target
from tests.postgres import PostgresServer, running_postgres

START_SECONDS = 60.0
STOP_SECONDS = 30.0

DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "autovacuum": "on",
    "listen_addresses": "",
    "log_min_messages": "fatal",
}
"""PostgreSQL as an operator would run it; the tests' one may lose data."""


class Server:
    """A running Ripstop, and the process trees that are charged with its work."""

    def __init__(self, url: str, data: Path, pids: list[int]) -> None:
        self.url = url
        self.data = data
        self.target = Target.from_url(url)
        self.trees = Trees(pids)


class Database:
    """A PostgreSQL database, and the process that is the root of its server."""

    def __init__(self, server: PostgresServer, dsn: str, pid: int, version: str) -> None:
        self._server = server
        self.dsn = dsn
        self.pid = pid
        self.version = version

    @contextlib.asynccontextmanager
    async def another(self) -> AsyncIterator[Database]:
        """An empty database on the same server."""
        async with self._server.fresh_database() as dsn:
            yield Database(self._server, dsn, self.pid, self.version)


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """A new folder on the disk that the temporary files are on, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ripstop-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server_environment(data: Path, database: Database | None) -> dict[str, str]:
    """What tells the program where an installation is."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("RIPSTOP_")},
        "RIPSTOP_DATA": str(data),
        "RIPSTOP_DATABASE": database.dsn if database is not None else "",
    }


@contextlib.asynccontextmanager
async def running_server(
    data: Path, *, database: Database | None = None, port: int = 0, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Server]:
    """`ripstop serve` on a data folder, ready when this yields, stopped at the end. Without a `port`, on a free one.

    Raises RuntimeError with the end of its log when it does not start.
    """
    port = port or free_port()
    environment = {
        **server_environment(data, database),
        "RIPSTOP_HOST": "127.0.0.1",
        "RIPSTOP_PORT": str(port),
        "RIPSTOP_URL": f"http://127.0.0.1:{port}",
        **(settings or {}),
    }
    log = data.with_suffix(".log")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ripstop",
            "serve",
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    pids = [process.pid] if database is None else [process.pid, database.pid]
    server = Server(f"http://127.0.0.1:{port}", data, pids)
    try:
        if not await until_healthy(server.target, process):
            raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')[-4000:]}")
        yield server
    finally:
        await _stop(process)
        log.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def running_database(dsn: str = "") -> AsyncIterator[Database]:
    """A durable PostgreSQL with an empty database in it; or a database of a server of this machine that runs already,
    which stays as it is at the end."""
    if dsn:
        yield await _describe(PostgresServer(dsn, "the running server"), dsn)
        return
    with running_postgres(DURABLE) as server:
        async with server.fresh_database() as dsn:
            yield await _describe(server, dsn)


async def _describe(server: PostgresServer, dsn: str) -> Database:
    connection = await asyncpg.connect(dsn)
    try:
        folder = await connection.fetchval("SHOW data_directory")
        version = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return Database(server, dsn, _postmaster(Path(folder)), version)


def _postmaster(folder: Path) -> int:
    """The process that is the root of the server on this data folder."""
    return int((folder / "postmaster.pid").read_text().splitlines()[0])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until_healthy(target: Target, process: asyncio.subprocess.Process) -> bool:
    """Wait until /health is answered; False when the process ended or took too long."""
    deadline = clock() + START_SECONDS
    async with Pool(target, size=1, patience=0.0, timeout=5.0) as pool:
        while process.returncode is None and clock() < deadline:
            with contextlib.suppress(UnansweredError):
                if (await pool.call("GET", "/health")).ok:
                    return True
            await asyncio.sleep(0.1)
    return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End it as an operator would, and with force if it does not end."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
