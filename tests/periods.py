"""Limits count by periods of the clock: what is looked at together must have happened in one of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def in_one_period(minutes: int, act: Callable[[int], Awaitable[T]]) -> T:
    """What `act` saw, all of it in one period of so many minutes: where another one began meanwhile, it acts again.

    :param act: is given a number from 1 on: each time it must act as somebody new, since what was counted of the last
        one counts on.
    """
    for number in itertools.count(1):
        begun = time.time() // (minutes * 60)
        seen = await act(number)
        if time.time() // (minutes * 60) == begun:
            return seen
    raise AssertionError("unreachable")
