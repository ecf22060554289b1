"""A process that writes to a store as fast as it can until it is killed, and says what was acknowledged.

    python -m tests.crash.writer sqlite FOLDER 3:1 4:17

Each argument `shard:number` is a lane: from that number on it commits one batch after the other, and prints
`shard number` once the batch was acknowledged. So at most one batch of a lane is in doubt when the process dies.
Beside them a worker takes calls and commits their effects, together with their ends. What a batch writes, and what must
be there afterwards, is in `tests.crash.witness`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from ripstop.engines.base import Lane, Store
from ripstop.engines.batch import Batch, CallDone, ObjectPatch
from ripstop.kernel.ids import shard_of
from tests.crash.witness import CALLS, DONE, batch_of, effect_of
from tests.stores import Place

LEASE_SECONDS = 1.0
"""Short, since whoever holds a lease is killed before long."""


async def write_lane(store: Store, shard: int, number: int) -> None:
    while True:
        [outcome] = await store.commit([batch_of(shard, number)], deadline=60)
        assert outcome.applied, f"refused: lane {shard}, number {number}"
        # In one write, which a pipe takes whole or not at all.
        os.write(1, f"{shard} {number}\n".encode())
        number += 1


async def work(store: Store) -> None:
    """Take calls and let them have their effect; who lost its lease is refused."""
    while True:
        leases = await store.call_lease(CALLS, limit=20, seconds=LEASE_SECONDS)
        effects = [
            Batch(shard_of(call.id), [ObjectPatch(effect_of(call.id), DONE), CallDone(call.id, call.token)])
            for call in leases.taken
        ]
        await store.commit(effects, lane=Lane.BACKGROUND, deadline=60)
        if not effects:
            await asyncio.sleep(0.02)


async def main(place: Place, lanes: Sequence[tuple[int, int]]) -> None:
    async with place.opened() as store, asyncio.TaskGroup() as tasks:
        for shard, number in lanes:
            tasks.create_task(write_lane(store, shard, number))
        tasks.create_task(work(store))


if __name__ == "__main__":
    engine, where, *lanes = sys.argv[1:]
    starts = [tuple(map(int, lane.split(":"))) for lane in lanes]
    asyncio.run(main(Place(engine, where), [(shard, number) for shard, number in starts]))
