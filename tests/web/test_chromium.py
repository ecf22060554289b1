"""The app in a real browser, on a phone and a desktop: live, in place, and fit for everybody."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.api.client import PASSWORD, Api, Person
from tests.api.staff import give
from tests.pictures import encoded, quarters
from tests.server import Server
from tests.web.chromium import Chromium, Tab, chromium, connected

pytestmark = pytest.mark.parametrize("server", ["sqlite"], indirect=True)
"""What a browser shows does not depend on the engine."""

AXE = Path(sys.prefix) / "node" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@pytest.fixture(scope="module")
def program() -> Iterator[str]:
    """One browser for all of these tests: each of its tabs is somebody new."""
    with chromium() as address:
        yield address


@pytest.fixture
async def chrome(program: str) -> AsyncIterator[Chromium]:
    async with connected(program) as browser:
        yield browser


async def click(tab: Tab, selector: str) -> None:
    """Click on something that leads nowhere."""
    await tab.ask(f"document.querySelector({json.dumps(selector)}).click()")


async def faults(tab: Tab) -> list[str]:
    """What axe finds wrong with the page, a line for each rule."""
    await tab.ask(AXE.read_text())
    found = await tab.ask(f"axe.run(document, {{runOnly: {RULES}}}).then((found) => JSON.stringify(found.violations))")
    return [f"{one['id']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in json.loads(found)]


async def test_buttons_act_in_place_and_are_undone_where_the_server_refuses(
    chrome: Chromium, server: Server, api: Api, alice: Person, bob: Person
) -> None:
    post = await api.publish(bob, "like me")
    async with chrome.tab() as tab:
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(f"{server.url}/@{bob.username}")
        like = f"#post-{post['id']} .act.like"
        await click(tab, like)
        look = f"document.querySelector('{like}')"
        await tab.until(f"{look}.getAttribute('aria-pressed') === 'true' && !{look}.dataset.busy")
        assert await tab.ask(f"{look}.querySelector('.count').textContent") == "1"
        assert (await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=alice))["favourited"] is True
        await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=bob)
        bookmark = f"document.querySelector('#post-{post['id']} .act.bookmark')"
        # In one go, since the word that says it stays for some seconds only.
        await tab.until("document.querySelector('.toast.wrong')", after=f"{bookmark}.click()")
        assert await tab.ask(f"{bookmark}.getAttribute('aria-pressed')") == "false"
        assert await tab.ask("location.pathname") == f"/@{bob.username}"


async def test_people_are_followed_in_place(
    chrome: Chromium, server: Server, api: Api, alice: Person, bob: Person
) -> None:
    async with chrome.tab() as tab:
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(f"{server.url}/@{bob.username}")
        await tab.ask("window.stays = true")
        for act, after in (("follow", "unfollow"), ("unfollow", "follow"), ("block", "unblock")):
            await click(tab, f".between button[value={act}]")
            await tab.until(f"document.querySelector('.between > button.wide[value={after}]:not(:disabled)')")
        assert await tab.ask("window.stays") is True
        await tab.open(f"{server.url}/settings/blocks")
        await click(tab, "button[value=unblock]")
        await tab.until("document.querySelector('li.person') === null")


async def test_writing_counts_as_the_server_does_and_takes_pictures_in_place(
    chrome: Chromium, server: Server, api: Api, alice: Person, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(quarters(40, 40), "PNG"))
    async with chrome.tab(phone=True) as tab:
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(f"{server.url}/compose")
        assert await tab.ask("document.querySelector('button[value=post]').disabled") is True
        await tab.type("#text", "👩‍👩‍👧‍👦 @dan@remote.example https://example.org/" + "a" * 90)
        assert await tab.ask("document.querySelector('.counted').textContent") == str(500 - 1 - 1 - 4 - 1 - 23)
        await tab.give("input[type=file]", file)
        await tab.until("document.querySelector('.attached figure')")
        assert await tab.ask("document.activeElement.name") == "alts[]"
        await tab.type("[name='alts[]']", "four colours")
        await tab.leads_on("document.querySelector('button[value=post]').click()")
        assert await tab.ask("document.querySelector('.pictures img').alt") == "four colours"
        assert tab.look_for_problems() == []


async def test_new_posts_are_announced_and_shown_when_asked_for(
    chrome: Chromium, server: Server, api: Api, alice: Person, bob: Person
) -> None:
    await api.post(f"/api/v1/accounts/{bob.id}/follow", as_=alice)
    mine = await api.publish(alice, "mine")
    before = await api.publish(bob, "before")
    async with chrome.tab() as everybody, chrome.tab() as tab:
        await everybody.open(f"{server.url}/public")
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(server.url + "/")
        await tab.until(f"document.getElementById('post-{before['id']}')")
        posts = [await api.publish(bob, f"news {i}") for i in range(2)]
        await everybody.until(f"document.getElementById('post-{posts[1]['id']}')")
        await tab.until("document.querySelector('.fresh').textContent === '2 new posts'")
        await click(tab, ".fresh")
        for post in posts:
            await tab.until(f"document.querySelector('#post-{post['id']} .act.like')")
        await api.post(f"/api/v1/statuses/{mine['id']}/favourite", as_=bob)
        await tab.until("document.querySelector('.badge:not([hidden]) .number')?.textContent === '1'")
        await api.want("DELETE", f"/api/v1/statuses/{posts[1]['id']}", as_=bob)
        await everybody.until(f"!document.getElementById('post-{posts[1]['id']}')")


async def test_what_a_live_page_lets_go_of_comes_again(chrome: Chromium, server: Server, api: Api, bob: Person) -> None:
    """A page that grew to its bound is shortened, and what is older begins where it ends now."""
    for i in range(21):
        await api.publish(bob, f"before {i}")
    async with chrome.tab() as tab:
        await tab.call("Emulation.setDeviceMetricsOverride", width=800, height=200, deviceScaleFactor=1, mobile=False)
        await tab.open(f"{server.url}/public")
        await tab.ask(
            "(() => { const feed = document.querySelector('.feed'); window.IntersectionObserver = null;"
            " for (let i = 0; feed.children.length < 200; i += 1) { const post = feed.lastElementChild.cloneNode(true);"
            " post.id = `post-${i}`; post.dataset.place = String(1000 - i); feed.append(post); } })()"
        )
        post = await api.publish(bob, "news")
        await tab.until(f"document.getElementById('post-{post['id']}')")
        assert await tab.ask("document.querySelectorAll('.feed > article').length") == 200
        last = await tab.ask("document.querySelector('.feed').lastElementChild.dataset.place")
        assert await tab.ask("document.querySelector('.pages a').getAttribute('href')") == (
            f"{server.url}/public?max_id={last}"
        )


async def test_more_news_than_fit_a_page_leave_no_gap(
    chrome: Chromium, server: Server, api: Api, alice: Person, bob: Person
) -> None:
    await api.post(f"/api/v1/accounts/{bob.id}/follow", as_=alice)
    await api.publish(bob, "before")
    async with chrome.tab() as tab:
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(server.url + "/")
        posts = [(await api.publish(bob, "news"))["id"]]
        await tab.until("document.querySelector('.fresh').textContent === '1 new post'")
        # Now it listens; of what was said before, no more than some are made up for.
        posts += [(await api.publish(bob, f"news {i}"))["id"] for i in range(44)]
        await tab.until("document.querySelector('.fresh').textContent === '45 new posts'")
        await tab.leads_on("document.querySelector('.fresh').click()")
        stand = "[...document.querySelectorAll('article')].map((post) => post.dataset.place).join()"
        assert str(await tab.ask(stand)).startswith(",".join(posts[:-21:-1]))


async def test_what_somebody_read_is_put_back_for_nobody_else(
    chrome: Chromium, server: Server, api: Api, alice: Person
) -> None:
    for i in range(25):
        await api.publish(alice, f"for me {i}", visibility="private")
    async with chrome.tab() as tab:
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(f"{server.url}/@{alice.username}")
        await tab.until("document.querySelectorAll('article').length > 0")
        await tab.leads_on("document.querySelector(\"form[action='/logout']\").submit()")
        await tab.leads_on("history.back()")
        assert await tab.ask("location.pathname") == f"/@{alice.username}"
        assert await tab.ask("document.querySelectorAll('article').length") == 0


async def test_older_posts_come_by_themselves_and_the_way_back_leads_to_where_one_was(
    chrome: Chromium, server: Server, api: Api, bob: Person
) -> None:
    posts = [(await api.publish(bob, f"post {i}"))["id"] for i in range(45)]
    async with chrome.tab(phone=True) as tab:
        await tab.open(f"{server.url}/@{bob.username}")
        for id_ in (posts[20], posts[0]):
            await tab.ask("window.scrollTo(0, document.body.scrollHeight)")
            await tab.until(f"document.getElementById('post-{id_}')")
        await tab.ask(f"document.getElementById('post-{posts[10]}').scrollIntoView()")
        was = await tab.ask("Math.round(scrollY)")
        await tab.leads_on(f"document.querySelector('#post-{posts[10]} .when').click()")
        await tab.ask("history.back()")
        await tab.until(f"document.getElementById('post-{posts[0]}')")
        await tab.until(f"Math.abs(scrollY - {was}) < 50")


async def test_a_keyboard_is_enough(chrome: Chromium, server: Server, api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(bob, "like me")
    async with chrome.tab() as tab:
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(f"{server.url}/@{bob.username}")
        await tab.press("Tab")
        assert await tab.ask("document.activeElement.className") == "skip"
        await tab.press("j")
        assert await tab.ask("document.activeElement.id") == f"post-{post['id']}"
        await tab.press("l")
        await tab.until("document.querySelector('.act.like[aria-pressed=true]:not([data-busy])')")
        await click(tab, ".post .menu summary")
        await tab.press("Escape")
        assert await tab.ask("document.querySelector('details.menu[open]')") is None


async def test_without_scripts_all_is_there(chrome: Chromium, server: Server, api: Api, alice: Person) -> None:
    async with chrome.tab(scripts=False) as tab:
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(f"{server.url}/compose")
        await tab.type("#text", "said without a script")
        await tab.leads_on("document.querySelector('button[value=post]').click()")
        await tab.leads_on("document.querySelector('.act.like').click()")
        assert await tab.ask("document.querySelector('.act.like').getAttribute('aria-pressed')") == "true"


@pytest.mark.parametrize(("phone", "dark"), [(True, False), (False, True)], ids=["phone-light", "desktop-dark"])
async def test_pages_are_accessible_and_fit_the_window(
    chrome: Chromium, server: Server, api: Api, alice: Person, bob: Person, phone: bool, dark: bool
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed; `make test` does it where npm can")
    post = await api.publish(bob, f"@{alice.username} hello #here https://example.org/a/rather/long/address/indeed")
    quoting = await api.publish(alice, "look", quoted_status_id=post["id"], spoiler_text="careful")
    await api.post(f"/api/v1/statuses/{quoting['id']}/favourite", as_=bob)
    await api.edit(alice, quoting["id"], "look again", spoiler_text="careful")
    await api.publish(bob, f"@{alice.username} between us", visibility="direct")
    await api.drained()
    everybody = ["/", "/auth/sign_in", "/auth/sign_up", f"/@{bob.username}", "/@nobody_at_all", "/offline"]
    own = ["/", "/public", f"/@{bob.username}", f"/@{bob.username}/{post['id']}", f"/compose?quote={post['id']}"]
    own += ["/notifications", f"/search?q={bob.username}", "/lists", "/bookmarks", "/tags/here"]
    own += ["/settings/profile", "/settings/privacy", "/auth/edit", "/settings/blocks"]
    around = f"/@{alice.username}/{quoting['id']}"
    own += [around, f"{around}/likes", f"{around}/history", f"/@{bob.username}/{post['id']}/quotes"]
    own += [f"/posts/{quoting['id']}/redraft", "/messages", "/settings/filters/new", "/settings/data"]
    own += ["/settings/servers", f"/posts/{quoting['id']}/filter"]
    await give(server, alice, "owner")
    own += ["/about", f"/reports/new?account={bob.id}", "/admin/reports", f"/admin/accounts/{bob.id}", "/admin/health"]
    own += ["/admin/settings", "/admin/functions", "/admin/functions/media.sweep", f"/admin/posts/{post['id']}"]
    async with chrome.tab(phone=phone, dark=dark) as tab:
        for paths in (everybody, own):
            if paths is own:
                await tab.log_in(server.url, alice.username, PASSWORD)
            for path in paths:
                await tab.open(server.url + path)
                assert await faults(tab) == [], path
                assert await tab.ask("document.documentElement.scrollWidth <= innerWidth"), path
        problems = [problem for problem in tab.look_for_problems() if "404 (Not Found)" not in problem]
        assert problems == []
