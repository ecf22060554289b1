"""What surrounds posts in the app: who did something with them, what they said before, messages, filters, hashtags."""

from __future__ import annotations

import asyncio
import io
import json
import re
import secrets
import zipfile
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.api.client import PASSWORD, Api, Person
from tests.pictures import encoded, quarters
from tests.server import PATIENCE, Server
from tests.web.browser import Browser, browsing
from tests.web.test_living import press
from tests.web.test_pages import read_event
from tests.web.test_reading import shown


@pytest.fixture
async def at_home(browser: Browser, alice: Person) -> Browser:
    """Alice's browser, logged in."""
    await browser.log_in(alice.username, PASSWORD)
    return browser


@pytest.fixture
async def of_bob(server: Server, bob: Person) -> AsyncIterator[Browser]:
    """Bob's browser, logged in."""
    async with browsing(server) as browser:
        await browser.log_in(bob.username, PASSWORD)
        yield browser


async def test_a_post_tells_who_did_something_with_it(
    at_home: Browser, browser: Browser, api: Api, alice: Person, bob: Person
) -> None:
    post = await api.publish(alice, "look at this")
    path = f"/@{alice.username}/{post['id']}"
    assert "Nobody yet" in (await browser.open(f"{path}/likes")).text
    for verb in ("favourite", "reblog"):
        await api.post(f"/api/v1/statuses/{post['id']}/{verb}", as_=bob)
    quoting = await api.publish(bob, "indeed", quoted_status_id=post["id"])
    page = await browser.open(path)
    for words in ("<b>1</b> like", "<b>1</b> repost", "<b>1</b> quote"):
        assert words in page.text
    for what in ("likes", "reposts"):
        assert f'href="/@{bob.username}"' in (await browser.open(f"{path}/{what}")).text
    page = await at_home.open(f"{path}/quotes")
    assert shown(page.text) == [quoting["id"]]
    page = await at_home.submit(page, f"/posts/{post['id']}/quotes/{quoting['id']}/revoke", {})
    assert shown(page.text) == []
    assert (await browser.open(f"/@{bob.username}/{post['id']}/likes")).status == 404


async def test_what_a_post_said_is_for_whoever_may_see_it(
    at_home: Browser, of_bob: Browser, api: Api, alice: Person
) -> None:
    post = await api.publish(alice, "as it was", visibility="private")
    await api.edit(alice, post["id"], "as it is")
    path = f"/@{alice.username}/{post['id']}"
    assert f'href="{path}/history"' in (await at_home.open(path)).text
    page = await at_home.open(f"{path}/history")
    assert page.text.index("as it is") < page.text.index("as it was")
    for what in ("history", "likes", "reposts", "quotes"):
        assert (await of_bob.open(f"{path}/{what}")).status == 404


async def test_a_kept_card_says_what_is_so_now(browser: Browser, api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "<b>once</b> & for all")
    path = f"/@{alice.username}"
    assert "&lt;b&gt;once&lt;/b&gt; &amp; for all" in (await browser.open(path)).text
    await api.post(f"/api/v1/statuses/{post['id']}/favourite", as_=bob)
    form = {"display_name": "</b>Alice & sons"}
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=form)
    page = await browser.open(path)
    assert 'aria-label="Post by &lt;/b&gt;Alice &amp; sons"' in page.text
    assert '<span class="count">1</span>' in page.text
    await api.edit(alice, post["id"], "changed")
    page = await browser.open(path)
    assert "once" not in page.text
    assert f'href="{path}/{post["id"]}/history"' in page.text


async def test_a_post_is_written_anew_with_its_pictures_and_nothing_goes_before_it_is(
    at_home: Browser, of_bob: Browser, api: Api, alice: Person, bob: Person
) -> None:
    parent = await api.publish(bob, "root")
    file = aiohttp.FormData({"description": "four colours"})
    file.add_field("file", encoded(quarters(40, 40), "PNG"), filename="a.png", content_type="image/png")
    picture = await api.want("POST", "/api/v2/media", as_=alice, data=file)
    post = await api.publish(
        alice, "with a mistqke", in_reply_to_id=parent["id"], **{"media_ids[]": picture["id"]}, visibility="unlisted"
    )
    assert (await of_bob.open(f"/posts/{post['id']}/redraft")).status == 404
    page = await at_home.open(f"/posts/{post['id']}/redraft")
    form = page.form("/compose")
    assert (form.fields["text"], form.fields["visibility"]) == ("with a mistqke", "unlisted")
    assert form.fields["alts[]"] == "four colours"
    page = await at_home.submit(page, "/compose", {"text": "too long " * 80}, press="post")
    assert "character limit" in page.text
    assert (await api.get(f"/api/v1/statuses/{post['id']}")).status == 200
    page = await at_home.submit(page, "/compose", {"text": "without one", "alts[]": "four fields"}, press="post")
    [_, anew] = shown(page.text)
    status = await api.want("GET", f"/api/v1/statuses/{anew}")
    assert (status["in_reply_to_id"], status["visibility"]) == (parent["id"], "unlisted")
    assert [one["description"] for one in status["media_attachments"]] == ["four fields"]
    assert (await api.get(f"/api/v1/statuses/{post['id']}")).status == 404


async def test_messages_are_found_read_and_removed(
    at_home: Browser, of_bob: Browser, api: Api, alice: Person, bob: Person
) -> None:
    page = await of_bob.open(f"/compose?mention={alice.username}&visibility=direct")
    assert page.form("/compose").fields["visibility"] == "direct"
    await of_bob.submit(page, "/compose", {"text": f"@{alice.username} between us"}, press="post")
    await api.drained()
    assert 'data-unread="messages"><span class="number">1<' in (await at_home.open("/notifications")).text
    page = await at_home.open("/messages")
    assert "between us" in page.text
    assert '<li class="new" id="talk-' in page.text
    [action] = [form.action for form in page.forms if re.fullmatch(r"/messages/\d+", form.action)]
    page = await press(at_home, page, action, "open")
    assert "between us" in page.text
    page = await at_home.open("/messages")
    assert '<li class="new"' not in page.text
    page = await press(at_home, page, action, "unread")
    assert page.path == "/messages"
    assert '<li class="new"' in page.text
    assert (
        await of_bob.post(action, {"act": "read", "proof": (await of_bob.open("/messages")).forms[0].fields["proof"]})
    ).status == 404
    page = await press(at_home, page, action, "remove")
    assert "between us" not in page.text


async def test_a_filter_warns_hides_and_ends(at_home: Browser, api: Api, alice: Person, bob: Person) -> None:
    await api.post(f"/api/v1/accounts/{bob.id}/follow", as_=alice)
    post = await api.publish(bob, "about the match")
    page = await at_home.open("/settings/filters/new")
    page = await at_home.submit(page, "/settings/filters/new", {"title": "", "keywords[]": "match"})
    assert "Title can&#39;t be blank" in page.text
    proof = page.forms[-1].fields["proof"]
    fields = [("title", "Football"), ("keywords[]", "match"), ("keywords[]", "goal"), ("whole[]", "1")]
    fields += [("contexts[]", "home"), ("action", "warn"), ("ends", "never"), ("proof", proof)]
    page = await at_home.post("/settings/filters/new", aiohttp.FormData(fields))
    assert "Football" in page.text
    assert "Filtered: Football" in (await at_home.open("/")).text
    assert "Filtered" not in (await at_home.open(f"/@{bob.username}")).text
    [held] = await api.want("GET", "/api/v2/filters", as_=alice)
    assert [(one["keyword"], one["whole_word"]) for one in held["keywords"]] == [("match", False), ("goal", True)]
    path = f"/settings/filters/{held['id']}"
    fields = [*fields[:-4], ("contexts[]", "home"), ("action", "hide"), ("ends", "86400"), ("proof", proof)]
    await at_home.post(path, aiohttp.FormData(fields))
    assert "It is quiet here" in (await at_home.open("/")).text
    assert shown((await at_home.open(f"/@{bob.username}")).text) == [post["id"]]
    assert "Ends " in (await at_home.open("/settings/filters")).text
    await at_home.submit(await at_home.open(path), f"{path}/delete", {})
    page = await at_home.open("/")
    assert "It is quiet here" not in page.text
    assert shown(page.text) == [post["id"]]
    assert (await at_home.open(path)).status == 404


async def test_followed_hashtags_are_listed_and_left(at_home: Browser, api: Api, alice: Person) -> None:
    tag = f"t{alice.id}"
    await press(at_home, await at_home.open(f"/tags/{tag}"), f"/tags/{tag}/follow", "follow")
    page = await at_home.open("/tags")
    assert f"#{tag}" in page.text
    await press(at_home, page, f"/tags/{tag}/follow", "unfollow")
    assert f"#{tag}" not in (await at_home.open("/tags")).text


async def test_what_is_unread_is_told_while_a_page_is_open(
    at_home: Browser, browser: Browser, api: Api, alice: Person, bob: Person
) -> None:
    await api.follow(alice, bob)
    url = f"{at_home.server.url}/live/unread"
    async with at_home.session.get(url) as stream:
        assert await read_event(stream.content) == ("unread", "", {"notifications": "", "messages": ""})
        await api.publish(bob, f"@{alice.username} between us", visibility="direct")
        async with asyncio.timeout(PATIENCE):
            counts = {"notifications": "", "messages": ""}
            while counts != {"notifications": "1", "messages": "1"}:
                _, _, counts = await read_event(stream.content)
    async with aiohttp.ClientSession() as nobody, nobody.get(url) as refused:
        assert refused.status == 401


async def test_one_takes_ones_own_archive_along(at_home: Browser, api: Api, alice: Person, bob: Person) -> None:
    for i in range(120):
        await api.publish(alice, f"post {i} " + secrets.token_hex(200))
    other = await api.publish(bob, "not hers")
    await api.post(f"/api/v1/statuses/{other['id']}/favourite", as_=alice)
    page = await at_home.open("/settings/data")
    proof = page.form("/settings/data").fields["proof"]
    async with at_home.session.post(f"{at_home.server.url}/settings/data", data={"proof": proof}) as answer:
        assert (answer.status, answer.content_type) == (200, "application/zip")
        assert answer.headers["content-disposition"] == f'attachment; filename="{alice.username}.zip"'
        archive = zipfile.ZipFile(io.BytesIO(await answer.read()))
    assert archive.testzip() is None
    posts = json.loads(archive.read("outbox.json"))
    assert posts["totalItems"] == 120
    assert posts["orderedItems"][-1]["object"]["source"]["content"].startswith("post 119")
    assert json.loads(archive.read("likes.json"))["orderedItems"] == [
        f"{at_home.server.url}/@{bob.username}/{other['id']}"
    ]
    assert (await at_home.post("/settings/data", {"proof": "x"})).status == 403


async def test_who_follows_nobody_is_shown_what_is_said_and_whom_to_follow(
    at_home: Browser, api: Api, alice: Person, bob: Person
) -> None:
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=bob, form={"discoverable": "true"})
    post = await api.publish(bob, "hello everybody")
    page = await at_home.open("/")
    assert "It is quiet here" in page.text
    assert post["id"] in shown(page.text)
    page = await press(at_home, page, f"/people/{bob.id}/act", "follow")
    assert "It is quiet here" not in page.text
    assert shown(page.text) == [post["id"]]


async def test_somebody_is_muted_for_a_day(at_home: Browser, api: Api, alice: Person, bob: Person) -> None:
    page = await press(at_home, await at_home.open(f"/@{bob.username}"), f"/people/{bob.id}/act", "mute_day")
    assert 'value="unmute"' in page.text
    [muted] = await api.want("GET", "/api/v1/mutes", as_=alice)
    assert muted["id"] == bob.id
    assert muted["mute_expires_at"] is not None


async def test_a_post_is_filtered_from_its_menu(browser: Browser, api: Api, alice: Person, bob: Person) -> None:
    post = (await api.publish(bob, "enough of this"))["id"]
    await browser.log_in(alice.username, PASSWORD)
    path, profile = f"/posts/{post}/filter", f"/@{bob.username}"
    assert path in (await browser.open(profile)).text
    page = await browser.submit(await browser.open(path), path, {"title": "x" * 257})
    assert (page.status, await api.want("GET", "/api/v2/filters", as_=alice)) == (422, [])
    page = await browser.submit(await browser.open(path), path, {"title": "Enough"})
    assert page.path == "/settings/filters"
    assert "Filtered: Enough" in (await browser.open(profile)).text
    [held] = await api.want("GET", "/api/v2/filters", as_=alice)
    assert [one["status_id"] for one in held["statuses"]] == [post]
    page = await browser.open(path)
    assert re.search(rf'value="{held["id"]}" checked', page.text)
    await browser.submit(page, path, {"title": "More"})
    await browser.submit(await browser.open(path), path, {"filters[]": held["id"]})
    held = await api.want("GET", "/api/v2/filters", as_=alice)
    assert {one["title"]: len(one["statuses"]) for one in held} == {"Enough": 1, "More": 0}
    hidden = (await api.publish(bob, "not for her", visibility="direct"))["id"]
    assert (await browser.open(f"/posts/{hidden}/filter")).status == 404


async def test_servers_are_blocked_and_not_any_more(browser: Browser, api: Api, alice: Person) -> None:
    path = "/settings/servers"
    await browser.log_in(alice.username, PASSWORD)
    page = await browser.open(path)
    assert "None." in page.text
    wrong = await browser.submit(page, path, {"server": "no server"})
    assert (wrong.status, "not a valid domain name" in wrong.text, "no server" in wrong.text) == (422, True, True)
    page = await browser.submit(page, path, {"server": "https://Loud.Example/"})
    assert await api.want("GET", "/api/v1/domain_blocks", as_=alice) == ["loud.example"]
    assert '<b dir="ltr">loud.example</b>' in page.text
    proof = page.forms[-1].fields["proof"]
    page = await browser.post(path, {"server": "loud.example", "act": "unblock", "proof": proof})
    assert await api.want("GET", "/api/v1/domain_blocks", as_=alice) == []
