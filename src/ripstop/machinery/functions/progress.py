"""How far big work is: what parts tell of themselves as they end, counted for the whole that they belong to."""

from collections import Counter
from typing import Any

from ripstop.engines.base import Engine, LeasedCall
from ripstop.engines.derived import CounterAdd, KeyspaceKind, KeyspaceType
from ripstop.kernel.ids import MAX_ID
from ripstop.machinery.functions.function import Function
from ripstop.machinery.functions.outcome import Checkpoint, Done, Outcome, Progress, Split
from ripstop.machinery.functions.standing import Standing

PROGRESS = KeyspaceType(name="function_progress", kind=KeyspaceKind.COUNTERS, ttl=7 * 86_400.0)
"""Of each whole, the items that are done, and those that were found since it was split."""

NOTHING = Progress(0, 0)


def root_of(namespace: str | None, parent: int | None) -> int | None:
    """The outermost whole that a call is a part of; None if it is part of none that waits for its parts."""
    if parent is None or namespace is None or namespace[:1] != "#" or not namespace[1:].isdecimal():
        return None
    root = int(namespace[1:])
    return root if root <= MAX_ID else None


def items_of(function: Function[Any], arguments: Any) -> int:
    """For how many items a call with these arguments stands."""
    return 1 if function.items is None else function.items(arguments)


def gained(function: Function[Any], arguments: Any, standing: Standing, outcome: Outcome) -> Progress:
    """By how much a part brings its whole forward as it ends like this.

    A part counts with its items, or with what it told of itself last; once it was split, with its own parts.
    """
    if standing.parts or not isinstance(outcome, Done | Checkpoint | Split):
        if isinstance(outcome, Split):
            return Progress(0, sum(items_of(function, part) for part in outcome.parts))
        return NOTHING
    before = standing.progress or Progress(0, items_of(function, arguments))
    match outcome:
        case Done():
            return Progress(before.total - before.done, 0)
        case Checkpoint(progress=progress):
            if progress is None:
                return NOTHING
            return Progress(progress.done - before.done, progress.total - before.total)
        case Split(parts=parts):
            return Progress(0, sum(items_of(function, part) for part in parts) - before.total + before.done)


class Tally:
    """What the parts that ended in this worker have brought their wholes forward by.

    Told once a second, so that it costs a part nothing; what was not told yet is lost with the process.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, call: LeasedCall, gain: Progress) -> None:
        """A part has ended, or has told of itself."""
        root = root_of(call.namespace, call.parent)
        if root is not None and gain != NOTHING:
            self._counts[_done(root)] += gain.done
            self._counts[_found(root)] += gain.total

    async def tell(self, engine: Engine) -> None:
        """Add it to what all workers count.

        :raises ripstop.kernel.errors.RipstopError: the engine cannot do it now; it is told the next time.
        """
        counts, self._counts = self._counts, Counter()
        changes = [CounterAdd(key, count) for key, count in counts.items() if count]
        if changes:
            try:
                await engine.keyspace_write(PROGRESS.name, changes)
            except BaseException:
                self._counts.update(counts)
                raise


async def progress_of(engine: Engine, call: int, standing: Standing) -> Progress | None:
    """How far a call is of which this is remembered; None if it does not tell."""
    known = standing.progress
    if known is None or not standing.parts:
        return known
    counts = await engine.keyspace_get(PROGRESS.name, [_done(call), _found(call)])
    total = known.total + int(counts.get(_found(call), 0))
    return Progress(min(int(counts.get(_done(call), 0)), total), total)


def _done(root: int) -> str:
    return f"{root}:done"


def _found(root: int) -> str:
    return f"{root}:found"
