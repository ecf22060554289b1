"""Processes of an older version and of today's on the same store, with people on both: all adds up afterwards.

On PostgreSQL two whole servers. On SQLite, where a folder has one server, today's commands beside an older server,
which goes on after they have migrated its store, until today's server takes its place.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ripstop import boot
from ripstop.kernel.configuration import Configuration
from tests.api.client import Api, Person
from tests.server import Server, database_for
from tests.stores import temporary_folder
from tests.upgrades.kept import asking
from tests.upgrades.older import BESIDE, OlderServer, unpack_older
from tests.upgrades.town import Town

PEOPLE = [f"person{number}" for number in range(8)]
POSTS = 5
GIVEN_UP = re.compile(r"Call \d+ (dies: No function \S+ is declared here|of \S+ is dead)|was interrupted\.$")
"""What an older worker logs of a call that only the newer version knows, and of a read that took more than half a
second, which is a fixed bound there: a machine that stands still passes it."""


@pytest.fixture(scope="module")
def older_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = unpack_older(BESIDE, tmp_path_factory.mktemp("older"))
    if source is None:
        pytest.skip(f"the history of this checkout does not reach back to the older version, {BESIDE[:12]}")
    return source


@pytest.fixture
def servers(engine: str, request: pytest.FixtureRequest, older_source: Path) -> Iterator[tuple[OlderServer, Server]]:
    """An older server that runs, and today's on the same store, not started."""
    with database_for(engine, request) as database, temporary_folder() as folder:
        older = OlderServer(older_source, folder / "older", database)
        newer = Server(folder / "newer" if database else older.folder, database)
        older.start()
        if database:  # as on another machine, with the same secret
            newer.folder.mkdir(mode=0o700)
            shutil.copy(older.folder / "secret", newer.folder / "secret")
        try:
            yield older, newer
        finally:
            older.stop()
            newer.stop()
            logged = (older.log() + newer.log()).splitlines()
            assert [line for line in logged if " error " in line and not GIVEN_UP.search(line)] == []


def settle(town: Town) -> str:
    """Everybody signs up and reads home; the first one's post is what all speak of."""
    app_token = town.app_token()
    for name in PEOPLE:
        town.sign_up(name, app_token)
        town.ask(name, "GET", "/api/v1/timelines/home")
    return town.publish(PEOPLE[0], "root", "What do you think of #lighthouses?")


def speak(town: Town, who: str) -> None:
    """One's part: follow everybody, like and answer the root, post, take some of it back."""
    others = [name for name in PEOPLE if name != who]
    for name in others:
        town.follow(who, name)
    for number in range(POSTS):
        town.publish(who, f"{who} {number}", f"number {number} by {who}, @{others[number]}")
        town.ask(who, "GET", "/api/v1/timelines/home")
    town.act(who, "root", "favourite")
    town.publish(who, f"{who} answer", "Much", in_reply_to_id=town.posts["root"])
    town.act(who, f"{who} 1", "favourite")
    town.act(who, f"{who} 1", "unfavourite")
    town.ask(who, "DELETE", f"/api/v1/statuses/{town.posts[f'{who} 0']}")
    town.ask(who, "GET", "/api/v1/notifications")


def speak_all(towns: Sequence[Town]) -> None:
    """Everybody at once, in turn on one of the servers."""
    with ThreadPoolExecutor(len(PEOPLE)) as threads:
        list(threads.map(speak, (towns[n % len(towns)] for n in range(len(PEOPLE))), PEOPLE))


async def adds_up(town: Town, newer: Server) -> None:
    """All that was acknowledged, by whichever version, is there once."""
    async with asking() as http:
        api = Api(http, newer)
        await api.drained()
        cast = [Person(town.ids[name], name, town.tokens[name]) for name in PEOPLE]
        root = await api.want("GET", f"/api/v1/statuses/{town.posts['root']}")
        assert (root["favourites_count"], root["replies_count"]) == (len(PEOPLE), len(PEOPLE))
        thread = await api.want("GET", f"/api/v1/statuses/{town.posts['root']}/context")
        assert {one["id"] for one in thread["descendants"]} == {town.posts[f"{name} answer"] for name in PEOPLE}
        kept = {town.posts[f"{name} {number}"] for name in PEOPLE for number in range(1, POSTS)}
        for person in cast:
            own = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=person)
            everybody_else = len(PEOPLE) - 1
            assert (own["followers_count"], own["following_count"]) == (everybody_else, everybody_else)
            assert own["statuses_count"] == POSTS + (person.username == PEOPLE[0])
            home = (await api.get("/api/v1/timelines/home?limit=40", as_=person)).ids
            assert len(home) == len(set(home)) == 40
            home += (await api.get(f"/api/v1/timelines/home?limit=40&max_id={home[-1]}", as_=person)).ids
            assert kept - set(home) == set(), person.username
            follows = await api.want("GET", "/api/v1/notifications?types[]=follow&limit=40", as_=person)
            assert {one["account"]["id"] for one in follows} == {town.ids[name] for name in PEOPLE} - {person.id}
    async with boot.opened_store(Configuration(data=str(newer.folder), database=newer.database)) as store:
        assert [fault async for fault in store.check()] == []
        assert {name: backlog.dead for name, backlog in (await store.call_stats()).items() if backlog.dead} == {}


async def test_people_on_an_older_and_a_newer_server_meet(servers: tuple[OlderServer, Server]) -> None:
    older, newer = servers
    with closing(Town(older.url)) as town:
        settle(town)
        if older.database:
            newer.start()
            with closing(town.on(newer.url)) as there:
                await asyncio.to_thread(speak_all, [town, there])
                quoting = there.publish(PEOPLE[1], "quote", "Look at this", quoted_status_id=town.posts["root"])
                assert town.ask(PEOPLE[0], "GET", f"/api/v1/statuses/{quoting}")["id"] == quoting
                there.ask(PEOPLE[1], "DELETE", f"/api/v1/statuses/{quoting}")
            older.stop()
            # What an older worker met and did not know, it gave up for good: docs/operate/operating.md, "Upgrading".
            retried = await asyncio.to_thread(newer.run, "functions", "retry", "--all", "--error", "declared here")
            assert retried.returncode == 0, retried.stderr
        else:
            speaking = asyncio.create_task(asyncio.to_thread(speak_all, [town]))
            for command in ("stats", "--json"), ("accounts", "show", PEOPLE[0]):  # the first migrates the store
                ran = await asyncio.to_thread(newer.run, *command)
                assert ran.returncode == 0, ran.stderr
            await speaking
            older.stop()
            newer.start()
    await adds_up(town, newer)
