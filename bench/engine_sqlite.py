"""Micro-benchmarks of the SQLite engine: CPU microseconds of the whole process per operation.

Run as ``python -m bench.engine_sqlite [folder]``; the folder is created and removed. Batches are committed by so
many clients at once, each waiting for its answer, so that the sizes of groups follow from the number of clients.
"""

import asyncio
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from ripstop.engines.base import AssociationType, Schema
from ripstop.engines.batch import AssociationPut, Batch, CallDone, CallPut, NameSet, ObjectPatch, ObjectPut
from ripstop.engines.derived import Entry, KeyspaceKind, KeyspaceType, ListOpen, ListPush, ValuePut
from ripstop.engines.sqlite import SqliteStore

FOLLOWS, FOLLOWED_BY, LIKES, LIKED_BY, WROTE, RECENT = range(1, 7)
SCHEMA = Schema(
    associations={
        each.number: each
        for each in (
            AssociationType(number=FOLLOWS, name="follows", inverse=FOLLOWED_BY),
            AssociationType(number=FOLLOWED_BY, name="followed by", inverse=FOLLOWS, forward=False, keyed=False),
            AssociationType(number=LIKES, name="likes", inverse=LIKED_BY),
            AssociationType(number=LIKED_BY, name="liked by", inverse=LIKES, forward=False, keyed=False),
            AssociationType(number=WROTE, name="wrote"),
            AssociationType(number=RECENT, name="recent"),
        )
    },
    keyspaces={
        each.name: each
        for each in (
            KeyspaceType(name="home", kind=KeyspaceKind.LISTS, cap=400),
            KeyspaceType(name="values", kind=KeyspaceKind.VALUES),
        )
    },
)
PEOPLE = 2_000
ACCOUNT = '{"username":"somebody","display_name":"Some Body","note":"' + "n" * 200 + '"}'
POST = '{"text":"' + "t" * 140 + '","visibility":0,"language":"en","created":1700000000000}'

_numbers = itertools.count(1)


def new_id(shard: int = 7) -> int:
    return (1_000_000_000 + next(_numbers)) << 22 | shard << 12


def sign_up(_: list[int]) -> Batch:
    account, token = new_id(), new_id()
    return Batch(
        7,
        (
            NameSet(f"acct:/user{account}", None, account),
            NameSet(f"mail:/user{account}@example.org", None, account),
            NameSet(f"token:/{token:032x}", None, token),
            ObjectPut(account, 1, ACCOUNT),
            ObjectPut(token, 2, '{"scopes":"read write follow"}'),
            AssociationPut(account, RECENT, token, token),
            CallPut(new_id(), "onboarding.welcome", '{"account":1}'),
        ),
    )


def favourite(people: list[int]) -> Batch:
    return Batch(
        7,
        (
            AssociationPut(random.choice(people), LIKES, new_id(), new_id()),
            CallPut(new_id(), "notifications.like", '{"post":1}'),
        ),
    )


def follow(people: list[int]) -> Batch:
    one, other = random.sample(people, 2)
    return Batch(
        7,
        (
            AssociationPut(one, FOLLOWS, other, new_id(), if_absent=True),
            CallPut(new_id(), "feeds.join", '{"account":1}'),
        ),
    )


def post(people: list[int]) -> Batch:
    author, id_ = random.choice(people), new_id()
    return Batch(
        7,
        (
            NameSet(f"idem:/{id_}", None, id_, 1 << 50),
            ObjectPut(id_, 3, POST),
            AssociationPut(author, WROTE, id_, id_),
            CallPut(new_id(), "feeds.fan_out", '{"post":1}', key=str(id_)),
        ),
    )


def patch(people: list[int]) -> Batch:
    return Batch(7, (ObjectPatch(random.choice(people), '{"note":"new"}'),))


async def writes(store: SqliteStore, people: list[int], make: Callable[[list[int]], Batch], clients: int) -> None:
    total = max(400, min(20_000, clients * 150))
    batches = iter([make(people) for _ in range(total)])
    times: list[float] = []

    async def client() -> None:
        for batch in batches:
            began = time.perf_counter()
            await store.commit([batch])
            times.append(time.perf_counter() - began)

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    times.sort()
    print(
        f"  {make.__name__:12s} {clients:5d} clients {cpu / total * 1e6:8.1f} us CPU {total / wall:9.0f}/s"
        f"   p50 {times[total // 2] * 1e3:6.2f} ms  p99 {times[total * 99 // 100] * 1e3:6.2f} ms"
    )


async def measure(name: str, act: Callable[[], Awaitable[object]], times: int = 2_000) -> None:
    await act()
    cpu = time.process_time()
    for _ in range(times):
        await act()
    print(f"  {name:34s} {(time.process_time() - cpu) / times * 1e6:8.1f} us")


async def reads(store: SqliteStore, people: list[int]) -> None:
    cursor = (await store.changes(-1)).cursor
    some, many = random.sample(people, 20), random.sample(people, 150)
    one = people[0]
    await measure("changes, nothing new", lambda: store.changes(cursor))
    await measure("object_get 1", lambda: store.object_get([one]))
    await measure("object_get 20", lambda: store.object_get(some))
    await measure("name_get 1", lambda: store.name_get(["acct:/nobody"]))
    await measure("assoc_range 20", lambda: store.assoc_range(one, WROTE, limit=20))
    await measure("assoc_get 1 type, 20 targets", lambda: store.assoc_get(one, [FOLLOWS], some))
    await measure("assoc_counts 20 x 2", lambda: store.assoc_counts(some, [FOLLOWS, WROTE]))
    await measure("assoc_merge 20 of 20 lists", lambda: store.assoc_merge(some, WROTE, limit=20, budget=500), 300)
    await measure("assoc_merge 20 of 150 lists", lambda: store.assoc_merge(many, WROTE, limit=20, budget=500), 300)
    await measure("keyspace_range 20", lambda: store.keyspace_range("home", one, limit=20))
    await measure("keyspace_get 5", lambda: store.keyspace_get("values", ["a", "b", "c", "d", "e"]))
    await measure("call_stats of 1 function", lambda: store.call_stats(["feeds.fan_out"]))
    await measure("call_lease, nothing due", lambda: store.call_lease([9], limit=10, seconds=10))


async def pushes(store: SqliteStore, people: list[int]) -> None:
    await store.keyspace_write("home", [ListOpen(person, 0) for person in people])
    await store.keyspace_write("values", [ValuePut(key, b"x" * 50) for key in "abcde"])
    for lists, at_once in ((15, 1), (15, 16), (240, 1), (1_920, 1)):
        rounds = max(8, 30_000 // lists // at_once)
        cpu = time.process_time()
        for _ in range(rounds):
            await asyncio.gather(
                *(
                    store.keyspace_write("home", [ListPush(random.sample(people, lists), Entry(new_id(), 1))])
                    for _ in range(at_once)
                )
            )
        cpu = time.process_time() - cpu
        print(f"  push to {lists:5d} lists, {at_once:3d} at once {rounds * lists * at_once / cpu:10.0f} entries/CPU s")


async def calls(store: SqliteStore) -> None:
    """Lease what the writes have put, in hundreds, and end it."""
    done = 0
    cpu = time.process_time()
    while done < 5_000:
        leases = await store.call_lease([0, 1, 2, 3], limit=100, seconds=60)
        await store.commit([Batch(7, (CallDone(call.id, call.token),)) for call in leases.taken])
        done += len(leases.taken)
    print(f"  lease 100 and end them {(time.process_time() - cpu) / done * 1e6:8.1f} us CPU a call")


async def main(folder: Path) -> None:
    store = SqliteStore(folder / "data", SCHEMA)
    await store.open()
    try:
        people = [new_id() for _ in range(PEOPLE)]
        await store.commit([Batch(7, [ObjectPut(person, 1, ACCOUNT) for person in people])])
        for make in (sign_up, favourite, follow, post, patch):
            for clients in (1, 16, 64, 256):
                await writes(store, people, make, clients)
        await pushes(store, people)
        await reads(store, people)
        await calls(store)
    finally:
        await store.close()


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="ripstop-bench-", dir=sys.argv[1] if len(sys.argv) > 1 else None))
    try:
        asyncio.run(main(place))
    finally:
        shutil.rmtree(place)
