"""A worker that runs calls until it is killed, and what each of these calls does.

    python -m tests.crash.crew sqlite FOLDER 3

The number is the process's slot. It prints a line when it begins. Each call patches the object that was
put beside it, whose version so counts effects: `EFFECTS` of each kind, however often its workers die.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Literal

import msgspec

from ripstop.engines.base import Store
from ripstop.engines.batch import Batch, ObjectPatch
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import IdSource, shard_of
from ripstop.machinery.bus import MemoryBus
from ripstop.machinery.functions import (
    Call,
    Checkpoint,
    Done,
    Function,
    Functions,
    Limits,
    Outcome,
    Retry,
    Split,
    Worker,
)
from tests.stores import Place
from tests.unit.functions.yard import TestSlot

LEASE_SECONDS = 1.0
"""Short, since whoever holds a lease is killed before long."""

STEPS = 3
PARTS = 4

Kind = Literal["plain", "again", "steps", "whole", "part"]

EFFECTS: dict[Kind, int] = {"plain": 1, "again": 1, "steps": STEPS, "whole": 1 + PARTS + 1}


class Job(msgspec.Struct, frozen=True):
    """What a call does, and to which object."""

    kind: Kind
    object: int


def effect(job: Job) -> Batch:
    """What may happen once for each step of a job."""
    return Batch(shard_of(job.object), [ObjectPatch(job.object, '{"done":true}')])


async def work(call: Call[Job]) -> Outcome:
    """End in each of the ways that calls end in: at once, at the second attempt, step by step, in parts."""
    job, state = call.arguments, call.checkpoint
    await asyncio.sleep(0.002)
    match job.kind:
        case "again" if call.attempt == 1:
            return Retry("not at the first attempt", after=0.0)
        case "steps" if int(state or 0) < STEPS - 1:
            return Checkpoint(str(int(state or 0) + 1), effect(job))
        case "whole" if state is None:
            return Split([Job("part", job.object)] * PARTS, effect(job), join="joined")
    return Done(effect(job))


JOB = Function(name="job", arguments=Job, handler=work)


def worker(store: Store, number: int) -> Worker:
    """One over this store; nobody is told of its messages, so that it finds calls by itself."""
    clock = SystemClock()
    limits = Limits(concurrency=32, lease=LEASE_SECONDS, poll=0.02)
    ids = IdSource(clock, TestSlot(number))
    return Worker(store, Functions([JOB]), clock=clock, ids=ids, bus=MemoryBus(), limits=limits)


async def main(place: Place, number: int) -> None:
    async with place.opened() as store:
        os.write(1, b"ready\n")
        await worker(store, number).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(Place(sys.argv[1], sys.argv[2]), int(sys.argv[3])))
