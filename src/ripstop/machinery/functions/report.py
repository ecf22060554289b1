"""What workers say of themselves, and what is known of each function: for operators, in words and as JSON."""

import msgspec

from ripstop.engines.base import Engine, FunctionBacklog, Store
from ripstop.engines.derived import KeyspaceKind, KeyspaceType, ValuePut
from ripstop.kernel.ids import SLOTS, time_ms
from ripstop.machinery.functions.steering import steering

REPORTS = KeyspaceType(name="function_reports", kind=KeyspaceKind.VALUES, ttl=5.0)
"""The latest report of each worker, by the slot in which its process mints ids."""

_NOTHING = FunctionBacklog(0, 0, 0, 0, None)


class Activity(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one worker does for a function.

    :ivar held: calls under lease.
    :ivar running: those of them that run.
    :ivar starts: calls that were started per second, since the report before.
    :ivar held_back: what keeps further calls from starting, in words.
    :ivar factor: how much of what it could ask for without pressure it asks of what it leans on, at most (AIMD).
    """

    held: int = 0
    running: int = 0
    starts: float = 0.0
    held_back: str | None = None
    factor: float = 1.0


class Overview(msgspec.Struct, frozen=True):
    """What is known of a function over all workers.

    :ivar oldest_seconds: age of the oldest call that is not finished; None if there is none.
    :ivar starts: calls that are started per second.
    :ivar held_back: what keeps calls from starting, in words, each once.
    :ivar steered: what operators have set, in words; None if nothing.
    """

    waiting: int
    ready: int
    leased: int
    dead: int
    oldest_seconds: float | None
    running: int
    starts: float
    held_back: list[str]
    steered: str | None


_decode = msgspec.json.Decoder(dict[str, Activity]).decode
_encode = msgspec.json.Encoder().encode


async def put_report(engine: Engine, slot: int, activities: dict[str, Activity]) -> None:
    """Say what a worker does now."""
    await engine.keyspace_write(REPORTS.name, [ValuePut(str(slot), _encode(activities))])


async def overview(store: Store) -> dict[str, Overview]:
    """All functions that have calls, are steered, or are worked for, by name."""
    backlogs = await store.call_stats()
    steered = await steering(store)
    now_ms = await store.now_ms()
    values = await store.keyspace_get(REPORTS.name, [str(slot) for slot in range(SLOTS)])
    workers = [_decode(value) for value in values.values() if isinstance(value, bytes)]
    names = backlogs.keys() | steered.keys() | {name for worker in workers for name in worker}
    found = {}
    for name in sorted(names):
        backlog = backlogs.get(name, _NOTHING)
        mine = [worker[name] for worker in workers if name in worker]
        found[name] = Overview(
            *backlog[:4],
            oldest_seconds=None if backlog.oldest is None else max(0, now_ms - time_ms(backlog.oldest)) / 1000,
            running=sum(each.running for each in mine),
            starts=round(sum(each.starts for each in mine), 1),
            held_back=sorted({each.held_back for each in mine if each.held_back is not None}),
            steered=steered[name].in_words() if name in steered else None,
        )
    return found
