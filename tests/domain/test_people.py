"""Finding people without a name: a fixed number of engine calls, whatever there is, and nobody who does not want it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripstop.domain.viewing import sight
from ripstop.domain.viewing.people import asking_among
from tests.domain.house import House, Person, a_house
from tests.stores import NewPlace

PAGES = (
    "/api/v1/directory",
    "/api/v1/directory?order=new",
    "/api/v2/suggestions",
    "/api/v1/endorsements",
    "/api/v1/accounts/{friend}/endorsements",
    "/api/v1/accounts/{friend}/featured_tags",
    "/api/v1/featured_tags/suggestions",
)


async def agree(house: House, *people: Person) -> None:
    for person in people:
        path = "/api/v1/accounts/update_credentials"
        await house.ask("PATCH", path, token=person.token, form={"discoverable": "true"})


async def asked_for_pages(house: House, *, size: int) -> dict[str, int]:
    """How often the store is asked with nothing cached, where there is so much of everything."""
    viewer, friend = await house.people("viewer", "friend")
    crowd = await house.people(*(f"fan{number}" for number in range(size)))
    await agree(house, *crowd)
    await viewer.follow(friend)
    for number, one in enumerate(crowd):
        await friend.follow(one)
        await friend.do(f"/api/v1/accounts/{one.id}/endorse")
        await friend.post(f"hello #tag{number % 5}")
        await one.post("hello")
    for number in range(2):
        await friend.do("/api/v1/featured_tags", {"name": f"tag{number}"})
    await house.drain()
    counts = {}
    for page in PAGES:
        async with house.another() as cold:
            with cold.counted() as asked:
                who = friend if "endorsements" in page and "{" not in page else viewer
                found = await who.get(page.format(friend=friend.id), house=cold)
            assert found or page.endswith("suggestions")
        counts[page] = sum(asked.values())
    return counts


async def test_a_page_costs_the_same_calls_whatever_its_length(new_place: NewPlace, tmp_path: Path) -> None:
    counts = []
    for size in (2, 12):
        async with a_house(await new_place(), tmp_path / str(size)) as house:
            counts.append(await asked_for_pages(house, size=size))
    assert counts[0] == counts[1]


async def test_whoever_is_followed_by_most_friends_is_suggested_first(house: House) -> None:
    viewer, *friends = await house.people("viewer", "one", "two", "three")
    known, few, many, shy, blocked, asked = await house.people("known", "few", "many", "shy", "blocked", "asked")
    await agree(house, known, few, many, blocked, asked)
    await house.ask("PATCH", "/api/v1/accounts/update_credentials", token=asked.token, form={"locked": "true"})
    for friend in friends:
        await viewer.follow(friend)
        for one in (many, shy, blocked, known):
            await friend.follow(one)
    await friends[0].follow(few)
    for one in (known, asked):
        await viewer.follow(one)
    await viewer.do(f"/api/v1/accounts/{blocked.id}/block")
    found = await viewer.get("/api/v2/suggestions")
    assert [one["account"]["id"] for one in found] == [str(many.id), str(few.id)]


async def test_who_hides_whom_they_follow_is_not_asked(house: House) -> None:
    viewer, friend, other = await house.people("viewer", "friend", "other")
    await agree(house, other)
    await viewer.follow(friend)
    await friend.follow(other)
    path = "/api/v1/accounts/update_credentials"
    await house.ask("PATCH", path, token=friend.token, form={"hide_collections": "true"})
    found = await viewer.get("/api/v2/suggestions")
    assert [one["sources"] for one in found] == [["featured"]]


@pytest.mark.parametrize("most", [5_000, 0], ids=["held", "too many to be held"])
async def test_who_was_blocked_asks_no_more(house: House, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    viewer, blocked, other = await house.people("viewer", "blocked", "other")
    await viewer.do(f"/api/v1/accounts/{blocked.id}/block")
    monkeypatch.setattr(sight, "MOST_OTHERS", most)
    async with house.another() as another:
        graph = another.base.graph
        await graph.sync()
        assert (await sight.sight_of(graph, viewer.id)).is_partial is (most == 0)
        assert await asking_among(graph, viewer.id, [blocked.id, other.id]) == [other.id]
