"""What there is to see of the store, once it is open."""

import time
from collections.abc import AsyncIterator, Iterator

from ripstop.engines.base import CallState, Inspection, Store, Table
from ripstop.kernel.ids import time_ms
from ripstop.surfaces.condition.finding import Finding, duration, fine, warning, wrong

CLOCK_SECONDS = 5.0
LATE_SECONDS, VERY_LATE_SECONDS = 60.0, 600.0
"""How long a call may wait though it could run."""

_PAGE, _PAGES = 1_000, 100
"""Calls that are looked at for the oldest one: the first hundred thousand."""


def versions(inspection: Inspection) -> Finding:
    """What the store rests on, and whether its tables are those of this program."""
    if inspection.applied is None:
        return fine("store", f"{inspection.server}: there is no store yet; the first start makes it.")
    if inspection.applied > inspection.known:
        return wrong(
            "store",
            f"{inspection.server}: the store was migrated by a newer Ripstop.",
            "Start that version, or restore a backup that this one made.",
        )
    pending = inspection.known - inspection.applied
    if pending:
        return warning(
            "store",
            f"{inspection.server}: {pending} migrations are pending.",
            "Make a backup; the next start then migrates, while others go on working.",
        )
    return fine("store", f"{inspection.server}, with all migrations.")


async def examine(store: Store) -> AsyncIterator[Finding]:
    """All that an open store shows."""
    for finding in writes(store):
        yield finding
    yield await clocks(store)
    async for finding in calls(store):
        yield finding


def writes(store: Store) -> Iterator[Finding]:
    """Whether it takes writes."""
    if store.read_only is not None:
        yield wrong("store", f"The store takes no writes. {store.read_only}", "Mend that; it is noticed by itself.")


async def clocks(store: Store) -> Finding:
    """Whether its clock is that of this machine."""
    ahead = await store.now_ms() / 1_000 - time.time()
    if abs(ahead) > CLOCK_SECONDS:
        return wrong(
            "clock",
            f"The store's clock is {duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this machine's.",
            "Let the clocks of all machines be set by NTP. The store's clock never steps back: time will catch up.",
        )
    return fine("clock", "The clocks of this machine and of the store agree.")


async def calls(store: Store) -> AsyncIterator[Finding]:
    """Whether background work is done, and in time."""
    stats = await store.call_stats()
    for function, backlog in sorted(stats.items()):
        if backlog.dead:
            yield warning(
                "calls",
                f"{backlog.dead} calls of {function} failed for good.",
                f"`ripstop functions dead --function {function}` says why; then `retry` or `drop` them.",
            )
    if not any(backlog.ready or backlog.waiting for backlog in stats.values()):
        yield fine("calls", "Nothing waits to be done.")
        return
    late = await _lateness(store)
    remedy = "Is a worker running, and is no function paused? `ripstop functions list` shows what waits."
    sentence = f"The oldest call that could run has waited for {duration(late)}."
    if late > VERY_LATE_SECONDS:
        yield wrong("calls", sentence, remedy)
    elif late > LATE_SECONDS:
        yield warning("calls", sentence, remedy)
    else:
        yield fine("calls", "What can be done is being done.")


async def _lateness(store: Store) -> float:
    """Seconds since the oldest call that is not started could have been."""
    now_ms = await store.now_ms()
    oldest = now_ms
    after: tuple[object, ...] | None = None
    for _ in range(_PAGES):
        page = await store.scan(Table.CALLS, shard=None, after=after, limit=_PAGE)
        for row in page.rows:
            if row[1] in (CallState.WAITING, CallState.READY):
                oldest = min(oldest, max(int(str(row[7])), time_ms(int(str(row[0])))))
        after = page.after
        if after is None:
            break
    return (now_ms - oldest) / 1_000
