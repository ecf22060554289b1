"""What workers say of themselves, and what is known of each function: for operators, in words and as JSON."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TypedDict

import msgspec

from ripstop.engines.base import Engine, FunctionBacklog, Store
from ripstop.engines.derived import KeyspaceKind, KeyspaceType, ValuePut
from ripstop.kernel.ids import SLOTS, time_ms
from ripstop.machinery.functions.metrics import CALL_SECONDS
from ripstop.machinery.functions.steering import steering

REPORTS = KeyspaceType(name="function_reports", kind=KeyspaceKind.VALUES, ttl=5.0)
"""The latest report of each worker, by the slot in which its process mints ids."""

_NOTHING = FunctionBacklog(0, 0, 0, 0, None)


class Activity(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one worker does for a function, and what it has seen of it. Rates are per second.

    :ivar held: calls under lease.
    :ivar running: those of them that run.
    :ivar starts: calls that were started, since the report before.
    :ivar held_back: what keeps further calls from starting, in words.
    :ivar factor: how much of what it could ask for without pressure it asks of what it leans on, at most (AIMD).
    :ivar growing: by how many calls the backlog grows, over all workers; None if it did not look.
    :ivar ended: calls that are finished, or dead.
    :ivar retries: runs that failed, and are tried again.
    :ivar deaths: calls that died.
    :ivar busy: seconds of runs, in a second.
    :ivar delays: start delays of the last minute, by the places of `CALL_SECONDS`.
    :ivar runs: run times, in the same way.
    :ivar rate: how many may start in a second, over all workers.
    :ivar growth: how many may start in this minute, over all workers.
    """

    held: int = 0
    running: int = 0
    starts: float = 0.0
    held_back: str | None = None
    factor: float = 1.0
    growing: float | None = None
    ended: float = 0.0
    retries: float = 0.0
    deaths: float = 0.0
    busy: float = 0.0
    delays: tuple[int, ...] = ()
    runs: tuple[int, ...] = ()
    rate: float | None = None
    growth: float | None = None


class Overview(msgspec.Struct, frozen=True):
    """What is known of a function over all workers. Rates are per second, over ten seconds; times are those of the last
    minute, None where nothing ran.

    :ivar oldest_seconds: age of the oldest call that is not finished; None if there is none.
    :ivar starts: calls that are started, in the last second.
    :ivar held_back: what keeps calls from starting, in words, each once.
    :ivar steered: what operators have set, in words; None if nothing.
    :ivar arrivals: calls that are made, parts of others included; None if no worker looked.
    :ivar retries: runs that fail, and are tried again.
    :ivar deaths: calls that die.
    :ivar delay_p50: seconds from the instant that a call is due to its start: as long at most for half of them.
    :ivar delay_p99: as long at most for 99 of 100.
    :ivar run_p50: seconds from the start to the end, in the same way.
    :ivar share: its part of the time that runs take in all workers, from 0 to 1.
    :ivar rate_limit: how many may start in a second; None: as many as there are.
    :ivar quota: the part of that which starts; None where there is no rate.
    :ivar factor: how much of what workers could ask of what it leans on they do ask, in the mean (AIMD).
    :ivar growth_limit: how many may start in this minute, where it starts slowly.
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
    arrivals: float | None = None
    retries: float = 0.0
    deaths: float = 0.0
    delay_p50: float | None = None
    delay_p99: float | None = None
    run_p50: float | None = None
    run_p99: float | None = None
    share: float = 0.0
    rate_limit: float | None = None
    quota: float | None = None
    factor: float = 1.0
    growth_limit: float | None = None


IDLE = Overview(0, 0, 0, 0, None, 0, 0.0, [], None)
"""What there is to say of a function that nothing is known of."""

_decode = msgspec.json.Decoder(dict[str, Activity]).decode
_encode = msgspec.json.Encoder().encode


async def put_report(engine: Engine, slot: int, activities: dict[str, Activity]) -> None:
    """Say what a worker does now."""
    await engine.keyspace_write(REPORTS.name, [ValuePut(str(slot), _encode(activities))])


async def overview(store: Store) -> dict[str, Overview]:
    """All functions that have calls, are steered, or are worked for, by name. Four engine calls."""
    backlogs = await store.call_stats()
    steered = await steering(store)
    now_ms = await store.now_ms()
    values = await store.keyspace_get(REPORTS.name, [str(slot) for slot in range(SLOTS)])
    workers = [_decode(value) for value in values.values() if isinstance(value, bytes)]
    names = backlogs.keys() | steered.keys() | {name for worker in workers for name in worker}
    busy = sum(each.busy for worker in workers for each in worker.values())
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
            **_seen(mine, busy),
        )
    return found


class _Seen(TypedDict):
    """What `Overview` holds of what workers saw."""

    arrivals: float | None
    retries: float
    deaths: float
    delay_p50: float | None
    delay_p99: float | None
    run_p50: float | None
    run_p99: float | None
    share: float
    rate_limit: float | None
    quota: float | None
    factor: float
    growth_limit: float | None


def _seen(workers: Sequence[Activity], busy: float) -> _Seen:
    """The sum of what all workers saw of a function.

    :param busy: seconds of runs in a second, of all functions.
    """
    growing = [each.growing for each in workers if each.growing is not None]
    arrivals = sum(growing) / len(growing) + sum(each.ended for each in workers) if growing else None
    delays, runs = _added(each.delays for each in workers), _added(each.runs for each in workers)
    rate = min((each.rate for each in workers if each.rate is not None), default=None)
    starts = sum(each.starts for each in workers)
    return _Seen(
        arrivals=None if arrivals is None else max(0.0, round(arrivals, 1)),
        retries=round(sum(each.retries for each in workers), 1),
        deaths=round(sum(each.deaths for each in workers), 1),
        delay_p50=quantile(delays, 0.5),
        delay_p99=quantile(delays, 0.99),
        run_p50=quantile(runs, 0.5),
        run_p99=quantile(runs, 0.99),
        share=round(sum(each.busy for each in workers) / busy, 3) if busy else 0.0,
        rate_limit=rate,
        quota=round(starts / rate, 2) if rate else None,
        factor=round(sum(each.factor for each in workers) / len(workers), 3) if workers else 1.0,
        growth_limit=max((each.growth for each in workers if each.growth is not None), default=None),
    )


def _added(histograms: Iterable[tuple[int, ...]]) -> list[int]:
    return [sum(places) for places in zip_longest(*histograms, fillvalue=0)]


def quantile(counts: Sequence[int], part: float) -> float | None:
    """The value that a part of those counted do not exceed; None if there are none.

    Within a place of `CALL_SECONDS` values are taken to lie evenly; what is longer than all of them counts as the
    longest.
    """
    wanted, low = sum(counts) * part, 0.0
    if not wanted:
        return None
    for count, high in zip(counts, CALL_SECONDS, strict=False):
        if count >= wanted:
            return round(low + (high - low) * wanted / count, 6)
        wanted -= count
        low = high
    return low
