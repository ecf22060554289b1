"""Cards among other things that happen to a post, on both engines; the site that links lead to is on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from ripstop.domain.accounts.events import ImageLoose
from ripstop.domain.media.model import HOLDS_IMAGE, IMAGE
from ripstop.domain.posts.edits import Change, edit
from ripstop.domain.posts.model import POST, Card, Post
from ripstop.domain.previews.model import PREVIEW, Preview, preview_name
from ripstop.kernel.configuration import Outbound
from ripstop.machinery.functions import settling
from ripstop.machinery.functions.testing import calls_of
from ripstop.machinery.graph import Entry
from tests.domain.house import House, a_house
from tests.pictures import encoded, quarters
from tests.stores import Place
from tests.world import PATIENCE

HOST = "127.0.0.12"


class Site:
    """A page with a picture. `asked` are the paths that were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.base = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path == "/picture":
            return web.Response(body=encoded(quarters(60, 40), "PNG"), content_type="image/png")
        if request.path == "/busy":
            return web.Response(status=503)
        await asyncio.sleep(0)  # both who ask at once are here before one is answered
        text = f"<title>Page {request.path}</title><meta property=og:image content=/picture>"
        return web.Response(text=text, content_type="text/html")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    application = web.Application()
    application.router.add_get("/{tail:.*}", site.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    site.base = f"http://{HOST}:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


@pytest.fixture
async def house(place: Place, tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(place, tmp_path, Outbound(allowed=f"{HOST}/32", seconds=PATIENCE)) as house:
        yield house


async def kept(house: House, link: str) -> Entry[Preview]:
    """What the house knows of a link."""
    graph = house.base.graph
    await graph.sync()
    id_ = (await graph.names((preview_name(link),)))[preview_name(link)]
    found = await graph.get(PREVIEW, id_)
    assert found is not None
    return found


async def test_many_posts_of_one_link_ask_once_and_share_the_picture(house: House, site: Site) -> None:
    link = f"{site.base}/a"
    people = await house.people("alice", "bob", "carol")
    posts = [await person.post(f"see {link}") for person in people]
    await house.drain()
    assert site.asked == ["/a", "/picture"]
    cards = [(await house.ask("GET", f"/api/v1/statuses/{post}"))["card"] for post in posts]
    assert cards[0]["title"] == "Page /a"
    assert cards == [cards[0]] * 3
    preview = await kept(house, link)
    graph = house.base.graph
    [row] = await graph.range(preview.id, HOLDS_IMAGE, limit=2)
    write = graph.write(row.target)
    write.emit(ImageLoose(image=row.target, until=graph.now_ms()))
    await graph.commit(write)
    await house.drain()
    await graph.sync()
    assert await graph.get(IMAGE, row.target) is not None
    assert len(list(house.media_folder.rglob("*.webp"))) == 2


async def test_an_edit_and_a_deletion_meet_a_card_on_its_way(house: House, site: Site) -> None:
    [alice] = await house.people("alice")
    graph = house.base.graph
    post = await alice.post("a post")
    before = await graph.get(POST, post)
    assert before is not None
    card = Card(link="https://a.test", url="https://a.test", title="A")
    async with house.another() as other:
        write = other.base.graph.write(post)
        write.patch(POST, post, version=before.version, card=card)
        await other.base.graph.commit(write)
    # The editor has not heard of it.
    change = Change("another text", "", False, None)
    await edit(graph, alice.id, before, change, origin="http://house.test", domain="house.test")
    await graph.sync()
    after = await graph.get(POST, post)
    assert after is not None
    assert (after.value.text, after.value.card, after.value.edits) == ("another text", None, 1)
    gone = await alice.post(f"{site.base}/gone")
    await house.ask("DELETE", f"/api/v1/statuses/{gone}", token=alice.token)
    await house.drain()
    assert site.asked == []
    assert isinstance(after.value, Post)


async def test_an_edit_while_the_page_is_looked_at_leaves_no_card_of_the_old_link(house: House, site: Site) -> None:
    [alice] = await house.people("alice")
    post = await alice.post(f"{site.base}/old")
    text = f"{site.base}/older, not {site.base}/old"
    await house.ask("PUT", f"/api/v1/statuses/{post}", token=alice.token, form={"status": text})
    await house.drain()
    assert (await alice.get(f"/api/v1/statuses/{post}"))["card"]["title"] == "Page /older"
    assert "/old" not in site.asked


async def test_a_host_that_does_not_answer_is_a_line_of_its_own(house: House, site: Site) -> None:
    """So that it has a circuit, and a share of the workers that others keep."""
    [alice] = await house.people("alice")
    await alice.post(f"{site.base}/busy")
    await alice.post("http://Other.Example:8080/busy")
    show = house.base.functions.get("previews.show")
    assert show is not None
    calls = await calls_of(house.base.store, show)
    assert sorted(call.namespace or "" for call in calls) == [HOST, "other.example"]


async def test_a_page_that_does_not_answer_is_asked_again_later(
    house: House, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "backoff", lambda *_, base, **__: base)  # the pause is drawn, and may be none
    [alice] = await house.people("alice")
    post = await alice.post(f"{site.base}/busy")
    await house.drain()
    assert site.asked == ["/busy"]
    assert (await house.base.store.call_stats(("previews.show",)))["previews.show"].waiting == 1
    assert (await alice.get(f"/api/v1/statuses/{post}"))["card"] is None
