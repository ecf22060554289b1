"""`ripstop serve`, `ripstop web`, `ripstop worker`."""

import typer

from ripstop.surfaces.cli.program import Program


def register(app: typer.Typer, program: Program) -> None:
    """Add the commands that run processes."""

    @app.command()
    def serve() -> None:
        """Run a server: HTTP processes, a function worker, and a supervisor that starts again what dies."""
        program.serve(program.configuration())

    @app.command()
    def web() -> None:
        """Run HTTP processes only, of a server that is spread over machines with PostgreSQL."""
        program.web(program.configuration())

    @app.command()
    def worker() -> None:
        """Run a function worker only, of a server that is spread over machines with PostgreSQL."""
        program.worker(program.configuration())
