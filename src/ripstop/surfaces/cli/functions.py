"""`ripstop functions`: what waits, what is dead, and what becomes of that."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
import typer

from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.moderation.queues import Queues
from ripstop.machinery.functions.dead import TOGETHER, Search, dead_by_id, dead_calls
from ripstop.machinery.functions.report import Overview, overview
from ripstop.machinery.functions.whole import parts_of, progress
from ripstop.surfaces.cli.program import Program, fail
from ripstop.surfaces.condition.finding import duration, short

Ids = Annotated[list[int] | None, typer.Argument(help="Ids of dead calls, as `ripstop functions dead` lists them.")]
All = Annotated[bool, typer.Option("--all", help="All dead calls, or all that are searched for.")]
Only = Annotated[list[str] | None, typer.Option("--function", help="Only those of this function; may be repeated.")]
Text = Annotated[str | None, typer.Option("--error", help="Only those whose error holds this text.")]
Older = Annotated[str | None, typer.Option("--older", help="Only those dead for as long or longer: 90s, 15m, 2h, 3d.")]
Younger = Annotated[str | None, typer.Option("--younger", help="Only those dead for no longer: 90s, 15m, 2h, 3d.")]

Name = Annotated[str, typer.Argument(help="The function, as `ripstop functions list` names it.")]
Id = Annotated[int, typer.Argument(help="The call's id.")]
Namespace = Annotated[str | None, typer.Option("--namespace", help="Only its calls of this namespace.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Starts per second, over all workers; 0: as declared.")]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", help="How many may run at once in one worker; 0: as declared.")
]
Growth = Annotated[
    float | None, typer.Option("--growth", help="By what share it may grow in a minute, as 0.2; 0: as declared.")
]

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="Between two looks.")]

CLEAR = "\x1b[H\x1b[2J"
"""What empties a terminal (ECMA-48: CUP, ED)."""

UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
"""Seconds of what an age may be given in."""


def register(app: typer.Typer, program: Program) -> None:
    """Add the commands of the function platform."""
    group = typer.Typer(help="What waits to be done, and what could not be done.", no_args_is_help=True)
    app.add_typer(group, name="functions")

    @group.command("list")
    def list_(*, json: Json = False) -> None:
        """Say of each function how many calls it has in which state, how many start, and what holds them back."""
        asyncio.run(_list(program, as_json=json))

    @group.command()
    def top(*, seconds: Seconds = 1.0) -> None:
        """Show the same again and again, until interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_top(program, seconds))

    @group.command()
    def dead(
        function: Only = None, namespace: Namespace = None, error: Text = None, older: Older = None,
        younger: Younger = None,
    ) -> None:  # fmt: skip
        """List dead calls with their errors, those that died first first."""
        asyncio.run(_dead(program, Search(function, namespace, error, _age(older), _age(younger))))

    @group.command()
    def retry(
        ids: Ids = None, *, all_: All = False, function: Only = None, namespace: Namespace = None, error: Text = None,
        older: Older = None, younger: Younger = None,
    ) -> None:  # fmt: skip
        """Send dead calls again, with all their attempts, from their last checkpoint."""
        search = Search(function, namespace, error, _age(older), _age(younger))
        count = asyncio.run(_end(program, ids, search, all_=all_, again=True))
        typer.echo("1 call starts again." if count == 1 else f"{count} calls start again.")

    @group.command()
    def drop(
        ids: Ids = None, *, all_: All = False, function: Only = None, namespace: Namespace = None, error: Text = None,
        older: Older = None, younger: Younger = None,
    ) -> None:  # fmt: skip
        """Remove dead calls for good."""
        search = Search(function, namespace, error, _age(older), _age(younger))
        count = asyncio.run(_end(program, ids, search, all_=all_, again=False))
        typer.echo("1 call is dropped." if count == 1 else f"{count} calls are dropped.")

    @group.command()
    def pause(function: Name, *, namespace: Namespace = None) -> None:
        """Start no more calls of a function; those that run go on, and others wait."""
        asyncio.run(_pause(program, function, namespace, paused=True))

    @group.command()
    def resume(function: Name, *, namespace: Namespace = None) -> None:
        """Start calls of a paused function again."""
        asyncio.run(_pause(program, function, namespace, paused=False))

    @group.command()
    def parts(call: Id) -> None:
        """Say how far a call is that was split or makes checkpoints, and what is left of its parts."""
        asyncio.run(_parts(program, call))

    @group.command()
    def cancel(function: Name, call: Id) -> None:
        """End a call, and its parts, without an effect; those that run go on to their end."""
        asyncio.run(_cancel(program, function, call))

    @group.command("set")
    def set_(function: Name, *, rate: Rate = None, concurrency: Concurrency = None, growth: Growth = None) -> None:
        """Say how often calls of a function may start, how many may run, or how fast it may grow."""
        given = {"rate": rate, "concurrency": concurrency, "growth": growth}
        asyncio.run(_set(program, function, {name: value for name, value in given.items() if value is not None}))


@contextlib.asynccontextmanager
async def _queues(program: Program) -> AsyncIterator[Queues]:
    """What records what it does."""
    configuration = program.configuration()
    async with program.graph(configuration) as graph, program.store(configuration) as store:
        yield Queues(graph, store, None, None)


async def _list(program: Program, *, as_json: bool) -> None:
    async with program.store(program.configuration()) as store:
        functions = await overview(store)
    typer.echo(msgspec.json.format(msgspec.json.encode(functions)).decode() if as_json else _table(functions))


async def _top(program: Program, seconds: float) -> None:
    """Show the list anew, until interrupted."""
    async with program.store(program.configuration()) as store:
        while True:
            table = _table(await overview(store))
            typer.echo(f"{CLEAR}{table}")
            await asyncio.sleep(seconds)


COLUMNS = (
    "waiting", "ready", "leased", "dead", "oldest", "calls/s", "starts/s", "fail/s", "die/s", "delay 50%", "99%",
    "run 50%", "99%", "share", "quota", "factor", "max/min",
)  # fmt: skip
"""Of the list; how they are called in JSON is in docs/build/functions.md."""


def _table(functions: dict[str, Overview]) -> str:
    lines = [f"{'function':34} " + " ".join(f"{column:>9}" for column in COLUMNS)]
    for name, each in functions.items():
        times = (each.delay_p50, each.delay_p99, each.run_p50, each.run_p99)
        figures = (
            each.waiting, each.ready, each.leased, each.dead,
            "" if each.oldest_seconds is None else f"{each.oldest_seconds:.0f} s",
            "" if each.arrivals is None else f"{each.arrivals:g}",
            f"{each.starts:g}", f"{each.retries:g}", f"{each.deaths:g}",
            *("" if time is None else short(time) for time in times),
            f"{each.share:.0%}", "" if each.quota is None else f"{each.quota:.0%}", f"{each.factor:.0%}",
            "" if each.growth_limit is None else f"{each.growth_limit:.0f}",
        )  # fmt: skip
        words = "; ".join([*([each.steered] if each.steered else []), *each.held_back])
        lines.append(f"{name:34} " + " ".join(f"{figure:>9}" for figure in figures) + (f"  {words}" if words else ""))
    return "\n".join(lines)


async def _pause(program: Program, function: str, namespace: str | None, *, paused: bool) -> None:
    async with _queues(program) as queues:
        now = await (queues.pause if paused else queues.resume)(OPERATOR, function, namespace=namespace or "")
    typer.echo(f"{function}: {now.in_words()}.")


async def _parts(program: Program, call: int) -> None:
    async with program.store(program.configuration()) as store:
        left, far = await parts_of(store, call), await progress(store, call)
    words = f"{left.waiting} wait, {left.ready} are ready, {left.leased} run, {left.dead} are dead"
    told = "" if far is None else f"{far.share:.0%} done, {far.done:,} of {far.total:,}; "
    typer.echo(f"{call}: {told}no part is left." if left.is_finished else f"{call}: {told}{words}.")


async def _cancel(program: Program, function: str, call: int) -> None:
    async with _queues(program) as queues:
        await queues.cancel(OPERATOR, function, call)
    typer.echo(f"{function}: {call} and its parts end as they would start.")


async def _set(program: Program, function: str, changes: dict[str, float | int]) -> None:
    if not changes:
        fail("Say what to set: --rate, --concurrency, --growth, or several of them.")
    if min(changes.values()) < 0:
        fail("A rate, a concurrency and a growth are above zero; 0 means: as declared.")
    async with _queues(program) as queues:
        now = await queues.limit(OPERATOR, function, {name: value or None for name, value in changes.items()})
    typer.echo(f"{function}: {now.in_words()}.")


async def _dead(program: Program, search: Search) -> None:
    async with program.store(program.configuration()) as store:
        now_ms = await store.now_ms()
        async for call in dead_calls(store, search):
            age = duration(max(0, now_ms - (call.died or now_ms)) / 1000)
            whose = f"  of {call.namespace}" if call.namespace else ""
            error = call.error or "no error was given"
            typer.echo(f"{call.id}  {call.function}{whose}  attempt {call.attempt}  {age} ago  {error}")


async def _end(program: Program, ids: list[int] | None, search: Search, *, all_: bool, again: bool) -> int:
    """Send again or drop dead calls; how many there were."""
    if bool(ids) == (all_ or search != Search()):
        fail("Name the calls by their ids, or say --all, or what to search for.")
    ended = 0
    async with program.store(program.configuration()) as store, _queues(program) as queues:
        if not ids:
            return await queues.end_all(OPERATOR, search, again=again)
        for start in range(0, len(ids), TOGETHER):
            found = await dead_by_id(store, ids[start : start + TOGETHER])
            ended += await queues.end(OPERATOR, found, again=again)
    if ended < len(set(ids)):
        fail(f"Only {ended} of {len(set(ids))} are ids of dead calls; `ripstop functions dead` lists them.")
    return ended


def _age(text: str | None) -> float | None:
    """Seconds from a number with its unit."""
    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS or not number.replace(".", "", 1).isdecimal():
        fail(f"An age is a number with one of {', '.join(UNITS)} behind it, such as 15m, not {text!r}.")
    return float(number) * UNITS[unit]
