"""A real server for tests: `ripstop serve` as a process of its own, on a temporary folder and a free port.

def test_something(server: Server) -> None:            # shared by all tests of the run, once on each engine
    httpx.get(server.url + "/health")
def test_a_catastrophe(own_server: Server) -> None:    # the test's own, to be stopped, killed and started again
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from ripstop.kernel.configuration import Configuration, load
from ripstop.kernel.errors import Unavailable
from tests.postgres import PostgresServer
from tests.stores import ENGINES, temporary_folder

PATIENCE = 120.0
"""Seconds after which something awaited counts as not coming, however little the machine has to give."""
BUSY_MACHINE = {"RIPSTOP_LIMITS_EVENT_LOOP_LAG": "60", "RIPSTOP_LIMITS_COMMIT_SECONDS": "60"}
"""Settings with which nobody is turned away because of what else the machine does; test_flood.py has others."""

T = TypeVar("T")


class Server:
    """One installation, and its server while it runs.

    :param folder: the data folder.
    :param database: as in the settings: empty, or a DSN.
    """

    def __init__(self, folder: Path, database: str = "", **settings: str) -> None:
        self.folder = folder
        self.database = database
        self.url = ""
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RIPSTOP_")},
            "RIPSTOP_DATA": str(folder),
            "RIPSTOP_DATABASE": database,
            "RIPSTOP_PORT": "0",
            "RIPSTOP_PROCESSES": "2",
            # Links in tests lead to servers of others.
            "RIPSTOP_OUTBOUND_PREVIEWS": "false",
            # As BUSY_MACHINE, but older versions do not know it.
            "RIPSTOP_LIMITS_READ_SECONDS": "60",
            **BUSY_MACHINE,
            **settings,
        }
        self._log = folder.with_name(folder.name + ".log")
        self._process: subprocess.Popen[str] | None = None
        self._keeps_port = False

    @property
    def environment(self) -> dict[str, str]:
        """What tells the program where this installation is."""
        return dict(self._environment)

    @property
    def configuration(self) -> Configuration:
        """The settings, for what a test does to the store beside the server, as a command would."""
        return load(self._environment)

    @property
    def pid(self) -> int:
        """The supervisor's."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, command: str = "serve", check: bool = True) -> None:
        """Start, and return when it is ready; the port stays the same from the second start on."""
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ripstop", command],
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parent,
            )
        said = ""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said += line
            if line.startswith("Ctrl-C stops it"):
                break
        found = re.search(r"enter (http://\S+) in any app", said)
        if found:
            self.url = found[1]
            self._environment["RIPSTOP_PORT"] = self.url.rpartition(":")[2]
            self._keep_port()
        elif check:
            pytest.fail(f"the server did not start: {said}\n{self.log()}")

    def _keep_port(self) -> None:
        """See to it that no other program is given the port while the server is down between two starts."""
        if self._keeps_port:
            return
        address = (self._environment.get("RIPSTOP_HOST", "127.0.0.1"), self._environment["RIPSTOP_PORT"])
        family, _, _, _, place = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
        kept = socket.socket(family, socket.SOCK_STREAM)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(place)  # without listening, so that it takes no connection
        weakref.finalize(self, os.close, kept.detach())
        self._keeps_port = True

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the program on this installation."""
        return subprocess.run(
            [sys.executable, "-m", "ripstop", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            cwd=Path(__file__).parent,
        )

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send the supervisor a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end; the exit code."""
        assert self._process is not None
        code = self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def stop(self) -> int:
        """Stop in good order, if it runs; the exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self.signal()
        return self.wait()

    def kill_all(self) -> None:
        """`kill -9` of every process at once, as a power failure does."""
        processes = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.wait()
        wait_until(lambda: have_ended(processes), "the end of all processes")

    def children(self) -> dict[str, int]:
        """The processes under the supervisor: name to process id. One that was forked this moment has no name yet."""
        found = {}
        unnamed = Path(f"/proc/{self.pid}/comm").read_text()
        for child in psutil.Process(self.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                name = Path(f"/proc/{child.pid}/comm").read_text()
                if name != unnamed:
                    found[name.strip()] = child.pid
        return found

    def kill(self, name: str) -> int:
        """`kill -9` of one child; its process id."""
        pid = self.children()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def log(self) -> str:
        """All that the server has logged."""
        return self._log.read_text()


async def patiently(act: Callable[[], Awaitable[T]]) -> T:
    """What comes of something done beside a server; done again where the store had too much to do, and did nothing."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await act()
            except Unavailable:
                await asyncio.sleep(0.1)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once the condition holds. Only for what no event tells: processes that come and go."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)


def have_ended(processes: Sequence[psutil.Process]) -> bool:
    """Whether none of them runs; one whose end nobody has asked about may still be listed."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return False
    return True


@contextlib.contextmanager
def database_for(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The setting `database` for an empty store on an engine; PostgreSQL is started for the first one that asks."""
    if engine == "sqlite":
        yield ""
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_of_servers")
    database = postgres.fresh_database()
    with asyncio.Runner() as runner:
        dsn = runner.run(database.__aenter__())
        try:
            yield dsn
        finally:
            runner.run(database.__aexit__(None, None, None))


@contextlib.contextmanager
def installed(engine: str, request: pytest.FixtureRequest, **settings: str) -> Iterator[Server]:
    """An installation on an engine, not started, and stopped at the end."""
    with database_for(engine, request) as database, temporary_folder() as folder:
        server = Server(folder / "data", database, **settings)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def server_on_sqlite(request: pytest.FixtureRequest) -> Iterator[Server]:
    with installed("sqlite", request) as server:
        server.start()
        yield server


@pytest.fixture(scope="session")
def server_on_postgres(request: pytest.FixtureRequest) -> Iterator[Server]:
    with installed("postgres", request) as server:
        server.start()
        yield server


@pytest.fixture(scope="session", params=ENGINES)
def server(request: pytest.FixtureRequest) -> Server:
    """A running server that all tests share; once on each engine.

    Each engine's is a fixture of its own, so that it goes on running while the other one is tested.
    """
    running: Server = request.getfixturevalue(f"server_on_{request.param}")
    return running


@pytest.fixture(params=ENGINES)
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running server for one test; once on each engine."""
    with installed(request.param, request) as server:
        server.start()
        yield server
