"""`ripstop accounts create`, `reset-password`, `approve` and `reject`: letting people in."""

import asyncio
import secrets
import sys
from typing import Annotated

import typer

from ripstop.domain.accounts.access import access_any_named_account
from ripstop.domain.accounts.actions import SignUp
from ripstop.domain.accounts.roles import NO_ROLE
from ripstop.domain.moderation import people
from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.moderation.finding import PENDING, Wanted, find_people, owners_of
from ripstop.kernel.configuration import Configuration
from ripstop.kernel.errors import Invalid
from ripstop.kernel.secrets import load
from ripstop.surfaces.cli.program import Program, fail

Name = Annotated[str, typer.Argument(help="A user name of this server, such as alice or @alice.", show_default=False)]
Email = Annotated[str, typer.Option("--email", help="The address of e-mail of the owner.", show_default=False)]
RoleName = Annotated[str, typer.Option("--role", help="owner, admin, moderator, or none.")]
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept in the audit log.")]

MOST_LISTED = 500
"""Accounts that are listed at once."""
PASSWORD_BYTES = 15
"""Random bytes of a password that is made here: 20 characters."""


def register(group: typer.Typer, program: Program) -> None:
    """Add the commands to those of accounts."""

    @group.command()
    def create(name: Name, email: Email, *, role: RoleName = "none", password_stdin: Stdin = False) -> None:
        """Make an account, even where nobody may sign up, and print its password."""
        password = _password(read=password_stdin)
        form = SignUp(username=_handle(name), email=email, password=password, agreement=True, locale="en")
        asyncio.run(_create(program, form, NO_ROLE if role == "none" else role))
        typer.echo(f"{form.username} is there.")
        _tell(password, read=password_stdin)

    @group.command("reset-password")
    def reset_password(name: Name, *, password_stdin: Stdin = False) -> None:
        """Set another password and print it; whoever is logged in to the account, and every app, is shut out."""
        password = _password(read=password_stdin)
        asyncio.run(_reset(program, _handle(name), password))
        typer.echo(f"{_handle(name)} has another password, and is logged in nowhere.")
        _tell(password, read=password_stdin)

    @group.command()
    def pending() -> None:
        """List accounts that wait to be let in, the newest first, with what their owners say."""
        asyncio.run(_pending(program))

    @group.command()
    def approve(name: Name, *, reason: Why = "") -> None:
        """Let somebody in who waits for that."""
        asyncio.run(_judge(program, _handle(name), reason, people.approve))
        typer.echo(f"{_handle(name)} is let in.")

    @group.command()
    def reject(name: Name, *, reason: Why = "") -> None:
        """Delete an account that waits to be let in; its name is free again."""
        asyncio.run(_judge(program, _handle(name), reason, people.reject))
        typer.echo(f"{_handle(name)} is rejected, and deleted.")


def _handle(name: str) -> str:
    handle = name.strip().removeprefix("@")
    if "@" in handle:
        fail("Name an account of this server by its user name alone.")
    return handle


def _password(*, read: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if read else secrets.token_urlsafe(PASSWORD_BYTES)


def _tell(password: str, *, read: bool) -> None:
    """Print a password that was made here: nobody else knows it."""
    if not read:
        typer.echo(f"Password: {password}")


async def _create(program: Program, form: SignUp, role: str) -> None:
    configuration = program.configuration()
    async with program.graph(configuration) as graph:
        try:
            await people.create(graph, OPERATOR, form, role=role, seal=load(configuration.secret_file))
        except Invalid as error:
            fail(error.sentence.removeprefix("Validation failed: "))


async def _reset(program: Program, handle: str, password: str) -> None:
    configuration: Configuration = program.configuration()
    async with program.graph(configuration) as graph:
        account = await access_any_named_account(graph, handle, local_domain="")
        try:
            await people.reset_password(graph, OPERATOR, account, password, seal=load(configuration.secret_file))
        except Invalid as error:
            fail(error.sentence.removeprefix("Validation failed: "))


async def _judge(program: Program, handle: str, reason: str, judge: people.Act) -> None:
    async with program.graph(program.configuration()) as graph:
        account = await access_any_named_account(graph, handle, local_domain="")
        if not account.value.pending:
            fail(f"{handle} does not wait to be let in; `ripstop accounts pending` lists those who do.")
        await judge(graph, OPERATOR, account, reason=reason)


async def _pending(program: Program) -> None:
    async with program.graph(program.configuration()) as graph:
        found = await find_people(graph, Wanted(state=PENDING), limit=MOST_LISTED)
        owners = await owners_of(graph, found.accounts)
    for account in found.accounts:
        owner = owners.get(account.id)
        email, reason = ("", "") if owner is None else (owner.email, " ".join(owner.reason.split()))
        typer.echo(f"{account.id:<20} {account.value.username:30} {email}  {reason}".rstrip())
    if found.next_after is not None:
        typer.echo(f"There are more than {MOST_LISTED}.", err=True)
