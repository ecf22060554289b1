"""The page of the local feed: complete without JavaScript, and live with it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import aiohttp

from tests.api.client import Api, Person
from tests.server import PATIENCE, Server
from tests.web.browser import ANEW


async def read_event(stream: aiohttp.StreamReader) -> tuple[str, str, dict[str, str]]:
    """Kind, id and data of the next event of a stream."""
    kind = id_ = ""
    async with asyncio.timeout(PATIENCE):
        async for line in stream:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                id_ = value
            elif name == "data":
                return kind, id_, json.loads(value)
    raise AssertionError("the stream ended")


async def read_of(stream: aiohttp.StreamReader, *posts: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    """The next event of one of these posts: those of others may still be removed with their authors."""
    ids = {post["id"] for post in posts}
    while (event := await read_event(stream))[2]["id"] not in ids:
        pass
    return event


async def test_the_page_shows_public_posts_newest_first(api: Api, alice: Person) -> None:
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form={"display_name": "Alice & Co"})
    shown = [await api.publish(alice, f"post {i} #tag") for i in range(2)]
    warned = await api.publish(alice, "behind it", spoiler_text="careful", language="en")
    hidden = [await api.publish(alice, "not for all", visibility=v) for v in ("unlisted", "private", "direct")]
    answer = await api.get("/", headers=ANEW)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    ids = re.findall(r'id="post-(\d+)"', page)
    assert ids[:3] == [warned["id"], shown[1]["id"], shown[0]["id"]]
    assert not set(ids) & {post["id"] for post in hidden}
    assert "Alice &amp; Co" in page
    assert shown[0]["content"] in page
    assert '<summary dir="auto">careful</summary>' in page
    assert f"/live/local?since={warned['id']}" in page


async def test_older_posts_are_a_link_away(api: Api, alice: Person) -> None:
    posts = [(await api.publish(alice, f"post {i}"))["id"] for i in range(21)]
    page = (await api.get("/", headers=ANEW)).body.decode()
    assert posts[0] not in page
    found = re.search(r'rel="next" href="(/\?max_id=\d+)"', page)
    assert found is not None
    older = (await api.get(found[1])).body.decode()
    assert f'id="post-{posts[0]}"' in older
    assert "data-live" not in older
    assert (await api.get("/?max_id=nonsense")).status == 422


async def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing_inline(api: Api) -> None:
    answer = await api.get("/", headers=ANEW)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = answer.body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\bon\w+=|style=", page)
    addresses = re.findall(r'<(?:link|script|img)[^>]*(?:href|src)="(/[^"]+)"', page)
    addresses.remove("/manifest.webmanifest")
    assert addresses
    for address in addresses:
        assert address.startswith("/static/")
        file = await api.get(address)
        assert file.status == 200
        assert "immutable" in file.headers["cache-control"]


async def test_what_is_known_is_not_sent_again(api: Api) -> None:
    for path in ("/", "/static/style.css", "/avatars/original/missing.png"):
        tag = (await api.get(path)).headers["etag"]
        again = await api.get(path, headers={"if-none-match": f'"other", {tag}'})
        assert (again.status, again.body) == (304, b"")
        assert (await api.get(path, headers={"if-none-match": '"other"'})).status == 200
    assert (await api.get("/static/nothing.css")).status == 404


async def test_new_posts_appear_and_deleted_ones_vanish(
    api: Api, alice: Person, session: aiohttp.ClientSession, server: Server
) -> None:
    seen = await api.publish(alice, "seen before")
    missed = await api.publish(alice, "missed meanwhile")
    headers = {"last-event-id": seen["id"]}
    async with session.get(server.url + "/live/local", headers=headers) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        kind, id_, data = await read_of(stream.content, seen, missed)
        assert (kind, id_, data["id"]) == ("post", missed["id"], missed["id"])
        assert "missed meanwhile" in data["html"]
        posts = [await api.publish(alice, "not for all", visibility=v) for v in ("unlisted", "private", "direct")]
        posts.append(await api.publish(alice, "to itself", in_reply_to_id=seen["id"]))
        posts.append(post := await api.publish(alice, "fresh & new"))
        kinds = [await read_of(stream.content, *posts) for _ in range(2)]
        assert ["to itself" in kinds[0][2]["html"], "fresh &amp; new" in kinds[1][2]["html"]] == [True, True]
        await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=alice)
        assert await read_of(stream.content, *posts) == ("gone", "", {"id": post["id"]})


async def test_edits_appear_and_what_is_not_for_all_stays_unknown(
    api: Api, alice: Person, session: aiohttp.ClientSession, server: Server
) -> None:
    quiet = [await api.publish(alice, "not for all", visibility=v) for v in ("unlisted", "private", "direct")]
    post = await api.publish(alice, "as it was")
    async with session.get(server.url + "/live/local") as stream:
        await stream.content.readuntil(b"\n\n")
        for one in quiet:
            await api.edit(alice, one["id"], "not for all, still")
            await api.want("DELETE", f"/api/v1/statuses/{one['id']}", as_=alice)
        await api.edit(alice, post["id"], "as it is")
        kind, id_, data = await read_of(stream.content, *quiet, post)
        assert (kind, id_, data["id"]) == ("edited", "", post["id"])
        assert "as it is" in data["html"]
        await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=alice)
        assert await read_of(stream.content, *quiet, post) == ("gone", "", {"id": post["id"]})
