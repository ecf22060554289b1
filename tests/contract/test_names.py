"""Names: unique claims, as one compare-and-set, ending on the engine's clock."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.engines.base import Name, Store
from ripstop.engines.batch import Batch, CheckName, NameSet
from ripstop.kernel.ids import MAX_ID
from tests.world import HOME, HOUR_MS, apply, clock_passes, ident, write

ALICE, BOB = ident(1), ident(2)


async def holder(store: Store, name: str) -> int | None:
    found = (await store.name_get([name])).get(name)
    return found.holder if found else None


async def claim(store: Store, *names: str, expires: int | None = None) -> None:
    await apply(store, *(NameSet(name, None, ALICE, expires) for name in names))


async def test_a_claimed_name_is_got_with_its_holder(waist: Store) -> None:
    expires = await waist.now_ms() + HOUR_MS
    await claim(waist, "acct:/alice")
    await claim(waist, "idem/1/x", expires=expires)
    assert await waist.name_get(["acct:/alice", "idem/1/x", "acct:/bob"]) == {
        "acct:/alice": Name("acct:/alice", ALICE, None),
        "idem/1/x": Name("idem/1/x", ALICE, expires),
    }
    assert await waist.name_get([]) == {}


@pytest.mark.parametrize(
    ("before", "expected", "new", "applied"),
    [
        (None, None, ALICE, True),
        (None, ALICE, BOB, False),
        (None, ALICE, None, False),
        (ALICE, None, BOB, False),
        (ALICE, None, ALICE, False),
        (ALICE, ALICE, BOB, True),
        (ALICE, ALICE, None, True),
        (ALICE, BOB, None, False),
        (ALICE, BOB, ALICE, False),
    ],
)
async def test_a_set_compares_the_holder(
    waist: Store, before: int | None, expected: int | None, new: int | None, applied: bool
) -> None:
    if before is not None:
        await apply(waist, NameSet("n/x", None, before))
    outcome = await write(waist, NameSet("n/x", expected, new))
    assert outcome.applied == applied
    assert await holder(waist, "n/x") == (new if applied else before)


async def test_a_released_name_can_be_claimed_again(waist: Store) -> None:
    await claim(waist, "n/x")
    await apply(waist, NameSet("n/x", ALICE, None))
    await apply(waist, NameSet("n/x", None, BOB))
    assert await holder(waist, "n/x") == BOB


async def test_a_holder_renews_its_name(waist: Store) -> None:
    now = await waist.now_ms()
    await claim(waist, "n/x", expires=now + HOUR_MS)
    await apply(waist, NameSet("n/x", ALICE, ALICE, now + 2 * HOUR_MS))
    assert (await waist.name_get(["n/x"]))["n/x"].expires == now + 2 * HOUR_MS
    await apply(waist, NameSet("n/x", ALICE, ALICE, None))
    assert (await waist.name_get(["n/x"]))["n/x"].expires is None


async def test_a_batch_that_loses_one_name_claims_none(waist: Store) -> None:
    await claim(waist, "n/taken")
    assert (await write(waist, NameSet("n/a", None, BOB), NameSet("n/taken", None, BOB))).refused == 1
    assert await holder(waist, "n/a") is None


async def test_an_expired_name_is_free(waist: Store) -> None:
    past = await waist.now_ms() - 1
    await claim(waist, "n/past", expires=past)
    assert await waist.name_get(["n/past"]) == {}
    assert await waist.name_range("n", "", limit=10) == []
    assert (await write(waist, NameSet("n/past", ALICE, BOB))).refused == 0
    await apply(waist, CheckName("n/past", None), NameSet("n/past", None, BOB))
    assert await holder(waist, "n/past") == BOB


async def test_a_name_claimed_until_a_time_that_has_passed_is_free_to_those_after_it(waist: Store) -> None:
    past = await waist.now_ms() - 1
    first, second = await waist.commit(
        [
            Batch(HOME, [NameSet("n/x", None, ALICE, past), NameSet("n/x", None, BOB, past)]),
            Batch(HOME, [CheckName("n/x", None), NameSet("n/x", None, BOB)]),
        ]
    )
    assert (first.applied, second.applied) == (True, True)
    assert await holder(waist, "n/x") == BOB


async def test_a_name_expires_on_the_engines_clock(waist: Store) -> None:
    soon = await waist.now_ms() + 200
    await claim(waist, "n/late", expires=soon + HOUR_MS)
    await claim(waist, "n/soon", expires=soon)
    await clock_passes(waist, soon)
    assert await holder(waist, "n/late") == ALICE
    assert (await write(waist, NameSet("n/late", None, BOB))).refused == 0
    assert await holder(waist, "n/soon") is None
    await apply(waist, NameSet("n/soon", None, BOB))


async def test_of_64_concurrent_claims_exactly_one_is_applied(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.commit([Batch(number, [NameSet("acct:/alice", None, number + 1)])]) for number in range(64))
    )
    winners = [number for number, [outcome] in enumerate(outcomes) if outcome.applied]
    assert len(winners) == 1
    assert await holder(store, "acct:/alice") == winners[0] + 1


async def test_of_64_concurrent_claims_of_an_expired_name_exactly_one_is_applied(store: Store) -> None:
    await claim(store, "n/x", expires=await store.now_ms() - 1)
    outcomes = await asyncio.gather(*(write(store, NameSet("n/x", None, number + 1)) for number in range(64)))
    assert sum(outcome.applied for outcome in outcomes) == 1


async def test_of_64_claims_in_one_call_the_first_is_applied(waist: Store) -> None:
    outcomes = await waist.commit([Batch(HOME, [NameSet("n/x", None, n + 1)]) for n in range(64)])
    assert [outcome.applied for outcome in outcomes] == [True] + [False] * 63


NAMES = ["s/", "s/a", "s/A", "s/aa", "s/ab", "s/b", "s/é", "s/漢", "s/🎈", "s/%", "s/_", "s/a_b", "s/a%b", "s/a\\b"]
STRANGERS = ["r/z", "s", "s0/a", "ss/a", "S/a", "t/"]


@pytest.mark.parametrize("prefix", ["", "a", "A", "aa", "b", "é", "%", "_", "a_", "a%", "a\\", "zz", "\U0010ffff"])
async def test_a_range_holds_the_names_with_a_prefix_in_byte_order(waist: Store, prefix: str) -> None:
    await claim(waist, *NAMES, *STRANGERS, "s/\U0010ffff", "s/\U0010ffffa")
    expected = sorted(
        (name for name in [*NAMES, "s/\U0010ffff", "s/\U0010ffffa"] if name.startswith(f"s/{prefix}")),
        key=lambda name: name.encode(),
    )
    found = await waist.name_range("s", prefix, limit=100)
    assert [name.name for name in found] == expected
    paged: list[str] = []
    while page := await waist.name_range("s", prefix, after=paged[-1] if paged else None, limit=2):
        paged += [name.name for name in page]
    assert paged == expected


async def test_a_range_goes_over_all_shards(waist: Store) -> None:
    """Names rest in the shard of their hash, and a range tells them together."""
    await claim(waist, *(f"acct:/user{number:03}" for number in range(200)))
    found = await waist.name_range("acct:", "user1", limit=1000)
    assert [name.name for name in found] == [f"acct:/user{number}" for number in range(100, 200)]


@pytest.mark.parametrize("name", ["n/" + "x" * 2000, "n/ünï/cödé", "n/🎈", "n/ ", "n/'; DROP TABLE names; --", "n/\n"])
async def test_any_text_is_a_name(waist: Store, name: str) -> None:
    await apply(waist, NameSet(name, None, MAX_ID))
    assert await holder(waist, name) == MAX_ID
    assert [found.name for found in await waist.name_range("n", "", limit=10)] == [name]


async def test_names_that_look_alike_are_apart(waist: Store) -> None:
    """Composed and decomposed, upper and lower, with and without trailing blanks."""
    alike = ["n/\u00e9", "n/e\u0301", "n/A", "n/a", "n/a "]
    await claim(waist, *alike)
    assert set(await waist.name_get(alike)) == set(alike)
