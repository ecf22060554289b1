"""What people do in the app without JavaScript: read, write, answer, act, and come back to where they were."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.api.client import PASSWORD, Api, Person
from tests.pictures import encoded, quarters
from tests.server import Server
from tests.web.browser import Browser, Page, browsing
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


async def press(browser: Browser, page: Page, action: str, act: str) -> Page:
    """Press a button of a form, by what it does."""
    proof = page.form(action).fields["proof"]
    return await browser.post(action, {"act": act, "proof": proof})


async def test_home_has_whom_one_follows_and_the_way_to_what_is_older(
    at_home: Browser, api: Api, alice: Person, bob: Person
) -> None:
    assert "It is quiet here" in (await at_home.open("/")).text
    await api.post(f"/api/v1/accounts/{bob.id}/follow", as_=alice)
    posts = [(await api.publish(bob, f"post {i}"))["id"] for i in range(25)]
    page = await at_home.open("/")
    assert shown(page.text) == posts[:4:-1]
    older = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert older is not None
    assert shown((await at_home.open(older[1])).text) == posts[4::-1]
    assert (await at_home.open("/home")).headers["cache-control"] == "private, no-cache"


async def test_one_writes_a_post_and_an_answer_and_a_quote(
    at_home: Browser, of_bob: Browser, api: Api, alice: Person, bob: Person
) -> None:
    page = await at_home.open("/compose")
    fields = {"text": "hello & <good> morning", "warning": "weather", "visibility": "unlisted", "language": "en"}
    page = await at_home.submit(page, "/compose", fields)
    [id_] = shown(page.text)
    assert page.path == f"/@{alice.username}/{id_}"
    assert "hello &amp; &lt;good&gt; morning" in page.text
    post = await api.want("GET", f"/api/v1/statuses/{id_}", as_=alice)
    assert (post["visibility"], post["spoiler_text"], post["language"]) == ("unlisted", "weather", "en")
    page = await of_bob.open(f"/compose?reply_to={id_}")
    assert page.form("/compose").fields["visibility"] == "unlisted"
    assert page.form("/compose").fields["warning"] == "weather"
    page = await of_bob.submit(page, "/compose", {"text": f"@{alice.username} good indeed"})
    assert shown(page.text)[0] == id_
    assert len(shown(page.text)) == 2
    public = await api.publish(alice, "quote me")
    page = await of_bob.submit(await of_bob.open(f"/compose?quote={public['id']}"), "/compose", {"text": "look"})
    [quoting] = shown(page.text)
    assert (await api.want("GET", f"/api/v1/statuses/{quoting}"))["quote"]["quoted_status"]["id"] == public["id"]


async def test_what_is_wrong_is_said_in_the_form_with_what_was_typed(at_home: Browser, alice: Person) -> None:
    page = await at_home.open("/compose")
    text = "too long " * 80
    page = await at_home.submit(page, "/compose", {"text": text, "warning": "kept", "language": "no language"})
    assert page.status == 422
    assert "Language is not a supported value" in page.text
    assert page.form("/compose").fields["text"].strip() == text.strip()
    page = await at_home.submit(page, "/compose", {"language": "en"})
    assert "character limit of 500 exceeded" in page.text
    assert page.form("/compose").fields["warning"] == "kept"
    assert shown((await at_home.open(f"/@{alice.username}")).text) == []


async def test_what_was_typed_outlives_what_it_answers(at_home: Browser, api: Api, alice: Person, bob: Person) -> None:
    root = await api.publish(bob, "soon gone")
    answer = await api.publish(alice, "as it was", in_reply_to_id=root["id"])
    page = await at_home.open(f"/compose?reply_to={root['id']}")
    anew = await at_home.open(f"/posts/{answer['id']}/redraft")
    await api.want("DELETE", f"/api/v1/statuses/{root['id']}", as_=bob)
    lost = page
    for form, text in ((page, "a long answer"), (anew, "as it should be")):
        lost = await at_home.submit(form, "/compose", {"text": text})
        assert lost.status == 404
        assert "not there any more" in lost.text
        fields = lost.form("/compose").fields
        assert (fields["text"].strip(), "reply_to" in fields) == (text, False)
        assert "as it was" in (await at_home.open(f"/@{alice.username}/{answer['id']}")).text
    page = await at_home.submit(lost, "/compose", {"text": "as it should be"})
    assert "as it should be" in page.text
    assert (await api.get(f"/api/v1/statuses/{answer['id']}", as_=alice)).status == 404


async def test_a_form_that_is_sent_twice_publishes_once(at_home: Browser, alice: Person) -> None:
    page = await at_home.open("/compose")
    first = await at_home.submit(page, "/compose", {"text": "once"})
    second = await at_home.submit(page, "/compose", {"text": "once"})
    assert first.path == second.path
    assert len(shown((await at_home.open(f"/@{alice.username}")).text)) == 1


async def test_pictures_are_taken_described_and_left_out(at_home: Browser, api: Api, alice: Person) -> None:
    page = await at_home.open("/compose")
    data = aiohttp.FormData()
    for name, value in (page.form("/compose").fields | {"text": "look", "act": "attach"}).items():
        if name != "pictures[]" and page.form("/compose").types[name] != "checkbox":
            data.add_field(name, value)
    for size in (40, 60):
        picture = encoded(quarters(size, 40), "PNG")
        data.add_field("pictures[]", picture, filename="a.png", content_type="image/png")
    page = await at_home.post("/compose", data)
    assert page.status == 200, page.text
    held = re.findall(r'name="media\[\]" value="(\d+)"', page.text)
    assert len(held) == 2
    form = page.form("/compose")
    fields = [(name, form.fields[name]) for name in ("proof", "key", "visibility", "replies", "quotes")]
    fields += [("text", "look"), ("act", "post"), ("drop[]", held[1])]
    fields += [("media[]", id_) for id_ in held] + [("alts[]", "four colours"), ("alts[]", "")]
    data = aiohttp.FormData(fields)
    page = await at_home.post("/compose", data)
    [id_] = shown(page.text)
    [attached] = (await api.want("GET", f"/api/v1/statuses/{id_}", as_=alice))["media_attachments"]
    assert (attached["id"], attached["description"]) == (held[0], "four colours")
    assert 'alt="four colours"' in page.text


async def test_buttons_of_a_post_act_and_lead_back(at_home: Browser, api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(bob, "like me")
    path, action = f"/@{bob.username}/{post['id']}", f"/posts/{post['id']}/act"
    page = await at_home.open(path)
    for act, field in (("like", "favourited"), ("repost", "reblogged"), ("bookmark", "bookmarked")):
        page = await press(at_home, page, action, act)
        assert page.path == path
        assert f'value="un{act}"' in page.text
        assert (await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=alice))[field] is True
    assert shown((await at_home.open("/bookmarks")).text) == [post["id"]]
    assert shown((await at_home.open("/favourites")).text) == [post["id"]]
    for act in ("unlike", "unrepost", "unbookmark"):
        page = await press(at_home, await at_home.open(path), action, act)
    assert 'aria-pressed="true"' not in page.text
    assert (await at_home.post(action, {"act": "like", "proof": "x"})).status == 403
    page = await press(at_home, page, action, "nonsense")
    assert page.status == 400
    assert 'title="Your profile"' in page.text


async def test_one_edits_and_deletes_ones_own_posts_alone(
    at_home: Browser, api: Api, alice: Person, bob: Person
) -> None:
    post, other = await api.publish(alice, "as it was"), await api.publish(bob, "not yours")
    page = await at_home.open(f"/posts/{post['id']}/edit")
    assert page.form(f"/posts/{post['id']}/edit").fields["text"] == "as it was"
    page = await at_home.submit(page, f"/posts/{post['id']}/edit", {"text": "as it is"})
    assert "as it is" in page.text
    for verb in ("edit", "delete"):
        assert (await at_home.open(f"/posts/{other['id']}/{verb}")).status == 404
    page = await at_home.open(f"/posts/{post['id']}/delete")
    page = await at_home.submit(page, f"/posts/{post['id']}/delete", {})
    assert page.path == f"/@{alice.username}"
    assert (await api.get(f"/api/v1/statuses/{post['id']}")).status == 404


async def test_people_follow_ask_accept_mute_and_block(
    at_home: Browser, of_bob: Browser, api: Api, alice: Person, bob: Person
) -> None:
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=bob, form={"locked": "true"})
    action, path = f"/people/{bob.id}/act", f"/@{bob.username}"
    page = await press(at_home, await at_home.open(path), action, "follow")
    assert "Requested" in page.text
    await api.drained()
    page = await of_bob.open("/notifications")
    assert "asks to follow you" in page.text
    page = await press(of_bob, page, f"/people/{alice.id}/act", "accept")
    assert page.path == "/notifications"
    page = await at_home.open(path)
    assert "Following</button>" in page.text
    await at_home.post(f"/people/{bob.id}/note", {"text": "met at sea", "proof": page.form(action).fields["proof"]})
    assert "met at sea" in (await at_home.open(path)).text
    assert "met at sea" not in (await of_bob.open(path)).text
    await press(at_home, page, action, "mute")
    assert bob.username in (await at_home.open("/settings/mutes")).text
    page = await press(at_home, await at_home.open(path), action, "block")
    assert "Unblock" in page.text
    page = await at_home.open("/settings/blocks")
    page = await press(at_home, page, action, "unblock")
    assert bob.username not in page.text


async def test_notifications_are_told_together_and_read_by_being_seen(
    at_home: Browser, api: Api, alice: Person, bob: Person
) -> None:
    post = await api.publish(alice, "like me")
    await api.post(f"/api/v1/statuses/{post['id']}/favourite", as_=bob)
    await api.publish(bob, f"@{alice.username} hello")
    await api.drained()
    assert 'data-unread="notifications"><span class="number">2<' in (await at_home.open("/")).text
    page = await at_home.open("/notifications")
    assert "liked your post" in page.text
    assert "mentioned you" in page.text
    assert page.text.count('<li class="new') == 2
    page = await at_home.open("/notifications")
    assert '<li class="new' not in page.text
    assert 'data-unread="notifications" hidden' in page.text


async def test_search_finds_people_hashtags_and_posts(at_home: Browser, api: Api, bob: Person) -> None:
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=bob, form={"indexable": "true"})
    word = f"w{bob.id}"
    post = await api.publish(bob, f"about {word} #{word}x")
    await api.drained()
    page = await at_home.open(f"/search?q={bob.username}")
    assert f'href="/@{bob.username}"' in page.text
    assert f'href="/tags/{word}x"' in (await at_home.open(f"/search?q={word}")).text
    assert shown((await at_home.open(f"/search?q={word}")).text) == [post["id"]]
    assert "Nothing was found" in (await at_home.open("/search?q=zzzz<b>")).text
    assert "zzzz&lt;b&gt;" in (await at_home.open("/search?q=zzzz<b>")).text


async def test_a_list_is_made_filled_read_and_deleted(at_home: Browser, api: Api, alice: Person, bob: Person) -> None:
    await api.post(f"/api/v1/accounts/{bob.id}/follow", as_=alice)
    post = await api.publish(bob, "for the list")
    page = await at_home.submit(await at_home.open("/lists"), "/lists", {"title": "Sailors & co"})
    assert "Sailors &amp; co" in page.text
    path = page.path
    page = await at_home.open(f"/people/{bob.id}/lists")
    await at_home.submit(page, f"/people/{bob.id}/lists", {"lists[]": path.rpartition("/")[2]})
    assert shown((await at_home.open(path)).text) == [post["id"]]
    page = await at_home.open(f"{path}/edit")
    assert bob.username in page.text
    page = await at_home.submit(page, f"{path}/edit", {"title": " "})
    assert "Title can&#39;t be blank" in page.text
    page = await at_home.submit(await at_home.open(f"{path}/edit"), f"{path}/delete", {})
    assert page.path == "/lists"
    assert (await at_home.open(path)).status == 404


async def test_settings_change_the_profile_and_who_may_know_of_it(at_home: Browser, api: Api, alice: Person) -> None:
    page = await at_home.open("/settings/profile")
    data = aiohttp.FormData({"display_name": "Alice <3", "note": "hi", "proof": page.forms[-1].fields["proof"]})
    for name, value in (("Home", "https://example.org"), ("", ""), ("Boat", "yes")):
        data.add_field("names[]", name)
        data.add_field("values[]", value)
    picture = encoded(quarters(40, 40), "PNG")
    data.add_field("avatar", picture, filename="a.png", content_type="image/png")
    page = await at_home.post("/settings/profile", data)
    assert "Saved." in page.text
    own = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice)
    assert (own["display_name"], [field["name"] for field in own["fields"]]) == ("Alice <3", ["Home", "Boat"])
    assert "/media/" in own["avatar"]
    await at_home.submit(page, "/settings/profile", {"no_avatar": "true"})
    own = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice)
    assert "missing" in own["avatar"]
    page = await at_home.open("/settings/privacy")
    page = await at_home.submit(page, "/settings/privacy", {"locked": "true", "indexable": "true"})
    own = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice)
    assert (own["locked"], own["indexable"], own["discoverable"]) == (True, True, False)


async def test_a_profile_has_posts_replies_media_followers_and_a_pin(
    at_home: Browser, api: Api, alice: Person, bob: Person
) -> None:
    root = await api.publish(bob, "root")
    answer = await api.publish(alice, "an answer", in_reply_to_id=root["id"])
    post, pinned = await api.publish(alice, "post"), await api.publish(alice, "pinned")
    await api.post(f"/api/v1/accounts/{bob.id}/follow", as_=alice)
    path = f"/@{alice.username}"
    page = await at_home.open(path)
    await press(at_home, page, f"/posts/{pinned['id']}/act", "pin")
    assert shown((await at_home.open(path)).text) == [pinned["id"], post["id"]]
    assert shown((await at_home.open(f"{path}/replies")).text) == [pinned["id"], post["id"], answer["id"]]
    assert shown((await at_home.open(f"{path}/media")).text) == []
    assert bob.username in (await at_home.open(f"{path}/following")).text
    await api.post(f"/api/v1/accounts/{bob.id}/mute", as_=alice)
    assert bob.username in (await at_home.open(f"{path}/following")).text  # one's own list is whole
    assert alice.username in (await at_home.open(f"/@{bob.username}/followers")).text


async def test_a_hashtag_is_followed(at_home: Browser, api: Api, alice: Person, bob: Person) -> None:
    tag = f"t{bob.id}"
    post = await api.publish(bob, f"#{tag}")
    page = await press(at_home, await at_home.open(f"/tags/{tag}"), f"/tags/{tag}/follow", "follow")
    assert page.path == f"/tags/{tag}"
    assert "Following</button>" in page.text
    assert shown((await at_home.open("/")).text) == [post["id"]]
    await press(at_home, await at_home.open(f"/tags/{tag}"), f"/tags/{tag}/follow", "unfollow")
    page = await press(at_home, await at_home.open(f"/tags/{tag}"), f"/tags/{tag}/follow", "nonsense")
    assert page.status == 400
    assert "Following</button>" not in (await at_home.open(f"/tags/{tag}")).text


async def test_what_is_for_those_who_are_logged_in_leads_to_the_login_and_back(
    browser: Browser, api: Api, alice: Person
) -> None:
    post = await api.publish(alice, "for followers", visibility="private")
    paths = ("/home", "/compose", "/notifications", "/lists", "/bookmarks", "/settings/profile")
    for path in paths:
        page = await browser.open(path)
        assert page.path == "/auth/sign_in"
    page = await browser.log_in(alice.username, PASSWORD, page=page)
    assert page.path == "/settings/profile"
    assert shown((await browser.open(f"/@{alice.username}")).text) == [post["id"]]
    async with browsing(browser.server) as other:
        assert shown((await other.open(f"/@{alice.username}")).text) == []


async def test_a_script_is_told_in_json(at_home: Browser, api: Api, bob: Person) -> None:
    post = await api.publish(bob, "like me")
    page = await at_home.open(f"/@{bob.username}/{post['id']}")
    url, proof = f"{at_home.server.url}/posts/{post['id']}/act", page.forms[-1].fields["proof"]
    for given, status in ((proof, 200), ("x", 403)):
        fields, headers = {"act": "like", "proof": given}, {"accept": "application/json"}
        async with at_home.session.post(url, data=fields, headers=headers, allow_redirects=False) as answer:
            assert answer.status == status
            assert ("error" in await answer.json()) is (status == 403)
