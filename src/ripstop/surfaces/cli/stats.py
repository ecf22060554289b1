"""`ripstop stats`: how much there is of everything."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import typer

from ripstop.domain.accounts.model import ACCOUNT, APPLICATION, SESSION, TOKEN
from ripstop.domain.follows.model import FOLLOWS, LIST
from ripstop.domain.media.model import IMAGE
from ripstop.domain.posts.model import POST
from ripstop.engines.base import Store, Table
from ripstop.machinery.graph import ObjectType
from ripstop.surfaces.cli.keeping import Json
from ripstop.surfaces.cli.program import Program

_OBJECTS: dict[str, ObjectType[Any]] = {
    "accounts": ACCOUNT,
    "posts and reposts": POST,
    "pictures": IMAGE,
    "lists": LIST,
    "applications": APPLICATION,
    "tokens": TOKEN,
    "sessions": SESSION,
}
_PAGE = 5_000


def register(app: typer.Typer, program: Program) -> None:
    """Add the command."""

    @app.command()
    def stats(*, json: Json = False) -> None:
        """Count accounts, posts, follows and more, and say what the folders take. Reads the whole store."""
        figures = asyncio.run(_figures(program))
        if json:
            typer.echo(msgspec.json.encode(figures))
        else:
            for name, figure in figures.items():
                typer.echo(f"{name:20} {figure:>18,}")


async def _figures(program: Program) -> Mapping[str, int]:
    configuration = program.configuration()
    async with program.store(configuration) as store:
        types = await _count(store, Table.OBJECTS)
        lists = await _count(store, Table.COUNTS)
        backlog = await store.call_stats()
    return {
        **{name: types[type_.number] for name, type_ in _OBJECTS.items()},
        "follows": lists[FOLLOWS.number],
        "calls to be done": sum(one.waiting + one.ready + one.leased for one in backlog.values()),
        "dead calls": sum(one.dead for one in backlog.values()),
        "bytes of data": _bytes(configuration.data_folder, but=configuration.media_folder),
        "bytes of pictures": _bytes(configuration.media_folder),
    }


async def _count(store: Store, table: Table) -> Counter[int]:
    """By type, how many objects there are, or entries of counted lists."""
    found: Counter[int] = Counter()
    after: tuple[object, ...] | None = None
    while True:
        page = await store.scan(table, shard=None, after=after, limit=_PAGE)
        for row in page.rows:
            found[int(str(row[1]))] += 1 if table is Table.OBJECTS else int(str(row[2]))
        after = page.after
        if after is None:
            return found


def _bytes(folder: Path, *, but: Path | None = None) -> int:
    """What the files of a folder come to."""
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not (but is not None and path.is_relative_to(but))
    )
