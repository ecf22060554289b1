"""Limited and disabled accounts."""

from __future__ import annotations

import pytest

from ripstop.boot import opened_graph
from ripstop.domain.accounts.access import access_account
from ripstop.domain.moderation import people
from ripstop.domain.moderation.authority import OPERATOR
from tests.api.client import PASSWORD, Api, Person
from tests.api.streams import Streams
from tests.server import Server, patiently
from tests.web.browser import browsing


async def do(server: Server, action: str, person: Person) -> None:
    """Do it in a process of its own, as the command line does."""

    async def act() -> None:
        async with opened_graph(server.configuration) as graph:
            await getattr(people, action)(graph, OPERATOR, await access_account(graph, int(person.id)))

    await patiently(act)


@pytest.fixture
async def scene(api: Api, alice: Person, bob: Person, carol: Person) -> dict[str, str]:
    """Alice, who is found by everybody, answers bob; carol follows her."""
    await api.follow(carol, alice)
    form = {"discoverable": "true", "indexable": "true"}
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=form)
    tag = alice.username.replace("_", "")
    hers = (await api.publish(alice, f"weaving #{tag}"))["id"]
    his = (await api.publish(bob, "hello"))["id"]
    answer = (await api.publish(alice, "an answer", in_reply_to_id=his))["id"]
    await api.drained()
    return {"hers": hers, "his": his, "answer": answer, "tag": tag}


def public_paths(alice: Person, scene: dict[str, str]) -> list[str]:
    return [
        "/api/v1/timelines/public?limit=40",
        f"/api/v1/timelines/tag/{scene['tag']}",
        f"/api/v1/statuses/{scene['his']}/context",
        f"/api/v1/accounts/search?q={alice.username[:-2]}",
        "/api/v1/directory?order=new&limit=80",
        f"/api/v2/search?type=statuses&q=weaving+from:{alice.username}",
    ]


async def shown(api: Api, viewer: Person, alice: Person, paths: list[str]) -> set[str]:
    """The paths that show anything by her, or herself."""
    found = set()
    for path in paths:
        answer = await api.get(path, as_=viewer)
        assert answer.status == 200
        if f'"acct":"{alice.username}","display' in answer.body.decode():
            found.add(path)
    return found


async def test_a_limited_account_is_met_by_its_followers_alone(
    server: Server, api: Api, alice: Person, bob: Person, carol: Person, scene: dict[str, str]
) -> None:
    paths = public_paths(alice, scene)
    assert await shown(api, bob, alice, paths) == set(paths)
    await do(server, "limit", alice)
    assert await shown(api, bob, alice, paths) == set()
    assert await shown(api, carol, alice, paths) == set(paths)
    assert await shown(api, alice, alice, paths) == set(paths)
    assert alice.username not in (await api.get("/api/v1/timelines/public?limit=40")).body.decode()
    await do(server, "unlimit", alice)
    assert await shown(api, bob, alice, paths) == set(paths)


async def test_who_asks_for_a_limited_account_is_shown_it(
    server: Server, api: Api, alice: Person, bob: Person, scene: dict[str, str]
) -> None:
    before = await api.want("GET", f"/api/v1/accounts/{alice.id}", as_=bob)
    assert "limited" not in before
    await do(server, "limit", alice)
    after = await api.want("GET", f"/api/v1/accounts/{alice.id}", as_=bob)
    assert after["limited"] is True
    asked = [
        f"/api/v1/accounts/{alice.id}/statuses",
        f"/api/v1/statuses/{scene['hers']}",
        f"/api/v1/accounts/search?q={alice.username}",
    ]
    assert await shown(api, bob, alice, asked) == set(asked)


async def test_followers_of_a_hashtag_do_not_meet_it_at_home(
    server: Server, api: Api, alice: Person, bob: Person, carol: Person, scene: dict[str, str]
) -> None:
    await api.want("POST", f"/api/v1/tags/{scene['tag']}/follow", as_=bob)
    home = ["/api/v1/timelines/home"]
    assert await shown(api, bob, alice, home) == set(home)
    await do(server, "limit", alice)
    assert await shown(api, bob, alice, home) == set()
    assert await shown(api, carol, alice, home) == set(home)


async def test_its_notifications_are_held_back(
    server: Server, api: Api, alice: Person, bob: Person, carol: Person, scene: dict[str, str]
) -> None:
    await api.follow(carol, alice)
    await do(server, "limit", alice)
    for name in (bob, carol):
        await api.publish(alice, f"@{name.username} hello")
    await api.drained()
    assert [one["type"] for one in await api.want("GET", "/api/v1/notifications?types[]=mention", as_=bob)] == []
    [request] = await api.want("GET", "/api/v1/notifications/requests", as_=bob)
    assert request["account"]["id"] == alice.id
    assert len(await api.want("GET", "/api/v1/notifications?types[]=mention", as_=carol)) == 1


async def test_a_limited_account_is_in_no_stream_for_everybody(
    server: Server, api: Api, streams: Streams, alice: Person, bob: Person
) -> None:
    await do(server, "limit", alice)
    async with streams.socket(bob, "public") as socket:
        await api.publish(alice, "nobody hears it")
        heard = await api.publish(bob, "this one")
        _, kind, said = await socket.next(alice, bob)
        assert (kind, said["id"]) == ("update", heard["id"])


async def test_who_is_disabled_is_shut_out_and_seen(
    server: Server, api: Api, streams: Streams, alice: Person, bob: Person
) -> None:
    post = await api.publish(alice, "hello")
    async with streams.socket(alice, "user") as socket, streams.events(alice, "user") as events:
        await do(server, "disable", alice)
        await socket.closed()
        await events.ended()
    assert (await api.get("/api/v1/preferences", as_=alice)).status == 401
    assert (await api.get(f"/api/v1/statuses/{post['id']}", as_=bob)).status == 200
    async with browsing(server) as browser:
        page = await browser.log_in(alice.username, PASSWORD)
        assert (page.status, "disabled" in page.text) == (422, True)
        await do(server, "enable", alice)
        assert (await browser.log_in(alice.username, PASSWORD)).path != "/auth/sign_in"


async def test_what_a_sensitized_account_posts_is_sensitive(server: Server, api: Api, alice: Person) -> None:
    assert (await api.publish(alice, "before"))["sensitive"] is False
    await do(server, "sensitize", alice)
    assert (await api.publish(alice, "after"))["sensitive"] is True
    await do(server, "unsensitize", alice)
    assert (await api.publish(alice, "later"))["sensitive"] is False
