"""Nothing leaks through streams: every viewer of the world of tests/leaks listens to everything while alice writes."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.api.client import Api
from tests.api.streams import Socket, Streams
from tests.leaks.oracle import (
    DIRECT,
    PRIVATE,
    PUBLIC,
    UNLISTED,
    VIEWERS,
    VISIBILITIES,
    Item,
    Viewer,
    held_back,
    in_conversations,
    in_home,
    in_public,
    mentioned,
    with_tag,
)
from tests.leaks.table import ANYBODY
from tests.leaks.world import NAMED_LATER, Builder, World, build_world
from tests.server import PATIENCE, Server

Heard = set[tuple[str, str, str]]
"""Stream, event, and the marker of a post; for deletions its id."""

LISTENERS = [viewer for viewer in VIEWERS if viewer.has_account]


@pytest.fixture(scope="module")
def world(server: Server) -> World:
    return asyncio.run(build_world(server))


def expected_of(viewer: Viewer, item: Item) -> Heard:
    """What a viewer hears of a post that is written, passed on, edited and deleted."""
    followed = in_home(viewer, replace(item, reposted=False))
    streams = {
        "user": followed,
        "list": followed and item.visibility != DIRECT,
        "public": in_public(viewer, item),
        "public:local": in_public(viewer, item),
        "hashtag": with_tag(viewer, item),
        "hashtag:local": with_tag(viewer, item),
    }
    heard = {
        (name, event, item.marker)
        for name, brings in streams.items()
        if brings
        for event in ("update", "status.update")
    }
    if in_conversations(viewer, item):
        heard.add(("direct", "conversation", item.marker))
    if item.reposted and in_home(viewer, item):
        heard |= {("user", "update", item.marker), ("list", "update", item.marker)}
    if mentioned(viewer, item) and not held_back(viewer, item):
        heard |= {(name, "notification", item.marker) for name in ("user", "user:notification")}
    if viewer.is_alice and item.reposted:  # of which she is told
        heard |= {(name, "notification", item.marker) for name in ("user", "user:notification")}
    return heard


def may_hear_gone(viewer: Viewer, item: Item, stream: str) -> bool:
    """Whether a viewer may learn that there was a post: who could have been told of it."""
    if viewer.is_alice or (stream == "user" and viewer.name in item.named and not viewer.blocked):
        return True
    return item.visibility != DIRECT and (item.visibility != PRIVATE or viewer.follows)


async def write(builder: Builder) -> list[Item]:
    """Alice writes something of every visibility; bob passes on what he may; she edits all of it."""
    items = []
    for visibility in VISIBILITIES:
        item = replace(await builder.publish("live", visibility, NAMED_LATER), later=True)
        if visibility in (PUBLIC, UNLISTED):
            await builder.act(item.id, "reblog", "bob")
            item = replace(item, reposted=True)
        items.append(item)
    for item in items:
        text = f"{item.marker} #{builder.world.tag} {builder.names(item.named)} again"
        await builder.api.edit(builder.world.alice, item.id, text)
    await builder.api.drained()
    return items


class Ear:
    """What one viewer has heard."""

    def __init__(self, viewer: Viewer, socket: Socket) -> None:
        self.viewer = viewer
        self.heard: Heard = set()
        self._socket = socket

    async def listen(self, items: list[Item], expected: Heard, last: str) -> None:
        """Until the post `last` came and nothing is missing, or for so long that it will not come."""
        came = False
        with contextlib.suppress(TimeoutError):
            while not came or not expected <= self.heard:
                stream, event, payload = await self._socket.next()
                came = came or (event == "update" and payload["id"] == last)
                self.heard |= heard_in(items, stream, event, payload)


def heard_in(items: list[Item], stream: list[str], event: str, payload: Any) -> Heard:
    if event == "delete":
        return {(stream[0], event, str(payload))}
    said = str(payload)
    return {(stream[0], event, item.marker) for item in items if item.marker in said}


async def ear_of(streams: Streams, world: World, viewer: Viewer, stack: contextlib.AsyncExitStack) -> Ear:
    """Somebody who listens to everything."""
    names = ("user", "user:notification", "public", "public:local", "direct")
    socket = await stack.enter_async_context(streams.socket(world.people[viewer.name], *names))
    for name in ("hashtag", "hashtag:local"):
        await socket.order("subscribe", name, tag=world.tag)
    await socket.order("subscribe", "list", list=world.lists[viewer.name])
    return Ear(viewer, socket)


async def test_what_streams_bring(api: Api, streams: Streams, world: World) -> None:
    """First what they bring while it is written, then what is told when it is deleted."""
    builder = Builder(api, world)
    async with contextlib.AsyncExitStack() as stack:
        ears = [await ear_of(streams, world, viewer, stack) for viewer in LISTENERS]
        items = await write(builder)
        await asyncio.gather(*(hear(api, world, ear, items, expecting(ear.viewer, items)) for ear in ears))
        wrong = [line for ear in ears for line in differences(ear, items)]
        for ear in ears:
            ear.heard.clear()
        for item in items:
            await api.want("DELETE", f"/api/v1/statuses/{item.id}", as_=world.alice)
        gone = {("public", "delete", item.id) for item in items if item.visibility == PUBLIC}
        await asyncio.gather(*(hear(api, world, ear, items, gone) for ear in ears))
    for ear in ears:
        wrong += [
            f"{stream} | {event} | {ear.viewer.name} | {item.kind}: LEAKED"
            for stream, event, said in sorted(ear.heard)
            for item in items
            if item.id == said and not may_hear_gone(ear.viewer, item, stream)
        ]
        assert {one for one in ear.heard if one[:2] == ("public", "delete")} == gone
    assert not wrong, "\n".join(wrong)


def expecting(viewer: Viewer, items: list[Item]) -> Heard:
    return {one for item in items for one in expected_of(viewer, item)}


async def hear(api: Api, world: World, ear: Ear, items: list[Item], expected: Heard) -> None:
    last = await api.publish(world.people[ear.viewer.name], "that was all", visibility=UNLISTED)
    await ear.listen(items, expected, last["id"])


def differences(ear: Ear, items: list[Item]) -> list[str]:
    lines = []
    for item in items:
        expected = expected_of(ear.viewer, item)
        heard = {one for one in ear.heard if one[2] == item.marker}
        lines += [
            f"{stream} | {event} | {ear.viewer.name} | {item.kind}: LEAKED" for stream, event, _ in heard - expected
        ]
        lines += [
            f"{stream} | {event} | {ear.viewer.name} | {item.kind}: missing" for stream, event, _ in expected - heard
        ]
    return sorted(lines)


async def test_who_has_no_account_hears_nothing(streams: Streams, world: World) -> None:
    for token in ("", world.app_token):
        assert await streams.refused(params={"access_token": token, "stream": "public"}) == 401


async def test_what_the_live_page_is_told(api: Api, server: Server, world: World) -> None:
    builder = Builder(api, world)
    async with aiohttp.ClientSession() as session, session.get(server.url + "/live/local") as response:
        await response.content.readuntil(b"\n\n")
        items = await write(builder)
        shown = [item for item in items if in_public(ANYBODY, item)]
        assert shown
        said = await told(response, [item.marker for item in shown])  # of what is gone by then nobody is told
        for item in items:
            await api.want("DELETE", f"/api/v1/statuses/{item.id}", as_=world.alice)
        last = await api.publish(world.people["dave"], "that was all")
        said += await told(response, [*(item.id for item in shown), last["id"]])
    for item in items:
        assert (item.marker.encode() in said) == (item in shown), item.kind
        assert (item.id.encode() in said) == (item in shown), item.kind


async def told(response: aiohttp.ClientResponse, words: list[str]) -> bytes:
    """What comes until all of these words have come."""
    said = b""
    async with asyncio.timeout(PATIENCE):
        while not all(word.encode() in said for word in words):
            said += await response.content.readuntil(b"\n\n")
    return said
