"""The command: looks, in an order in which each look needs the one before, and says what was found."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import typer

from ripstop.kernel.configuration import Configuration, ConfigurationError
from ripstop.kernel.errors import RipstopError
from ripstop.surfaces.cli.keeping import Json
from ripstop.surfaces.cli.program import Program
from ripstop.surfaces.condition import machine
from ripstop.surfaces.condition import store as stores
from ripstop.surfaces.condition.finding import Finding, State, wrong

EXIT = {State.FINE: 0, State.WRONG: 1, State.WARNING: 3}
"""Exit code by the worst that was found; 2 is that of a command that was mistyped."""

_SEVERITY = (State.FINE, State.WARNING, State.WRONG)
_SIGN = {State.FINE: "  ok", State.WARNING: "   !", State.WRONG: "  !!"}


def register(app: typer.Typer, program: Program) -> None:
    """Add the command."""

    @app.command()
    def doctor(*, json: Json = False) -> None:
        """Say what is wrong with this installation, and how to mend it. Changes nothing."""
        findings = asyncio.run(_all(program))
        if json:
            typer.echo(msgspec.json.encode({"findings": findings}))
        else:
            for finding in findings:
                typer.echo(f"{_SIGN[finding.state]}  {finding.topic:10} {finding.sentence}")
                if finding.remedy:
                    typer.echo(f"{'':18}{finding.remedy}")
        raise typer.Exit(EXIT[max((one.state for one in findings), key=_SEVERITY.index)])


async def _all(program: Program) -> list[Finding]:
    try:
        configuration = program.configuration()
    except ConfigurationError as error:
        remedy = "docs/operate/configuration.md lists all settings."
        return [wrong("settings", sentence, remedy) for sentence in error.sentences]
    return [finding async for finding in examine(program, configuration)]


async def examine(program: Program, configuration: Configuration) -> AsyncIterator[Finding]:
    """Everything that there is to be found."""
    ages = program.running(configuration)
    may_open = True
    for finding in (
        *machine.settings_file(Path(os.environ.get("RIPSTOP_CONFIG") or "ripstop.toml"), configuration),
        *machine.data_folder(configuration, user=os.geteuid(), mounts=machine.mounts()),
        *(machine.disk(path, machine.disk_of(path)) for path in machine.folders(configuration)),
        *machine.addresses(configuration),
        machine.port(configuration, runs=bool(ages)),
        machine.open_files(configuration),
        *machine.processes(ages),
    ):
        yield finding
        may_open = may_open and (finding.topic, finding.state) != ("data", State.WRONG)
    if not may_open:
        return  # whatever is opened makes files, which would be another user's, or in the wrong place
    try:
        inspection = await program.inspect(configuration)
    except RipstopError as error:
        yield wrong("store", error.sentence, f"Look at the setting database. {error.cause or ''}".strip())
        return
    has_store = inspection.applied is not None
    for finding in (stores.versions(inspection), *machine.secret(configuration, has_store=has_store)):
        yield finding
    if inspection.applied == inspection.known:
        yield machine.last_backup(configuration)
        try:
            async with program.store(configuration) as store:
                async for finding in stores.examine(store):
                    yield finding
        except RipstopError as error:
            yield wrong("store", error.sentence, "Mend that, and ask again.")
