"""Steering background functions, for the staff. What is changed is recorded, in the batch that changes it where there
is one; what ends many calls is recorded before."""

import asyncio
from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.audit import Subject, record
from ripstop.domain.moderation.authority import Staff
from ripstop.engines.base import Store
from ripstop.kernel.errors import Invalid, NotFound
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions.dead import DeadCall, dead_calls, drop_dead, retry_dead
from ripstop.machinery.functions.report import Overview, overview
from ripstop.machinery.functions.steering import STEERING, Steer, change, steering
from ripstop.machinery.graph import Graph

MOST_DEAD = 50
"""Dead calls of a function that are listed."""
MOST_ENDED = 1_000
"""Dead calls that are sent again, or dropped, in one go."""
LOOK_SECONDS = 3.0
"""For how long the queue is looked through for dead calls: there may be millions that are not."""
MAX_NAMESPACE = 255
_IDLE = Overview(0, 0, 0, 0, None, 0, 0.0, [], None)


class Queue(NamedTuple):
    """What is known of one function: what waits and why, how it is steered, and some of its dead calls."""

    name: str
    overview: Overview
    steer: Steer
    dead: list[DeadCall]


class Queues:
    """What the staff sees of background functions, and does about them.

    :param names: of all functions that this program declares.
    """

    def __init__(self, graph: Graph, store: Store, bus: Bus | None, names: Collection[str]) -> None:
        self._graph = graph
        self._store = store
        self._bus = bus
        self._names = names

    async def overviews(self, staff: Staff) -> dict[str, Overview]:
        """All functions by name, those of which nothing is known as well. Four engine calls.

        :raises Forbidden: the staff may not see this.
        """
        staff.check_power(Power.VIEW_DEVOPS)
        known = await overview(self._store)
        return {name: known.get(name, _IDLE) for name in sorted({*known, *self._names})}

    async def one(self, staff: Staff, name: str) -> Queue:
        """One function. Five engine calls, and those of looking for dead calls.

        :raises Forbidden: the staff may not see this.
        :raises NotFound: there is no such function.
        """
        known = (await self.overviews(staff)).get(name)
        if known is None:
            raise NotFound("Record not found")
        steered = (await steering(self._store)).get(name, Steer())
        dead = [] if not known.dead else await self._dead(name, MOST_DEAD)
        return Queue(name, known, steered, dead)

    async def pause(self, staff: Staff, name: str, *, namespace: str = "") -> None:
        """Start no more calls of a function, or of one of its namespaces. See `_steer`."""
        how = _paused if not namespace else lambda now: now.with_paused(_checked(namespace))
        await self._steer(staff, "pause_function", name, how, namespace)

    async def resume(self, staff: Staff, name: str, *, namespace: str = "") -> None:
        """Start them again. See `_steer`."""
        how = _resumed if not namespace else lambda now: now.without_paused(namespace)
        await self._steer(staff, "resume_function", name, how, namespace)

    async def limit(self, staff: Staff, name: str, *, rate: float | None, concurrency: int | None) -> None:
        """Say how many calls may start in a second, over all workers, and run at once in one; None: as declared. See
        `_steer`."""

        def limited(now: Steer) -> Steer:
            return msgspec.structs.replace(now, rate=rate, concurrency=concurrency)

        words = [f"{value:g} {what}" for value, what in ((rate, "a second"), (concurrency, "at once")) if value]
        await self._steer(staff, "limit_function", name, limited, ", ".join(words) or "as declared")

    async def _steer(self, staff: Staff, action: str, name: str, how: Callable[[Steer], Steer], detail: str) -> None:
        """Steer a function, and record that. Two engine calls and a commit; no commit if it is so already.

        :raises Forbidden: the staff may not do this.
        :raises NotFound: there is no such function.
        :raises Invalid: a number makes no sense.
        :raises Conflict: others steer functions all the time.
        """
        await self._check(staff, name)
        write = self._graph.write(STEERING)
        words = f"{name}, {detail}" if detail else name
        record(write, staff, action, Subject(), at=self._graph.now_ms(), detail=words)
        try:
            await change(self._store, self._bus, name, how, also=write.batch().operations)
        except ValueError as error:
            raise Invalid(f"Validation failed: {error}") from None
        await self._graph.sync()

    async def retry(self, staff: Staff, name: str, *, call: int | None = None) -> int:
        """Send a dead call again, or all of a function; how many were. See `_end`."""
        return await self._end(staff, "retry_calls", name, call)

    async def drop(self, staff: Staff, name: str, *, call: int | None = None) -> int:
        """Remove a dead call, or all of a function, for good; how many were. See `_end`."""
        return await self._end(staff, "drop_calls", name, call)

    async def _end(self, staff: Staff, action: str, name: str, call: int | None) -> int:
        """Do something about dead calls, `MOST_ENDED` at most, which is recorded first. Nothing is if there are none.

        :raises Forbidden: the staff may not do this.
        :raises NotFound: there is no such function, or no such dead call of it.
        """
        await self._check(staff, name)
        found = await self._dead(name, MOST_ENDED, call)
        if call is not None and not found:
            raise NotFound("There is no such dead call")
        if not found:
            return 0
        write = self._graph.write(STEERING)
        words = f"{name}, call {call}" if call is not None else f"{name}, {len(found)} calls"
        record(write, staff, action, Subject(), at=self._graph.now_ms(), detail=words)
        await self._graph.commit(write)
        ended = await (retry_dead if action == "retry_calls" else drop_dead)(self._store, found)
        await self._graph.sync()
        return ended

    async def _check(self, staff: Staff, name: str) -> None:
        """:raises Forbidden: the staff may not steer functions.
        :raises NotFound: there is no such function.
        """
        staff.check_power(Power.VIEW_DEVOPS)
        if name not in self._names and name not in await overview(self._store):
            raise NotFound("Record not found")

    async def _dead(self, name: str, most: int, call: int | None = None) -> list[DeadCall]:
        """Dead calls of a function, or the one of an id, as far as they are found in time."""
        found: list[DeadCall] = []
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                async for each in dead_calls(self._store, (name,)):
                    if call in (None, each.id):
                        found.append(each)
                    if len(found) == most or (found and call is not None):
                        break
        except TimeoutError:
            pass
        return found


def _paused(now: Steer) -> Steer:
    return msgspec.structs.replace(now, paused=True)


def _resumed(now: Steer) -> Steer:
    return msgspec.structs.replace(now, paused=False)


def _checked(namespace: str) -> str:
    """:raises Invalid: no namespace is as long."""
    if len(namespace) > MAX_NAMESPACE:
        raise Invalid("Validation failed: Namespace is too long")
    return namespace
