"""`ripstop audit`: what the staff did."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.moderation.audit import log
from ripstop.surfaces.cli.program import Program

Count = Annotated[int, typer.Option("--count", help="How many entries.", min=1, max=10_000)]


def register(app: typer.Typer, program: Program) -> None:
    """Add the command."""

    @app.command()
    def audit(*, count: Count = 100) -> None:
        """Say what was done about accounts, posts and settings: when, by whom, to whom, and why. The newest first."""
        asyncio.run(_show(program, count))


async def _show(program: Program, count: int) -> None:
    async with program.graph(program.configuration()) as graph:
        entries = await log(graph, limit=count)
        actors = await graph.get_many(ACCOUNT, {e.value.actor for e in entries if e.value.actor is not None})
    for entry in entries:
        audit = entry.value
        if audit.actor is None:
            actor = "the operator"
        else:
            actor = f"@{actors[audit.actor].value.acct}" if audit.actor in actors else f"account {audit.actor}"
        told = [
            f"{datetime.fromtimestamp(audit.at / 1_000, UTC):%Y-%m-%d %H:%M:%S}",
            actor,
            audit.action,
            f"@{audit.name}" if audit.name else "",
            "" if audit.post is None else f"post {audit.post}",
            "" if audit.report is None else f"report {audit.report}",
            audit.detail,
            f"({audit.reason})" if audit.reason else "",
        ]
        typer.echo("  ".join(part for part in told if part))
