"""A place where calls are made and run: a store, ids, functions, and workers over them."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import msgspec

from ripstop.engines.base import Store
from ripstop.engines.batch import AnyOperation, Batch, ObjectPut
from ripstop.kernel.clock import Clock, ManualClock, SystemClock
from ripstop.kernel.ids import IdSource, shard_of
from ripstop.machinery.bus import Bus, MemoryBus
from ripstop.machinery.functions import CALLS_TOPIC, Call, Function, Functions, Limits, Outcome, Worker, call_put
from tests.world import PATIENCE, THING, apply, eventually

SHARD = 7
ALL = [0, 1, 2, 3]


class Note(msgspec.Struct, frozen=True):
    """Arguments of the functions in these tests."""

    text: str = ""
    number: int = 0


class TestSlot:
    """A slot that no other process of the test takes."""

    __test__ = False

    def __init__(self, number: int = 63) -> None:
        self.number = number
        self.high_water_ms = 0

    def raise_high_water(self, ms: int) -> None:
        self.high_water_ms = ms


async def nothing() -> None:
    """There is no cache to refresh."""


@dataclass
class Yard:
    """Everything around a worker. `ran` holds what handlers made by `function` saw."""

    store: Store
    clock: Clock = field(default_factory=SystemClock)
    bus: Bus = field(default_factory=MemoryBus)
    functions: Functions = field(default_factory=Functions)
    ran: list[Call[Note]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = IdSource(self.clock, TestSlot())
        self._started = asyncio.Event()

    def function(
        self, name: str, handler: Callable[[Call[Note]], Awaitable[Outcome]], **attributes: Any
    ) -> Function[Note]:
        """Declare a function of notes that remembers its calls in `ran`."""

        async def remember(call: Call[Note]) -> Outcome:
            self.ran.append(call)
            self._started.set()
            return await handler(call)

        declared = Function(name=name, arguments=Note, handler=remember, **attributes)
        self.functions.declare(declared)
        return declared

    async def call(self, function: Function[Note], *notes: Note, home: int = SHARD, **more: Any) -> list[int]:
        """Enqueue calls in one batch and publish that; their ids."""
        ids = [self.ids.new(home) for _ in notes]
        now_ms = self.clock.now_ms()
        puts = [call_put(function, note, id=id, now_ms=now_ms, **more) for id, note in zip(ids, notes, strict=True)]
        await apply(self.store, *puts, home=home)
        self.bus.publish(CALLS_TOPIC)
        return ids

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once what has run fulfils a condition."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._started.clear()
                await self._started.wait()

    def worker(
        self,
        *,
        functions: Functions | None = None,
        store: Store | None = None,
        before_round: Callable[[], Awaitable[None]] = nothing,
        **limits: Any,
    ) -> Worker:
        """A worker that nothing is too slow for, unless its limits say so."""
        return Worker(
            store or self.store,
            functions or self.functions,
            clock=self.clock,
            ids=self.ids,
            bus=self.bus,
            before_round=before_round,
            limits=Limits(**{"objective": math.inf, "lag": math.inf, **limits}),
            random=Random(1),
        )

    async def drain(self, **limits: Any) -> int:
        return await self.worker(**limits).drain()

    async def dead(self, function: str) -> int:
        stats = await self.store.call_stats([function])
        return stats[function].dead if function in stats else 0

    async def unfinished(self) -> int:
        """Calls that are neither done nor dead."""
        return sum(each.waiting + each.ready + each.leased for each in (await self.store.call_stats()).values())

    async def all_ended(self, *, passing: float = 0.0) -> None:
        """Return once no call is unfinished.

        :param passing: seconds of a clock that stands still, which pass between two looks.
        """

        async def none_left() -> bool:
            if passing:
                cast(ManualClock, self.clock).advance(passing)
            return await self.unfinished() == 0

        await eventually(none_left)


def effect(id: int, *more: AnyOperation) -> Batch:
    """A batch that creates an object, which the store refuses to do twice."""
    return Batch(shard_of(id), [ObjectPut(id, THING, "{}"), *more])


@contextlib.asynccontextmanager
async def manual_yard(place: Any) -> AsyncIterator[tuple[Yard, ManualClock]]:
    """A yard whose time stands still."""
    clock = ManualClock()
    async with place.opened(clock=clock) as store:
        yield Yard(store, clock=clock), clock
