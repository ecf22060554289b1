"""`ripstop settings`: what the staff says about the server, while it runs."""

import asyncio
import sys
from typing import Annotated

import msgspec
import typer

from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.moderation.settings import APPROVAL, CLOSED, OPEN, Changes, change_settings, entry_of, letting_in
from ripstop.domain.settings import settings_of
from ripstop.surfaces.cli.program import Program, fail

TEXTS = (
    "title",
    "description",
    "closed_message",
    "contact_email",
    "contact_account",
    "extended_description",
    "terms_of_service",
    "privacy_policy",
)
NAMES = ("registrations", "reason_required", "rules", *TEXTS)
YES_NO = (["yes"], ["no"])

Name = Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.", show_default=False)]
Values = Annotated[
    list[str] | None,
    typer.Argument(
        help="open, approval or closed for registrations; yes or no for reason_required; each rule for rules; "
        "a text for the others, - for one from standard input; none: empty."
    ),
]


def register(app: typer.Typer, program: Program) -> None:
    """Add the commands of settings."""
    group = typer.Typer(help="Change rules, texts and registrations, beside a running server.", no_args_is_help=True)
    app.add_typer(group, name="settings")

    @group.command()
    def show() -> None:
        """Say how all settings are."""
        asyncio.run(_show(program))

    @group.command("set")
    def set_(name: Name, values: Values = None) -> None:
        """Change one setting; it holds at once."""
        given = values or []
        if name not in NAMES:
            fail(f"There is no setting {name}; there are {', '.join(NAMES)}.")
        if name == "registrations" and given not in ([OPEN], [APPROVAL], [CLOSED]):
            fail("Registrations are open, approval, or closed.")
        if name == "reason_required" and given not in YES_NO:
            fail("Say yes or no.")
        if name in TEXTS and len(given) > 1:
            fail("Put the text in quotation marks.")
        if name in TEXTS and given == ["-"]:
            given = [sys.stdin.read()]
        asyncio.run(_set(program, name, given))
        typer.echo(f"{name} is set.")


async def _show(program: Program) -> None:
    async with program.graph(program.configuration()) as graph:
        settings = await settings_of(graph)
        id_ = settings.contact_account
        contact = None if id_ is None else await graph.get(ACCOUNT, id_)
    typer.echo(f"registrations  {entry_of(settings)}")
    typer.echo(f"reason_required  {'yes' if settings.reason_required else 'no'}")
    for rule in settings.rules:
        typer.echo(f"rule {rule.id}  {rule.text}")
    for name in TEXTS:
        said = getattr(settings, name)
        if name == "contact_account":
            said = "" if contact is None else contact.value.acct
        typer.echo(f"{name}  {said}".rstrip())


async def _set(program: Program, name: str, values: list[str]) -> None:
    if name == "registrations":
        changes = letting_in(Changes(), values[0])
    elif name == "reason_required":
        changes = Changes(reason_required=values == ["yes"])
    elif name == "rules":
        changes = Changes(rules=tuple(values))
    else:
        changes = msgspec.structs.replace(Changes(), **{name: values[0] if values else ""})
    async with program.graph(program.configuration()) as graph:
        await change_settings(graph, OPERATOR, changes)
