"""Streams: who may open them, what each brings, and what nobody may be shown."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
import pytest
import websockets

from tests.api.client import SCOPES, Api, Person, sign_up_form
from tests.api.streams import Streams
from tests.server import Server


async def test_a_post_reaches_its_author_and_followers(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    await api.follow(bob, alice)
    await api.drained()
    async with (
        streams.socket(alice, "user") as hers,
        streams.socket(bob, stream="user") as his,
        streams.socket(carol, "user") as others,
    ):
        post = await api.publish(alice, "hello")
        for socket in (hers, his):
            stream, event, payload = await socket.next(alice)  # that she is followed may be told only now
            assert (stream, event, payload["id"]) == (["user"], "update", post["id"])
            assert payload["content"] == post["content"]
            assert payload["account"]["id"] == alice.id
        own = await api.publish(carol, "mine")
        assert (await others.next())[2]["id"] == own["id"]


async def test_following_and_unfollowing_take_effect_at_once(
    api: Api, streams: Streams, alice: Person, bob: Person
) -> None:
    async with streams.socket(bob, "user") as his:
        await api.publish(alice, "before")
        await api.follow(bob, alice)
        seen = await api.publish(alice, "between")
        assert (await his.next())[2]["id"] == seen["id"]
        await api.want("POST", f"/api/v1/accounts/{alice.id}/unfollow", as_=bob)
        await api.publish(alice, "after")
        own = await api.publish(bob, "own")
        assert (await his.next())[2]["id"] == own["id"]


@pytest.mark.parametrize("act", ["block", "mute"])
async def test_whom_one_blocks_or_mutes_is_not_heard(
    api: Api, streams: Streams, alice: Person, bob: Person, act: str
) -> None:
    await api.follow(bob, alice)
    async with streams.socket(bob, "user", "public") as his:
        await api.want("POST", f"/api/v1/accounts/{alice.id}/{act}", as_=bob)
        await api.publish(alice, "hidden")
        own = await api.publish(bob, "own")
        assert (await his.next(alice, bob))[2]["id"] == own["id"]


async def test_who_blocks_is_not_heard_either(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    await api.follow(bob, alice)
    async with streams.socket(bob, "user", "public") as his:
        await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
        await api.publish(alice, "hidden")
        own = await api.publish(bob, "own")
        assert (await his.next(alice, bob))[2]["id"] == own["id"]


async def test_private_posts_reach_followers_only(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    await api.follow(bob, alice)
    async with (
        streams.socket(bob, "user", "public") as his,
        streams.socket(carol, "user", "public", "public:local") as hers,
    ):
        private = await api.publish(alice, "for followers #quiet", visibility="private")
        assert (await his.next(alice))[2]["id"] == private["id"]
        own = await api.publish(carol, "own", visibility="unlisted")
        assert (await hers.next(alice, carol))[2]["id"] == own["id"]


async def test_direct_posts_reach_those_they_name(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    await api.follow(carol, alice)
    async with (
        streams.socket(bob, "direct") as his,
        streams.socket(carol, "user", "direct", "public") as hers,
    ):
        direct = await api.publish(alice, f"@{bob.username} psst", visibility="direct")
        stream, event, payload = await his.next()
        assert (stream, event, payload["last_status"]["id"]) == (["direct"], "conversation", direct["id"])
        own = await api.publish(carol, "own", visibility="unlisted")
        assert (await hers.next(alice, carol))[2]["id"] == own["id"]


async def test_public_streams(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    """Bob follows nobody. Posts of other tests may come in between."""
    names = ["public", "public:local", "public:remote"]
    async with streams.socket(bob, *names) as his, streams.events(bob, "public/local") as local:
        post = await api.publish(alice, "for all")
        await api.publish(alice, "an answer", in_reply_to_id=(await api.publish(bob, "one"))["id"])
        last = await api.publish(alice, "the last")
        got: list[tuple[list[str], str]] = []
        while (["public:local"], last["id"]) not in got or (["public"], last["id"]) not in got:
            stream, _, payload = await his.next(alice)
            got.append((stream, payload["id"]))
        assert sorted(got) == sorted((s, p["id"]) for s in (["public"], ["public:local"]) for p in (post, last))
        while True:
            event, payload = await local.next()
            if event == "update" and payload["account"]["id"] == alice.id:
                break
        assert (event, payload["id"]) == ("update", post["id"])


async def test_hashtags(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    tag = f"Tag{alice.username}"
    async with streams.socket(bob) as his, streams.events(bob, "hashtag", tag=tag) as events:
        await his.order("subscribe", "hashtag", tag=tag)
        await his.order("subscribe", "hashtag:local", tag=tag.upper())
        await api.publish(alice, "without")
        await api.publish(alice, f"#{tag}", visibility="unlisted")
        post = await api.publish(alice, f"with #{tag}")
        got = [await his.next(), await his.next()]
        assert sorted((stream, payload["id"]) for stream, _, payload in got) == [
            (["hashtag", tag.lower()], post["id"]),
            (["hashtag:local", tag.lower()], post["id"]),
        ]
        assert (await events.next())[1]["id"] == post["id"]
        await his.order("unsubscribe", "hashtag:local", tag=tag)
        await api.delete(f"/api/v1/statuses/{post['id']}", as_=alice)
        assert await his.next() == (["hashtag", tag.lower()], "delete", int(post["id"]))
        await his.settled()


async def test_followed_hashtags_come_home(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    tag = f"tag{alice.username}"
    await api.want("POST", f"/api/v1/tags/{tag}/follow", as_=bob)
    async with streams.socket(bob, "user") as his:
        await api.publish(alice, f"#{tag} for some", visibility="unlisted")
        post = await api.publish(alice, f"#{tag} for all")
        stream, event, payload = await his.next()
        assert (stream, event, payload["id"]) == (["user"], "update", post["id"])


async def test_deletes_and_reposts(api: Api, streams: Streams, alice: Person, bob: Person, carol: Person) -> None:
    await api.follow(carol, bob)
    post = await api.publish(alice, "passed on")
    async with streams.socket(carol, "user") as hers:
        repost = await api.want("POST", f"/api/v1/statuses/{post['id']}/reblog", as_=bob)
        _, event, payload = await hers.next()
        assert (event, payload["id"], payload["reblog"]["id"]) == ("update", repost["id"], post["id"])
        await api.want("POST", f"/api/v1/statuses/{post['id']}/unreblog", as_=bob)
        assert await hers.next() == (["user"], "delete", int(repost["id"]))
        own = await api.publish(bob, "gone soon")
        assert (await hers.next())[2]["id"] == own["id"]
        await api.delete(f"/api/v1/statuses/{own['id']}", as_=bob)
        assert await hers.next() == (["user"], "delete", int(own["id"]))


async def test_reposts_of_those_who_are_hidden_do_not_come(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    await api.follow(carol, bob)
    post = await api.publish(alice, "passed on")
    async with streams.socket(carol, "user") as hers:
        await api.want("POST", f"/api/v1/accounts/{alice.id}/mute", as_=carol)
        await api.want("POST", f"/api/v1/statuses/{post['id']}/reblog", as_=bob)
        own = await api.publish(bob, "own")
        assert (await hers.next())[2]["id"] == own["id"]


async def test_notifications(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "liked")
    async with (
        streams.socket(alice, "user", "user:notification") as hers,
        streams.events(alice, "user/notification") as events,
    ):
        await api.want("POST", f"/api/v1/statuses/{post['id']}/favourite", as_=bob)
        got = [await hers.next(), await hers.next()]
        assert sorted(stream for stream, _, _ in got) == [["user"], ["user:notification"]]
        listed = await api.want("GET", "/api/v1/notifications", as_=alice)
        for _, event, payload in got:
            assert event == "notification"
            assert payload == listed[0]
        event, payload = await events.next()
        assert (event, payload["type"], payload["account"]["id"]) == ("notification", "favourite", bob.id)


async def test_notifications_of_those_who_are_blocked_do_not_come(
    api: Api, streams: Streams, alice: Person, bob: Person, carol: Person
) -> None:
    async with streams.socket(alice, "user:notification") as hers:
        await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
        await api.publish(bob, f"@{alice.username} hear me")
        await api.follow(carol, alice)
        _, _, payload = await hers.next()
        assert (payload["type"], payload["account"]["id"]) == ("follow", carol.id)


async def test_changed_filters_are_told(api: Api, streams: Streams, alice: Person) -> None:
    async with streams.socket(alice, "user") as hers, streams.events(alice, "user") as events:
        await api.want("POST", "/api/v2/filters", as_=alice, form={"title": "cats", "context[]": "home"})
        assert await hers.next() == (["user"], "filters_changed", None)
        assert await events.next() == ("filters_changed", {})


async def test_filters_hide_and_warn(api: Api, streams: Streams, alice: Person, bob: Person) -> None:
    for word, action in (("cats", "hide"), ("dogs", "warn")):
        form = {"title": word, "context[]": "home", "filter_action": action, "keywords_attributes[][keyword]": word}
        await api.want("POST", "/api/v2/filters", as_=bob, form=form)
    await api.follow(bob, alice)
    async with streams.socket(bob, "user") as his, streams.socket(alice, "user") as hers:
        await api.publish(alice, "about cats")
        post = await api.publish(alice, "about dogs")
        _, _, payload = await his.next()
        assert (payload["id"], payload["filtered"][0]["filter"]["title"]) == (post["id"], "dogs")
        while (payload := (await hers.next())[2])["id"] != post["id"]:
            pass
        assert "filtered" not in payload


async def test_a_library_that_breaks_messages_up(api: Api, streams: Streams, alice: Person) -> None:
    url = streams.url.replace("http", "ws", 1)
    async with websockets.connect(url, subprotocols=[websockets.Subprotocol(alice.token)], proxy=None) as websocket:
        assert websocket.subprotocol == alice.token
        await websocket.send(['{"type": "subs', 'cribe", "stream"', ': "nonsense"}'])
        assert msgspec.json.decode(await websocket.recv())["status"] == 404
        await (await websocket.ping(b"are you there?"))
        await websocket.close(1000)
        assert websocket.close_code == 1000


# Tokens


async def test_ways_of_giving_the_token(streams: Streams, alice: Person) -> None:
    connect = streams.session.ws_connect
    async with connect(streams.url, headers={"authorization": f"Bearer {alice.token}"}) as websocket:
        assert websocket.protocol is None
    async with connect(streams.url, params={"access_token": alice.token}) as websocket:
        assert websocket.protocol is None
    async with connect(streams.url, protocols=[alice.token]) as websocket:
        assert websocket.protocol == alice.token
    async with streams.session.get(f"{streams.url}/user", params={"access_token": alice.token}) as response:
        assert response.status == 200


async def test_without_a_good_token_of_a_user_nothing_is_opened(api: Api, streams: Streams) -> None:
    app = await api.app_token()
    for token in ("", "wrong", app):
        options: dict[str, Any] = {"params": {"access_token": token}}
        assert await streams.refused(**options) == 401
        assert await streams.refused("user", **options) == 401
        assert await streams.refused("public", **options) == 401
    assert await streams.refused() == 401
    assert await streams.refused(protocols=["wrong"]) == 401


async def test_scopes(api: Api, streams: Streams) -> None:
    writer = await api.person("writer", scopes="write")
    reader = await api.person("reader", scopes="read:statuses write")
    options: dict[str, Any] = {"params": {"access_token": writer.token}}
    assert await streams.refused(**options) == 403
    assert await streams.refused("user", **options) == 403
    options = {"params": {"access_token": reader.token}}
    assert await streams.refused("user/notification", **options) == 403
    friend = await api.person("friend")
    async with streams.socket(reader, "user") as socket:
        await socket.websocket.send_json({"type": "subscribe", "stream": "user:notification"})
        assert (await socket.frame())["status"] == 403
        await api.publish(friend, f"@{reader.username} a mention")
        await api.drained()
        own = await api.publish(reader, "own")
        assert (await socket.next())[2]["id"] == own["id"]


async def test_a_revoked_token_ends_its_streams(api: Api, streams: Streams) -> None:
    app = await api.app()
    client = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    form = {"grant_type": "client_credentials", "scope": SCOPES, **client}
    app_token = (await api.want("POST", "/oauth/token", form=form))["access_token"]
    sign_up = sign_up_form(f"leaver_{secrets.token_hex(4)}")
    token = (await api.want("POST", "/api/v1/accounts", token=app_token, form=sign_up))["access_token"]
    person = Person("", sign_up["username"], token)
    async with streams.socket(person, "user") as socket, streams.events(person, "user") as events:
        await api.want("POST", "/oauth/revoke", form={"token": token, **client})
        assert await socket.closed() == 1008
        await events.ended()


# What is no order


async def test_bad_frames_are_answered_and_do_no_harm(api: Api, streams: Streams, alice: Person) -> None:
    async with streams.socket(alice) as socket:
        for bad in ("", "{", "[]", "12", '{"type":"subscribe"}', '{"type":"shout","stream":"user"}', "[" * 5000):
            await socket.websocket.send_str(bad)
            assert (await socket.frame())["status"] == 400
        await socket.websocket.send_json({"type": "subscribe", "stream": "hashtag"})
        assert (await socket.frame())["status"] == 400
        await socket.order("subscribe", "user")
        await socket.order("unsubscribe", "user")
        await socket.order("unsubscribe", "user")
        await socket.order("subscribe", "user")
        await socket.order("subscribe", "user")
        post = await api.publish(alice, "once")
        assert (await socket.next())[2]["id"] == post["id"]
        await socket.settled()


async def test_too_many_streams_on_one_socket(streams: Streams, alice: Person) -> None:
    async with streams.socket(alice) as socket:
        for number in range(64):
            await socket.order("subscribe", "hashtag", tag=f"tag{number}")
        await socket.websocket.send_json({"type": "subscribe", "stream": "user"})
        assert (await socket.frame())["status"] == 429


@pytest.mark.parametrize(
    ("message", "code"), [(b"\x00", 1003), ("x" * 20_000, 1009)], ids=["binary", "longer than an order"]
)
async def test_what_is_no_text_or_too_long_closes(
    streams: Streams, alice: Person, message: bytes | str, code: int
) -> None:
    async with streams.socket(alice) as socket:
        if isinstance(message, bytes):
            await socket.websocket.send_bytes(message)
        else:
            await socket.websocket.send_str(message)
        assert await socket.closed() == code


async def test_requests_that_are_no_handshake(api: Api, streams: Streams, alice: Person) -> None:
    assert (await api.get("/api/v1/streaming", as_=alice)).status == 404
    assert (await api.get("/api/v1/streaming/nonsense", as_=alice)).status == 404
    assert (await api.get("/api/v1/streaming/hashtag", as_=alice)).status == 400
    answer = await api.get("/api/v1/streaming", as_=alice, headers={"upgrade": "websocket", "connection": "upgrade"})
    assert answer.status == 400
    assert await streams.refused(params={"access_token": alice.token, "stream": "nonsense"}) == 404
    health = await api.get("/api/v1/streaming/health")
    assert (health.status, health.body) == (200, b"OK")


async def test_the_instance_says_where_streams_are(api: Api, server: Server) -> None:
    base = server.url.replace("http", "ws", 1)
    assert (await api.want("GET", "/api/v1/instance"))["urls"]["streaming_api"] == base
    assert (await api.want("GET", "/api/v2/instance"))["configuration"]["urls"]["streaming"] == base
