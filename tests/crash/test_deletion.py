"""Every process is killed while a deleted account is being removed; what was not done by then is done afterwards."""

from __future__ import annotations

import asyncio

import aiohttp

from ripstop import boot
from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.leaving import delete_account
from ripstop.engines.base import Table
from ripstop.kernel.configuration import Configuration
from tests.api.client import Api, Person
from tests.server import Server

POSTS = 60
KILLS = 2


async def delete_and_kill(server: Server, person: Person) -> None:
    """All at once, as the batch that deletes the account is durable."""
    configuration = Configuration(data=str(server.folder), database=server.database)
    async with boot.opened_graph(configuration) as graph:
        await delete_account(graph, await access_account(graph, int(person.id)))
        await asyncio.to_thread(server.kill_all)


async def objects_by(server: Server, person: Person) -> int:
    """How many objects name somebody as their author or owner."""
    configuration = Configuration(data=str(server.folder), database=server.database)
    count, after = 0, None
    async with boot.opened_store(configuration) as store:
        while True:
            page = await store.scan(Table.OBJECTS, shard=None, after=after, limit=1_000)
            count += sum(f'"author":{person.id}' in str(row[3]) for row in page.rows)
            after = page.after
            if after is None:
                assert [fault async for fault in store.check()] == []
                return count


async def test_an_erasure_outlives_every_process(own_server: Server) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        api = Api(session, own_server)
        alice, bob = await api.person("alice"), await api.person("bob")
        await api.follow(bob, alice)
        await api.follow(alice, bob)
        for number in range(POSTS):
            post = await api.publish(alice, f"@{bob.username} post {number} #many")
            if number % 6 == 0:
                await api.want("POST", f"/api/v1/statuses/{post['id']}/favourite", as_=bob)
        await api.drained()
        await delete_and_kill(own_server, alice)
        left = [await objects_by(own_server, alice)]
        for _ in range(KILLS - 1):
            await asyncio.to_thread(own_server.start)
            await asyncio.to_thread(own_server.kill_all)
            left.append(await objects_by(own_server, alice))
        assert left[0] > 0, "it was interrupted"
        await asyncio.to_thread(own_server.start)
        assert (await api.get(f"/api/v1/accounts/{alice.id}", as_=bob)).status == 404
        await api.drained()
        shown = await api.want("GET", f"/api/v1/accounts/{bob.id}", as_=bob)
        assert (shown["followers_count"], shown["following_count"]) == (0, 0)
        assert await api.want("GET", "/api/v1/notifications", as_=bob) == []
        assert await api.want("GET", "/api/v1/favourites", as_=bob) == []
    assert await objects_by(own_server, alice) == 0
