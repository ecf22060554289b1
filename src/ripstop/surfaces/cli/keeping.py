"""`ripstop check`, `ripstop backup`, `ripstop restore`: keeping a store."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ripstop import __version__
from ripstop.domain.media.check import missing_blobs
from ripstop.engines import backups
from ripstop.engines.base import Fault, Store
from ripstop.engines.blobs import FolderBlobs
from ripstop.kernel.configuration import Configuration
from ripstop.surfaces.cli.program import Program, fail

MOST_SHOWN = 100
"""Faults that are shown one by one; further ones are only counted."""

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]


class Found(msgspec.Struct, kw_only=True):
    """What a check found; `first` are the first of the faults."""

    sound: bool = True
    faults: int = 0
    first: list[Fault] = msgspec.field(default_factory=list)


def register(app: typer.Typer, program: Program) -> None:
    """Add the commands that keep a store."""

    @app.command()
    def check(*, json: Json = False) -> None:
        """Compare every count with its rows, both halves of every association, every picture with its files.

        Changes nothing.
        """
        configuration = program.configuration()
        found = asyncio.run(_check_open(program, configuration))
        typer.echo(msgspec.json.encode(found)) if json else _say(found)
        if not found.sound:
            raise typer.Exit(1)

    @app.command()
    def backup(target: Annotated[Path, typer.Argument(help="Where to write the copy; must not exist.")]) -> None:
        """Write a consistent copy of the store, which may be in use, and of all pictures."""
        asyncio.run(_backup(program, target.absolute()))
        typer.echo(f"The copy is in {target}. It holds neither the settings nor the server's secret: keep those, too.")

    @app.command()
    def restore(source: Annotated[Path, typer.Argument(help="A copy that `ripstop backup` wrote.")]) -> None:
        """Fill a new store from a copy, after verifying it, and check the result. The server must not run."""
        found = asyncio.run(_restore(program, source.absolute()))
        _say(found)
        if not found.sound:
            fail(f"{source} was restored as it is, with these faults.")
        typer.echo("The store is restored.")


async def check_store(store: Store, configuration: Configuration) -> Found:
    """All faults of an open store and of its pictures."""
    found = Found()
    for faults in (store.check(), missing_blobs(store, FolderBlobs(configuration.media_folder))):
        async for fault in faults:
            found.sound = False
            found.faults += 1
            if found.faults <= MOST_SHOWN:
                found.first.append(fault)
    return found


def _say(found: Found) -> None:
    for fault in found.first:
        typer.echo(f"{fault.sentence} {fault.row}")
    typer.echo("The store is sound." if found.sound else f"{found.faults} faults.")


async def _check_open(program: Program, configuration: Configuration) -> Found:
    async with program.store(configuration) as store:
        return await check_store(store, configuration)


async def _backup(program: Program, target: Path) -> None:
    configuration = program.configuration()
    async with program.store(configuration) as store:
        begun_ms = await store.now_ms()
        about = backups.About(version=__version__, engine=configuration.engine, begun_ms=begun_ms)
        await backups.backup(store, configuration.media_folder, target, about)
    backups.Last(begun_ms=begun_ms, target=str(target)).write(configuration.data_folder)


async def _restore(program: Program, source: Path) -> Found:
    configuration = program.configuration()
    with program.idle_store(configuration) as store:
        about = await backups.verify(source)
        if about.engine != configuration.engine:
            fail(f"The copy is of a store on {about.engine}, and the settings name one on {configuration.engine}.")
        await backups.restore(store, configuration.media_folder, source)
        await store.open()
        try:
            return await check_store(store, configuration)
        finally:
            await store.close()
