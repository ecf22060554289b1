"""The lines in which ready calls wait, one for each function and namespace; and which of them may be opened."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from ripstop.engines.base import CallLimit
from ripstop.engines.common import LINE_BITS, MOST_LINES, NAMESPACE_BITS, call_line
from ripstop.engines.statements import load

_HEAD = load(__package__, "statements/calls.sql")["line_head"]
_LINE = (1 << LINE_BITS) - 1
_NAMESPACE = (1 << NAMESPACE_BITS) - 1


class Head(NamedTuple):
    """The first call of a line: sorts as the line does among others."""

    deadline: int
    id: int
    lane: int


class Budgets:
    """How much one request may still take of what its limits name."""

    def __init__(self, limits: Sequence[CallLimit]) -> None:
        self._ranges: list[list[int]] = []
        """[lowest line, highest line, calls left]"""
        for function, most, namespace in limits:
            line = call_line(function, namespace)
            self._ranges.append([line, line if namespace is not None else line | _NAMESPACE, most])

    def room(self, lane: int, most: int) -> int:
        """How many calls, and no more than `most`, may be taken of a lane's line."""
        line = lane & _LINE
        for low, high, left in self._ranges:
            if low <= line <= high and left < most:
                most = left
        return max(0, most)

    def spend(self, lane: int, calls: int) -> None:
        """So many were taken."""
        line = lane & _LINE
        for each in self._ranges:
            if each[0] <= line <= each[1]:
                each[2] -= calls

    def closed_until(self, lane: int) -> int | None:
        """The highest lane of the closed stretch that this one lies in; None if it is open."""
        line = lane & _LINE
        ends = [high for low, high, left in self._ranges if left <= 0 and low <= line <= high]
        return lane - line + max(ends) if ends else None


Rows = Callable[[str, tuple[int, ...]], list[Any]]
"""Runs a statement to its end."""


def open_lines(rows: Rows, classes: Sequence[int], budgets: Budgets, random: Random) -> Iterator[list[Head]]:
    """The open lines of one class after the other, in the order of their first calls; of too many, some that chance
    chooses. It takes one look into the index for each line, and one for the end of all: empty classes take none.
    """
    for first, last in _stretches(classes):
        head = _next(rows, first, last, budgets)
        while head is not None:
            low, high = head.lane & ~_LINE, head.lane | _LINE
            found: list[Head] = []
            while head is not None and head.lane <= high and len(found) < MOST_LINES:
                found.append(head)
                head = _next(rows, head.lane + 1, last, budgets)
            if len(found) == MOST_LINES:
                start = random.randint(low, high)
                found = [*_walk(rows, start, high, budgets), *_walk(rows, low, start - 1, budgets)][:MOST_LINES]
                head = _next(rows, high + 1, last, budgets)
            yield sorted(found)


def has_open_line(rows: Rows, classes: Sequence[int], budgets: Budgets) -> bool:
    """Whether any call of these classes may be taken."""
    return any(_next(rows, first, last, budgets) for first, last in _stretches(classes))


def _stretches(classes: Sequence[int]) -> list[tuple[int, int]]:
    """The lanes of these classes, neighbours together."""
    found: list[tuple[int, int]] = []
    for class_ in sorted(set(classes)):
        low = class_ << LINE_BITS
        begins = found.pop()[0] if found and found[-1][1] == low - 1 else low
        found.append((begins, low | _LINE))
    return found


def _walk(rows: Rows, lane: int, high: int, budgets: Budgets) -> Iterator[Head]:
    """The first open lines of a range, `MOST_LINES` at most."""
    for _ in range(MOST_LINES):
        head = _next(rows, lane, high, budgets)
        if head is None:
            return
        yield head
        lane = head.lane + 1


def _next(rows: Rows, lane: int, high: int, budgets: Budgets) -> Head | None:
    """The first open line from a lane on."""
    while lane <= high and (first := rows(_HEAD, (lane, high))):
        [(lane, deadline, id_)] = first
        closed = budgets.closed_until(lane)
        if closed is None:
            return Head(deadline, id_, lane)
        lane = closed + 1
    return None
