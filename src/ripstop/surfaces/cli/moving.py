"""`ripstop move`: from SQLite to PostgreSQL."""

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from ripstop.domain.search.functions import IndexLost
from ripstop.engines.moving import Move
from ripstop.kernel.configuration import Configuration
from ripstop.surfaces.cli.program import Program, fail

To = Annotated[str, typer.Option("--to", help="An empty database: postgresql://user@host/name.", show_default=False)]
GiveUp = Annotated[bool, typer.Option("--give-up", help="Stop preparing: the store stays where it is.")]


def register(app: typer.Typer, program: Program) -> None:
    """Add the command."""

    @app.command()
    def move(*, to: To = "", give_up: GiveUp = False) -> None:
        """Move the store from SQLite to PostgreSQL, while the server runs. May be cut off, and run again."""
        configuration = program.configuration()
        if configuration.database:
            fail("The store is on PostgreSQL already: the setting database is not empty.")
        if give_up:
            program.move_origin(configuration).forget()
            typer.echo("The store stays where it is. Drop what was copied into the database by yourself.")
            return
        if urlsplit(to).scheme not in {"postgresql", "postgres"}:
            fail("Say where to: --to postgresql://user@host/name.")
        seconds = asyncio.run(_move(program, configuration, to))
        typer.echo(
            f"The store has moved; writes were stopped for {seconds:.1f} s. The server goes on reading, not writing.\n"
            "Now set database to that URL, and start the server again. Text search fills up in the background.\n"
            f"The files in {configuration.data_folder} can be removed, but for the secret and the pictures."
        )


async def _move(program: Program, configuration: Configuration, to: str) -> float:
    origin = program.move_origin(configuration)
    async with program.move_destination(to) as destination:
        seconds = await Move(origin, destination, say=typer.echo).run()
    async with program.graph(msgspec.structs.replace(configuration, database=to)) as graph:
        write = graph.write_in(0)
        write.emit(IndexLost())
        await graph.commit(write)
    return seconds
