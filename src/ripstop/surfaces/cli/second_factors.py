"""`ripstop accounts remove-second-factors`: for somebody who has lost telephone, passkeys and recovery codes."""

import asyncio
from typing import Annotated

import typer

from ripstop.domain.accounts.access import access_named_account
from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.moderation.second_factors import remove_second_factors
from ripstop.surfaces.cli.program import Program

Name = Annotated[str, typer.Argument(help="A user name of this server, such as alice or @alice.", show_default=False)]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept in the audit log.")]


def register(accounts: typer.Typer, program: Program) -> None:
    """Add the command to those of accounts."""

    @accounts.command("remove-second-factors")
    def remove(name: Name, *, reason: Why = "") -> None:
        """Let the password of an account be enough again: remove its authenticator app, passkeys and recovery codes.

        Make sure first that it is its owner who asks.
        """
        had = asyncio.run(_remove(program, name.strip().removeprefix("@"), reason))
        typer.echo(f"{name} logs in by the password alone." if had else f"{name} has no second factor.")


async def _remove(program: Program, handle: str, reason: str) -> bool:
    async with program.graph(program.configuration()) as graph:
        account = await access_named_account(graph, handle, local_domain="")
        return await remove_second_factors(graph, OPERATOR, account, reason=reason)
