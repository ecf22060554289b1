"""Calls on their own, that no other batch causes."""

from collections.abc import Sequence
from typing import TypeVar

from ripstop.engines.base import Store
from ripstop.engines.batch import Batch
from ripstop.engines.common import name_shard
from ripstop.kernel.clock import Clock
from ripstop.kernel.ids import IdSource
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions.function import CALLS_TOPIC, Function, call_put
from ripstop.machinery.functions.results import result

A = TypeVar("A")
R = TypeVar("R")

TOGETHER = 1_000
"""Calls of one batch."""


class Caller:
    """Calls functions. Whoever has a batch that causes a call puts it there instead (`call_put`)."""

    def __init__(self, store: Store, *, ids: IdSource, clock: Clock, bus: Bus) -> None:
        self._store = store
        self._ids = ids
        self._clock = clock
        self._bus = bus

    async def call(
        self,
        function: Function[A],
        arguments: A,
        *,
        after: float = 0.0,
        key: str | None = None,
        namespace: str | None = None,
    ) -> int | None:
        """Call a function; durable on return. Answers with the call's id, or None if it coalesced with another.

        :param after: seconds before it may start.
        :param key: coalesce with a call of the same function and key that has not started.
        """
        shard = 0 if key is None else name_shard(f"{function.name}/{key}")
        now_ms = self._clock.now_ms()
        due = 0 if after <= 0 else await self._store.now_ms() + round(after * 1000)
        put = call_put(
            function, arguments, id=self._ids.new(shard), now_ms=now_ms, due=due, key=key, namespace=namespace
        )
        [outcome] = await self._store.commit([Batch(shard, [put])])
        self._wake(due)
        return put.id if outcome.changed[0] else None

    async def call_many(
        self, function: Function[A], arguments: Sequence[A], *, after: float = 0.0, namespace: str | None = None
    ) -> list[int]:
        """Call a function once for each of these; the ids, in their order. A thousand at a time happen together."""
        now_ms = self._clock.now_ms()
        due = 0 if after <= 0 else await self._store.now_ms() + round(after * 1000)
        ids: list[int] = []
        for start in range(0, len(arguments), TOGETHER):
            puts = [
                call_put(function, each, id=self._ids.new(0), now_ms=now_ms, due=due, namespace=namespace)
                for each in arguments[start : start + TOGETHER]
            ]
            await self._store.commit([Batch(0, puts)])
            self._wake(due)
            ids += [put.id for put in puts]
        return ids

    async def result(self, function: Function[A], call: int, type: type[R], *, within: float) -> R:
        """What a call comes to, once it has ended. See `ripstop.machinery.functions.results.result`."""
        return await result(self._store, self._bus, function, call, type, within=within)

    def _wake(self, due: int) -> None:
        if not due:
            self._bus.publish(CALLS_TOPIC)
