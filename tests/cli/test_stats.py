"""`ripstop stats`: the figures are those of what is there."""

from __future__ import annotations

import asyncio
import json

import aiohttp

from tests.api.client import Api
from tests.cli.test_backup import post_picture
from tests.server import Server


async def test_everything_is_counted(server: Server) -> None:
    async with aiohttp.ClientSession() as session:
        api = Api(session, server)
        alice, bob = await api.person("alice"), await api.person("bob")
        await api.follow(alice, bob)
        await api.publish(bob, "hello")
        await post_picture(api, bob)
    asked = await asyncio.to_thread(server.run, "stats", "--json")
    figures = json.loads(asked.stdout)
    assert (figures["accounts"], figures["posts and reposts"], figures["follows"]) == (2, 2, 1)
    assert (figures["pictures"], figures["tokens"], figures["dead calls"]) == (1, 2 + 1, 0)
    assert figures["bytes of pictures"] == sum(
        path.stat().st_size for path in (server.folder / "media").rglob("*") if path.is_file()
    )
    words = await asyncio.to_thread(server.run, "stats")
    assert f"{'accounts':20} {2:>18}\n" in words.stdout
