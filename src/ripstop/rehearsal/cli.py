"""`ripstop rehearse`: let a crowd in on a server on this machine, and hold the server to what it acknowledged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ripstop.rehearsal.plan import Plan, Rates

app = typer.Typer(add_completion=False, help="Rehearse a launch against a server on this machine.")


@app.command()
def rehearse(
    url: Annotated[str, typer.Option(help="The server, on a loopback address.")] = "http://127.0.0.1:8080",
    people: Annotated[int, typer.Option(help="How many sign up before the traffic begins.")] = 200,
    follows: Annotated[float, typer.Option(help="How many accounts a person follows, on average.")] = 15.0,
    seconds: Annotated[float, typer.Option(help="How long the traffic lasts.")] = 20.0,
    requests: Annotated[int, typer.Option(help="The most requests of the traffic.")] = 1_000_000,
    scale: Annotated[float, typer.Option(help="Multiplies all rates.")] = 1.0,
    rate: Annotated[list[str] | None, typer.Option(help="One rate per second, as in post=40; may be repeated.")] = None,
    closed_loop: Annotated[
        bool, typer.Option("--closed-loop", help="As fast as answers come, rates as weights.")
    ] = False,
    processes: Annotated[int, typer.Option(help="Generator processes.")] = 2,
    connections: Annotated[int, typer.Option(help="Connections of each process.")] = 16,
    seed: Annotated[int, typer.Option(help="Draws the graph and the acts.")] = 1,
    stem: Annotated[str, typer.Option(help="What user names start with; drawn when empty.")] = "",
    check: Annotated[bool, typer.Option(help="Check every acknowledged thing afterwards.")] = True,
    data: Annotated[Path | None, typer.Option(help="The server's data folder, to run `ripstop check` on.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None,
) -> None:
    """Sign people up, let them follow, post, like and read at set rates, then check every effect and count."""
    # NOTE: not above, since this command lies in the memory of every server: 3 MB, for nothing.
    from ripstop.rehearsal import rehearsing

    try:
        plan = Plan(
            people=people,
            follows=follows,
            seconds=seconds,
            requests=requests,
            rates=_rates(rate or [], scale),
            closed_loop=closed_loop,
            processes=processes,
            connections=connections,
            seed=seed,
            stem=stem,
        )
        well = rehearsing.rehearse(url, plan, check=check, data=data, json=json)
    except rehearsing.FAILURES as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(0 if well else 1)


def _rates(given: list[str], scale: float) -> Rates:
    """Default rates with those of `name=number` replaced. Raises ValueError with a sentence for anything else."""
    changed: dict[str, float] = {}
    for entry in given:
        name, _, number = entry.partition("=")
        if name not in Rates.__struct_fields__:
            raise ValueError(f"There is no rate {name!r}; there are {', '.join(Rates.__struct_fields__)}.")
        changed[name] = float(number)
    return msgspec.structs.replace(Rates().scaled(scale), **changed)
