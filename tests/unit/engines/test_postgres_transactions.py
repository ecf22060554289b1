"""Groups of several processes on one PostgreSQL: no deadlock shows, counts are exact, nothing slips between two."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from ripstop.engines.base import Lane
from ripstop.engines.batch import (
    AnyOperation,
    AssociationDelete,
    AssociationPut,
    Batch,
    CallPut,
    CheckAssociation,
    CheckName,
    NameSet,
    ObjectPatch,
    ObjectPut,
)
from ripstop.engines.postgres import PostgresStore
from ripstop.kernel.errors import BadRequest
from ripstop.kernel.ids import shard_of
from tests.stores import READ_SECONDS, PatientPostgres, session
from tests.world import (
    BLOCKS,
    FOLLOWED_BY,
    FOLLOWS,
    HOME,
    LIKED_BY,
    LIKES,
    SCHEMA,
    TAGGED,
    THING,
    apply,
    call,
    eventually,
    faults,
    fields_of,
    follow,
    ident,
    lease_one,
    length,
    thing,
    write,
)

ALICE, BOB = ident(1), ident(2)
PROCESSES = 4


@pytest.fixture
async def stores(postgres_dsn: str) -> AsyncIterator[list[PostgresStore]]:
    """Several stores on one database, as several processes would have them."""
    stores: list[PostgresStore] = [
        PatientPostgres(postgres_dsn, SCHEMA, read_seconds=READ_SECONDS) for _ in range(PROCESSES)
    ]
    await asyncio.gather(*(store.open() for store in stores))
    yield stores
    await asyncio.gather(*(store.close() for store in stores))


def some_operation(random_: random.Random) -> AnyOperation:
    """One that touches what all the others touch too."""
    people = [ident(number) for number in range(1, 6)]
    source, target = random_.choice(people), random_.choice(people)
    match random_.randrange(6):
        case 0 | 1:
            return AssociationPut(source, random_.choice((FOLLOWS, LIKES, BLOCKS)), target, random_.randrange(50))
        case 2:
            return AssociationDelete(source, random_.choice((FOLLOWS, LIKES, BLOCKS)), target)
        case 3:
            return ObjectPatch(source, '{"a":1}')
        case 4:
            return NameSet(f"n/{random_.randrange(4)}", None, source)
        case _:
            return CallPut(ident(random_.getrandbits(40)), "work", "{}", key=f"k{random_.randrange(4)}")


async def test_overlapping_groups_of_several_processes_leave_an_exact_store(stores: list[PostgresStore]) -> None:
    await apply(stores[0], *(thing(number) for number in range(1, 6)))

    async def act(seed: int) -> int:
        random_ = random.Random(seed)
        patched = 0
        for _ in range(25):
            batches = [
                Batch(HOME, [some_operation(random_) for _ in range(random_.randrange(1, 6))])
                for _ in range(random_.randrange(1, 4))
            ]
            lane = random_.choice(list(Lane))
            for batch, outcome in zip(
                batches, await stores[seed % PROCESSES].commit(batches, lane=lane, deadline=60), strict=True
            ):
                if outcome.applied:
                    patched += sum(isinstance(each, ObjectPatch) for each in batch.operations)
        return patched

    patched = sum(await asyncio.gather(*(act(seed) for seed in range(24))))
    found = await stores[0].object_get([ident(number) for number in range(1, 6)])
    assert sum(each.version - 1 for each in found.values()) == patched
    assert await faults(stores[1]) == []


async def test_two_that_meet_the_same_keys_in_opposite_order(stores: list[PostgresStore]) -> None:
    """Batches whose operations stand in opposite orders would deadlock if they were locked as they stand."""
    people = [ident(number) for number in range(1, 21)]
    await apply(stores[0], *(ObjectPut(id, THING, "{}") for id in people))

    async def act(store: PostgresStore, order: int) -> None:
        for number in range(15):
            patches = [ObjectPatch(id, f'{{"f{order}_{number}":1}}') for id in people[::order]]
            follows = [follow(source, target, number) for source in people[::order] for target in people[:2]]
            await apply(store, *patches, *follows)

    await asyncio.gather(*(act(store, order) for store in stores for order in (1, -1)))
    assert len(await fields_of(stores[0], people[0])) == 30
    assert await length(stores[0], people[0], FOLLOWED_BY) == 20
    assert await faults(stores[0]) == []


async def test_a_name_that_all_claim_at_once_goes_to_one(stores: list[PostgresStore]) -> None:
    for number in range(10):
        name = f"race/{number}"
        outcomes = await asyncio.gather(
            *(
                write(
                    store, CheckName(name, None), NameSet(name, None, me), ObjectPut(ident(number * 100 + me), 1, "{}")
                )
                for me, store in enumerate(stores * 4, start=1)
            )
        )
        [winner] = [me for me, outcome in enumerate(outcomes, start=1) if outcome.applied]
        assert (await stores[0].name_get([name]))[name].holder == winner
    assert len(await stores[0].object_get([ident(number) for number in range(1, 1100)])) == 10


async def test_two_that_each_need_the_others_absence_are_not_both_applied(stores: list[PostgresStore]) -> None:
    """Who blocks takes the follow away, who follows must not be blocked: never are both there."""
    one, other = stores[:2]
    for number in range(40):
        fan = ident(100 + number)
        await asyncio.gather(
            write(one, CheckAssociation(ALICE, BLOCKS, fan, present=False), follow(fan, ALICE, 1)),
            write(other, AssociationPut(ALICE, BLOCKS, fan, 1), AssociationDelete(fan, FOLLOWS, ALICE)),
        )
        blocked = await one.assoc_get(ALICE, [BLOCKS], [fan])
        following = await one.assoc_get(fan, [FOLLOWS], [ALICE])
        assert len(blocked) == 1
        assert following == []


async def test_absent_names_that_are_checked_crosswise(stores: list[PostgresStore]) -> None:
    """Two batches, each of which claims a name while the other one is free: one of them comes first."""
    for number in range(40):
        left, right = f"left/{number}", f"right/{number}"
        outcomes = await asyncio.gather(
            write(stores[0], CheckName(left, None), NameSet(right, None, 1)),
            write(stores[1], CheckName(right, None), NameSet(left, None, 2)),
        )
        assert sum(outcome.applied for outcome in outcomes) == 1
        assert len(await stores[2].name_get([left, right])) == 1


async def test_a_call_that_coalesces_is_not_taken_before_its_cause_is_there(
    stores: list[PostgresStore], postgres_dsn: str
) -> None:
    """While a group that leans on a ready call is under way, no worker takes that call."""
    await apply(stores[0], call(1, key="k"), thing(1))
    async with session(postgres_dsn) as blocker, blocker.transaction():
        await blocker.execute("SELECT FROM counts FOR UPDATE")
        await blocker.execute("LOCK TABLE changes IN EXCLUSIVE MODE")
        writing = asyncio.create_task(write(stores[0], ObjectPatch(ident(1), '{"a":1}'), call(2, key="k")))
        await eventually(lambda: waits_for_a_lock(postgres_dsn))
        assert (await stores[1].call_lease([2], limit=10, seconds=60)).taken == []
    assert (await writing).changed == (1, 0)
    assert (await lease_one(stores[1])).id == ident(1)


async def waits_for_a_lock(dsn: str) -> bool:
    """Whether some session of the database waits for a lock."""
    async with session(dsn) as connection:
        waiting = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(waiting)


async def test_a_striped_count_has_many_rows_and_one_answer(stores: list[PostgresStore], postgres_dsn: str) -> None:
    fans = [ident(number, number) for number in range(1, 201)]
    for start in range(0, 200, 4):
        await asyncio.gather(
            *(
                apply(store, AssociationPut(fan, LIKES, BOB, 1), home=shard_of(fan))
                for fan, store in zip(fans[start:], stores, strict=False)
            )
        )
    assert await length(stores[0], BOB, LIKED_BY) == 200
    async with session(postgres_dsn) as connection:
        rows = await connection.fetchval("SELECT count(*) FROM counts WHERE type = $1", LIKED_BY)
    assert 4 <= rows <= 16


async def test_counts_of_lists_that_became_empty_are_swept(stores: list[PostgresStore], postgres_dsn: str) -> None:
    await apply(stores[0], follow(ALICE, BOB, 1), AssociationPut(ALICE, TAGGED, BOB, 1))
    await apply(stores[0], AssociationDelete(ALICE, FOLLOWS, BOB))
    swept = await stores[0].sweep(now_ms=0, limit=10)
    assert swept["empty_counts"] == 2
    await apply(stores[0], follow(ALICE, BOB, 1))
    assert await length(stores[0], ALICE, FOLLOWS) == 1
    assert await faults(stores[0]) == []


async def test_an_id_of_a_call_that_is_taken_is_an_error_for_its_batch_alone(stores: list[PostgresStore]) -> None:
    await apply(stores[0], call(1))
    results = await asyncio.gather(
        write(stores[0], thing(1)), write(stores[0], thing(2), call(1)), write(stores[0], thing(3)),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(results[1], Exception)
    assert set(await stores[0].object_get([ident(number) for number in (1, 2, 3)])) == {ident(1), ident(3)}


async def test_values_that_cannot_be_stored_are_the_callers_fault(stores: list[PostgresStore]) -> None:
    for operation in (NameSet("n/a\0b", None, 1), ObjectPut(1 << 63, THING, "{}"), ObjectPatch(ALICE, "[]")):
        await write(stores[0], thing(1))
        with pytest.raises(BadRequest):
            await write(stores[0], operation)


async def test_cancelled_callers_leave_their_connections_in_order(stores: list[PostgresStore]) -> None:
    await apply(stores[0], *(thing(number, n=number) for number in range(1, 101)))
    random_ = random.Random(5)
    for _ in range(60):
        reads = [
            asyncio.create_task(stores[0].object_get([ident(random_.randrange(1, 101)) for _ in range(50)]))
            for _ in range(12)
        ]
        await asyncio.sleep(random_.random() * 0.004)
        for read in reads[::2]:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    for number in range(1, 101):
        assert await fields_of(stores[0], ident(number)) == {"n": number}


async def test_a_wakeup_comes_after_calls_were_put(stores: list[PostgresStore]) -> None:
    woken = asyncio.Event()
    stores[1].on_wake(woken.set)

    async def is_woken() -> bool:
        await apply(stores[0], CallPut(ident(random.getrandbits(40)), "work", "{}"))
        return woken.is_set()

    await eventually(is_woken)
