"""Direct posts by conversation."""

from __future__ import annotations

from typing import Any

import msgspec

from ripstop.surfaces.mastodon.entities.posts import Conversation
from tests.api.client import Api, Person
from tests.api.streams import Streams

PATH = "/api/v1/conversations"


async def conversations(api: Api, who: Person) -> list[dict[str, Any]]:
    await api.drained()
    answer = await api.get(PATH, as_=who)
    assert answer.status == 200, answer.body
    msgspec.json.decode(answer.body, type=list[Conversation])
    return list(answer.json())


async def shown(api: Api, who: Person) -> list[tuple[str, bool, set[str]]]:
    """The newest post, whether it is unread, and with whom, of each conversation."""
    return [
        (one["last_status"]["id"], one["unread"], {account["id"] for account in one["accounts"]})
        for one in await conversations(api, who)
    ]


async def say(api: Api, who: Person, *to: Person, **fields: object) -> dict[str, Any]:
    names = " ".join(f"@{person.username}" for person in to)
    return await api.publish(who, f"{names} psst", visibility="direct", **fields)


async def test_everybody_in_it_has_one_of_their_own(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    first = await say(api, alice, bob, carol)
    assert await shown(api, alice) == [(first["id"], False, {bob.id, carol.id})]
    assert await shown(api, bob) == [(first["id"], True, {alice.id, carol.id})]
    assert await shown(api, carol) == [(first["id"], True, {alice.id, bob.id})]
    answer = await say(api, bob, alice, in_reply_to_id=first["id"])
    assert await shown(api, alice) == [(answer["id"], True, {bob.id})]
    assert await shown(api, bob) == [(answer["id"], False, {alice.id})]
    assert await shown(api, carol) == [(first["id"], True, {alice.id, bob.id})]
    other = await say(api, alice, bob)
    assert [one[0] for one in await shown(api, bob)] == [other["id"], answer["id"]]
    await api.publish(alice, f"@{bob.username} aloud")
    assert len(await conversations(api, bob)) == 2


async def test_talking_to_oneself(api: Api, alice: Person) -> None:
    note = await say(api, alice)
    assert await shown(api, alice) == [(note["id"], False, {alice.id})]


async def test_reading(api: Api, alice: Person, bob: Person) -> None:
    first = await say(api, alice, bob)
    [his] = await conversations(api, bob)
    path = f"{PATH}/{his['id']}"
    for verb, unread in (("read", False), ("read", False), ("unread", True), ("read", False)):
        said = await api.want("POST", f"{path}/{verb}", as_=bob)
        assert said == {**his, "unread": unread}
        assert (await conversations(api, bob))[0]["unread"] is unread
    for verb in ("read", "unread"):
        assert (await api.post(f"{path}/{verb}", as_=alice)).status == 404
    last = await say(api, alice, bob, in_reply_to_id=first["id"])
    assert await shown(api, bob) == [(last["id"], True, {alice.id})]
    [now] = await conversations(api, bob)
    assert now["id"] == his["id"]


async def test_removing(api: Api, alice: Person, bob: Person) -> None:
    first = await say(api, alice, bob)
    [his] = await conversations(api, bob)
    path = f"{PATH}/{his['id']}"
    assert (await api.delete(path, as_=alice)).status == 404
    assert (await api.delete(path, as_=bob)).json() == {}
    assert await conversations(api, bob) == []
    assert (await api.delete(path, as_=bob)).status == 404
    assert len(await conversations(api, alice)) == 1
    last = await say(api, alice, bob, in_reply_to_id=first["id"])
    assert await shown(api, bob) == [(last["id"], True, {alice.id})]
    await api.delete(f"/api/v1/statuses/{last['id']}", as_=alice)
    assert await conversations(api, bob) == []


async def test_deleted_posts_leave(api: Api, alice: Person, bob: Person) -> None:
    first = await say(api, alice, bob)
    last = await say(api, bob, alice, in_reply_to_id=first["id"])
    assert await shown(api, alice) == [(last["id"], True, {bob.id})]
    await api.delete(f"/api/v1/statuses/{last['id']}", as_=bob)
    assert await shown(api, alice) == [(first["id"], False, {bob.id})]
    assert [one[0] for one in await shown(api, bob)] == [first["id"]]
    await api.delete(f"/api/v1/statuses/{first['id']}", as_=alice)
    assert await conversations(api, alice) == []
    assert await conversations(api, bob) == []


async def test_edits_bring_people_in_and_let_them_go(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await say(api, alice, bob)
    await conversations(api, bob)
    form = {"status": f"@{carol.username} psst"}
    await api.want("PUT", f"/api/v1/statuses/{post['id']}", as_=alice, form=form)
    assert await shown(api, carol) == [(post["id"], True, {alice.id})]
    assert await conversations(api, bob) == []


async def test_blocks_and_mutes(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    for who in (bob, carol):
        await say(api, who, alice)
    assert len(await conversations(api, alice)) == 2
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
    assert [one[2] for one in await shown(api, alice)] == [{carol.id}]
    await api.want("POST", f"/api/v1/accounts/{carol.id}/mute", as_=alice)
    assert await conversations(api, alice) == []
    await say(api, carol, alice)
    assert await conversations(api, alice) == []


async def test_pages(api: Api, alice: Person, bob: Person) -> None:
    for _ in range(5):
        await say(api, alice, bob)
    whole = [one["id"] for one in await conversations(api, bob)]
    assert len(whole) == 5
    first = await api.get(PATH, as_=bob, query={"limit": "2"})
    assert first.ids == whole[:2]
    older = first.link("next")
    assert older is not None
    second = await api.get(PATH, as_=bob, query=older)
    assert second.ids == whole[2:4]
    newer = second.link("prev")
    assert newer is not None
    assert (await api.get(PATH, as_=bob, query=newer)).ids == whole[:2]
    assert (await api.get(PATH, as_=bob, query={"limit": "0"})).status == 422


async def test_the_stream_tells_of_them(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    async with streams.socket(bob, "direct") as his, streams.events(bob, "direct") as events:
        post = await say(api, alice, bob)
        stream, event, said = await his.next()
        assert (stream, event) == (["direct"], "conversation")
        msgspec.convert(said, Conversation)
        assert (said["unread"], said["last_status"]["id"]) == (True, post["id"])
        assert await events.next() == ("conversation", said)
    assert await conversations(api, bob) == [said]


async def test_scopes(api: Api) -> None:
    reader = await api.person("reader", scopes="read:statuses write:accounts")
    assert (await api.get(PATH, as_=reader)).status == 200
    for method, path in (("DELETE", "1"), ("POST", "1/read"), ("POST", "1/unread")):
        assert (await api.ask(method, f"{PATH}/{path}", as_=reader)).status == 403
    assert (await api.get(PATH)).status == 401
