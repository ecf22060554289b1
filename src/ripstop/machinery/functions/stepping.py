"""Coroutines that are begun by hand, so that those which never wait need no task of their own."""

import types
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """A coroutine that has gone as far as it can without waiting, in the task of whoever began it.

    One that `waits` must be awaited by that task before it waits for anything else. Of one that does not, `result` is
    what it has come to.

    :raises Exception: what the coroutine raises before it waits.
    """

    __slots__ = ("_awaited", "_work", "result", "waits")

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self.result: T | None = None
        try:
            self._awaited = work.send(None)
            self.waits = True
        except StopIteration as end:
            self.result = end.value
            self.waits = False

    @types.coroutine
    def rest(self) -> Generator[Any, Any, T]:
        """Go on to the end."""
        awaited = self._awaited
        while True:
            try:
                try:
                    value = yield awaited
                except BaseException as error:  # noqa: BLE001 - a cancellation is for whoever waits
                    awaited = self._work.throw(error)
                else:
                    awaited = self._work.send(value)
            except StopIteration as end:
                result: T = end.value
                return result
