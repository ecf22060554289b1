"""Many people do many things at once, and twice: what comes of it is exact, and streams tell nothing too late."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.client import Answer, Api, Person
from tests.api.streams import Socket, Streams

CROWD = 50
WRITERS = 4
"""Connections on which one person writes at once."""
STORM = 12
"""Posts on each of them, of which a third is written before the turn."""
TWICE = 6
"""How often one thing is sent at once."""


async def at_once(requests: list[Awaitable[Answer]], allowed: set[int]) -> list[Answer]:
    """The answers to requests that are sent together, none of which may be of another status."""
    answers = list(await asyncio.gather(*requests))
    assert {answer.status for answer in answers} <= allowed, [answer.body for answer in answers]
    return answers


async def updates_until(socket: Socket, *last: str) -> list[str]:
    """The ids of the posts that a stream brings, until all of these have come."""
    heard: list[str] = []
    while not set(last) <= set(heard):
        _, event, payload = await socket.next()
        if event == "update":
            heard.append(payload["id"])
    await socket.settled()
    return heard


# While somebody listens


Turn = Callable[[Api, Person, Person], Awaitable[Any]]


async def listener_blocks(api: Api, alice: Person, bob: Person) -> None:
    await api.want("POST", f"/api/v1/accounts/{alice.id}/block", as_=bob)


async def author_blocks(api: Api, alice: Person, bob: Person) -> None:
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)


async def listener_mutes(api: Api, alice: Person, bob: Person) -> None:
    await api.want("POST", f"/api/v1/accounts/{alice.id}/mute", as_=bob)


async def listener_unfollows(api: Api, alice: Person, bob: Person) -> None:
    await api.want("POST", f"/api/v1/accounts/{alice.id}/unfollow", as_=bob)


async def author_removes(api: Api, alice: Person, bob: Person) -> None:
    await api.want("POST", f"/api/v1/accounts/{bob.id}/remove_from_followers", as_=alice)


@pytest.mark.parametrize(
    "turn",
    [listener_blocks, author_blocks, listener_mutes, listener_unfollows, author_removes],
    ids=lambda t: t.__name__,
)
async def test_nothing_written_after_the_answer_is_heard(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person, turn: Turn
) -> None:
    """Alice writes all the time. Of what she begins to write once the turn is answered, bob hears nothing."""
    for who in (bob, carol):
        await api.follow(who, alice)
    early: list[str] = []
    late: list[str] = []
    third, turned = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        for number in range(STORM):
            is_late = turned.is_set()
            post = await api.publish(alice, f"number {number}")
            (late if is_late else early).append(post["id"])
            if number == STORM // 3:
                third.set()
            if number > 2 * STORM // 3:  # some are surely written later
                await turned.wait()

    async def part() -> None:
        await third.wait()
        await turn(api, alice, bob)
        turned.set()

    async with streams.socket(bob, "user") as his, streams.socket(carol, "user") as hers:
        await asyncio.gather(part(), *(write() for _ in range(WRITERS)))
        own = (await api.publish(bob, "that was all"))["id"]
        carols = await updates_until(hers, *early, *late)
        heard = await updates_until(his, own)
    assert late
    assert not set(heard) & set(late)
    assert set(heard) <= {*early, own}
    assert sorted(carols) == sorted(early + late)


async def test_what_is_deleted_while_it_is_passed_out_is_heard_to_vanish(
    api: Api, streams: Streams, alice: Person, bob: Person
) -> None:
    """Who was shown a post is told that it is gone, after that; nobody keeps it."""
    crowd = [bob, *await asyncio.gather(*(api.person(f"one{number}") for number in range(5)))]
    for one in crowd:
        await api.follow(one, alice)
        await api.want("GET", "/api/v1/timelines/home", as_=one)

    async def come_and_go(number: int) -> str:
        post = await api.publish(alice, f"number {number} #gone{alice.username}")
        await at_once([api.delete(f"/api/v1/statuses/{post['id']}", as_=alice) for _ in range(2)], {200, 404})
        return str(post["id"])

    async with streams.socket(bob, "user") as his:
        gone = await asyncio.gather(*(come_and_go(number) for number in range(20)))
        await api.drained()
        last = (await api.publish(bob, "that was all"))["id"]
        shown: set[str] = set()
        while last not in shown or len(shown) > 1:  # what one process tells may overtake what another does
            _, event, payload = await his.next()
            if event == "delete":
                shown.discard(str(payload))
            else:
                shown.add(payload["id"])
    for one in crowd:
        assert not set((await api.get("/api/v1/timelines/home?limit=40", as_=one)).ids) & set(gone)
    assert (await api.get(f"/api/v1/timelines/tag/gone{alice.username}")).ids == []
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["statuses_count"] == 0


async def test_edits_and_a_deletion_at_once_leave_nothing(api: Api, alice: Person, bob: Person) -> None:
    tag = f"tag{alice.username}"
    for number in range(5):
        post = await api.publish(alice, f"number {number} #{tag}")
        path = f"/api/v1/statuses/{post['id']}"
        texts = [f"@{bob.username} edit {edit} of {number} #{tag}{edit % 2}" for edit in range(TWICE)]
        edits = [api.ask("PUT", path, as_=alice, form={"status": text}) for text in texts]
        deletion = api.delete(path, as_=alice)
        answers = await at_once([*edits[:3], deletion, *edits[3:]], {200, 404, 409})
        if answers[3].status == 409:  # it was edited all the time
            assert (await api.delete(path, as_=alice)).status == 200
        for what in ("", "/history", "/source", "/context"):
            assert (await api.get(path + what, as_=alice)).status == 404
    await api.drained()
    for name in (tag, f"{tag}0", f"{tag}1"):
        assert (await api.get(f"/api/v1/timelines/tag/{name}")).ids == []
    assert (await api.get(f"/api/v1/accounts/{alice.id}/statuses", as_=alice)).ids == []
    assert (await api.get("/api/v1/notifications", as_=bob)).ids == []
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["statuses_count"] == 0


# Counts


@pytest.mark.parametrize(
    ("verb", "count", "people", "kind"),
    [
        ("favourite", "favourites_count", "favourited_by", "favourite"),
        ("reblog", "reblogs_count", "reblogged_by", "reblog"),
    ],
)
async def test_fifty_people_change_their_minds_at_once(
    api: Api, alice: Person, verb: str, count: str, people: str, kind: str
) -> None:
    """Each of them back and forth, every step sent twice at once: in the end those count who wanted it last."""
    post = await api.publish(alice, "what do you say?")
    crowd = await asyncio.gather(*(api.person(f"one{number}") for number in range(CROWD)))
    random_ = random.Random(CROWD)
    steps = {one.id: random_.randrange(1, 6) for one in crowd}

    async def waver(one: Person) -> None:
        for step in range(steps[one.id]):
            path = f"/api/v1/statuses/{post['id']}/{verb if step % 2 == 0 else f'un{verb}'}"
            await at_once([api.post(path, as_=one) for _ in range(2)], {200})

    await asyncio.gather(*(waver(one) for one in crowd))
    await api.drained()
    wanted = {one.id for one in crowd if steps[one.id] % 2}
    assert 0 < len(wanted) < CROWD
    status = await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=alice)
    assert status[count] == len(wanted)
    assert set((await api.get(f"/api/v1/statuses/{post['id']}/{people}?limit=80", as_=alice)).ids) == wanted
    told = await api.want("GET", f"/api/v1/notifications?limit=80&types[]={kind}", as_=alice)
    assert sorted(one["account"]["id"] for one in told) == sorted(wanted)


async def test_fifty_people_follow_and_unfollow_at_once(api: Api, alice: Person) -> None:
    crowd = await asyncio.gather(*(api.person(f"one{number}") for number in range(CROWD)))
    random_ = random.Random(CROWD)
    steps = {one.id: random_.randrange(1, 6) for one in crowd}

    async def waver(one: Person) -> None:
        for step in range(steps[one.id]):
            path = f"/api/v1/accounts/{alice.id}/{'follow' if step % 2 == 0 else 'unfollow'}"
            # Of two at once, one may lose to the other again and again, and says so.
            await at_once([api.post(path, as_=one) for _ in range(2)], {200, 409})

    await asyncio.gather(*(waver(one) for one in crowd))
    await api.drained()
    wanted = {one.id for one in crowd if steps[one.id] % 2}
    account = await api.want("GET", f"/api/v1/accounts/{alice.id}")
    assert account["followers_count"] == len(wanted)
    assert set((await api.get(f"/api/v1/accounts/{alice.id}/followers?limit=80")).ids) == wanted
    told = await api.want("GET", "/api/v1/notifications?limit=80&types[]=follow", as_=alice)
    assert sorted(one["account"]["id"] for one in told) == sorted(wanted)
    for one in crowd[:10]:
        own = await api.want("GET", f"/api/v1/accounts/{one.id}")
        assert own["following_count"] == (1 if one.id in wanted else 0)


# Sent twice


@pytest.mark.parametrize("key", [None, "the same key"])
async def test_what_is_sent_many_times_at_once_is_done_once(
    api: Api, alice: Person, bob: Person, key: str | None
) -> None:
    """With an Idempotency-Key or without: it means something for posts alone, and does no harm elsewhere."""
    headers = {} if key is None else {"idempotency-key": key}
    post = await api.publish(alice, "one")
    own = await api.publish(bob, "mine")

    async def many(path: str, **form: str) -> list[Answer]:
        requests = [api.post(path, as_=bob, form=form, headers=headers) for _ in range(TWICE)]
        return await at_once(list(requests), {200})

    await many(f"/api/v1/accounts/{alice.id}/follow")
    for verb in ("favourite", "bookmark"):
        await many(f"/api/v1/statuses/{post['id']}/{verb}")
    reposts = await many(f"/api/v1/statuses/{post['id']}/reblog")
    assert len({answer.json()["id"] for answer in reposts}) == 1
    await many(f"/api/v1/statuses/{own['id']}/pin")
    await many(f"/api/v1/statuses/{post['id']}/mute")
    await api.drained()
    status = await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=bob)
    assert (status["favourites_count"], status["reblogs_count"]) == (1, 1)
    assert (await api.get("/api/v1/bookmarks", as_=bob)).ids == [post["id"]]
    assert (await api.get(f"/api/v1/accounts/{bob.id}/statuses?pinned=true")).ids == [own["id"]]
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["followers_count"] == 1
    assert (await api.want("GET", f"/api/v1/accounts/{bob.id}"))["statuses_count"] == 2
    told = [one["type"] for one in await api.want("GET", "/api/v1/notifications", as_=alice)]
    assert sorted(told) == ["favourite", "follow", "reblog"]
    await many(f"/api/v1/accounts/{alice.id}/mute")
    await many(f"/api/v1/accounts/{alice.id}/block")
    await api.drained()
    for list_ in ("blocks", "mutes"):
        assert (await api.get(f"/api/v1/{list_}", as_=bob)).ids == [alice.id]
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["followers_count"] == 0


async def test_a_request_is_answered_once(api: Api, alice: Person, bob: Person) -> None:
    """Accepted, rejected and withdrawn at once: one of them is first, and all that is shown agrees with it."""
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form={"locked": "true"})
    for _ in range(5):
        await api.want("POST", f"/api/v1/accounts/{alice.id}/follow", as_=bob)
        request = f"/api/v1/follow_requests/{bob.id}"
        accepts = [api.post(f"{request}/authorize", as_=alice) for _ in range(2)]
        rejects = [api.post(f"{request}/reject", as_=alice) for _ in range(2)]
        answers = await at_once([*accepts, *rejects], {200, 404})
        assert [answer.status for answer in answers].count(200) == 1
        await api.drained()
        accepted = 200 in [answer.status for answer in answers[:2]]
        [relation] = await api.want("GET", f"/api/v1/accounts/relationships?id[]={alice.id}", as_=bob)
        assert (relation["following"], relation["requested"]) == (accepted, False)
        assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["followers_count"] == int(accepted)
        assert (await api.get("/api/v1/notifications", as_=alice)).ids == []
        await api.want("POST", f"/api/v1/accounts/{alice.id}/unfollow", as_=bob)
