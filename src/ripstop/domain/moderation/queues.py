"""Steering background functions, for the staff. What is changed is recorded, in the batch that changes it where there
is one; what ends many calls is recorded before."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.audit import Subject, record
from ripstop.domain.moderation.authority import Staff
from ripstop.engines.base import Store
from ripstop.kernel.errors import Invalid, NotFound
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions.dead import (
    DeadCall,
    Search,
    dead_by_id,
    dead_calls,
    drop_all,
    drop_dead,
    retry_all,
    retry_dead,
)
from ripstop.machinery.functions.report import IDLE, Overview, overview
from ripstop.machinery.functions.steering import STEERING, Steer, change, steering
from ripstop.machinery.functions.whole import cancelled, check_there
from ripstop.machinery.graph import Graph

MOST_DEAD = 50
"""Dead calls of a function that are listed."""
MOST_ENDED = 1_000
"""Dead calls that are sent again, or dropped, in one go."""
LOOK_SECONDS = 3.0
"""For how long dead calls are looked through: there may be many of other functions."""
MAX_NAMESPACE = 255


class Queue(NamedTuple):
    """What is known of one function: what waits and why, how it is steered, and some of its dead calls."""

    name: str
    overview: Overview
    steer: Steer
    dead: list[DeadCall]


class Queues:
    """What the staff sees of background functions, and does about them.

    :param bus: by which workers hear of it at once; None: they look in half a second.
    :param names: of all functions that this program declares; None: not known here, so that any may be steered.
    """

    def __init__(self, graph: Graph, store: Store, bus: Bus | None, names: Collection[str] | None) -> None:
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
        return {name: known.get(name, IDLE) for name in sorted({*known, *(self._names or ())})}

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

    async def pause(self, staff: Staff, name: str, *, namespace: str = "") -> Steer:
        """Start no more calls of a function, or of one of its namespaces. See `_steer`."""
        how = _paused if not namespace else lambda now: now.with_paused(_checked(namespace))
        return await self._steer(staff, "pause_function", name, how, namespace)

    async def resume(self, staff: Staff, name: str, *, namespace: str = "") -> Steer:
        """Start them again. See `_steer`."""
        how = _resumed if not namespace else lambda now: now.without_paused(namespace)
        return await self._steer(staff, "resume_function", name, how, namespace)

    async def limit(self, staff: Staff, name: str, limits: Mapping[str, float | int | None]) -> Steer:
        """Say how many calls may start in a second over all workers (`rate`), and run at once in one (`concurrency`);
        None: as declared. What is not named stays. See `_steer`."""

        def limited(now: Steer) -> Steer:
            return msgspec.structs.replace(now, **limits)

        words = [f"{what} {'as declared' if value is None else f'{value:g}'}" for what, value in limits.items()]
        return await self._steer(staff, "limit_function", name, limited, ", ".join(words))

    async def cancel(self, staff: Staff, name: str, call: int) -> Steer:
        """End a call, and its parts, without an effect: each as it would start. See `_steer`.

        :raises NotFound: there is no such call of this function, nor are there parts of it.
        """
        await check_there(self._store, name, call)
        return await self._steer(staff, "cancel_call", name, lambda now: cancelled(now, call), f"call {call}")

    async def _steer(self, staff: Staff, action: str, name: str, how: Callable[[Steer], Steer], detail: str) -> Steer:
        """Steer a function, and record that; returns how it is steered now. At most seven engine calls and a commit; no
        commit if it is so already.

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
            return await change(self._store, self._bus, name, how, also=write.batch().operations)
        except ValueError as error:
            raise Invalid(f"Validation failed: {error}") from None

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
        return await self.end(staff, found, again=action == "retry_calls")

    async def end(self, staff: Staff, calls: Sequence[DeadCall], *, again: bool) -> int:
        """Send dead calls again, or drop them; how many were. What is begun is recorded first, a commit for each
        function.

        :raises Forbidden: the staff may not do this.
        """
        staff.check_power(Power.VIEW_DEVOPS)
        action, end = ("retry_calls", retry_dead) if again else ("drop_calls", drop_dead)
        for name, ids in _by_function(calls).items():
            write = self._graph.write(STEERING)
            which = f"call {ids[0]}" if len(ids) == 1 else f"{len(ids)} calls"
            record(write, staff, action, Subject(), at=self._graph.now_ms(), detail=f"{name}, {which}")
            await self._graph.commit(write)
        return await end(self._store, calls)

    async def end_all(self, staff: Staff, search: Search, *, again: bool) -> int:
        """Send all dead calls of a search again, or drop them, some hundred at a time; how many were. What is begun is
        recorded first. Nothing is if there are none.

        :raises Forbidden: the staff may not do this.
        """
        staff.check_power(Power.VIEW_DEVOPS)
        async for _ in dead_calls(self._store, search):
            break
        else:
            return 0
        action, end = ("retry_calls", retry_all) if again else ("drop_calls", drop_all)
        write = self._graph.write(STEERING)
        record(write, staff, action, Subject(), at=self._graph.now_ms(), detail=search.in_words())
        await self._graph.commit(write)
        return await end(self._store, search)

    async def _check(self, staff: Staff, name: str) -> None:
        """:raises Forbidden: the staff may not steer functions.
        :raises NotFound: there is no such function.
        """
        staff.check_power(Power.VIEW_DEVOPS)
        if self._names is not None and name not in self._names and name not in await overview(self._store):
            raise NotFound("Record not found")

    async def _dead(self, name: str, most: int, call: int | None = None) -> list[DeadCall]:
        """Dead calls of a function, or the one of an id, as far as they are found in time."""
        if call is not None:
            return [each for each in await dead_by_id(self._store, [call]) if each.function == name]
        found: list[DeadCall] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                async for each in dead_calls(self._store, Search(functions=(name,))):
                    found.append(each)
                    if len(found) == most:
                        break
        return found


def _by_function(calls: Sequence[DeadCall]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for call in calls:
        found.setdefault(call.function, []).append(call.id)
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
