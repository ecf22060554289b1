"""What becomes of the pictures of posts, whoever does what at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.events import ImageLoose
from ripstop.domain.accounts.leaving import delete_account
from ripstop.domain.media.model import ATTACHMENT, HOLDS_IMAGE, IMAGE
from ripstop.domain.posts.attachments import access_attachments, attach
from ripstop.domain.posts.model import REVISED
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Refused
from tests.domain.house import House, Person
from tests.pictures import photograph

PICTURE = photograph(60, 40)


async def upload(house: House, who: Person) -> int:
    return (await house.base.images.take(who.id, PICTURE, ATTACHMENT)).id


async def post(who: Person, *images: int, text: str = "") -> int:
    return await who.post(text, **{"media_ids[]": list(images)})


async def edit(house: House, who: Person, id_: int, text: str, *images: int, status: int = 200) -> None:
    form = {"status": text, "media_ids[]": list(images)}
    await house.ask("PUT", f"/api/v1/statuses/{id_}", token=who.token, form=form, status=status)


async def delete(house: House, who: Person, id_: int, query: str = "") -> None:
    await house.ask("DELETE", f"/api/v1/statuses/{id_}{query}", token=who.token)


async def look(house: House, images: Sequence[int]) -> None:
    """Have it looked now whether anything shows these, as is done when their time is over."""
    write = house.base.graph.write(images[0])
    for image in images:
        write.emit(ImageLoose(image=image, until=0))
    await house.base.graph.commit(write)
    await house.drain()
    await house.base.graph.sync()


async def left(house: House, who: Person) -> list[int]:
    """The pictures that are there, the oldest first; each with its two blobs."""
    await house.base.graph.sync()
    rows = await house.base.graph.range(who.id, HOLDS_IMAGE, limit=99)
    assert len(blobs_in(house.media_folder)) == 2 * len(rows)
    return sorted(row.target for row in rows)


def blobs_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_is_posted_stays_and_what_is_not_goes(house: House) -> None:
    [alice] = await house.people("alice")
    posted, loose = await upload(house, alice), await upload(house, alice)
    await post(alice, posted)
    await look(house, [posted, loose])
    assert await left(house, alice) == [posted]


async def test_pictures_of_a_deleted_post_wait_to_be_posted_anew(house: House) -> None:
    [alice] = await house.people("alice")
    again, never = await upload(house, alice), await upload(house, alice)
    first = await post(alice, again, never)
    await delete(house, alice, first)
    await house.drain()
    assert await left(house, alice) == [again, never]
    await post(alice, again)
    await look(house, [again, never])
    assert await left(house, alice) == [again]


async def test_or_go_with_it(house: House) -> None:
    [alice] = await house.people("alice")
    image = await upload(house, alice)
    await delete(house, alice, await post(alice, image), "?delete_media=1")
    await house.drain()
    assert await left(house, alice) == []


async def test_what_revisions_show_stays_with_the_post_and_goes_with_it(house: House) -> None:
    [alice] = await house.people("alice")
    first, second, third = [await upload(house, alice) for _ in range(3)]
    id_ = await post(alice, first, text="one")
    await edit(house, alice, id_, "two", second)
    await edit(house, alice, id_, "three", third)
    await look(house, [first, second, third])
    assert await left(house, alice) == [first, second, third]
    await edit(house, alice, id_, "four", first, third)
    await delete(house, alice, id_)
    await house.drain()
    assert await left(house, alice) == [first, third], "what it showed last can be posted anew"
    await post(alice, first)
    await look(house, [first, third])
    assert await left(house, alice) == [first]


async def test_more_revisions_than_one_batch_clears(house: House) -> None:
    [alice] = await house.people("alice")
    id_ = await post(alice, await upload(house, alice))
    for number in range(8):
        await edit(house, alice, id_, str(number), *[await upload(house, alice) for _ in range(3)])
    await edit(house, alice, id_, "bare")
    assert len(await left(house, alice)) == 25
    await delete(house, alice, id_)
    await house.drain()
    assert await left(house, alice) == []
    assert await house.base.graph.range(id_, REVISED, limit=1) == []


async def test_a_deleted_account_leaves_none(house: House) -> None:
    [alice] = await house.people("alice")
    images = [await upload(house, alice) for _ in range(3)]
    id_ = await post(alice, images[0], text="one")
    await edit(house, alice, id_, "two", images[1])
    await delete_account(house.base.graph, await access_account(house.base.graph, alice.id))
    await house.drain()
    assert await left(house, alice) == []
    assert await house.base.graph.get_many(IMAGE, images) == {}


# At the same time


async def test_of_two_posts_with_one_picture_one_has_it(house: House) -> None:
    [alice] = await house.people("alice")
    graph = house.base.graph
    image = await upload(house, alice)
    images = await access_attachments(graph, alice.id, [image])
    one, other = graph.write(alice.id), graph.write(alice.id)
    attach(one, 111, images)
    attach(other, 222, images)
    await graph.commit(one)
    with pytest.raises(Refused):
        await graph.commit(other)
    await graph.sync()
    with pytest.raises(Invalid):
        await access_attachments(graph, alice.id, [image], post=222)
    assert await access_attachments(graph, alice.id, [image], post=111)


async def test_what_is_being_removed_cannot_be_posted(house: House) -> None:
    [alice] = await house.people("alice")
    graph = house.base.graph
    image = await upload(house, alice)
    images = await access_attachments(graph, alice.id, [image])
    await look(house, [image])
    late = graph.write(alice.id)
    attach(late, 111, images)
    with pytest.raises(Refused):
        await graph.commit(late)


async def test_many_attempts_at_once_are_one_post(house: House) -> None:
    [alice] = await house.people("alice")
    image = await upload(house, alice)
    body = {"status": "once", "media_ids[]": [image]}
    attempts = (
        house.answer("POST", "/api/v1/statuses", token=alice.token, form=body, headers={"idempotency-key": "k"})
        for _ in range(5)
    )
    answers = await asyncio.gather(*attempts)
    assert [status for status, _ in answers] == [200] * 5, answers
    assert len({answer["id"] for _, answer in answers}) == 1
    posts = await alice.get(f"/api/v1/accounts/{alice.id}/statuses")
    assert [[one["id"] for one in each["media_attachments"]] for each in posts] == [[str(image)]]


# What it costs


async def test_a_page_of_posts_with_pictures_costs_what_others_cost(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    for number in range(5):
        await post(alice, *[await upload(house, alice) for _ in range(1 + number % 4)])
        await post(bob, text="words")
    asked = []
    for who in (alice, bob):
        async with house.another() as other:
            with other.counted() as counted:
                shown = await who.get(f"/api/v1/accounts/{who.id}/statuses", house=other)
            assert len(shown) == 5
            asked.append(counted)
    assert asked[0] == asked[1]


async def test_a_post_with_pictures_costs_one_engine_call_more(house: House) -> None:
    [alice] = await house.people("alice")
    await post(alice, text="the first, which fills the caches")
    asked = []
    for count in (0, 1, 4):
        images = [await upload(house, alice) for _ in range(count)]
        async with house.another() as other:
            await alice.get("/api/v1/accounts/verify_credentials", house=other)
            with other.counted() as counted:
                await alice.do("/api/v1/statuses", {"status": "x", "media_ids[]": images}, house=other)
            asked.append(counted)
    assert asked[1] == asked[2]
    assert sum(asked[1].values()) == sum(asked[0].values()) + 1
