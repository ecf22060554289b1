"""What links of posts lead to: servers that a test runs, of which those in 127.0.0.0/24 may be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web

import ripstop
from tests.api.client import Api, Person
from tests.api.streams import Streams
from tests.pictures import decoded, encoded, quarters
from tests.server import Server, installed

FRIEND, INSIDE = "127.0.0.10", "127.0.1.11"
SETTINGS = {
    "RIPSTOP_OUTBOUND_PREVIEWS": "true",
    "RIPSTOP_OUTBOUND_ALLOWED": "127.0.0.0/24",
    "RIPSTOP_OUTBOUND_SECONDS": "30",
}


class Site:
    """A site with a page, a picture, and ways to what nobody shall see.

    :ivar answers: while it is not set, nobody is answered: so a test decides what comes before a card.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.port = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.asked.append(f"{request.transport.get_extra_info('sockname')[0]}{request.path}")
        self.agents.add(request.headers["user-agent"])
        await self.answers.wait()
        if request.path == "/inside":
            raise web.HTTPFound(f"http://{INSIDE}:{self.port}/secret")
        if request.path == "/picture.png":
            return web.Response(body=encoded(quarters(1600, 800), "PNG"), content_type="image/png")
        if request.path == "/bad.png":
            return web.Response(body=b"no picture", content_type="image/png")
        if request.path == "/busy":
            return web.Response(status=404, text="<title>Not here</title>", content_type="text/html")
        picture = "/bad.png" if request.path == "/plain" else "/picture.png"
        return web.Response(
            text=f"""<html lang="en"><title>no</title><meta property="og:title" content="Cats &lt;3 {request.path}">
            <meta property="og:description" content="All about &lt;script&gt;alert(1)&lt;/script&gt;">
            <meta property="og:site_name" content="Cats"><meta name="author" content="Tom">
            <meta property="og:image" content="{picture}"><meta property="og:image:alt" content="Four quarters">""",
            content_type="text/html",
        )


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Functions write cards, and those are tested on both engines; what is asked of other servers is not of either."""
    with installed("sqlite", request, **SETTINGS) as server:
        server.start()
        yield server


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    application = web.Application()
    application.router.add_get("/{tail:.*}", site.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, FRIEND, 0).start()
    site.port = runner.addresses[0][1]
    await web.TCPSite(runner, INSIDE, site.port).start()
    yield site
    await runner.cleanup()


async def test_a_post_shows_what_it_links_to_as_soon_as_that_is_known(
    api: Api, server: Server, site: Site, streams: Streams, alice: Person, bob: Person
) -> None:
    link = f"http://{FRIEND}:{site.port}/cats"
    await api.follow(bob, alice)
    async with streams.socket(bob, "user") as socket:
        site.answers.clear()
        post = await api.publish(alice, f"look: {link}#now")
        assert post["card"] is None
        assert (await socket.next())[1] == "update"
        site.answers.set()
        stream, event, told = await socket.next()
    assert (stream, event, told["edited_at"]) == (["user"], "status.update", None)
    card = told["card"]
    assert card == (await api.want("GET", f"/api/v1/statuses/{post['id']}"))["card"]
    assert (card["url"], card["title"], card["type"]) == (link, "Cats <3 /cats", "link")
    assert (card["description"], card["language"]) == ("All about <script>alert(1)</script>", "en")
    assert (card["provider_name"], card["provider_url"]) == ("Cats", f"http://{FRIEND}:{site.port}")
    assert (card["author_name"], card["image_description"], card["html"]) == ("Tom", "Four quarters", "")
    assert card["image"].startswith(f"{server.url}/media/")
    image = decoded((await api.get(card["image"].removeprefix(server.url))).body)
    assert (card["width"], card["height"]) == image.size == (1229, 614)
    [agent] = site.agents
    assert agent == f"Ripstop/{ripstop.__version__} (+{server.url}/)"
    page = (await api.get(f"/@{alice.username}/{post['id']}")).body.decode()
    assert "Cats &lt;3 /cats" in page
    assert "<script>alert" not in page
    again = await api.publish(bob, f"me too {link}#now")
    await api.drained()
    assert (await api.want("GET", f"/api/v1/statuses/{again['id']}"))["card"] == card
    assert site.asked == [f"{FRIEND}/cats", f"{FRIEND}/picture.png"]


async def test_an_edit_shows_what_the_new_link_leads_to(api: Api, site: Site, alice: Person) -> None:
    base = f"http://{FRIEND}:{site.port}"
    post = await api.publish(alice, f"{base}/one")
    await api.drained()
    edited = await api.edit(alice, post["id"], f"Oh: {base}/one")
    assert edited["card"]["title"] == "Cats <3 /one"
    site.answers.clear()
    assert (await api.edit(alice, post["id"], f"Oh: {base}/plain"))["card"] is None
    site.answers.set()
    await api.drained()
    card = (await api.want("GET", f"/api/v1/statuses/{post['id']}"))["card"]
    assert (card["title"], card["image"], card["width"]) == ("Cats <3 /plain", None, 0)
    assert (await api.edit(alice, post["id"], "no link"))["card"] is None


async def test_nothing_inside_is_asked_and_direct_posts_tell_nobody(api: Api, site: Site, alice: Person) -> None:
    base = f"http://{FRIEND}:{site.port}"
    posts = [
        await api.publish(alice, f"http://{INSIDE}:{site.port}/secret"),
        await api.publish(alice, f"{base}/inside"),
        await api.publish(alice, f"{base}/busy"),
        await api.publish(alice, f"{base}/direct", visibility="direct"),
    ]
    await api.drained()
    for post in posts:
        assert (await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=alice))["card"] is None
    assert sorted(site.asked) == [f"{FRIEND}/busy", f"{FRIEND}/inside"]
