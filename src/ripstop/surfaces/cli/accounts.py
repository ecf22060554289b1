"""`ripstop accounts`: showing, suspending and deleting accounts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from ripstop.domain.accounts.access import access_named_account
from ripstop.domain.accounts.leaving import KEPT_DAYS, delete_account, suspend, unsuspend
from ripstop.domain.accounts.model import CREDENTIALS, HOLDS_SESSION, HOLDS_TOKEN, Account
from ripstop.domain.follows.model import FOLLOWED_BY, FOLLOWS
from ripstop.domain.posts.model import POSTED
from ripstop.kernel.configuration import Configuration
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.cli.program import Program, fail

Name = Annotated[str, typer.Argument(help="A user name of this server, such as alice or @alice.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

MOST_COUNTED = 1_000
"""Tokens and sessions that are counted; beyond, it says so."""


def register(app: typer.Typer, program: Program) -> None:
    """Add the commands of accounts."""
    group = typer.Typer(help="Show, suspend and delete accounts.", no_args_is_help=True)
    app.add_typer(group, name="accounts")

    @group.command()
    def show(name: Name) -> None:
        """Say what there is to know of an account, but nothing that is only for its owner."""
        asyncio.run(_with_account(program, name, _show))

    @group.command("suspend")
    def suspend_(name: Name) -> None:
        """Show an account to nobody and shut its owner out, at once; it can be lifted for 30 days."""
        asyncio.run(_with_account(program, name, suspend))
        typer.echo(f"{name} is suspended. The account is deleted in {KEPT_DAYS} days, unless `unsuspend` lifts it.")

    @group.command("unsuspend")
    def unsuspend_(name: Name) -> None:
        """Show a suspended account again, as it was; its owner has to log in anew."""
        asyncio.run(_with_account(program, name, unsuspend))
        typer.echo(f"{name} is not suspended.")

    @group.command()
    def delete(name: Name, *, yes: Yes = False) -> None:
        """Delete an account with all that it wrote and did, for good. Nobody else can ever take its name."""
        if not yes:
            typer.confirm(f"Delete {name} for good?", abort=True)
        asyncio.run(_with_account(program, name, delete_account))
        typer.echo(f"{name} is deleted. What it left in the lists of others is removed in the background.")


async def _with_account(program: Program, name: str, act: Callable[[Graph, Entry[Account]], Awaitable[None]]) -> None:
    configuration: Configuration = program.configuration()
    handle = name.strip().removeprefix("@")
    if "@" in handle:
        fail("Name an account of this server by its user name alone.")
    async with program.graph(configuration) as graph:
        account = await access_named_account(graph, handle, local_domain="")
        await act(graph, account)


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
        "since": _instant(value.created_at),
        "suspended": "no" if value.suspended_at is None else f"since {_instant(value.suspended_at)}",
        "posts": str(posts),
        "follows": str(follows),
        "followers": str(followers),
        "tokens": _count(tokens),
        "sessions": _count(sessions),
    }
    for what, said in lines.items():
        typer.echo(f"{what:13} {said}".rstrip())


def _count(number: int) -> str:
    return f"{number:,} or more" if number == MOST_COUNTED else str(number)


def _instant(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1_000, UTC):%Y-%m-%d %H:%M} UTC"
