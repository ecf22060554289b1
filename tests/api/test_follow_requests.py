"""Locked accounts: asking to follow, and being answered."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.client import Api, Person
from tests.api.test_follows import relationship
from tests.api.test_notifications import told

LIST = "/api/v1/follow_requests"


@pytest.fixture
async def lara(api: Api) -> Person:
    """Somebody with a locked account."""
    person = await api.person("lara")
    await lock(api, person)
    return person


async def lock(api: Api, who: Person, *, locked: bool = True) -> None:
    own = await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=who, json={"locked": locked})
    assert own["locked"] is locked


async def waiting(api: Api, who: Person) -> int:
    own = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=who)
    return int(own["source"]["follow_requests_count"])


async def followers(api: Api, whom: Person) -> int:
    return int((await api.want("GET", f"/api/v1/accounts/{whom.id}"))["followers_count"])


async def test_a_follow_of_a_locked_account_waits_for_an_answer(api: Api, lara: Person, bob: Person) -> None:
    path = f"/api/v1/accounts/{lara.id}/follow"
    for _ in range(2):
        said = await api.want("POST", path, as_=bob, form={"reblogs": "false", "notify": "true"})
        assert (said["following"], said["requested"]) == (False, True)
        assert (said["showing_reblogs"], said["notifying"]) == (False, True)
        assert said == await relationship(api, bob, lara)
    assert (await relationship(api, lara, bob))["requested_by"] is True
    assert await followers(api, lara) == 0
    assert await waiting(api, lara) == 1
    assert (await api.get(LIST, as_=lara)).ids == [bob.id]
    assert await told(api, lara) == [("follow_request", "bob")]
    private = await api.publish(lara, "for followers", visibility="private")
    assert (await api.get(f"/api/v1/statuses/{private['id']}", as_=bob)).status == 404

    said = await api.want("POST", f"{LIST}/{bob.id}/authorize", as_=lara)
    assert (said["followed_by"], said["requested_by"]) == (True, False)
    said = await relationship(api, bob, lara)
    assert (said["following"], said["requested"], said["showing_reblogs"], said["notifying"]) == (
        True,
        False,
        False,
        True,
    )
    assert (await followers(api, lara), await waiting(api, lara)) == (1, 0)
    assert (await api.get(LIST, as_=lara)).ids == []
    assert (await api.get(f"/api/v1/statuses/{private['id']}", as_=bob)).status == 200
    assert private["id"] in (await api.get("/api/v1/timelines/home", as_=bob)).ids
    assert await told(api, lara) == []


async def test_a_request_can_be_rejected_and_made_again(api: Api, lara: Person, bob: Person) -> None:
    await api.follow(bob, lara)
    said = await api.want("POST", f"{LIST}/{bob.id}/reject", as_=lara)
    assert (said["followed_by"], said["requested_by"]) == (False, False)
    assert (await relationship(api, bob, lara))["requested"] is False
    assert await told(api, lara) == []
    for verb in ("authorize", "reject"):
        assert (await api.post(f"{LIST}/{bob.id}/{verb}", as_=lara)).status == 404
    await api.follow(bob, lara)
    assert await told(api, lara) == [("follow_request", "bob")]
    assert (await api.post(f"{LIST}/{lara.id}/authorize", as_=bob)).status == 404


async def test_unfollowing_withdraws_a_request(api: Api, lara: Person, bob: Person) -> None:
    await api.follow(bob, lara)
    said = await api.want("POST", f"/api/v1/accounts/{lara.id}/unfollow", as_=bob)
    assert (said["requested"], said["showing_reblogs"]) == (False, False)
    assert await waiting(api, lara) == 0
    assert await told(api, lara) == []
    assert (await api.post(f"{LIST}/{bob.id}/authorize", as_=lara)).status == 404


async def test_the_list_is_paged_by_request(api: Api, lara: Person) -> None:
    people = [await api.person(f"fan{i}") for i in range(5)]
    for person in people:
        await api.follow(person, lara)
    expected = [person.id for person in reversed(people)]
    found: list[str] = []
    query: dict[str, str] | None = {"limit": "2"}
    while query is not None:
        answer = await api.get(LIST, as_=lara, query=query)
        found += answer.ids
        query = answer.link("next")
    assert found == expected
    first = await api.get(LIST, as_=lara, query={"limit": "2"})
    second = await api.get(LIST, as_=lara, query=first.link("next"))
    assert (await api.get(LIST, as_=lara, query=second.link("prev"))).ids == first.ids


@pytest.mark.parametrize("blocker_is_asked", [True, False])
async def test_a_block_ends_a_request(api: Api, lara: Person, bob: Person, blocker_is_asked: bool) -> None:
    await api.follow(bob, lara)
    blocker, blocked = (lara, bob) if blocker_is_asked else (bob, lara)
    await api.want("POST", f"/api/v1/accounts/{blocked.id}/block", as_=blocker)
    assert (await api.post(f"{LIST}/{bob.id}/authorize", as_=lara)).status == 404
    if blocker_is_asked:
        assert (await api.get(LIST, as_=lara)).ids == []
    await api.drained()
    assert (await relationship(api, bob, lara))["requested"] is False
    assert await waiting(api, lara) == 0
    assert await told(api, lara) == []


async def test_unlocking_accepts_what_waits(api: Api, lara: Person) -> None:
    people = [await api.person(f"fan{i}") for i in range(7)]
    for person in people:
        await api.follow(person, lara)
    await lock(api, lara, locked=False)
    await api.drained()
    assert await followers(api, lara) == 7
    assert await waiting(api, lara) == 0
    for person in people:
        assert (await relationship(api, person, lara))["following"] is True


async def test_no_request_is_left_when_the_account_is_unlocked_meanwhile(api: Api, lara: Person) -> None:
    people = [await api.person(f"fan{i}") for i in range(8)]
    await asyncio.gather(*(api.follow(person, lara) for person in people), lock(api, lara, locked=False))
    await api.drained()
    assert await followers(api, lara) == 8
    await lock(api, lara)
    assert await waiting(api, lara) == 0


async def test_one_of_many_answers_counts(api: Api, lara: Person, bob: Person) -> None:
    for _ in range(4):
        await api.follow(bob, lara)
        verbs = ["authorize", "reject"] * 4
        answers = await asyncio.gather(*(api.post(f"{LIST}/{bob.id}/{verb}", as_=lara) for verb in verbs))
        assert sorted(answer.status for answer in answers) == [200] + [404] * 7
        [winner] = [verb for verb, answer in zip(verbs, answers, strict=True) if answer.status == 200]
        assert (await relationship(api, bob, lara))["following"] is (winner == "authorize")
        assert await followers(api, lara) == (winner == "authorize")
        await api.want("POST", f"/api/v1/accounts/{lara.id}/unfollow", as_=bob)


async def test_accepting_and_withdrawing_at_once_leave_neither(api: Api, lara: Person, bob: Person) -> None:
    for _ in range(8):
        await api.follow(bob, lara)
        accepted, withdrawn = await asyncio.gather(
            api.post(f"{LIST}/{bob.id}/authorize", as_=lara),
            api.post(f"/api/v1/accounts/{lara.id}/unfollow", as_=bob),
        )
        assert (accepted.status in (200, 404), withdrawn.status) == (True, 200)
        said = await relationship(api, bob, lara)
        assert (said["following"], said["requested"]) == (False, False)
        assert (await followers(api, lara), await waiting(api, lara)) == (0, 0)
    assert await told(api, lara) == []
