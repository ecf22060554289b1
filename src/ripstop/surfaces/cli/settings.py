"""`ripstop settings`: what the staff says about the server, while it runs."""

import asyncio
from typing import Annotated

import msgspec
import typer

from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.moderation.settings import Changes, change_settings
from ripstop.domain.settings import settings_of
from ripstop.surfaces.cli.program import Program, fail

TEXTS = ("closed_message", "contact_email", "extended_description", "privacy_policy")
NAMES = ("registrations", "rules", *TEXTS)

Name = Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.", show_default=False)]
Values = Annotated[
    list[str] | None,
    typer.Argument(help="open or closed for registrations; each rule for rules; a text for the others; none: empty."),
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
        if name == "registrations" and given not in (["open"], ["closed"]):
            fail("Registrations are open or closed.")
        if name in TEXTS and len(given) > 1:
            fail("Put the text in quotation marks.")
        asyncio.run(_set(program, name, given))
        typer.echo(f"{name} is set.")


async def _show(program: Program) -> None:
    async with program.graph(program.configuration()) as graph:
        settings = await settings_of(graph)
    typer.echo(f"registrations  {'open' if settings.registrations else 'closed'}")
    for rule in settings.rules:
        typer.echo(f"rule {rule.id}  {rule.text}")
    for name in TEXTS:
        typer.echo(f"{name}  {getattr(settings, name)}".rstrip())


async def _set(program: Program, name: str, values: list[str]) -> None:
    if name == "registrations":
        changes = Changes(registrations=values == ["open"])
    elif name == "rules":
        changes = Changes(rules=tuple(values))
    else:
        changes = msgspec.structs.replace(Changes(), **{name: values[0] if values else ""})
    async with program.graph(program.configuration()) as graph:
        await change_settings(graph, OPERATOR, changes)
