"""Sweeping what has ended, and checking a store against its own rules."""

import itertools
from collections.abc import AsyncIterator
from typing import Final

from ripstop.engines.base import Counted, Fault, Schema
from ripstop.engines.common import name_shard
from ripstop.engines.postgres.connections import Connections
from ripstop.engines.postgres.pool import Connection
from ripstop.engines.statements import load

_KEEP: Final = load(__package__, "sql/keep.sql")
_CHECKS: Final = load(__package__, "sql/checks.sql")

TOMBSTONE_MS: Final = 30 * 86_400_000
"""How long the id of a deleted object is kept from being used again."""

LOG_MS: Final = 10 * 60_000
"""How long the change log is kept: a process that did not look for so long drops its caches."""


async def sweep(connections: Connections, *, now_ms: int, limit: int) -> dict[str, int]:
    """See `ripstop.engines.base.Store.sweep`."""
    arguments: dict[str, tuple[int, ...]] = {
        "names": (now_ms, limit),
        "tombstones": (now_ms - TOMBSTONE_MS, limit),
        "changes": (now_ms - LOG_MS, limit),
        "empty_counts": (limit,),
        "values": (now_ms, limit),
        "counters": (now_ms, limit),
        "lists": (now_ms, limit),
    }
    swept = {}
    async with connections.writer() as connection:
        for kind, values in arguments.items():
            if kind in ("changes", "lists"):
                swept[kind] = int(await connection.fetchval(_KEEP[f"sweep_{kind}"], *values))
            else:
                status = await connection.execute(_KEEP[f"sweep_{kind}"], *values)
                swept[kind] = int(status.rpartition(" ")[2])
    return swept


async def check(connections: Connections, schema: Schema) -> AsyncIterator[Fault]:
    """See `ripstop.engines.base.Store.check`. All questions are about one moment."""
    async with (
        connections.alone() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        async for question, arguments in _questions(connection, schema):
            async for row in connection.cursor(_CHECKS[question], *arguments, prefetch=1000):
                yield Fault(row[0], tuple(itertools.islice(row.values(), 1, None)))
        async for shard, name in connection.cursor(_CHECKS["names"], prefetch=1000):
            if name_shard(name) != shard:
                yield Fault("The name lies in a wrong shard.", (shard, name))


async def _questions(connection: Connection, schema: Schema) -> AsyncIterator[tuple[str, tuple[object, ...]]]:
    """Names of statements that yield faults, and their arguments. Sums tell which of them have any to find."""
    types = list(schema.associations.values())
    exact, striped = (
        [type.number for type in types if type.counted is kind] for kind in (Counted.EXACT, Counted.STRIPED)
    )
    numbers = [type.number for type in types]
    inverses = [type.inverse for type in types]
    keyed = [type.keyed for type in types]
    counted = [type.counted is not Counted.NO for type in types]

    yield "objects", ()
    yield "calls", ()
    yield "call_counts", ()
    sums = await connection.fetch(_CHECKS["sums"], numbers, inverses, keyed, counted)
    if any(row["misplaced"] for row in sums):
        yield "misplaced", ()
    if any(row["unknown"] for row in sums):
        yield "types", (numbers,)
    if ends := [row["ends"] for row in sums if row["halves"] or row["unkeyed"]]:
        paired = [type for type in types if type.inverse is not None]
        yield (
            "halves",
            (
                [type.number for type in paired],
                [type.inverse for type in paired],
                [type.keyed for type in paired],
                ends,
            ),
        )
    [counts] = await connection.fetch(_CHECKS["counts_sum"], exact, striped)
    if counts["misplaced"]:
        yield "counts_misplaced", ()
    rows = sum(row["rows"] for row in sums)
    if counts["rows"] != rows or await connection.fetchval(_CHECKS["counts_newest"], exact):
        yield "counts", (exact, striped)
