"""Looks whether the files say the same thing everywhere: counts, halves, keys, calls."""

from collections.abc import Iterator
from typing import Any

import apsw

from ripstop.engines.base import Counted, Fault, Schema
from ripstop.engines.sqlite.reads import numbers
from ripstop.engines.statements import load

_SQL = load(__package__, "statements/check.sql", "statements/keep.sql")

_NONE = (0,)
"""Stands for an empty set of types, since no type has this number."""


def check_main(connection: apsw.Connection, schema: Schema) -> Iterator[Fault]:
    """Everything that is wrong in `main.db`, as of one moment.

    The snapshot is held until the end, so that the write-ahead log grows meanwhile.
    """
    execute = connection.execute
    execute(_SQL["snapshot"])
    try:
        yield from _integrity(connection, "main.db")
        for row in execute(_SQL["objects"]):
            yield Fault("The data of an object are not a JSON object, or its version is below 1.", row)
        yield from _lists(connection, schema)
        yield from _counts(connection, schema)
        yield from _calls(connection)
    finally:
        execute(_SQL["snapshot_end"])


def check_derived(connection: apsw.Connection) -> Iterator[Fault]:
    """Everything that is wrong in `derived.db`."""
    yield from _integrity(connection, "derived.db")
    for row in connection.execute(_SQL["entries_lost"]):
        yield Fault("Entries belong to no list.", row)


def check_search(connection: apsw.Connection) -> Iterator[Fault]:
    """Everything that is wrong in `search.db`."""
    yield from _integrity(connection, "search.db")


def _integrity(connection: apsw.Connection, file: str) -> Iterator[Fault]:
    for (said,) in connection.execute(_SQL["integrity_quick"]):
        if said != "ok":
            yield Fault(f"The file {file} is damaged.", (said,))


def _lists(connection: apsw.Connection, schema: Schema) -> Iterator[Fault]:
    types = schema.associations
    execute = connection.execute
    for row in execute(_SQL["types"], (numbers([*types] or _NONE),)):
        yield Fault("Associations have a type that the schema does not declare.", row)
    execute(_SQL["inverses_make"])
    inverses = [(type_.number, type_.inverse) for type_ in types.values() if type_.inverse is not None]
    connection.executemany(_SQL["inverses_put"], inverses)
    for row in execute(_SQL["halves"]):
        yield Fault("An association has no equal other half.", row)
    keyed = numbers([number for number, type_ in types.items() if type_.keyed] or _NONE)
    for row in execute(_SQL["keys_missing"], (keyed,)):
        yield Fault("An association stands in its list, but its key is missing or names another order.", row)
    for row in execute(_SQL["keys_lost"], (keyed,)):
        yield Fault("The key of an association has no row in its list.", row)


def _counts(connection: apsw.Connection, schema: Schema) -> Iterator[Fault]:
    counted = numbers(
        [number for number, type_ in schema.associations.items() if type_.counted is not Counted.NO] or _NONE
    )
    for row in connection.execute(_SQL["counts_wrong"], (counted,)):
        yield Fault("A count differs from the rows of its list (kept length and newest, then those of the rows).", row)
    for row in connection.execute(_SQL["counts_empty"], (counted,)):
        yield Fault("A count is kept of a list that is empty or not counted.", row)


def _calls(connection: apsw.Connection) -> Iterator[Fault]:
    for row in connection.execute(_SQL["calls"]):
        yield Fault("A call is in no possible state.", row)
    rows: list[tuple[Any, ...]] = connection.execute(_SQL["call_counts"]).fetchall()
    for row in rows:
        yield Fault("The kept numbers of a function's calls differ from its calls, by this much.", row)
