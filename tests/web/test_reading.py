"""Profiles, posts and hashtags as pages: where our own links lead, and what they do not show."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

from tests.api.client import Api, Person
from tests.web.browser import ANEW


def shown(page: str) -> list[str]:
    """The ids of the posts on a page."""
    return re.findall(r'id="post-(\d+)"', page)


async def read(api: Api, url: str) -> str:
    """The page behind one of our links."""
    answer = await api.get(urlsplit(url).path, headers=ANEW)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.body.decode()


async def test_a_profile_shows_what_was_posted_to_everybody(api: Api, alice: Person) -> None:
    form = {"display_name": "Alice & Co", "note": "<i> #hi", "fields_attributes[0][name]": "Home"}
    form["fields_attributes[0][value]"] = "https://example.org"
    account = await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=form)
    posts = [(await api.publish(alice, f"post {i}"))["id"] for i in range(22)]
    for visibility in ("unlisted", "private", "direct"):
        await api.publish(alice, "not for all", visibility=visibility)
    page = await read(api, account["url"])
    assert shown(page) == posts[:1:-1]
    assert '<h1 dir="auto">Alice &amp; Co</h1>' in page
    assert "&lt;i&gt;" in page
    assert 'href="https://example.org"' in page
    assert f'<link rel="canonical" href="{account["url"]}">' in page
    older = re.search(r'rel="next" href="(/@\w+\?max_id=\d+)"', page)
    assert older is not None
    rest = (await api.get(older[1])).body.decode()
    assert shown(rest) == posts[1::-1]
    assert (await api.get(f"/@{alice.username.upper()}")).status == 200


async def test_a_post_stands_in_its_thread(api: Api, alice: Person, bob: Person) -> None:
    root = await api.publish(alice, "root")
    first = await api.publish(bob, "first", in_reply_to_id=root["id"])
    second = await api.publish(alice, "second", in_reply_to_id=first["id"])
    await api.publish(alice, "for nobody else", in_reply_to_id=first["id"], visibility="private")
    page = await read(api, first["url"])
    assert shown(page) == [root["id"], first["id"], second["id"]]
    assert f'class="post chosen" id="post-{first["id"]}"' in page
    assert f'<link rel="canonical" href="{first["url"]}">' in page
    assert f'href="/@{bob.username}/{first["id"]}"' in page


async def test_what_is_not_for_everybody_is_not_found(api: Api, alice: Person, bob: Person) -> None:
    posts = {v: await api.publish(alice, "x", visibility=v) for v in ("public", "unlisted", "private", "direct")}
    answers = {v: await api.get(urlsplit(post["url"]).path) for v, post in posts.items()}
    statuses = [answer.status for answer in answers.values()]
    assert statuses == [200, 200, 404, 404]
    assert b"noindex" in answers["unlisted"].body
    assert answers["private"].headers["content-type"] == "text/html; charset=utf-8"
    repost = await api.want("POST", f"/api/v1/statuses/{posts['public']['id']}/reblog", as_=bob)
    for path in (
        f"/@{bob.username}/{posts['public']['id']}",
        f"/@{bob.username}/{repost['id']}",
        f"/@{alice.username}/17",
        f"/@{alice.username}/x",
        "/@nobody_here",
        "/tags/not%20one",
    ):
        assert (await api.get(path)).status == 404, path


async def test_only_who_wishes_it_is_offered_to_search_engines(api: Api, alice: Person) -> None:
    post = await api.publish(alice, "find me")
    for wish in (False, True):
        form = {"indexable": str(wish).lower()}
        await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=form)
        for url in (post["url"], f"/@{alice.username}"):
            assert ("noindex" in await read(api, url)) is not wish


async def test_a_hashtag_has_a_page_and_pages_have_tags(api: Api, alice: Person) -> None:
    tag = f"T{secrets.token_hex(6)}"
    post = await api.publish(alice, f"about #{tag}")
    await api.publish(alice, f"quietly about #{tag}", visibility="unlisted")
    [entity] = post["tags"]
    [link] = re.findall(r'href="([^"]+/tags/[^"]+)"', post["content"])
    assert link == entity["url"]
    assert shown(await read(api, link)) == [post["id"]]
    for path in (f"/tags/{tag}", f"/@{alice.username}", f"/@{alice.username}/{post['id']}"):
        etag = (await api.get(path)).headers["etag"]
        assert (await api.get(path, headers={"if-none-match": etag})).status == 304


async def test_a_quote_stands_in_the_post_that_quotes(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "said <b>", spoiler_text="careful")
    quoting = await api.publish(bob, "look", quoted_status_id=post["id"])
    again = await api.publish(alice, "once more", quoted_status_id=quoting["id"])
    page = await read(api, quoting["url"])
    assert shown(page) == [quoting["id"]]
    [quoted] = re.findall(r'<blockquote class="quoted" cite="([^"]+)">', page)
    assert quoted == urlsplit(post["url"]).path
    assert page.index("look") < page.index("<blockquote") < page.index("careful") < page.index("said &lt;b&gt;")
    nested = await read(api, again["url"])
    assert "look" in nested
    assert "said" not in nested
    await api.delete(f"/api/v1/statuses/{post['id']}", as_=alice)
    page = await read(api, quoting["url"])
    assert "said" not in page
    assert "What this post quotes cannot be shown." in page
