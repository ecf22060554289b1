"""Streams of lists, and what exclusive lists keep from the stream of home."""

from __future__ import annotations

import pytest

from tests.api.client import Api, Person
from tests.api.streams import Streams


async def a_list(api: Api, owner: Person, *members: Person, **wishes: object) -> str:
    """The id of a new list of these people, who are followed."""
    for member in members:
        await api.follow(owner, member)
    made = await api.want("POST", "/api/v1/lists", as_=owner, form={"title": "some", **wishes})
    await add(api, owner, made["id"], *members)
    return str(made["id"])


async def add(api: Api, owner: Person, list_: str, *members: Person) -> None:
    form = [("account_ids[]", member.id) for member in members]
    await api.want("POST", f"/api/v1/lists/{list_}/accounts", as_=owner, form=form)


async def test_a_list_brings_what_its_members_post(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    list_ = await a_list(api, carol, alice)
    await api.follow(carol, bob)
    async with streams.socket(carol) as socket, streams.events(carol, "list", list=list_) as events:
        await socket.order("subscribe", "list", list=list_)
        await api.publish(bob, "not listed")
        private = await api.publish(alice, "for followers", visibility="private")
        public = await api.publish(alice, "for all")
        for post in (private, public):
            stream, event, payload = await socket.next()
            assert (stream, event, payload["id"]) == (["list", list_], "update", post["id"])
            assert (await events.next())[1]["id"] == post["id"]
        await api.delete(f"/api/v1/statuses/{public['id']}", as_=alice)
        assert await socket.next() == (["list", list_], "delete", int(public["id"]))
        await socket.order("unsubscribe", "list", list=list_)
        await api.publish(alice, "too late")
        await socket.settled()


async def test_who_is_added_is_heard_at_once_and_who_is_taken_out_no_more(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    list_ = await a_list(api, carol, bob)
    await api.follow(carol, alice)
    async with streams.socket(carol, stream="list", list=list_) as socket:
        await api.publish(alice, "before")
        await add(api, carol, list_, alice)
        between = await api.publish(alice, "between")
        assert (await socket.next())[2]["id"] == between["id"]
        path = f"/api/v1/lists/{list_}/accounts"
        await api.want("DELETE", path, as_=carol, query={"account_ids[]": alice.id})
        await api.publish(alice, "after")
        last = await api.publish(bob, "last")
        assert (await socket.next())[2]["id"] == last["id"]


@pytest.mark.parametrize("act", ["block", "mute", "unfollow"])
async def test_members_who_are_hidden_or_followed_no_more_are_not_heard(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person, act: str
) -> None:
    list_ = await a_list(api, carol, alice, bob)
    async with streams.socket(carol, stream="list", list=list_) as socket:
        await api.want("POST", f"/api/v1/accounts/{alice.id}/{act}", as_=carol)
        await api.publish(alice, "hidden")
        shown = await api.publish(bob, "shown")
        assert (await socket.next())[2]["id"] == shown["id"]


@pytest.mark.parametrize(("policy", "shown"), [("none", []), ("list", ["to bob"]), ("followed", ["to bob", "to dan"])])
async def test_answers_come_as_the_list_wants_them(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person, policy: str, shown: list[str]
) -> None:
    dan = await api.person("dan")
    await api.follow(carol, dan)
    of_bob, of_dan = await api.publish(bob, "one"), await api.publish(dan, "two")
    list_ = await a_list(api, carol, alice, bob, replies_policy=policy)
    async with streams.socket(carol, stream="list", list=list_) as socket:
        await api.publish(alice, "to bob", in_reply_to_id=of_bob["id"])
        await api.publish(alice, "to dan", in_reply_to_id=of_dan["id"])
        await api.publish(alice, "to all")
        for said in [*shown, "to all"]:
            assert f"<p>{said}</p>" == (await socket.next())[2]["content"]


async def test_exclusive_lists_keep_their_members_from_home(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    list_ = await a_list(api, carol, alice, exclusive="true")
    await api.follow(carol, bob)
    async with streams.socket(carol, "user") as socket:
        await socket.order("subscribe", "list", list=list_)
        apart = await api.publish(alice, "apart")
        assert [(stream, payload["id"]) for stream, _, payload in [await socket.next()]] == [
            (["list", list_], apart["id"])
        ]
        home = await api.publish(bob, "at home")
        stream, _, payload = await socket.next()
        assert (stream, payload["id"]) == (["user"], home["id"])


async def test_nobody_listens_to_the_lists_of_others(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    list_ = await a_list(api, alice, bob)
    own = await a_list(api, bob, alice)
    token = {"access_token": bob.token}
    for id_, status in ((list_, 404), ("1", 404), ("", 400), ("nonsense", 422)):
        assert await streams.refused(params={**token, "stream": "list", "list": id_}) == status
        assert await streams.refused("list", params={**token, "list": id_}) == status
    async with streams.socket(bob) as socket:
        for wrong, status in ((list_, 404), ("1", 404), (None, 400), ("nonsense", 400)):
            await socket.websocket.send_json({"type": "subscribe", "stream": "list", "list": wrong})
            assert (await socket.frame())["status"] == status
        await socket.order("subscribe", "list", list=int(own))
        await api.want("DELETE", f"/api/v1/lists/{own}", as_=bob)
        await api.publish(alice, "to a list that is gone")
        await socket.settled()
