"""For the tests of whoever uses this package: what was called, and calls that run at once.

`Worker.drain` runs what is due; `ripstop.kernel.clock.ManualClock` is a clock to advance.
"""

from typing import NamedTuple, TypeVar

import msgspec

from ripstop.engines.base import CallRow, CallState, Store, Table
from ripstop.kernel.clock import Clock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions.caller import Caller
from ripstop.machinery.functions.dead import PAGE
from ripstop.machinery.functions.function import Function
from ripstop.machinery.functions.worker import Worker

A = TypeVar("A")


class Called(NamedTuple):
    """A call that has not ended, with its arguments as they are stored (JSON)."""

    id: int
    state: CallState
    arguments: str
    due: int
    key: str | None
    namespace: str | None


async def calls_of(store: Store, function: Function[A]) -> list[Called]:
    """The calls of a function that have not ended, dead ones included, by shard and id."""
    found = []
    after: tuple[object, ...] | None = None
    while True:
        page = await store.scan(Table.CALLS, shard=None, after=after, limit=PAGE)
        for row in page.rows:
            call = msgspec.convert(row, CallRow)
            if call.function == function.name:
                found.append(Called(call.id, CallState(call.state), call.arguments, call.due, call.key, call.namespace))
        if page.after is None:
            return found
        after = page.after


async def assert_called(
    store: Store, function: Function[A], arguments: A | None = None, *, times: int | None = None
) -> None:
    """Fail unless a function was called, with these arguments if any are given, and has not ended.

    :param times: how often exactly; None: at least once.
    :raises AssertionError: with what was called instead.
    """
    calls = await calls_of(store, function)
    wanted = None if arguments is None else msgspec.json.encode(arguments).decode()
    matching = [call for call in calls if wanted is None or call.arguments == wanted]
    if len(matching) != times if times is not None else not matching:
        often = "at least once" if times is None else f"{times} times"
        with_what = "" if wanted is None else f" with {wanted}"
        others = ", ".join(call.arguments for call in calls) or "nothing"
        raise AssertionError(
            f"{function.name} was to be called {often}{with_what}, and was {len(matching)} times. Its calls: {others}."
        )


class NowCaller(Caller):
    """Runs each call before `call` returns, with all that it causes and that is due."""

    def __init__(self, store: Store, worker: Worker, *, ids: IdSource, clock: Clock, bus: Bus) -> None:
        super().__init__(store, ids=ids, clock=clock, bus=bus)
        self._worker = worker

    async def call(
        self,
        function: Function[A],
        arguments: A,
        *,
        after: float = 0.0,
        key: str | None = None,
        namespace: str | None = None,
    ) -> int | None:
        call = await super().call(function, arguments, after=after, key=key, namespace=namespace)
        await self._worker.drain()
        return call
