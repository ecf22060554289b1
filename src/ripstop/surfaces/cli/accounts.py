"""`ripstop accounts`: showing, suspending and deleting accounts, and giving roles."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from ripstop.domain.accounts.access import access_any_named_account
from ripstop.domain.accounts.leaving import KEPT_DAYS
from ripstop.domain.accounts.model import (
    ACCOUNT,
    CREDENTIALS,
    HOLDS_SESSION,
    HOLDS_TOKEN,
    Account,
    Credentials,
    account_name,
)
from ripstop.domain.accounts.roles import NO_ROLE
from ripstop.domain.follows.model import FOLLOWED_BY, FOLLOWS
from ripstop.domain.moderation import people
from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.posts.model import POSTED
from ripstop.kernel.configuration import Configuration
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.cli import owners, second_factors
from ripstop.surfaces.cli.program import Program, fail
from ripstop.surfaces.cli.words import instant

Name = Annotated[str, typer.Argument(help="A user name of this server, such as alice or @alice.", show_default=False)]
RoleName = Annotated[str, typer.Argument(help="owner, admin, moderator, or none.", metavar="ROLE", show_default=False)]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept in the audit log.")]
Prefix = Annotated[str, typer.Argument(help="With what the user names begin; all if it is not said.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


MOST_LISTED = 500
"""Accounts that are listed at once."""

MOST_COUNTED = 1_000
"""Tokens and sessions that are counted; beyond, it says so."""


def register(app: typer.Typer, program: Program) -> None:
    """Add the commands of accounts."""
    group = typer.Typer(help="Make, show, suspend and delete accounts, and give roles.", no_args_is_help=True)
    app.add_typer(group, name="accounts")
    owners.register(group, program)

    @group.command()
    def show(name: Name) -> None:
        """Say what there is to know of an account, but nothing that is only for its owner."""
        asyncio.run(_with_account(program, name, _show))

    @group.command("list")
    def list_(prefix: Prefix = "") -> None:
        """List accounts by the beginning of their user names, in alphabetical order."""
        asyncio.run(_list(program, prefix.strip().removeprefix("@").lower()))

    @group.command()
    def suspend(name: Name, *, reason: Why = "") -> None:
        """Show an account to nobody and shut its owner out, at once; it can be lifted for 30 days."""
        _act(program, name, people.suspend, reason)
        typer.echo(f"{name} is suspended. The account is deleted in {KEPT_DAYS} days, unless `unsuspend` lifts it.")

    @group.command()
    def unsuspend(name: Name, *, reason: Why = "") -> None:
        """Show a suspended account again, as it was; its owner has to log in anew."""
        _act(program, name, people.unsuspend, reason)
        typer.echo(f"{name} is not suspended.")

    @group.command()
    def limit(name: Name, *, reason: Why = "") -> None:
        """Leave an account out of what is for everybody; those who follow it meet it as before."""
        _act(program, name, people.limit, reason)
        typer.echo(f"{name} is limited.")

    @group.command()
    def unlimit(name: Name, *, reason: Why = "") -> None:
        """Have everybody meet a limited account again."""
        _act(program, name, people.unlimit, reason)
        typer.echo(f"{name} is not limited.")

    @group.command()
    def disable(name: Name, *, reason: Why = "") -> None:
        """Shut the owner of an account out, at once, and show the account as before."""
        _act(program, name, people.disable, reason)
        typer.echo(f"{name} is disabled.")

    @group.command()
    def enable(name: Name, *, reason: Why = "") -> None:
        """Let the owner of a disabled account log in again."""
        _act(program, name, people.enable, reason)
        typer.echo(f"{name} is not disabled.")

    @group.command()
    def delete(name: Name, *, yes: Yes = False, reason: Why = "") -> None:
        """Delete an account with all that it wrote and did, for good. Nobody else can ever take its name."""
        if not yes:
            typer.confirm(f"Delete {name} for good?", abort=True)
        _act(program, name, people.delete, reason)
        typer.echo(f"{name} is deleted. What it left in the lists of others is removed in the background.")

    @group.command()
    def role(name: Name, role_: RoleName) -> None:
        """Say what an account may do for this server. The first owner is made so."""

        async def give(graph: Graph, account: Entry[Account]) -> None:
            await people.give_role(graph, OPERATOR, account, NO_ROLE if role_ == "none" else role_)

        asyncio.run(_with_account(program, name, give))
        typer.echo(f"{name} has no role." if role_ == "none" else f"{name} has the role {role_}.")

    second_factors.register(group, program)


def _act(program: Program, name: str, act: people.Act, reason: str) -> None:
    """Do it as the operator."""

    async def with_reason(graph: Graph, account: Entry[Account]) -> None:
        await act(graph, OPERATOR, account, reason=reason)

    asyncio.run(_with_account(program, name, with_reason))


async def _with_account(program: Program, name: str, act: Callable[[Graph, Entry[Account]], Awaitable[None]]) -> None:
    configuration: Configuration = program.configuration()
    handle = name.strip().removeprefix("@")
    if "@" in handle:
        fail("Name an account of this server by its user name alone.")
    async with program.graph(configuration) as graph:
        account = await access_any_named_account(graph, handle, local_domain="")
        await act(graph, account)


async def _list(program: Program, prefix: str) -> None:
    space, _, beginning = account_name(prefix).partition("/")
    async with program.graph(program.configuration()) as graph:
        names = await graph.names_from(space, beginning, limit=MOST_LISTED + 1)
        accounts = await graph.get_many(ACCOUNT, [name.holder for name in names])
    for name in names[:MOST_LISTED]:
        account = accounts.get(name.holder)
        if account is not None:  # the names of those who are gone stay taken
            stands = "suspended" if account.value.is_suspended else "pending" if account.value.pending else ""
            since = instant(account.value.created_at)
            typer.echo(f"{account.id:<20} {account.value.username:30} {since}  {stands}".rstrip())
    if len(names) > MOST_LISTED:
        typer.echo(f"There are more than {MOST_LISTED}: say with what they begin.", err=True)


async def _show(graph: Graph, account: Entry[Account]) -> None:
    value = account.value
    counts = await graph.counts((account.id,), (FOLLOWED_BY, FOLLOWS, POSTED))
    followers, follows, posts = (
        counts[account.id, one.number].length if (account.id, one.number) in counts else 0
        for one in (FOLLOWED_BY, FOLLOWS, POSTED)
    )
    credentials = None if value.credentials is None else await graph.get(CREDENTIALS, value.credentials)
    tokens = len(await graph.range(account.id, HOLDS_TOKEN, limit=MOST_COUNTED))
    sessions = len(await graph.range(account.id, HOLDS_SESSION, limit=MOST_COUNTED))
    lines = {
        "id": str(account.id),
        "user name": value.username,
        "display name": value.display_name,
        "e-mail": "" if credentials is None else credentials.value.email,
        "since": instant(value.created_at),
        "role": value.role or "none",
        "pending": "yes" if value.pending else "no",
        "suspended": _since(value.suspended_at),
        "limited": _since(value.limited_at),
        "disabled": _since(value.disabled_at),
        "posts": str(posts),
        "follows": str(follows),
        "followers": str(followers),
        "tokens": _count(tokens),
        "sessions": _count(sessions),
        "factors": "" if credentials is None else _factors(credentials.value),
    }
    for what, said in lines.items():
        typer.echo(f"{what:13} {said}".rstrip())


def _factors(credentials: Credentials) -> str:
    """What somebody has beside their password."""
    app = ["app"] if credentials.totp_sealed else []
    passkeys = [f"passkey {passkey.name!r}" for passkey in credentials.passkeys]
    return ", ".join(app + passkeys) or "none"


def _count(number: int) -> str:
    return f"{number:,} or more" if number == MOST_COUNTED else str(number)


def _since(at: int | None) -> str:
    return "no" if at is None else f"since {instant(at)}"
