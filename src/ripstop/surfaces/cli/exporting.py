"""`ripstop export`: everything that is one account's own, in one file."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ripstop.domain.accounts.access import access_named_account
from ripstop.engines.blobs import FolderBlobs
from ripstop.surfaces.archive import write_archive
from ripstop.surfaces.cli.program import Program

Name = Annotated[str, typer.Argument(help="A user name of this server, such as alice or @alice.", show_default=False)]
To = Annotated[Path | None, typer.Option("--to", help="The file to write; NAME.zip if it is not said.")]


def register(app: typer.Typer, program: Program) -> None:
    """Add the command."""

    @app.command()
    def export(name: Name, *, to: To = None) -> None:
        """Write an archive of an account: profile, posts, pictures, likes, bookmarks, and whom it knows."""
        username = name.strip().removeprefix("@")
        target = (to or Path(f"{Path(username).name}.zip")).absolute()
        asyncio.run(_export(program, username, target))
        typer.echo(f"The archive is {target}.")


async def _export(program: Program, username: str, target: Path) -> None:
    configuration = program.configuration()
    blobs = FolderBlobs(configuration.media_folder)
    async with program.graph(configuration) as graph:
        account = await access_named_account(graph, username, local_domain="")
        await write_archive(graph, blobs, account, origin=configuration.origin, target=target)
