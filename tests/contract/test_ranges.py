"""`assoc_range`: pages in either direction, strictly between cursors, of rows that match a mask."""

from __future__ import annotations

import pytest

from ripstop.engines.base import MAX_ORDER, Cursor, Direction, Store
from ripstop.engines.batch import AssociationPut
from ripstop.kernel.ids import MAX_ID
from tests.world import (
    BOOKMARKED_BY,
    BOOKMARKS,
    FOLLOWED_BY,
    FOLLOWS,
    HOME,
    LIKED_BY,
    LIKES,
    TAGGED,
    apply,
    ident,
    put_list,
    targets,
)

ALICE = ident(1)
BOTH = list(Direction)
# Each inverse direction is filled from as many sources of one shard.
INVERSES = {FOLLOWED_BY: FOLLOWS, LIKED_BY: LIKES, BOOKMARKED_BY: BOOKMARKS}
LISTS = [FOLLOWS, TAGGED, BOOKMARKS, *INVERSES]

TIED = [(5, ident(2)), (5, ident(3)), (5, ident(4)), (7, ident(2) + 1), (7, ident(9)), (9, ident(1))]
NEAR_THE_TOP = [(MAX_ORDER - n, ident(20 + n)) for n in range(6)] + [
    (MAX_ORDER, MAX_ID),
    (1 << 53, ident(30)),
    ((1 << 53) + 1, ident(29)),
]


async def fill(store: Store, type: int, rows: list[Cursor], flags: int = 0) -> None:
    """Put rows into Alice's list, through the forward direction where the list is an inverse one."""
    if type in INVERSES:
        await apply(store, *(AssociationPut(other, INVERSES[type], ALICE, order, flags) for order, other in rows))
    else:
        await put_list(store, ALICE, type, rows)


async def walk(store: Store, type: int, direction: Direction, limit: int) -> list[Cursor]:
    """A whole list, page by page."""
    walked: list[Cursor] = []
    while True:
        last = walked[-1] if walked else None
        forward = direction is Direction.OLDEST_FIRST
        page = await store.assoc_range(
            ALICE,
            type,
            after=last if forward else None,
            before=None if forward else last,
            limit=limit,
            direction=direction,
        )
        walked += [(row.order, row.target) for row in page]
        if len(page) < limit:
            return walked


@pytest.mark.parametrize("rows", [TIED, NEAR_THE_TOP], ids=["tied", "near the top"])
@pytest.mark.parametrize("type", LISTS)
async def test_pages_follow_order_and_then_target_in_both_directions(
    waist: Store, type: int, rows: list[Cursor]
) -> None:
    await fill(waist, type, rows)
    for limit in (1, 2, 3, 100):
        assert await walk(waist, type, Direction.OLDEST_FIRST, limit) == sorted(rows)
        assert await walk(waist, type, Direction.NEWEST_FIRST, limit) == sorted(rows, reverse=True)


@pytest.mark.parametrize("direction", BOTH)
@pytest.mark.parametrize("type", [FOLLOWS, LIKED_BY])
async def test_both_cursors_are_exclusive(waist: Store, type: int, direction: Direction) -> None:
    for rows in (TIED, NEAR_THE_TOP):
        await fill(waist, type, rows)
    everything = sorted(TIED + NEAR_THE_TOP)
    for low in (None, everything[0], everything[2], everything[-2], (5, 0), (6, MAX_ID)):
        for high in (None, everything[1], everything[4], everything[-1], (7, 0), (MAX_ORDER, 0)):
            page = await waist.assoc_range(ALICE, type, after=low, before=high, limit=100, direction=direction)
            expected = [row for row in everything if (low is None or row > low) and (high is None or row < high)]
            if direction is Direction.NEWEST_FIRST:
                expected.reverse()
            assert [(row.order, row.target) for row in page] == expected, (low, high)


async def test_a_limit_takes_from_the_end_that_comes_first(waist: Store) -> None:
    await fill(waist, FOLLOWS, TIED)
    page = await waist.assoc_range(ALICE, FOLLOWS, after=TIED[0], before=TIED[-1], limit=2)
    assert [(row.order, row.target) for row in page] == [TIED[4], TIED[3]]
    page = await waist.assoc_range(
        ALICE, FOLLOWS, after=TIED[0], before=TIED[-1], limit=2, direction=Direction.OLDEST_FIRST
    )
    assert [(row.order, row.target) for row in page] == [TIED[1], TIED[2]]


async def test_a_list_ends_where_its_neighbours_begin(waist: Store) -> None:
    for source in (ALICE - 1, ALICE, ALICE + 1):
        await put_list(waist, source, FOLLOWS, [(5, ident(50) + source % 7)])
        await put_list(waist, source, TAGGED, [(5, ident(60) + source % 7)])
    assert await targets(waist, ALICE, FOLLOWS) == [ident(50) + ALICE % 7]
    for direction in BOTH:
        assert len(await waist.assoc_range(ALICE, FOLLOWS, limit=10, direction=direction)) == 1


async def test_an_empty_list_and_empty_bounds(waist: Store) -> None:
    assert await waist.assoc_range(ALICE, FOLLOWS, limit=10) == []
    await fill(waist, FOLLOWS, TIED)
    assert await waist.assoc_range(ALICE, FOLLOWS, limit=10, after=(9, MAX_ID)) == []
    assert await waist.assoc_range(ALICE, FOLLOWS, limit=10, before=(0, 0)) == []
    assert await waist.assoc_range(ALICE, FOLLOWS, limit=10, after=(7, 0), before=(5, 0)) == []


FLAG_BITS = (0, 1, 2, 4, 1 << 30, 3, 5, (1 << 31) - 1)


@pytest.mark.parametrize("direction", BOTH)
@pytest.mark.parametrize("type", [FOLLOWS, LIKED_BY])
async def test_only_rows_whose_flags_match_the_mask(waist: Store, type: int, direction: Direction) -> None:
    everything = []
    for number, flags in enumerate(FLAG_BITS * 3, start=2):
        await fill(waist, type, [(number, ident(number))], flags=flags) if type in INVERSES else await apply(
            waist, AssociationPut(ALICE, type, ident(number), number, flags)
        )
        everything.append((number, flags))
    for mask in (*FLAG_BITS, 6):
        for match in {0, mask, mask & 1, mask & 6}:
            page = await waist.assoc_range(
                ALICE, type, after=(3, 0), limit=5, direction=direction, mask=mask, match=match
            )
            expected = [order for order, flags in everything if order >= 3 and flags & mask == match]
            if direction is Direction.NEWEST_FIRST:
                expected.reverse()
            assert [row.order for row in page] == expected[:5], (mask, match)


async def test_a_match_outside_of_its_mask_finds_nothing(waist: Store) -> None:
    await apply(waist, AssociationPut(ALICE, FOLLOWS, ident(2), 1, flags=3))
    assert await waist.assoc_range(ALICE, FOLLOWS, limit=10, mask=1, match=2) == []


async def test_an_association_whose_order_changed_has_one_place(waist: Store) -> None:
    await fill(waist, FOLLOWS, [(n, ident(n)) for n in range(2, 8)])
    await apply(waist, AssociationPut(ALICE, FOLLOWS, ident(3), 100), home=HOME)
    assert await targets(waist, ALICE, FOLLOWS) == [ident(n) for n in (3, 7, 6, 5, 4, 2)]
    assert await targets(waist, ident(3), FOLLOWED_BY) == [ALICE]


async def test_a_long_list_is_read_by_pages(waist: Store) -> None:
    rows = [(n // 3, ident(n)) for n in range(2, 1500)]
    await fill(waist, FOLLOWS, rows)
    assert await walk(waist, FOLLOWS, Direction.NEWEST_FIRST, 40) == sorted(rows, reverse=True)
    assert len(await waist.assoc_range(ALICE, FOLLOWS, limit=5000)) == len(rows)
