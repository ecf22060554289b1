"""Batches that do nothing but put calls, or end them: they need no judging."""

from collections.abc import Iterable
from typing import NamedTuple

from ripstop.engines.batch import Batch, CallDone, CallPut


class Plain(NamedTuple):
    """New calls without keys that are due at once; and calls that end without effects, with their tokens."""

    puts: list[CallPut]
    ends: dict[int, int]


def plain_of(batches: Iterable[Batch]) -> Plain | None:
    """What these batches do, where all of them are of this kind and end no call twice; None for others."""
    puts: list[CallPut] = []
    ends: dict[int, int] = {}
    for batch in batches:
        operations = batch.operations
        if len(operations) == 1 and type(operations[0]) is CallDone:
            end = operations[0]
            if end.call in ends:
                return None
            ends[end.call] = end.token
            continue
        for operation in operations:
            if type(operation) is not CallPut or operation.key is not None or operation.due:
                return None
            puts.append(operation)
    return Plain(puts, ends)
