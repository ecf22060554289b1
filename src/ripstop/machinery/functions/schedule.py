"""Calls by the calendar, each firing once, however many workers there are."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from cronsim import CronSim, CronSimError

from ripstop.engines.base import Store
from ripstop.engines.batch import Batch, NameSet
from ripstop.engines.common import name_shard
from ripstop.kernel.ids import IdSource
from ripstop.machinery.functions.function import Function, call_put

SPACE = "cron/"
"""What names of schedules begin with; each is held by the second of the firing that was put last."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A function that is called by the calendar.

    :param name: stays the same when the times change; one schedule has one.
    :param cron: minute, hour, day of month, month, day of week; with six fields, the first are seconds.
    :param zone: in which the times are told. An hour that is left out in spring fires right after it, one that comes
        twice in autumn fires once.
    """

    name: str
    cron: str
    function: Function[Any]
    arguments: Any
    zone: tzinfo = UTC

    def __post_init__(self) -> None:
        try:
            CronSim(self.cron, datetime(2000, 1, 1, tzinfo=self.zone))
        except CronSimError as error:
            raise ValueError(f"The schedule {self.name} has times that cannot be understood: {self.cron}.") from error
        if not isinstance(self.arguments, self.function.arguments):
            raise TypeError(f"The schedule {self.name} must give {self.function.arguments.__name__}.")

    def next_ms(self, now_ms: int) -> int:
        """The first firing after an instant."""
        return round(next(CronSim(self.cron, datetime.fromtimestamp(now_ms / 1000, self.zone))).timestamp()) * 1000


async def put_next(store: Store, ids: IdSource, schedule: Schedule) -> bool:
    """See to it that the next firing waits in the queue; whether it was put now.

    A name is passed on from the last firing to the next one in the batch that puts the call: of all who try, one
    succeeds. What was missed while nothing ran fires once, late.
    """
    name = f"{SPACE}{schedule.name}"
    held = (await store.name_get([name])).get(name)
    last = None if held is None else held.holder
    now_ms = await store.now_ms()
    if last is not None and last * 1000 > now_ms:
        return False
    due = schedule.next_ms(now_ms)
    shard = name_shard(name)
    put = call_put(schedule.function, schedule.arguments, id=ids.new(shard), now_ms=now_ms, due=due)
    [outcome] = await store.commit([Batch(shard, [NameSet(name, last, due // 1000), put])])
    return outcome.applied
