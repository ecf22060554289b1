"""Every process is killed while a deleted account is being removed; what was not done by then is done afterwards."""

from __future__ import annotations

import asyncio

import aiohttp

from ripstop import boot
from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.leaving import delete_account
from ripstop.engines.base import Store, Table
from tests.api.client import Api, Person
from tests.server import PATIENCE, Server

POSTS = 60
KILLS = 2


async def delete(server: Server, person: Person) -> None:
    """While no process runs that could remove anything."""
    async with boot.opened_graph(server.configuration) as graph:
        await delete_account(graph, await access_account(graph, int(person.id)))


async def objects_by(store: Store, person: Person) -> int:
    """How many objects name somebody as their author or owner."""
    count, after = 0, None
    while True:
        page = await store.scan(Table.OBJECTS, shard=None, after=after, limit=1_000)
        count += sum(f'"author":{person.id}' in str(row[3]) for row in page.rows)
        after = page.after
        if after is None:
            return count


async def left_by(server: Server, person: Person) -> int:
    """The same, in a store that is sound."""
    async with boot.opened_store(server.configuration) as store:
        assert [fault async for fault in store.check()] == []
        return await objects_by(store, person)


async def has_begun(server: Server, person: Person, whole: int) -> None:
    """Return once something of so many objects was removed."""
    async with boot.opened_store(server.configuration) as store, asyncio.timeout(PATIENCE):
        while await objects_by(store, person) == whole:  # noqa: ASYNC110 - what is removed wakes nobody
            await asyncio.sleep(0.002)


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
        await asyncio.to_thread(own_server.stop)
        await delete(own_server, alice)
        whole = await left_by(own_server, alice)
        assert whole >= POSTS
        await asyncio.to_thread(own_server.start)
        await has_begun(own_server, alice, whole)
        for _ in range(KILLS):
            await asyncio.to_thread(own_server.kill_all)
            await left_by(own_server, alice)
            await asyncio.to_thread(own_server.start)
        assert (await api.get(f"/api/v1/accounts/{alice.id}", as_=bob)).status == 404
        await api.drained()
        shown = await api.want("GET", f"/api/v1/accounts/{bob.id}", as_=bob)
        assert (shown["followers_count"], shown["following_count"]) == (0, 0)
        assert await api.want("GET", "/api/v1/notifications", as_=bob) == []
        assert await api.want("GET", "/api/v1/favourites", as_=bob) == []
    assert await left_by(own_server, alice) == 0
