"""What other sites, feed readers, search engines, caches and browsers find here beside the pages themselves."""

from __future__ import annotations

import asyncio
import json
import re
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from ripstop.surfaces.http.response import Response
from ripstop.surfaces.web.freshness import Freshness
from ripstop.surfaces.web.static import tagged, unless_known
from tests.api.client import PASSWORD, Api, Person
from tests.server import Server
from tests.web.browser import ANEW, Browser
from tests.web.test_live import asking
from tests.web.test_pages import read_event


async def test_links_have_a_preview_that_tells_nothing_behind_a_warning(api: Api, alice: Person) -> None:
    open_ = await api.publish(alice, 'about "quotes" & <tags>')
    warned = await api.publish(alice, "the butler", spoiler_text="how it ends")
    page = (await api.get(urlsplit(open_["url"]).path, headers=ANEW)).body.decode()
    assert '<meta property="og:description" content="about &#34;quotes&#34; &amp; &lt;tags&gt;">' in page
    assert f'<meta property="og:url" content="{open_["url"]}">' in page
    head = (await api.get(urlsplit(warned["url"]).path, headers=ANEW)).body.decode().partition("</head>")[0]
    assert "how it ends" in head
    assert "the butler" not in head


async def test_profiles_and_hashtags_are_feeds_for_programs(api: Api, alice: Person, bob: Person) -> None:
    tag = f"t{alice.id}"
    post = await api.publish(alice, f"<hello> & #{tag}")
    await api.publish(alice, "not for all", visibility="unlisted")
    root = await api.publish(bob, "root")
    await api.publish(alice, "an answer", in_reply_to_id=root["id"])
    page = (await api.get(f"/@{alice.username}", headers=ANEW)).body.decode()
    for path in [*re.findall(r'type="application/rss\+xml"[^>]* href="([^"]+)"', page), f"/tags/{tag}.rss"]:
        answer = await api.get(path, headers=ANEW)
        assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
        channel = ElementTree.fromstring(answer.body)[0]
        assert [item.findtext("link") for item in channel.iter("item")] == [post["url"]]
        assert "&lt;hello&gt;" in (channel.findtext("item/description") or "")
    for path in ("/@nobody_here.rss", "/tags/not%20one.rss"):
        assert (await api.get(path)).status == 404


async def test_search_engines_and_browsers_find_what_they_ask_for(api: Api) -> None:
    assert b"Disallow: /api/" in (await api.get("/robots.txt")).body
    page = (await api.get("/", headers=ANEW)).body.decode()
    found = re.search(r'rel="manifest" href="([^"]+)"', page)
    assert found is not None
    manifest = json.loads((await api.get(found[1])).body)
    assert (manifest["start_url"], manifest["display"]) == ("/", "standalone")
    assert manifest["name"] == (await api.want("GET", "/api/v2/instance"))["title"]
    for icon in manifest["icons"]:
        assert (await api.get(icon["src"])).headers["content-type"] == icon["type"]
    worker = await api.get("/sw.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert "connect-src 'self'" in worker.headers["content-security-policy"]
    kept = re.findall(r'"(/[^"]*)"', worker.body.decode())
    assert "/offline" in kept
    offline = (await api.get("/offline")).body.decode()
    assert "There is no connection" in offline
    assert "/auth/sign_up" not in offline


async def test_public_pages_are_light_and_kept_for_a_moment_by_anybody(api: Api, alice: Person) -> None:
    for i in range(20):
        await api.publish(alice, f"{i} " + "many words " * 40)
    for path in ("/", f"/@{alice.username}"):
        page = await api.get(path, headers=ANEW)
        assert page.headers["cache-control"].startswith("public, ")
        assert page.headers["vary"] == "cookie"
        assert "set-cookie" not in page.headers
        files = re.findall(r'<(?:link rel="(?:stylesheet|icon)"|script)[^>]*(?:href|src)="([^"]+)"', page.body.decode())
        whole = len(page.body) + sum([len((await api.get(file)).body) for file in files])
        assert whole < 100_000, f"{path} weighs {whole} bytes"


async def test_what_is_for_one_reader_is_kept_by_nobody_else(browser: Browser, alice: Person) -> None:
    await browser.log_in(alice.username, PASSWORD)
    for path in ("/", "/public", f"/@{alice.username}", "/compose", "/notifications", "/lists"):
        page = await browser.open(path)
        assert page.headers["cache-control"] == "private, no-cache", path
        assert page.headers["vary"] == "cookie"


async def test_a_page_is_rendered_once_for_all_who_ask_at_the_same_moment() -> None:
    freshness, asked = Freshness(), 0

    async def render() -> Response:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return Response(b"page")

    pages = await asyncio.gather(*(freshness.get("/", render) for _ in range(1_000)))
    assert {page.body for page in pages} == {b"page"}
    assert asked == 1
    await freshness.get("/other", render)
    await freshness.get("/", render, anew=True)
    assert asked == 3


async def test_what_is_no_whole_page_is_answered_as_it_is() -> None:
    page, elsewhere = tagged(Response(b"page")), tagged(Response(b"", 303, [("location", "/")]))
    tag = dict(page.headers)["etag"]
    for known, status in (("", 200), ('"other"', 200), (f'W/"other", W/{tag}', 304)):
        request = asking("/", {"if-none-match": known})
        assert unless_known(request, page).status == status
        assert unless_known(request, elsewhere).status == 303


async def test_a_page_that_fails_is_not_kept() -> None:
    freshness, asked = Freshness(), 0

    async def render() -> Response:
        nonlocal asked
        asked += 1
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            await freshness.get("/", render)
    assert asked == 2


async def test_home_is_told_of_what_stands_in_it_and_of_nothing_else(
    browser: Browser, server: Server, api: Api, alice: Person, bob: Person
) -> None:
    async with browser.session.get(server.url + "/live/home") as refused:
        assert refused.status == 401
    await browser.log_in(alice.username, PASSWORD)
    await api.post(f"/api/v1/accounts/{bob.id}/follow", as_=alice)
    missed = await api.publish(bob, "missed")
    since = str(int(missed["id"]) - 1)
    async with browser.session.get(f"{server.url}/live/home", headers={"last-event-id": since}) as stream:
        assert (await read_event(stream.content))[1] == missed["id"]
        carol = await api.person("carol")
        post = await api.publish(carol, "of somebody else")
        await api.publish(bob, f"@{carol.username} to somebody else", in_reply_to_id=post["id"])
        await api.publish(bob, f"@{alice.username} between us", visibility="direct")
        repost = await api.want("POST", f"/api/v1/statuses/{post['id']}/reblog", as_=bob)
        news = await api.publish(bob, "news", visibility="private")
        told = [(await read_event(stream.content))[1] for _ in range(2)]
        assert told == [repost["id"], news["id"]]
