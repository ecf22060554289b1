"""`ripstop move`: SQLite to PostgreSQL, while people write, cut off and begun again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ripstop import boot
from ripstop.domain.follows.model import FOLLOWS
from ripstop.engines.base import Store, Table
from ripstop.engines.moving import Destination, Move, Noted
from ripstop.kernel.configuration import Configuration
from ripstop.kernel.errors import RipstopError
from tests.api.client import Api, Person
from tests.postgres import PostgresServer
from tests.server import PATIENCE, Server, installed
from tests.stores import session


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running server on SQLite."""
    with installed("sqlite", request) as server:
        server.start()
        yield server


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as http:
        yield Api(http, server)


def configuration(server: Server, database: str = "") -> Configuration:
    return Server(server.folder, database).configuration


async def rows(store: Store, table: Table) -> set[tuple[object, ...]]:
    """All rows of a table."""
    found: set[tuple[object, ...]] = set()
    after: tuple[object, ...] | None = None
    while True:
        page = await store.scan(table, shard=None, after=after, limit=1_000)
        found |= set(page.rows)
        after = page.after
        if after is None:
            return found


async def a_small_town(api: Api) -> tuple[Person, Person]:
    """Two who follow each other, and have posted, liked and taken back."""
    alice, bob = await api.person("alice"), await api.person("bob")
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form={"indexable": "true"})
    await api.follow(alice, bob)
    await api.follow(bob, alice)
    first = await api.publish(alice, "the first #word")
    await api.want("POST", f"/api/v1/statuses/{first['id']}/favourite", as_=bob)
    gone = await api.publish(bob, "gone")
    await api.want("DELETE", f"/api/v1/statuses/{gone['id']}", as_=bob)
    return alice, bob


class Writers:
    """People who post, follow and like until writes are stopped; what was acknowledged."""

    def __init__(self, api: Api, people: list[Person]) -> None:
        self.posted: list[str] = []
        self._tasks = [asyncio.create_task(self._write(api, who, people)) for who in people]

    async def _write(self, api: Api, who: Person, people: list[Person]) -> None:
        while True:
            for other in people:
                if other is not who:
                    await api.want("POST", f"/api/v1/accounts/{other.id}/unfollow", as_=who)
                    await api.follow(who, other)
            self.posted.append((await api.publish(who, f"number {len(self.posted)}"))["id"])

    async def stop(self) -> list[str]:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.posted


async def moved(server: Server, to: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(server.run, "move", "--to", to)


async def test_a_server_moves_while_it_is_written_to(server: Server, api: Api, postgres_dsn: str) -> None:
    alice, bob = await a_small_town(api)
    writers = Writers(api, [alice, bob, await api.person("carol")])
    async with asyncio.timeout(PATIENCE):
        while len(writers.posted) < 10:  # noqa: ASYNC110 - it is the server's answers that are waited for
            await asyncio.sleep(0.01)
    move = await moved(server, postgres_dsn)
    assert move.returncode == 0, move.stdout + move.stderr
    assert "The check of the copy found nothing wrong." in move.stdout
    posted = await writers.stop()
    assert len(posted) > 10

    read = await api.get(f"/api/v1/statuses/{posted[0]}")
    assert read.status == 200, "what is there can be read until the switch"
    server.stop()
    refused = await asyncio.to_thread(server.run, "check")
    assert refused.returncode == 1
    assert "has moved to PostgreSQL" in refused.stderr

    there = Server(server.folder, postgres_dsn)
    there.start()
    try:
        async with aiohttp.ClientSession() as http:
            on_there = Api(http, there)
            for post in posted:
                assert (await on_there.get(f"/api/v1/statuses/{post}")).status == 200, "it was acknowledged"
            await on_there.follow(bob, alice)  # he may have been stopped between taking that back and doing it again
            await on_there.publish(alice, "here we are")
            await on_there.drained()
            home = await on_there.want("GET", "/api/v1/timelines/home", as_=bob)
            assert home[0]["content"] == "<p>here we are</p>"
            found = await on_there.want("GET", "/api/v2/search?q=first&type=statuses", as_=alice)
            assert [one["content"] for one in found["statuses"]]
            check = await asyncio.to_thread(there.run, "check")
            assert check.returncode == 0, check.stdout
    finally:
        there.stop()


async def test_every_row_is_what_it_was(server: Server, api: Api, postgres_dsn: str) -> None:
    await a_small_town(api)
    server.stop()
    async with boot.opened_store(configuration(server)) as store:
        before = {table: await rows(store, table) for table in Table}
    move = await moved(server, postgres_dsn)
    assert move.returncode == 0, move.stderr
    async with boot.opened_store(configuration(server, postgres_dsn)) as store:
        for table in Table:
            left = before[table] - await rows(store, table)
            assert not left, table
            more = await rows(store, table) - before[table]
            if table is Table.NAMES:
                assert all(str(row[0]).startswith("slot") for row in more)
            elif table is Table.CALLS:
                assert [row[3] for row in more] == ["search.index_everyone"]
            else:
                assert not more, table


def test_where_there_is_no_store_none_is_moved(tmp_path: Path, postgres_dsn: str) -> None:
    for arguments in (["--to", postgres_dsn], ["--give-up"]):
        refused = Server(tmp_path / "data").run("move", *arguments)
        assert (refused.returncode, refused.stderr[:35]) == (1, "ripstop: There is no store in " + str(tmp_path)[:5])
        assert not (tmp_path / "data" / "main.db").exists()


class CutOff(Exception):
    """What a move meets that is cut off."""


class Failing:
    """A destination that is lost after so many steps."""

    def __init__(self, inner: Destination, steps: int) -> None:
        self._inner = inner
        self._left = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in {"fill", "follow", "settle", "add_names", "finish"}:
            return found

        async def step(*arguments: Any, **options: Any) -> Any:
            if self._left == 0:
                raise CutOff
            self._left -= 1
            return await found(*arguments, **options)

        return step


async def step(server: Server, to: str, wrap: Callable[[Destination], Any] = lambda inner: inner) -> None:
    """A move in this process."""
    origin = boot.move_origin(configuration(server))
    async with boot.move_destination(to) as destination:
        await Move(origin, wrap(destination), say=lambda _: None).run()


async def test_a_move_that_is_cut_off_anywhere_goes_on(server: Server, api: Api, postgres_dsn: str) -> None:
    alice, _ = await a_small_town(api)
    steps = 0
    done = False
    while not done:
        if steps < 4:
            await api.publish(alice, f"between {steps}")
        try:
            await step(server, postgres_dsn, partial(Failing, steps=steps))
        except CutOff:
            with pytest.raises(RipstopError, match="is not finished"):
                async with boot.opened_store(configuration(server, postgres_dsn)):
                    pass
            steps += 1
        else:
            done = True
    assert steps >= 4
    async with boot.opened_store(configuration(server, postgres_dsn)) as store:
        assert [fault async for fault in store.check()] == []
        texts = [str(row[3]) for row in await rows(store, Table.OBJECTS)]
        assert sum("between" in text for text in texts) == 4


async def test_a_store_that_has_moved_moves_nowhere_else(
    server: Server, api: Api, postgres_dsn: str, postgres_server: PostgresServer
) -> None:
    await a_small_town(api)
    await step(server, postgres_dsn)
    async with postgres_server.fresh_database() as other:
        refused = await moved(server, other)
        assert (refused.returncode, "has moved already, to PostgreSQL" in refused.stderr) == (1, True)
        async with session(other) as connection:
            assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await step(server, postgres_dsn)


async def test_a_killed_move_goes_on_and_the_server_does_not_mind(server: Server, api: Api, postgres_dsn: str) -> None:
    alice, _ = await a_small_town(api)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ripstop", "move", "--to", postgres_dsn, env=server.environment, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    await api.publish(alice, "still here")
    move = await moved(server, postgres_dsn)
    assert move.returncode == 0, move.stderr
    again = await moved(server, postgres_dsn)
    assert again.returncode == 0, again.stderr


class Forgetful:
    """A destination that loses a row of what it is told to follow."""

    def __init__(self, inner: Destination) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def follow(self, noted: dict[Table, Noted], until: int) -> None:
        less = {table: Noted(keys, rows[1:]) for table, (keys, rows) in noted.items()}
        await self._inner.follow(less, until)


async def damage_objects(destination: Destination, dsn: str) -> None:
    async with session(dsn) as connection:
        await connection.execute("UPDATE objects SET data = '{}' WHERE id = (SELECT max(id) FROM objects)")


class Damaged(Forgetful):
    """A destination in which something happens to a row before it is compared."""

    def __init__(self, inner: Destination, dsn: str) -> None:
        super().__init__(inner)
        self._dsn = dsn

    async def follow(self, noted: dict[Table, Noted], until: int) -> None:
        await self._inner.follow(noted, until)

    async def settle(self) -> None:
        await damage_objects(self._inner, self._dsn)
        await self._inner.settle()


@pytest.mark.parametrize("harm", ["forgets", "changes"])
async def test_a_copy_that_is_not_exact_is_noticed_and_the_server_goes_on(
    server: Server, api: Api, postgres_dsn: str, harm: str
) -> None:
    alice, _ = await a_small_town(api)
    with pytest.raises(CutOff):
        await step(server, postgres_dsn, partial(Failing, steps=5))
    await api.publish(alice, "to be followed")
    with pytest.raises(RipstopError, match="is not what it should be"):
        await step(
            server,
            postgres_dsn,
            lambda inner: Forgetful(inner) if harm == "forgets" else Damaged(inner, postgres_dsn),
        )
    await api.publish(alice, "still here")
    assert (await asyncio.to_thread(server.run, "move", "--give-up")).returncode == 0
    await api.publish(alice, "still here")
    assert (await asyncio.to_thread(server.run, "check")).returncode == 0


NOTHING = Noted([], [])


async def test_an_association_may_take_another_order_between_any_two_steps(postgres_dsn: str) -> None:
    source, first, second, target, type_ = 1 << 22, 5, 9, 2 << 22, FOLLOWS.number
    kept = dict.fromkeys(Table, NOTHING)
    rows = {order: (source, type_, order, target, 0, None) for order in (first, second, 11)}
    async with boot.move_destination(postgres_dsn) as destination:
        await destination.begin("token")
        for order in (first, second):  # one page is read before it, the next one after
            await destination.fill(Table.ASSOCIATIONS, [rows[order]], last=order == second)
        assert [page async for page in destination.all(Table.ASSOCIATIONS)] == [[rows[second]]]
        # The new place is noted in one part of the notes, that the old one is gone in the next.
        await destination.follow({**kept, Table.ASSOCIATIONS: Noted([rows[11][:4]], [rows[11]])}, 20)
        await destination.follow({**kept, Table.ASSOCIATIONS: Noted([rows[second][:4]], [])}, 40)
        assert [page async for page in destination.all(Table.ASSOCIATIONS)] == [[rows[11]]]


async def test_a_database_that_holds_something_is_left_alone(
    server: Server, api: Api, postgres_dsn: str, tmp_path: Path
) -> None:
    async with boot.opened_graph(Server(tmp_path, postgres_dsn).configuration):
        pass
    refused = await moved(server, postgres_dsn)
    assert refused.returncode == 1
    assert "holds a store already" in refused.stderr
    assert (await moved(server, "")).returncode == 1
    await a_small_town(api)
