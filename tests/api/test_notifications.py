"""What people are told, and what is taken back."""

from __future__ import annotations

from tests.api.client import Api, Person

NOTIFICATION_KEYS = {"id", "type", "created_at", "group_key", "account", "status"}


async def told(api: Api, who: Person, **query: str) -> list[tuple[str, str]]:
    """Type and actor of all notifications."""
    await api.drained()
    found = await api.want("GET", "/api/v1/notifications", as_=who, query=query)
    assert all(set(one) == NOTIFICATION_KEYS for one in found)
    return [(one["type"], one["account"]["username"].partition("_")[0]) for one in found]


async def test_people_are_told_of_each_thing_once(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "hello")
    path = f"/api/v1/statuses/{post['id']}"
    for _ in range(2):
        await api.follow(bob, alice)
        await api.want("POST", f"{path}/favourite", as_=bob)
        await api.want("POST", f"{path}/reblog", as_=carol)
    reply = await api.publish(carol, f"@{alice.username} @{bob.username} hi", in_reply_to_id=post["id"])
    assert await told(api, alice) == [
        ("mention", "carol"),
        ("reblog", "carol"),
        ("favourite", "bob"),
        ("follow", "bob"),
    ]
    assert await told(api, bob) == [("mention", "carol")]
    assert await told(api, carol) == []
    [mention, _, favourite, follow] = await api.want("GET", "/api/v1/notifications", as_=alice)
    assert mention["status"]["id"] == reply["id"]
    assert favourite["status"]["id"] == post["id"]
    assert favourite["status"]["favourites_count"] == 1
    assert follow["status"] is None
    assert await api.want("GET", f"/api/v1/notifications/{favourite['id']}", as_=alice) == favourite
    assert (await api.get(f"/api/v1/notifications/{favourite['id']}", as_=bob)).status == 404


async def test_nobody_is_told_of_themselves(api: Api, alice: Person) -> None:
    post = await api.publish(alice, f"@{alice.username} me")
    for verb in ("favourite", "reblog"):
        await api.want("POST", f"/api/v1/statuses/{post['id']}/{verb}", as_=alice)
    assert await told(api, alice) == []


async def test_what_is_undone_is_not_told_whenever_it_is_worked_off(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "hello")
    path = f"/api/v1/statuses/{post['id']}"
    undone = [
        (f"/api/v1/accounts/{alice.id}/follow", f"/api/v1/accounts/{alice.id}/unfollow"),
        (f"{path}/favourite", f"{path}/unfavourite"),
        (f"{path}/reblog", f"{path}/unreblog"),
    ]
    for _ in range(5):
        for do, undo in undone:
            await api.want("POST", do, as_=bob)
            await api.want("POST", undo, as_=bob)
    assert await told(api, alice) == []
    for do, undo in undone:
        await api.want("POST", do, as_=bob)
        assert len(await told(api, alice)) == 1
        await api.want("POST", undo, as_=bob)
        assert await told(api, alice) == []
    mention = await api.publish(bob, f"@{alice.username}")
    assert len(await told(api, alice)) == 1
    await api.want("DELETE", f"/api/v1/statuses/{mention['id']}", as_=bob)
    assert await told(api, alice) == []


async def test_types_and_pages(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    for who in (bob, carol):
        await api.follow(who, alice)
    posts = [await api.publish(bob, f"@{alice.username} {i}") for i in range(3)]
    everything = [("mention", "bob")] * 3 + [("follow", "carol"), ("follow", "bob")]
    assert await told(api, alice) == everything
    path = "/api/v1/notifications"

    async def types(*pairs: tuple[str, str]) -> list[str]:
        return [one["type"] for one in await api.want("GET", path, as_=alice, query=list(pairs))]

    assert await types(("types[]", "follow")) == ["follow"] * 2
    assert await types(("exclude_types[]", "follow")) == ["mention"] * 3
    assert await types(("types[]", "follow"), ("types[]", "mention")) == ["mention"] * 3 + ["follow"] * 2
    assert await types(("types[]", "poll")) == []
    assert await types(("types[]", "follow"), ("exclude_types[]", "follow")) == []

    first = await api.get(path, as_=alice, query={"limit": "2"})
    assert [one["status"]["id"] for one in first.json()] == [posts[2]["id"], posts[1]["id"]]
    older = first.link("next")
    assert older is not None
    second = await api.get(path, as_=alice, query=older)
    assert [one["type"] for one in second.json()] == ["mention", "follow"]
    newer = second.link("prev")
    assert newer is not None
    assert (await api.get(path, as_=alice, query=newer)).ids == first.ids
    since = {"since_id": second.ids[0]}
    assert (await api.get(path, as_=alice, query=since)).ids == first.ids


async def test_putting_away(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    for who in (bob, carol):
        await api.follow(who, alice)
    await api.drained()
    [newest, oldest] = (await api.get("/api/v1/notifications", as_=alice)).ids
    assert (await api.post(f"/api/v1/notifications/{newest}/dismiss", as_=bob)).json() == {}
    assert (await api.post(f"/api/v1/notifications/{newest}/dismiss", as_=alice)).json() == {}
    assert (await api.get("/api/v1/notifications", as_=alice)).ids == [oldest]
    assert (await api.post("/api/v1/notifications/clear", as_=alice)).json() == {}
    assert (await api.get("/api/v1/notifications", as_=alice)).ids == []


async def test_unread_are_those_above_the_marker(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    path = "/api/v1/notifications/unread_count"
    for who in (bob, carol):
        await api.follow(who, alice)
    await api.drained()
    newest, oldest = (await api.get("/api/v1/notifications", as_=alice)).ids
    for marker, unread in ((None, 2), (oldest, 1), (newest, 0)):
        if marker is not None:
            form = {"notifications[last_read_id]": marker}
            await api.want("POST", "/api/v1/markers", as_=alice, form=form)
        assert await api.want("GET", path, as_=alice) == {"count": unread}
    assert await api.want("GET", path, as_=bob) == {"count": 0}


async def test_blocks_and_mutes_keep_quiet(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(alice, "hello")
    await api.want("POST", f"/api/v1/accounts/{carol.id}/mute", as_=alice)
    for who in (bob, carol):
        await api.want("POST", f"/api/v1/statuses/{post['id']}/favourite", as_=who)
        await api.follow(who, alice)
    assert await told(api, alice) == [("follow", "bob"), ("favourite", "bob")]
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
    assert await told(api, alice) == []


async def test_notifications_of_a_deleted_post_are_gone(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "hello")
    await api.want("POST", f"/api/v1/statuses/{post['id']}/favourite", as_=bob)
    assert len(await told(api, alice)) == 1
    await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=alice)
    assert await told(api, alice) == []


async def test_markers_keep_the_place(api: Api, alice: Person) -> None:
    path = "/api/v1/markers"
    both = [("timeline[]", "home"), ("timeline[]", "notifications")]
    assert await api.want("GET", path, as_=alice, query=both) == {}
    said = await api.want("POST", path, as_=alice, form={"home[last_read_id]": "17"})
    assert (said["home"]["last_read_id"], said["home"]["version"]) == ("17", 1)
    said = await api.want("POST", path, as_=alice, json={"home": {"last_read_id": "19"}})
    assert (said["home"]["last_read_id"], said["home"]["version"]) == ("19", 2)
    assert await api.want("GET", path, as_=alice, query=both) == said
    assert await api.want("GET", path, as_=alice, query={"timeline[]": "other"}) == {}
    assert await api.want("POST", path, as_=alice) == {}
