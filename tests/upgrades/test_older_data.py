"""What an older version wrote is opened, migrated, found sound, read and written by today's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ripstop import boot
from ripstop.kernel.configuration import Configuration
from tests.api.client import Api, Person
from tests.server import Server
from tests.upgrades.kept import asking, older_installation, unpacked
from tests.upgrades.town import NAMES, PASSWORD, Told
from tests.web.browser import browsing


def people(told: Told) -> dict[str, Person]:
    return {name: Person(told.ids[name], name, told.tokens[name]) for name in NAMES}


async def is_sound(server: Server) -> None:
    configuration = Configuration(data=str(server.folder), database=server.database)
    async with boot.opened_store(configuration) as store:
        assert [fault async for fault in store.check()] == []


async def is_as_told(api: Api, told: Told) -> None:
    """Everything that the older version acknowledged is there."""
    cast = people(told)
    for name, counts in told.counts.items():
        own = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=cast[name])
        assert (own["followers_count"], own["following_count"], own["statuses_count"]) == counts, name
    post = told.posts
    root = await api.want("GET", f"/api/v1/statuses/{post['root']}", as_=cast["bob"])
    assert (root["favourites_count"], root["reblogs_count"], root["replies_count"]) == (2, 1, 1)
    assert "said better" in root["content"]
    assert (root["favourited"], root["account"]["display_name"]) == (True, "Alice A.")
    history = await api.want("GET", f"/api/v1/statuses/{post['root']}/history", as_=cast["bob"])
    assert len(history) == 2
    thread = await api.want("GET", f"/api/v1/statuses/{post['root']}/context", as_=cast["bob"])
    assert [one["id"] for one in thread["descendants"]] == [post["answer"], post["third"]]
    for key, who, status in (
        ("followers", "bob", 200), ("followers", "dora", 404), ("direct", "alice", 200), ("direct", "carol", 404),
        ("gone", "bob", 404), ("hidden", "bob", 200),
    ):  # fmt: skip
        assert (await api.get(f"/api/v1/statuses/{post[key]}", as_=cast[who])).status == status, (key, who)
    assert (await api.get("/api/v1/bookmarks", as_=cast["bob"])).ids == [post["third"]]
    assert (await api.get("/api/v1/blocks", as_=cast["carol"])).ids == [told.ids["dora"]]
    assert (await api.get("/api/v1/mutes", as_=cast["alice"])).ids == [told.ids["dora"]]
    assert (await api.get("/api/v1/follow_requests", as_=cast["dora"])).ids == [told.ids["bob"]]
    assert post["answer"] in (await api.get(f"/api/v1/timelines/list/{told.list}", as_=cast["alice"])).ids
    assert post["root"] in (await api.get("/api/v1/timelines/tag/lighthouses", as_=cast["bob"])).ids
    found = await api.want("GET", "/api/v2/search?q=better&type=statuses", as_=cast["bob"])
    assert [one["id"] for one in found["statuses"]] == [post["root"]]


async def is_finished(server: Server, api: Api, told: Told) -> None:
    """What the older version left undone has been done."""
    cast = people(told)
    assert told.posts["late"] in (await api.get("/api/v1/timelines/home", as_=cast["carol"])).ids
    for who, type_ in (("bob", "mention"), ("alice", "favourite"), ("alice", "follow")):
        notifications = await api.want("GET", f"/api/v1/notifications?types[]={type_}", as_=cast[who])
        assert notifications, (who, type_)
    await api.hashed()
    async with browsing(server) as browser:
        page = await browser.log_in("emil@example.org", PASSWORD)
        assert (page.status, page.path) == (200, "/auth/edit"), "the password that was not hashed yet"


async def can_be_written_to(api: Api, told: Told) -> None:
    """People go on where they were."""
    cast = people(told)
    post = told.posts["root"]
    answer = await api.publish(cast["carol"], "after all", in_reply_to_id=post)
    await api.want("POST", f"/api/v1/statuses/{post}/unfavourite", as_=cast["bob"])
    await api.want("POST", f"/api/v1/accounts/{told.ids['bob']}/unfollow", as_=cast["carol"])
    await api.want("POST", f"/api/v1/follow_requests/{told.ids['bob']}/authorize", as_=cast["dora"])
    await api.want("DELETE", f"/api/v1/statuses/{told.posts['hidden']}", as_=cast["carol"])
    await api.edit(cast["alice"], post, "And the last word about #lighthouses.")
    await api.drained()
    root = await api.want("GET", f"/api/v1/statuses/{post}", as_=cast["alice"])
    assert (root["favourites_count"], root["replies_count"]) == (1, 2)
    home = (await api.get("/api/v1/timelines/home", as_=cast["alice"])).ids
    assert answer["id"] not in home  # she does not follow carol
    carol = await api.want("GET", f"/api/v1/accounts/{told.ids['carol']}", as_=cast["bob"])
    _, following, posts = told.counts["carol"]
    assert (carol["following_count"], carol["statuses_count"]) == (following - 1, posts)


@pytest.fixture
def older(engine: str, request: pytest.FixtureRequest) -> Iterator[tuple[Server, Told]]:
    with older_installation(engine, request) as found:
        yield found


async def test_todays_code_goes_on_with_what_an_older_one_left(older: tuple[Server, Told]) -> None:
    server, told = older
    checked = await asyncio.to_thread(server.run, "check")  # it is the first to open the store, and migrates it
    assert checked.returncode == 0, checked.stdout + checked.stderr
    server.start()
    async with asking() as http:
        api = Api(http, server)
        await api.drained()
        await is_as_told(api, told)
        await is_finished(server, api, told)
        await can_be_written_to(api, told)
    server.stop()
    await is_sound(server)


async def test_a_copy_from_before_a_migration_is_restored_and_migrated(postgres_dsn: str) -> None:
    with unpacked("postgres") as (folder, told):
        server = Server(folder / "data", postgres_dsn)
        store = boot.make_store(Configuration(data=str(folder / "data"), database=postgres_dsn))
        await store.restore(folder / "backup")
        server.start()
        try:
            async with asking() as http:
                api = Api(http, server)
                await api.drained()
                await is_as_told(api, told)
        finally:
            server.stop()
        await is_sound(server)


def test_a_copy_without_pictures_is_refused_with_a_sentence(postgres_dsn: str, tmp_path: Path) -> None:
    with unpacked("postgres") as (folder, _):
        refused = Server(tmp_path / "data", postgres_dsn).run("restore", str(folder / "backup"))
    assert refused.returncode == 1
    assert "restore it with that one" in refused.stderr
