"""The command line as a whole."""

import typer

from ripstop import __version__
from ripstop.surfaces.cli import (
    accounts,
    audit,
    doctor,
    exporting,
    functions,
    keeping,
    moving,
    posts,
    serving,
    settings,
    stats,
)
from ripstop.surfaces.cli.program import Program


def build(program: Program) -> typer.Typer:
    """All commands but those of the rehearsal, which stands apart from the server."""
    app = typer.Typer(
        name="ripstop",
        help="A public-conversation server that does not tear under load.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def main(
        version: bool = typer.Option(False, "--version", help="Show the version and exit."),
    ) -> None:
        if version:
            typer.echo(f"ripstop {__version__}")
            raise typer.Exit

    serving.register(app, program)
    keeping.register(app, program)
    stats.register(app, program)
    exporting.register(app, program)
    moving.register(app, program)
    doctor.register(app, program)
    functions.register(app, program)
    accounts.register(app, program)
    posts.register(app, program)
    audit.register(app, program)
    settings.register(app, program)
    return app
