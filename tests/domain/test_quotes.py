"""What quotes cost, and what is kept of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripstop.domain.posts.model import QUOTED_BY, QUOTES
from tests.domain.house import House, Person, a_house
from tests.stores import NewPlace

PAGES = {
    "home": "/api/v1/timelines/home?limit=40",
    "account": "/api/v1/accounts/{bob}/statuses?limit=40",
    "quotes": "/api/v1/statuses/{first}/quotes?limit=40",
    "notifications": "/api/v1/notifications?limit=80",
}


async def asked_for(house: House, who: Person, path: str) -> tuple[int, int]:
    """How often the store is asked for a page with nothing cached, and again at once.

    The low-water marks are read anew after some milliseconds, which may pass meanwhile: the latter leaves them out.
    """
    async with house.another() as cold:
        with cold.counted() as first:
            assert await who.get(path, house=cold)
        with cold.counted() as again:
            await who.get(path, house=cold)
    return sum(first.values()), sum(again.values()) - again.get("call_stats", 0)


async def costs(house: House, *, size: int, quoting: bool) -> dict[str, tuple[int, int]]:
    """Bob quotes so many posts of others, or does not; carol reads, and alice is told."""
    alice, bob, carol = await house.people("alice", "bob", "carol")
    await carol.follow(bob)
    first = await alice.post("first")
    await bob.post("look", quoted_status_id=first)
    crowd = await house.people(*(f"fan{i}" for i in range(size)))
    for fan in crowd:
        post = await fan.post("said", reply_policy="following" if quoting else "everyone")
        await bob.post("look", **({"quoted_status_id": post} if quoting else {}))
        await fan.post(f"@{alice.name} look", **({"quoted_status_id": first} if quoting else {}))
    if not quoting:
        [only] = [item for item in await bob.get(f"/api/v1/accounts/{bob.id}/statuses") if item["quote"]]
        await house.ask("DELETE", f"/api/v1/statuses/{only['id']}", token=bob.token)
    await house.drain()
    paths = {name: path.format(bob=bob.id, first=first) for name, path in PAGES.items() if quoting or name != "quotes"}
    return {
        name: await asked_for(house, alice if name == "notifications" else carol, path) for name, path in paths.items()
    }


@pytest.mark.usefixtures("lasting_marks")
async def test_a_page_with_quotes_costs_the_same_calls_whatever_its_length(new_place: NewPlace, tmp_path: Path) -> None:
    found = []
    for name, size, quoting in (("few", 2, True), ("many", 9, True), ("none", 9, False)):
        async with a_house(await new_place(), tmp_path / name) as house:
            found.append(await costs(house, size=size, quoting=quoting))
    few, many, none = found
    assert few == many
    for page, (cold, warm) in none.items():
        # What is quoted, its authors, and who of them follows the viewer.
        assert (page, many[page][1]) == (page, warm)
        assert cold < many[page][0] <= cold + 3, page


async def test_quoting_is_one_commit(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("said")
    await bob.post("warm", quoted_status_id=post)
    with house.counted() as asked:
        quoting = await bob.post("look", quoted_status_id=post)
    # How the two stand, and the numbers and marks of the new post and of the quoted one.
    assert asked == {"commit": 1, "assoc_get": 2, "assoc_counts": 2}
    with house.counted() as asked:
        await alice.do(f"/api/v1/statuses/{post}/quotes/{quoting}/revoke")
    assert asked["commit"] == 1


async def test_rows_of_a_quote_end_with_it(house: House) -> None:
    graph = house.base.graph
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("said")
    revoked, deleted, kept = [await bob.post("look", quoted_status_id=post) for _ in range(3)]
    await alice.do(f"/api/v1/statuses/{post}/quotes/{revoked}/revoke")
    await house.ask("DELETE", f"/api/v1/statuses/{deleted}", token=bob.token)
    assert [row.target for row in await graph.range(post, QUOTED_BY, limit=9)] == [kept]
    await house.ask("DELETE", f"/api/v1/statuses/{post}", token=alice.token)
    await house.drain()
    assert [row.target for row in await graph.range(kept, QUOTES, limit=9)] == [post]
    await house.ask("DELETE", f"/api/v1/statuses/{kept}", token=bob.token)
    await house.drain()
    assert await graph.counts((post,), (QUOTED_BY,)) == {}
    assert [fault async for fault in house.base.store.check()] == []
