"""Mutual exclusion of calls: a name of the store that a call holds while it runs."""

from ripstop.engines.base import Engine, LeasedCall
from ripstop.engines.batch import Batch, NameSet
from ripstop.kernel.ids import shard_of

SPACE = "lock/"
"""What names of locks begin with."""

SLACK = 60.0
"""Seconds beyond a run's time limit after which a lock ends, should its holder have died."""


async def take(engine: Engine, call: LeasedCall, *, seconds: float, now_ms: int) -> str | None:
    """Have a call hold the lock of its key; the name, to be released with its end, or None if another call has it.

    A call that held the lock when its worker died has it again. Whoever lost it, since it took longer than it could, is
    refused when it releases it, together with its effect.

    :param seconds: how long the call may run.
    """
    name = f"{SPACE}{call.function}/{call.key}"
    held = (await engine.name_get([name])).get(name)
    if held is not None and held.holder != call.id:
        return None
    expected = None if held is None else held.holder
    expires = now_ms + round((seconds + SLACK) * 1000)
    [outcome] = await engine.commit([Batch(shard_of(call.id), [NameSet(name, expected, call.id, expires)])])
    return name if outcome.applied else None


def release(name: str, call: LeasedCall) -> NameSet:
    """The operation that frees a lock."""
    return NameSet(name, call.id, None)
