"""Posts that moderators take down, restore, and mark."""

from __future__ import annotations

from ripstop.boot import opened_graph
from ripstop.domain.moderation import posts
from ripstop.domain.moderation.authority import OPERATOR
from tests.api.client import Api, Person
from tests.api.streams import Streams
from tests.server import Server, patiently


async def do(server: Server, action: str, post: str, reason: str = "") -> None:
    """Do it in a process of its own, as the command line does."""

    async def act() -> None:
        async with opened_graph(server.configuration) as graph:
            await getattr(posts, action)(graph, OPERATOR, int(post), reason=reason)

    await patiently(act)


async def shown(api: Api, viewer: Person | None, paths: list[str], text: str) -> set[str]:
    """The paths whose answers hold the text."""
    return {path for path in paths if text in (await api.get(path, as_=viewer)).body.decode()}


async def test_a_post_is_taken_down_and_restored(
    server: Server, api: Api, alice: Person, bob: Person, carol: Person
) -> None:
    await api.follow(bob, alice)
    await api.follow(carol, bob)
    text = f"said by {alice.username}"
    post = (await api.publish(alice, f"@{bob.username} {text} #{alice.username}"))["id"]
    await api.want("POST", f"/api/v1/statuses/{post}/reblog", as_=bob)
    await api.publish(bob, "look at this", quoted_status_id=post)
    await api.drained()
    everybody = [
        f"/api/v1/statuses/{post}",
        f"/api/v1/statuses?id[]={post}",
        "/api/v1/timelines/public?limit=40",
        f"/api/v1/timelines/tag/{alice.username}",
        f"/api/v1/accounts/{alice.id}/statuses",
        f"/api/v1/accounts/{bob.id}/statuses",
    ]
    own = [*everybody, "/api/v1/timelines/home", "/api/v1/notifications"]
    before = [await shown(api, viewer, paths, text) for viewer, paths in ((None, everybody), (bob, own), (alice, own))]
    assert before[0] == set(everybody)
    assert before[1] == set(own)
    await do(server, "take_down", post, "it is unkind")
    assert await shown(api, None, everybody, text) == set()
    assert await shown(api, bob, own, text) == set()
    assert await shown(api, carol, own, text) == set()
    assert (await api.post(f"/api/v1/statuses/{post}/favourite", as_=bob)).status == 404
    hers = await api.want("GET", f"/api/v1/statuses/{post}", as_=alice)
    assert hers["takedown"]["reason"] == "it is unkind"
    await api.want("PUT", f"/api/v1/statuses/{post}", as_=alice, form={"status": text + " again"})
    assert (await api.get(f"/api/v1/statuses/{post}", as_=bob)).status == 404
    await do(server, "restore", post)
    assert "takedown" not in await api.want("GET", f"/api/v1/statuses/{post}", as_=alice)
    assert (await shown(api, bob, own, text)) >= {f"/api/v1/statuses/{post}", "/api/v1/timelines/home"}


async def test_a_marked_post_stays_sensitive(server: Server, api: Api, alice: Person) -> None:
    post = (await api.publish(alice, "hello"))["id"]
    await do(server, "mark_sensitive", post)
    assert (await api.want("GET", f"/api/v1/statuses/{post}"))["sensitive"] is True
    form = {"status": "hello again", "sensitive": "false"}
    edited = await api.want("PUT", f"/api/v1/statuses/{post}", as_=alice, form=form)
    assert edited["sensitive"] is True
    await do(server, "unmark_sensitive", post)
    assert (await api.want("GET", f"/api/v1/statuses/{post}"))["sensitive"] is False


async def test_streams_are_told_that_a_post_is_gone_but_its_author_is_not(
    server: Server, streams: Streams, api: Api, alice: Person, bob: Person
) -> None:
    async with streams.socket(bob) as socket, streams.socket(alice) as hers:
        for one in (socket, hers):
            await one.order("subscribe", "user")
        await api.follow(bob, alice)
        assert (await hers.next())[1] == "notification"
        post = (await api.publish(alice, "hello"))["id"]
        assert [(await one.next())[1] for one in (socket, hers)] == ["update", "update"]
        await do(server, "take_down", post)
        assert (await socket.next())[1:] == ("delete", int(post))
        after = (await api.publish(alice, "again"))["id"]
        _, event, status = await hers.next()
        assert (event, status["id"]) == ("update", after)
