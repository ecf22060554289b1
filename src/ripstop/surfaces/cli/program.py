"""What the command line asks of the program."""

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import NoReturn, Protocol

import typer

from ripstop.engines.base import Inspection, Store
from ripstop.engines.moving import Destination, Origin
from ripstop.kernel.configuration import Configuration
from ripstop.machinery.graph import Graph


class Program(Protocol):
    """All that needs to know how the parts are put together.

    What cannot be done is raised as one of `ripstop.__main__.EXPECTED`, with a sentence for the operator.
    """

    def configuration(self) -> Configuration:
        """The settings of file and environment, validated."""
        ...

    def serve(self, configuration: Configuration) -> None:
        """Run a whole server until it is stopped."""
        ...

    def web(self, configuration: Configuration) -> None:
        """Run HTTP processes only."""
        ...

    def worker(self, configuration: Configuration) -> None:
        """Run a function worker only."""
        ...

    def store(self, configuration: Configuration) -> AbstractAsyncContextManager[Store]:
        """The store, open."""
        ...

    async def inspect(self, configuration: Configuration) -> Inspection:
        """Look at the store from outside, and change nothing."""
        ...

    def running(self, configuration: Configuration) -> dict[str, float]:
        """Seconds since each process of the running server began, by name; empty if none runs."""
        ...

    def graph(self, configuration: Configuration) -> AbstractAsyncContextManager[Graph]:
        """The graph over the store, with all that listens to what happens in it."""
        ...

    def move_origin(self, configuration: Configuration) -> Origin:
        """The store in the data folder, to be moved."""
        ...

    def move_destination(self, database: str) -> AbstractAsyncContextManager[Destination]:
        """The database that it shall be moved into, connected."""
        ...

    def idle_store(self, configuration: Configuration) -> AbstractContextManager[Store]:
        """The store, not open, of an installation that no server runs on, nor can while this is entered."""
        ...


def fail(sentence: str) -> NoReturn:
    """Say why a command did not do its work, and end."""
    typer.echo(f"ripstop: {sentence}", err=True)
    raise typer.Exit(1)
