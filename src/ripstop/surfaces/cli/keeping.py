"""`ripstop check`, `ripstop backup`, `ripstop restore`: keeping a store."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ripstop.surfaces.cli.program import Program

MOST_SHOWN = 100
"""Faults that are shown one by one; further ones are only counted."""


def register(app: typer.Typer, program: Program) -> None:
    """Add the commands that keep a store."""

    @app.command()
    def check() -> None:
        """Compare every count with its rows and both halves of every association. Changes nothing."""
        faults = asyncio.run(_check(program))
        if faults:
            typer.echo(f"{faults} faults.")
            raise typer.Exit(1)
        typer.echo("The store is sound.")

    @app.command()
    def backup(target: Annotated[Path, typer.Argument(help="Where to write the copy; must not exist.")]) -> None:
        """Write a consistent copy of the store, which may be in use."""
        asyncio.run(_backup(program, target))
        typer.echo(f"The copy is in {target}. It holds neither the settings nor the server's secret: keep those, too.")

    @app.command()
    def restore(source: Annotated[Path, typer.Argument(help="A copy that `ripstop backup` wrote.")]) -> None:
        """Fill a new store from a copy. The server must not run."""
        asyncio.run(program.restore(program.configuration(), source))
        typer.echo("The store is restored.")


async def _check(program: Program) -> int:
    """Print what is wrong; how many faults there are."""
    faults = 0
    async with program.store(program.configuration()) as store:
        async for fault in store.check():
            faults += 1
            if faults <= MOST_SHOWN:
                typer.echo(f"{fault.sentence} {fault.row}")
    return faults


async def _backup(program: Program, target: Path) -> None:
    async with program.store(program.configuration()) as store:
        await store.backup(target)
