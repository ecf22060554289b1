"""Edits are told as they happen, to those who may see what became of the post."""

from __future__ import annotations

from tests.api.client import Api, Person
from tests.api.streams import Streams

BEFORE = ("notification", "conversation")
"""Events by which somebody may be told late, by a worker, of what was done before they listened."""


async def test_an_edit_is_told_wherever_the_post_is(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    tag = f"tag{alice.username}"
    await api.follow(bob, alice)
    post = await api.publish(alice, f"#{tag} said so")
    await api.drained()
    async with (
        streams.socket(bob, "user") as his,
        streams.socket(carol, stream="hashtag", tag=tag) as hers,
        streams.events(alice, "user") as own,
    ):
        edited = await api.edit(alice, post["id"], f"#{tag} said otherwise")
        for socket, name in ((his, ["user"]), (hers, ["hashtag", tag])):
            stream, event, payload = await socket.next()
            assert (stream, event, payload["id"]) == (name, "status.update", post["id"])
            assert (payload["content"], payload["edited_at"]) == (edited["content"], edited["edited_at"])
        while (told := await own.next())[0] in BEFORE:
            pass
        event, payload = told
        assert (event, payload["content"]) == ("status.update", edited["content"])
        await api.edit(alice, post["id"], "without the hashtag")
        assert (await his.next())[1] == "status.update"
        await hers.settled()


async def test_an_edit_of_a_private_post_is_told_to_followers_only(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    await api.follow(bob, alice)
    post = await api.publish(alice, "for followers #quiet", visibility="private")
    async with (
        streams.socket(bob, "user") as his,
        streams.socket(carol, "user", "public", "public:local") as hers,
    ):
        await hers.order("subscribe", "hashtag", tag="quiet")
        await api.edit(alice, post["id"], "for followers #quiet, still")
        assert (await his.next())[1:2] == ("status.update",)
        own = await api.publish(carol, "own", visibility="unlisted")
        assert (await hers.next(alice, carol))[2]["id"] == own["id"]


async def test_whom_a_direct_post_names_no_more_is_told_that_it_is_gone(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    post = await api.publish(alice, f"@{bob.username} a secret", visibility="direct")
    await api.drained()
    async with streams.socket(bob, "direct", "user") as his, streams.socket(carol, "direct") as hers:
        edited = await api.edit(alice, post["id"], f"@{carol.username} a secret")
        while (told := await his.next())[1] in BEFORE:
            pass
        assert told == (["user"], "delete", int(post["id"]))
        stream, event, payload = await hers.next()
        assert (stream, event, payload["last_status"]["content"]) == (["direct"], "conversation", edited["content"])
        await api.edit(alice, post["id"], f"@{carol.username} another secret")
        await api.drained()
        await his.settled()


async def test_who_was_named_is_told_of_the_deletion_but_not_by_who_blocks_them(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    post = await api.publish(alice, f"@{bob.username} @{carol.username} psst", visibility="direct")
    await api.want("POST", f"/api/v1/accounts/{carol.id}/block", as_=alice)
    await api.drained()
    async with streams.socket(bob, "user") as his, streams.socket(carol, "user") as hers:
        await api.delete(f"/api/v1/statuses/{post['id']}", as_=alice)
        while (told := await his.next())[1] in BEFORE:
            pass
        assert told == (["user"], "delete", int(post["id"]))
        await api.drained()
        await hers.settled()


async def test_whom_one_blocks_or_mutes_is_not_heard_editing(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    posts = [await api.publish(who, "one") for who in (alice, carol)]
    for who in (alice, carol):
        await api.follow(bob, who)
    async with streams.socket(bob, "user", "public") as his:
        await api.want("POST", f"/api/v1/accounts/{alice.id}/mute", as_=bob)
        await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=carol)
        for who, post in zip((alice, carol), posts, strict=True):
            await api.edit(who, post["id"], "another")
        own = await api.publish(bob, "own")
        assert (await his.next(alice, bob, carol))[2]["id"] == own["id"]


async def test_the_id_of_a_post_that_was_not_for_everybody_is_told_to_nobody_else(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    """Not even that there was one is told when it is deleted."""
    tag = f"tag{alice.username}"
    await api.follow(bob, alice)
    await api.want("POST", f"/api/v1/tags/{tag}/follow", as_=carol)
    direct = await api.publish(alice, f"psst #{tag}", visibility="direct")
    private = await api.publish(alice, f"quiet #{tag}", visibility="private")
    async with streams.socket(bob, "user") as his, streams.socket(carol, "user", "direct") as hers:
        for post in (direct, private):
            await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=alice)
        assert await his.next() == (["user"], "delete", int(private["id"]))
        own = await api.publish(carol, "own")
        assert (await hers.next())[2]["id"] == own["id"]
