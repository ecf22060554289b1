"""The program `ripstop`: the command line, and the processes that its commands run."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, closing, contextmanager
from functools import partial
from typing import Any

import typer

from ripstop import __version__, boot
from ripstop.boot import Ground
from ripstop.engines.base import Inspection, Store
from ripstop.engines.moving import Destination, Origin
from ripstop.kernel import configuration as settings
from ripstop.kernel import logging as logs
from ripstop.kernel.configuration import Configuration, ConfigurationError
from ripstop.kernel.errors import RipstopError
from ripstop.kernel.secrets import SecretUnusable
from ripstop.machinery.graph import Graph
from ripstop.processes import running, system
from ripstop.processes.board import Board
from ripstop.processes.folder import FolderLock, FolderUnusable
from ripstop.processes.helper import run_helper
from ripstop.processes.host import run_web, run_worker
from ripstop.processes.listener import CannotListen, Port, listen_at
from ripstop.processes.stuck import StuckHolder
from ripstop.processes.supervisor import CannotStart, Role, Supervisor
from ripstop.rehearsal import cli as rehearsal
from ripstop.surfaces import cli
from ripstop.surfaces.condition.machine import SUPERVISOR

EXPECTED = (ConfigurationError, SecretUnusable, FolderUnusable, CannotListen, CannotStart, RipstopError)
"""Errors whose message is a sentence for the operator, and needs no traceback."""

HELPER_IDLE_SECONDS = 60.0
SPARE_SECONDS = 5.0
"""How much longer the supervisor waits for its children than they do for what is under way."""


class Program:
    """What the commands do."""

    def configuration(self) -> Configuration:
        return settings.load(os.environ)

    def serve(self, configuration: Configuration) -> None:
        run(configuration, https=configuration.http_processes, workers=1)

    def web(self, configuration: Configuration) -> None:
        _demand_database(configuration, "web")
        run(configuration, https=configuration.http_processes, workers=0)

    def worker(self, configuration: Configuration) -> None:
        _demand_database(configuration, "worker")
        run(configuration, https=0, workers=1)

    def store(self, configuration: Configuration) -> AbstractAsyncContextManager[Store]:
        return boot.opened_store(configuration)

    async def inspect(self, configuration: Configuration) -> Inspection:
        return await boot.make_store(configuration).inspect()

    def running(self, configuration: Configuration) -> dict[str, float]:
        return running.ages(configuration.data_folder, supervisor=SUPERVISOR)

    def graph(self, configuration: Configuration) -> AbstractAsyncContextManager[Graph]:
        return boot.opened_graph(configuration)

    def move_origin(self, configuration: Configuration) -> Origin:
        return boot.move_origin(configuration)

    def move_destination(self, database: str) -> AbstractAsyncContextManager[Destination]:
        return boot.move_destination(database)

    @contextmanager
    def idle_store(self, configuration: Configuration) -> Iterator[Store]:
        with FolderLock(configuration.data_folder):
            yield boot.make_store(configuration)


def _demand_database(configuration: Configuration, command: str) -> None:
    if not configuration.database:
        raise ConfigurationError(
            [f"`ripstop {command}` needs PostgreSQL: set database. With SQLite, `ripstop serve` runs all processes."]
        )


def run(configuration: Configuration, *, https: int, workers: int) -> None:
    """Be the supervisor of so many processes of each kind until told to stop."""
    logs.configure(configuration.log, process="ripstop")
    system.use_few_arenas()
    system.allow_many_files()
    with FolderLock(configuration.data_folder), ExitStack() as kept:
        port = kept.enter_context(closing(Port(configuration.host, configuration.port))) if https else None
        if port is not None:
            configuration = configuration.listening_on(port.number)
        ground = Ground(configuration)
        if https:
            _ = ground.renderer  # made before the forks, for all of them
        roles = make_roles(ground, port, https=https, workers=workers)
        Supervisor(
            roles,
            Board(len(roles)),
            ground.clock,
            announce=partial(_announce, configuration, https, workers),
            enter=lambda name: logs.configure(configuration.log, process=name),
            stuck_writer=_stuck_writer(ground),
            stop_seconds=configuration.limits.stop_seconds + SPARE_SECONDS,
        ).run()


def make_roles(ground: Ground, port: Port | None, *, https: int, workers: int) -> list[Role]:
    """The processes of a server."""
    limits = ground.configuration.limits
    roles = []
    if port is not None:
        serve = partial(
            run_web,
            open_service=partial(boot.open_web, ground),
            head_seconds=limits.head_seconds,
            connections=limits.connections,
            stop_seconds=limits.stop_seconds,
        )
        roles += [Role(name=f"rip-http-{number}", main=serve, listen=port.listen) for number in range(https)]
    work = partial(run_worker, open_service=partial(boot.open_worker, ground), stop_seconds=limits.stop_seconds)
    roles += [Role(name=f"rip-worker-{number}", main=work) for number in range(workers)]
    helper = partial(
        run_helper,
        metrics=ground.helper,
        snapshot=ground.metrics.snapshot,
        threads=2 if len(os.sched_getaffinity(0)) > 2 else 1,
        idle_seconds=HELPER_IDLE_SECONDS,
    )
    socket = ground.configuration.run_folder / boot.HELPER_SOCKET
    # It stops last: requests and calls that are still under way may need it.
    roles.append(Role(name="rip-helper", main=helper, listen=partial(listen_at, socket), on_demand=True, stops=1))
    darkroom = partial(
        _run_darkroom,
        metrics=ground.helper,
        snapshot=ground.metrics.snapshot,
        at_once=max(1, min(4, len(os.sched_getaffinity(0)) // 2)),
        idle_seconds=HELPER_IDLE_SECONDS,
    )
    socket = ground.configuration.run_folder / boot.DARKROOM_SOCKET
    roles.append(Role(name="rip-darkroom", main=darkroom, listen=partial(listen_at, socket), on_demand=True, stops=1))
    return roles


def _run_darkroom(*arguments: Any, **named: Any) -> None:
    """The picture process's main."""
    # NOTE: not above, so that this process alone takes the 5 MB of Pillow; most servers seldom have one.
    from ripstop.processes.darkroom import run_darkroom

    run_darkroom(*arguments, **named)


def _stuck_writer(ground: Ground) -> StuckHolder:
    """Watches the write lock of SQLite; PostgreSQL sees to its own."""
    look = partial(boot.write_lock_holder, ground.configuration)
    return StuckHolder(look, ground.clock, seconds=ground.configuration.limits.write_lock_seconds)


def _announce(configuration: Configuration, https: int, workers: int) -> None:
    """Say where the server is, and what to do next."""
    store = "PostgreSQL" if configuration.database else f"SQLite in {configuration.data_folder}"
    lines = [f"Ripstop {__version__} is ready: {_many(https, 'HTTP process')}, {_many(workers, 'worker')}, {store}."]
    if https:
        origin = configuration.origin
        lines += [
            "",
            f"  Look:     {origin}/ shows what is being said here, live.",
            f"  Sign up:  there, or enter {origin} in any app for Mastodon.",
            f"  Watch:    {origin}/metrics",
        ]
    lines += ["", "Ctrl-C stops it; what is under way finishes first."]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"


def commands() -> typer.Typer:
    """All commands of the program."""
    app = cli.build(Program())
    app.add_typer(rehearsal.app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command."""
    try:
        commands()(arguments)
    except EXPECTED as error:
        sentences = error.sentences if isinstance(error, ConfigurationError) else [str(error)]
        for sentence in sentences:
            sys.stderr.write(f"ripstop: {sentence}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
