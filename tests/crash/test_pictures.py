"""All processes are killed while people upload: what was answered is there, and each file is known to a row."""

from __future__ import annotations

import asyncio
import io
import json
import random
from urllib.parse import urlsplit

import aiohttp

from ripstop import boot
from ripstop.domain.media.model import IMAGE
from ripstop.engines.base import Store, Table
from tests.api.client import Api, Person
from tests.crash.kills import MakeKills
from tests.pictures import photograph
from tests.server import PATIENCE, Server

PEOPLE = 6
PICTURE = photograph(700, 500)


async def upload(api: Api, who: Person, shown: set[str]) -> None:
    """An avatar and a post with a picture; adds where each is that was answered to be there."""
    avatar, file = aiohttp.FormData(), aiohttp.FormData()
    avatar.add_field("avatar", io.BytesIO(PICTURE), filename="a.jpg")
    file.add_field("file", io.BytesIO(PICTURE), filename="a.jpg")
    shown.add((await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=who, data=avatar))["avatar"])
    media = await api.want("POST", "/api/v2/media", as_=who, data=file)
    post = await api.want("POST", "/api/v1/statuses", as_=who, json={"media_ids": [media["id"]]})
    shown.add(post["media_attachments"][0]["url"])


async def keep_uploading(api: Api, who: Person, shown: set[str]) -> None:
    """Until the server is gone."""
    try:
        for _ in range(10):
            await upload(api, who, shown)
    except aiohttp.ClientError:
        return


async def some_more(shown: set[str]) -> None:
    """Return once another picture was answered to be there."""
    before = len(shown)
    async with asyncio.timeout(PATIENCE):
        while len(shown) == before:  # noqa: ASYNC110 - what is uploaded wakes nobody
            await asyncio.sleep(0.01)


async def keys_of(store: Store) -> set[str]:
    """The keys of all pictures that there are rows of."""
    found: set[str] = set()
    after: tuple[object, ...] | None = None
    while True:
        page = await store.scan(Table.OBJECTS, shard=None, after=after, limit=1_000)
        found |= {json.loads(str(row[3]))["key"] for row in page.rows if row[1] == IMAGE.number and row[3] is not None}
        after = page.after
        if after is None:
            return found


async def test_uploads_are_whole_or_not_there(own_server: Server, kills: MakeKills) -> None:
    server = own_server
    some = kills(f"uploads on {'PostgreSQL' if server.database else 'SQLite'}", 0.1)
    random_ = random.Random(some.seed)
    shown: set[str] = set()
    while some.left():
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            api = Api(session, server)
            people = [await api.person("alice") for _ in range(PEOPLE)]
            uploads = [asyncio.ensure_future(keep_uploading(api, who, shown)) for who in people]
            await some_more(shown)
            await asyncio.sleep(random_.uniform(0.0, 0.5))
            some.count(1 + len(server.children()))
            await asyncio.to_thread(server.kill_all)
            await asyncio.gather(*uploads)
        await asyncio.to_thread(server.start)
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        api = Api(session, server)
        for url in shown:
            assert (await api.get(urlsplit(url).path)).status == 200, url
    assert server.stop() == 0
    async with boot.opened_store(server.configuration) as store:
        keys = await keys_of(store)
    files = {path.name for path in server.configuration.media_folder.rglob("*") if path.is_file()}
    assert shown
    assert {name.lstrip(".").partition("-")[0] for name in files} <= keys, "what no row knows of would stay for ever"
