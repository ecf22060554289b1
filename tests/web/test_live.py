"""The event stream: who is too slow is let go, and nobody listens for nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from ripstop.domain.accounts.events import ShutOut
from ripstop.domain.accounts.sessions import open_session
from ripstop.domain.feeds import Home, LowWater
from ripstop.domain.posts.events import PostPublished
from ripstop.domain.posts.model import IS_PUBLIC
from ripstop.kernel.errors import Overloaded, TooManyRequests
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.bus import Handler, MemoryBus, Unsubscribe
from ripstop.surfaces.http.networks import Networks
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.streaming.hub import topic_of
from ripstop.surfaces.web.live import PUBLISHED, LiveLocal, LiveParams
from ripstop.surfaces.web.live_home import LiveHome
from ripstop.surfaces.web.live_unread import LiveUnread
from ripstop.surfaces.web.pages import Renderer, SiteFacts
from ripstop.surfaces.web.static import Static
from ripstop.surfaces.web.visitor import Visitors
from ripstop.surfaces.web.watchers import MOST_OF_ONE, MOST_WAITING
from tests.domain.house import a_house
from tests.stores import Place
from tests.unit.http.web import FakeHeaders, FakeScope


class CountedBus(MemoryBus):
    """Knows how many subscriptions there are."""

    listening = 0

    def subscribe(self, topic: str, handler: Handler) -> Unsubscribe:
        unsubscribe = super().subscribe(topic, handler)
        self.listening += 1

        def leave() -> None:
            unsubscribe()
            self.listening -= 1

        return leave


async def refuse(*asked: object, **more: object) -> None:
    """Takes the place of an operation of an engine that has too much to do."""
    raise Overloaded("too much to do")


async def settled() -> None:
    """Return once nothing in this process has anything to do."""
    for _ in range(20):
        await asyncio.sleep(0)


def asking(path: str, headers: dict[str, str] | None = None) -> Request:
    scope = FakeScope("GET", path, "", FakeHeaders(headers or {}))
    return Request(cast(Any, scope), method="GET", path=path, args={}, origin="http://town.test", networks=Networks())


async def test_a_slow_watcher_is_let_go_and_the_last_one_ends_the_listening(place: Place, tmp_path: Path) -> None:
    async with a_house(place, tmp_path) as house:
        [alice] = await house.people("alice")
        event = PostPublished(post=await alice.post("hello"), author=alice.id, flags=IS_PUBLIC)
        bus = CountedBus()
        await bus.open()
        live = LiveLocal(house.base.graph, bus, Renderer(Static(), SiteFacts("town", "town.test", "a town")))
        request = asking("/live/local")
        slow, quick = [(await live.watch(request, LiveParams())).chunks for _ in range(2)]
        assert await anext(slow) == await anext(quick) == b"retry: 3000\n\n"
        for _ in range(MOST_WAITING + 5):
            bus.publish(PUBLISHED, msgspec.json.encode(event))
            assert b"hello" in await anext(quick)
        assert bus.listening
        assert len([chunk async for chunk in slow]) == MOST_WAITING
        await cast(Any, quick).aclose()
        assert bus.listening == 0
        await bus.close()


async def test_a_home_whose_relations_cannot_be_read_is_not_watched(place: Place, tmp_path: Path) -> None:
    async with a_house(place, tmp_path) as house:
        graph, store, bus = house.base.graph, house.base.store, CountedBus()
        [alice] = await house.people("alice")
        opened = await open_session(graph, alice.id, agent="")
        await bus.open()
        visitors = Visitors(graph, Secrets(bytes(32)), origin="http://town.test")
        live = LiveHome(graph, bus, Home(graph, store, LowWater(graph, store)), visitors)
        request = asking("/live/home", {"cookie": f"ripstop_session={opened.secret}"})
        await graph.sync()
        chunks = (await live.watch(request, LiveParams())).chunks
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "assoc_range", refuse)
            with pytest.raises(Overloaded):
                await anext(chunks)
        assert bus.listening == 0
        await bus.close()


async def test_one_account_has_so_many_pages_and_none_once_it_is_shut_out(place: Place, tmp_path: Path) -> None:
    async with a_house(place, tmp_path) as house:
        graph, store, bus = house.base.graph, house.base.store, CountedBus()
        people = await house.people("alice", "bob")
        hers, his = [await open_session(graph, who.id, agent="") for who in people]
        await bus.open()
        visitors = Visitors(graph, Secrets(bytes(32)), origin="http://town.test")
        homes = LiveHome(graph, bus, Home(graph, store, LowWater(graph, store)), visitors)
        unread = LiveUnread(graph, bus, visitors)
        await graph.sync()

        async def watch(secret: str) -> list[Any]:
            asked = asking("/live/home", {"cookie": f"ripstop_session={secret}"})
            return [(await homes.watch(asked, LiveParams())).chunks, (await unread.watch(asked, None)).chunks]

        watching = [await watch(hers.secret) for _ in range(MOST_OF_ONE)]
        for pair in watching:
            for chunks in pair:
                await anext(chunks)
        with pytest.raises(TooManyRequests):
            await watch(hers.secret)
        others = await watch(his.secret)
        for chunks in others:
            await anext(chunks)
        bus.publish(topic_of(ShutOut), msgspec.json.encode(ShutOut(account=people[0].id)))
        for pair in watching:
            for chunks in pair:
                assert len([chunk async for chunk in chunks]) <= 1
        assert bus.listening, "he watches on"
        for chunks in others:
            await chunks.aclose()
        assert bus.listening == 0
        await bus.close()


async def test_what_cannot_be_shown_now_keeps_nobody_from_what_comes_next(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_house(place, tmp_path) as house:
        graph, bus = house.base.graph, CountedBus()
        [alice] = await house.people("alice")
        posts = [await alice.post("first"), await alice.post("second")]
        await bus.open()
        live = LiveLocal(graph, bus, Renderer(Static(), SiteFacts("town", "town.test", "a town")))
        chunks = (await live.watch(asking("/live/local"), LiveParams())).chunks
        await anext(chunks)
        lost, told = (msgspec.json.encode(PostPublished(post=id_, author=alice.id, flags=IS_PUBLIC)) for id_ in posts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(house.base.store, "changes", refuse)
            bus.publish(PUBLISHED, lost)
            await settled()
        assert "nobody was told" in caplog.text
        bus.publish(PUBLISHED, told)
        assert b"second" in await anext(chunks)
        await cast(Any, chunks).aclose()
        await bus.close()
