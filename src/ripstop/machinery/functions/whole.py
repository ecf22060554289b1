"""Big work: a call that was split and waits for its parts is one thing to watch, to pause and to cancel."""

from typing import NamedTuple

from ripstop.engines.base import Store
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions import steering


class Whole(NamedTuple):
    """What is left of a call's parts, by state."""

    waiting: int
    ready: int
    leased: int
    dead: int

    @property
    def is_finished(self) -> bool:
        """Whether no part is left, not even a dead one."""
        return not any(self)


def line_of(call: int) -> str:
    """The namespace of the parts of a call that waits for them."""
    return f"#{call}"


async def parts_of(store: Store, call: int) -> Whole:
    """What is left of the parts of a call."""
    backlogs = (await store.call_stats(parent=call)).values()
    return Whole(
        waiting=sum(each.waiting for each in backlogs),
        ready=sum(each.ready for each in backlogs),
        leased=sum(each.leased for each in backlogs),
        dead=sum(each.dead for each in backlogs),
    )


async def pause(store: Store, bus: Bus | None, function: str, call: int) -> None:
    """Start no more parts of a call; those that run go on."""
    await steering.pause(store, bus, function, line_of(call))


async def resume(store: Store, bus: Bus | None, function: str, call: int) -> None:
    """Start parts of a paused call again."""
    await steering.resume(store, bus, function, line_of(call))


async def cancel(store: Store, bus: Bus | None, function: str, call: int) -> None:
    """End a call, and its parts, without an effect: each as it would start. Those that run go on to their end."""
    await steering.change(store, bus, function, lambda now: now.with_cancelled(call).without_paused(line_of(call)))


async def forget(store: Store, function: str, call: int) -> None:
    """A cancelled call is gone: take its mark away."""
    await steering.change(store, None, function, lambda now: now.without_cancelled(call))
