"""Suspended accounts: nobody is shown anything of them, and their owners are shut out; lifted, all is as before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from ripstop.boot import opened_graph
from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.leaving import delete_account, suspend, unsuspend
from ripstop.machinery.graph import Entry, Graph
from tests.api.client import PASSWORD, Api, Person
from tests.api.streams import Streams
from tests.server import Server, patiently
from tests.web.browser import browsing

Act = Callable[[Graph, Entry], Awaitable[None]]  # type: ignore[type-arg]  # of accounts


async def do(server: Server, act: Act, person: Person) -> None:
    """Do it in a process of its own, as the command line does."""

    async def beside() -> None:
        async with opened_graph(server.configuration) as graph:
            await act(graph, await access_account(graph, int(person.id)))

    await patiently(beside)


@pytest.fixture
async def scene(api: Api, alice: Person, bob: Person) -> dict[str, str]:
    """Alice and bob follow each other, like and pass on what the other says; ids of posts, and paths that show her."""
    await api.follow(alice, bob)
    await api.follow(bob, alice)
    hers = (await api.publish(alice, f"hello @{bob.username} #suspension"))["id"]
    his = (await api.publish(bob, "hello"))["id"]
    answer = (await api.publish(alice, "an answer", in_reply_to_id=his))["id"]
    await api.publish(alice, f"@{bob.username} for you alone", visibility="direct")
    for who, post in ((alice, his), (bob, hers)):
        for verb in ("favourite", "reblog", "bookmark"):
            await api.want("POST", f"/api/v1/statuses/{post}/{verb}", as_=who)
    await api.drained()
    return {"hers": hers, "his": his, "answer": answer}


def paths(bob: Person, alice: Person, scene: dict[str, str]) -> list[str]:
    return [
        "/api/v1/timelines/home",
        "/api/v1/timelines/tag/suspension",
        "/api/v1/notifications",
        "/api/v2/notifications",
        "/api/v1/conversations",
        "/api/v1/bookmarks",
        "/api/v1/favourites",
        f"/api/v1/accounts/{bob.id}/followers",
        f"/api/v1/accounts/{bob.id}/following",
        f"/api/v1/accounts/{alice.id}/statuses",
        f"/api/v1/statuses/{scene['his']}/context",
        f"/api/v1/statuses/{scene['his']}/favourited_by",
        f"/api/v1/statuses/{scene['his']}/reblogged_by",
        f"/api/v1/accounts/search?q={alice.username}",
        f"/api/v2/search?q={alice.username}",
    ]


async def shown(api: Api, bob: Person, alice: Person, scene: dict[str, str]) -> set[str]:
    """The paths that show anything by her, or herself."""
    found = set()
    for path in paths(bob, alice, scene):
        answer = await api.get(path, as_=bob)
        assert answer.status == 200
        if f'"acct":"{alice.username}","display' in answer.body.decode():
            found.add(path)
    return found


async def test_nothing_of_a_suspended_account_is_shown_and_lifted_all_is_back(
    server: Server, api: Api, alice: Person, bob: Person, scene: dict[str, str]
) -> None:
    before = await shown(api, bob, alice, scene)
    assert before == set(paths(bob, alice, scene))
    await do(server, suspend, alice)
    assert await shown(api, bob, alice, scene) == set()
    bare = await api.want("GET", f"/api/v1/accounts/{alice.id}", as_=bob)
    assert (bare["suspended"], bare["acct"], bare["note"], bare["statuses_count"]) == (True, alice.username, "", 0)
    assert set(bare) == {*(await api.want("GET", f"/api/v1/accounts/{bob.id}")), "suspended"}
    for name in ("hers", "answer"):
        assert (await api.get(f"/api/v1/statuses/{scene[name]}", as_=bob)).status == 404
    assert (await api.get(f"/@{alice.username}")).status == 403
    assert (await api.get(f"/@{alice.username}/{scene['hers']}")).status == 403
    assert (await api.post(f"/api/v1/accounts/{alice.id}/follow", as_=bob)).status == 404
    await api.drained()
    await do(server, unsuspend, alice)
    assert await shown(api, bob, alice, scene) == before


async def test_a_mention_of_a_suspended_account_is_plain_text(
    server: Server, api: Api, alice: Person, bob: Person
) -> None:
    await do(server, suspend, alice)
    assert (await api.publish(bob, f"hello @{alice.username}"))["mentions"] == []


@pytest.mark.parametrize("act", [suspend, delete_account])
async def test_tokens_sessions_and_streams_end(
    server: Server, api: Api, streams: Streams, alice: Person, act: Act
) -> None:
    async with browsing(server) as browser, streams.socket(alice, "user") as socket:
        assert (await browser.log_in(alice.username, PASSWORD)).path == "/auth/edit"
        async with streams.events(alice, "user") as events:
            await do(server, act, alice)
            assert (await api.get("/api/v1/preferences", as_=alice)).status == 401
            assert (await browser.open("/auth/edit")).path == "/auth/sign_in"
            await socket.closed()
            await events.ended()
        page = await browser.log_in(alice.username, PASSWORD)
        assert page.status == 422
        assert ("suspended" in page.text) is (act is suspend)
    assert (await api.get(f"/@{alice.username}")).status == (403 if act is suspend else 410)


async def test_a_code_is_worth_nothing_once_its_owner_is_suspended(server: Server, api: Api, alice: Person) -> None:
    app = await api.app("read")
    asked = (
        f"/oauth/authorize?response_type=code&client_id={app['client_id']}"
        "&redirect_uri=urn:ietf:wg:oauth:2.0:oob&scope=read"
    )
    async with browsing(server) as browser:
        await browser.log_in(alice.username, PASSWORD)
        page = await browser.open(asked)
        code = (await browser.submit(page, "/oauth/authorize", {}, press="allow")).url.partition("code=")[2]
    assert code
    form = {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
        "code": code,
    }
    await do(server, suspend, alice)
    assert (await api.post("/oauth/token", form=form)).status == 400
    await do(server, unsuspend, alice)
    assert (await api.post("/oauth/token", form=form)).status == 200
