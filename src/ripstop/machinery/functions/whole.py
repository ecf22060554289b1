"""Big work: a call that was split and waits for its parts is one thing to watch, to pause and to cancel."""

from functools import partial
from typing import NamedTuple

import msgspec

from ripstop.engines.base import LeasedCall, Store
from ripstop.kernel.errors import NotFound
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions import steering
from ripstop.machinery.functions.outcome import Progress
from ripstop.machinery.functions.progress import progress_of, root_of
from ripstop.machinery.functions.standing import Standing
from ripstop.machinery.functions.steering import Steer


class Whole(NamedTuple):
    """What is left of a call's parts, and of theirs, by state."""

    waiting: int
    ready: int
    leased: int
    dead: int

    @property
    def is_finished(self) -> bool:
        """Whether no part is left, not even a dead one."""
        return not any(self)


def line_of(call: int) -> str:
    """The namespace of the parts of a call that waits for them, and of their parts."""
    return f"#{call}"


async def parts_of(store: Store, call: int) -> Whole:
    """What is left of the parts of a call, and of their parts."""
    backlogs = (await store.call_stats(parent=call)).values()
    return Whole(
        waiting=sum(each.waiting for each in backlogs),
        ready=sum(each.ready for each in backlogs),
        leased=sum(each.leased for each in backlogs),
        dead=sum(each.dead for each in backlogs),
    )


async def progress(store: Store, call: int) -> Progress | None:
    """How far a call is that was split or makes checkpoints; None if it does not tell, or has ended.

    Of a whole within another one it is not known: its items count for the outermost. What a worker has ended in its
    last second is missing if it was killed.
    """
    row = (await store.call_get([call])).get(call)
    if row is None:
        return None
    try:
        standing = Standing.parse(row.checkpoint)
    except msgspec.DecodeError:
        return None
    is_within = bool(standing.parts) and root_of(row.namespace, row.parent) is not None
    return None if is_within else await progress_of(store, call, standing)


async def pause(store: Store, bus: Bus | None, function: str, call: int) -> None:
    """Start no more parts of a call; those that run go on. Of a whole within another one, the outer one is paused."""
    await steering.pause(store, bus, function, line_of(call))


async def resume(store: Store, bus: Bus | None, function: str, call: int) -> None:
    """Start parts of a paused call again."""
    await steering.resume(store, bus, function, line_of(call))


async def cancel(store: Store, bus: Bus | None, function: str, call: int) -> None:
    """End a call, its parts, and theirs, without an effect: each as it would start. Those that run go on to their end,
    and what they split into ends as well.

    :raises NotFound: there is no such call of this function, nor are there parts of it.
    """
    await check_there(store, function, call)
    await steering.change(store, bus, function, lambda now: cancelled(now, call))


async def check_there(store: Store, function: str, call: int) -> None:
    """:raises NotFound: there is no such call of this function, nor are there parts of it."""
    row = (await store.call_get([call])).get(call)
    if (row is None or row.function != function) and function not in await store.call_stats(parent=call):
        raise NotFound(f"There is no call {call} of {function}.")


def cancelled(steer: Steer, call: int) -> Steer:
    """How a function is steered when a call of it is cancelled."""
    return steer.with_cancelled(call).without_paused(line_of(call))


def is_cancelled(steer: Steer, call: LeasedCall) -> bool:
    """Whether a call was cancelled, or what it is a part of."""
    marks = steer.cancelled
    return call.id in marks or call.parent in marks or root_of(call.namespace, call.parent) in marks


def must_be_marked(steer: Steer, call: LeasedCall) -> bool:
    """Whether the parts of a call would not know that they are cancelled: what it is a part of is, within a greater
    whole that is not.
    """
    marks = steer.cancelled
    return call.parent in marks and call.id not in marks and root_of(call.namespace, call.parent) not in marks


async def mark(store: Store, bus: Bus, function: str, call: int) -> None:
    """Have the parts of a call know that it is cancelled."""
    await steering.change(store, bus, function, lambda now: now.with_cancelled(call))


async def forget(store: Store, function: str, call: int) -> None:
    """A cancelled call is gone: take its mark away."""
    await steering.change(store, None, function, lambda now: now.without_cancelled(call))


async def forget_ended(store: Store) -> None:
    """Take away the marks of cancelled and paused wholes that are gone, and of which no part is left."""
    for function, steer in (await steering.steering(store)).items():
        paused = [root_of(namespace, parent=0) for namespace in steer.paused_namespaces]
        marked = sorted({*steer.cancelled, *(call for call in paused if call is not None)})
        there = await store.call_get(marked) if marked else {}
        for call in marked:
            if call not in there and (await parts_of(store, call)).is_finished:
                await steering.change(store, None, function, partial(_unmarked, call=call))


def _unmarked(steer: Steer, call: int) -> Steer:
    return steer.without_cancelled(call).without_paused(line_of(call))
