"""Groups that hold nothing but new calls, or nothing but ends of calls: they need no judging, and one statement each.

Such are the groups of workers, and of whoever makes many calls on their own. Nothing in them can be refused but the end
of a call whose lease is gone, and no operation hangs on another one.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ripstop.engines.batch import Batch, CallDone, CallPut
from ripstop.engines.common import CLASSES, call_lane
from ripstop.kernel.ids import shard_of

STRIPES = 16
"""Rows in which the calls of one function are counted."""


class Puts(NamedTuple):
    """The arguments of the statement `put_calls`."""

    ids: list[int]
    lanes: list[int]
    functions: list[str]
    arguments: list[str]
    deadlines: list[int]
    namespaces: list[str | None]
    stripe: int
    counted: list[str]
    counts: list[int]


class Ends(NamedTuple):
    """The calls that batches end, in the order of the batches; and the arguments of the statement `end_calls`, sorted
    as all sort who lock calls."""

    calls: list[int]
    arguments: tuple[list[int], list[int], int]


def puts_of(batches: Sequence[Batch]) -> Puts | None:
    """What to write for a group that puts calls without keys, due at once and parts of nothing.

    :returns: None if the group does anything else.
    """
    calls: list[CallPut] = []
    for batch in batches:
        for operation in batch.operations:
            if (
                type(operation) is not CallPut
                or operation.key is not None
                or operation.due
                or operation.parent is not None
                or not 0 <= operation.criticality < CLASSES
            ):
                return None
            calls.append(operation)
    functions = [call.function for call in calls]
    counts = Counter(functions)
    names = sorted(counts)
    return Puts(
        [call.id for call in calls],
        [call_lane(call.criticality, call.function, call.namespace) for call in calls],
        functions,
        [call.arguments for call in calls],
        [call.deadline for call in calls],
        [call.namespace for call in calls],
        _stripe(),
        names,
        [counts[name] for name in names],
    )


def ends_of(batches: Sequence[Batch]) -> Ends | None:
    """What to write for a group that ends calls, each once and without an effect.

    :returns: None if the group does anything else.
    """
    ends: dict[int, int] = {}
    for batch in batches:
        operations = batch.operations
        if len(operations) != 1 or type(operations[0]) is not CallDone or operations[0].token <= 0:
            return None
        ends[operations[0].call] = operations[0].token
    if len(ends) != len(batches):
        return None
    ids = sorted(ends, key=lambda id_: (shard_of(id_), id_))
    return Ends(list(ends), (ids, [ends[id_] for id_ in ids], _stripe()))


def _stripe() -> int:
    return random.randrange(STRIPES)  # noqa: S311 it spreads locks and guards nothing
