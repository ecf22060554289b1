"""The pages of the staff, and the form by which anybody tells them of an account."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.api.client import PASSWORD, Api, Person
from tests.api.staff import give, of_staff
from tests.server import PATIENCE, Server
from tests.web.browser import Browser, browsing

PAGES = ("/admin/reports", "/admin/accounts", "/admin/audit")


@pytest.fixture
async def moderator(server: Server, api: Api, browser: Browser) -> Person:
    """Somebody of the staff, who is logged in."""
    person = await of_staff(server, api, "moderator", "moderator")
    await browser.log_in(person.username, PASSWORD)
    return person


async def test_anybody_who_is_logged_in_reports(
    server: Server, browser: Browser, api: Api, alice: Person, bob: Person
) -> None:
    post = (await api.publish(bob, "buy my things"))["id"]
    await browser.log_in(alice.username, PASSWORD)
    page = await browser.open(f"/reports/new?account={bob.id}&post={post}")
    page = await browser.submit(page, "/reports/new", {"category": "spam", "comment": "He sells."})
    assert "Thank you" in page.text
    await give(server, alice, "moderator")
    page = await browser.open("/admin/reports")
    assert f"@{bob.username}" in page.text
    wrong = await browser.open(f"/reports/new?account={bob.id}")
    assert (await browser.submit(wrong, "/reports/new", {"comment": "x" * 1_001})).status == 422
    assert (await browser.open(f"/reports/new?account={post}")).status == 404


async def test_who_is_not_logged_in_is_led_to_do_so(browser: Browser, alice: Person) -> None:
    for path in (*PAGES, f"/admin/accounts/{alice.id}", f"/reports/new?account={alice.id}"):
        assert (await browser.open(path)).path == "/auth/sign_in"


async def test_nobody_without_a_role_sees_or_does_anything(
    browser: Browser, api: Api, alice: Person, bob: Person
) -> None:
    post = (await api.publish(bob, "hello"))["id"]
    report = (await api.want("POST", "/api/v1/reports", as_=alice, json={"account_id": bob.id}))["id"]
    await browser.log_in(alice.username, PASSWORD)
    proof = (await browser.open("/auth/edit")).form("/auth/defaults").fields["proof"]
    each = (f"/admin/accounts/{bob.id}", f"/admin/reports/{report}", f"/admin/posts/{post}")
    for path in ("/admin", *PAGES, *each):
        page = await browser.open(path)
        assert (path, page.status, bob.username in page.text) == (path, 403, False)
    for path, act in zip(each, ("suspend", "resolve", "take_down"), strict=True):
        assert (await browser.post(path, {"act": act, "proof": proof})).status == 403
    assert (await browser.post(each[0], {"act": "role", "role": "owner", "proof": proof})).status == 403
    assert (await api.get(f"/api/v1/statuses/{post}")).status == 200
    assert (await api.want("GET", f"/api/v1/accounts/{bob.id}"))["roles"] == []


async def test_an_account_is_found_limited_and_restored(
    browser: Browser, api: Api, moderator: Person, alice: Person
) -> None:
    path = f"/admin/accounts/{alice.id}"
    assert path in (await browser.open(f"/admin/accounts?q={alice.username}")).text
    assert path in (await browser.open(f"/admin/accounts?q={alice.username}@example.org")).text
    assert path not in (await browser.open(f"/admin/accounts?q={alice.username}&state=limited")).text
    page = await browser.open(path)
    page = await browser.submit(page, path, {"reason": "so loud"}, press="limit")
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["limited"] is True
    assert 'value="unlimit"' in page.text
    audit = await browser.open("/admin/audit")
    assert f"@{moderator.username}: limit" in audit.text
    assert "so loud" in audit.text
    await browser.submit(page, path, {}, press="unlimit")
    assert "limited" not in await api.want("GET", f"/api/v1/accounts/{alice.id}")
    page = await browser.open(path)
    assert (await browser.submit(page, path, {}, press="crown")).status == 422
    assert (await browser.post(path, {"act": "suspend", "proof": "x"})).status == 403
    assert "suspended" not in await api.want("GET", f"/api/v1/accounts/{alice.id}")


async def test_moderators_act_on_nobody_of_their_rank(
    server: Server, browser: Browser, api: Api, moderator: Person
) -> None:
    other = await of_staff(server, api, "other", "moderator")
    page = await browser.open(f"/admin/accounts/{other.id}")
    assert 'name="act"' not in page.text
    proof = page.form("/logout").fields["proof"]
    for fields in ({"act": "suspend"}, {"act": "role", "role": "admin"}):
        answer = await browser.post(f"/admin/accounts/{other.id}", {**fields, "proof": proof})
        assert answer.status == 403
    assert (await api.want("GET", f"/api/v1/accounts/{other.id}"))["roles"][0]["name"] == "Moderator"


async def test_admins_give_roles_below_their_own(server: Server, browser: Browser, api: Api, alice: Person) -> None:
    admin = await of_staff(server, api, "admin", "admin")
    await browser.log_in(admin.username, PASSWORD)
    path = f"/admin/accounts/{alice.id}"
    proof = (await browser.open(path)).form("/logout").fields["proof"]
    for role, status in (("moderator", 200), ("admin", 403), ("owner", 403), ("king", 422)):
        assert (await browser.post(path, {"act": "role", "role": role, "proof": proof})).status == status
    assert (await api.want("GET", f"/api/v1/accounts/{alice.id}"))["roles"][0]["name"] == "Moderator"


async def test_a_report_is_looked_after_and_its_post_taken_down(
    browser: Browser, api: Api, moderator: Person, alice: Person, bob: Person
) -> None:
    post = (await api.publish(bob, "buy <my> things"))["id"]
    form = {"account_id": bob.id, "status_ids": [post]}
    report = (await api.want("POST", "/api/v1/reports", as_=alice, json=form))["id"]
    path, its = f"/admin/reports/{report}", f"/admin/posts/{post}"
    page = await browser.open(path)
    assert "buy &lt;my&gt; things" in page.text
    page = await browser.submit(page, path, {}, press="assign")
    assert f"@{moderator.username}" in page.text
    taken = await browser.submit(await browser.open(its), its, {"reason": "it is spam"}, press="take_down")
    assert "it is spam" in taken.text
    assert (await api.get(f"/api/v1/statuses/{post}")).status == 404
    assert (await api.want("GET", f"/api/v1/statuses/{post}", as_=bob))["takedown"]["reason"] == "it is spam"
    await browser.submit(page, path, {}, press="resolve")
    assert path not in (await browser.open("/admin/reports")).text
    assert path in (await browser.open("/admin/reports?resolved=true")).text
    await browser.submit(taken, its, {}, press="restore")
    assert (await api.get(f"/api/v1/statuses/{post}")).status == 200


async def test_menus_lead_the_staff_to_what_it_can_do(
    server: Server, browser: Browser, api: Api, moderator: Person, alice: Person, bob: Person
) -> None:
    post = (await api.publish(bob, "hello"))["id"]
    ways = {
        f"/@{bob.username}/{post}": (f"/admin/posts/{post}", f"/admin/accounts/{bob.id}"),
        f"/@{bob.username}": (f"/admin/accounts/{bob.id}",),
        "/public": ("/admin",),
    }
    for path, links in ways.items():
        page = await browser.open(path)
        assert [link for link in links if f'href="{link}"' not in page.text] == []
    page = await browser.open("/admin/reports")
    offered = [path for path in ("/admin/audit", "/admin/settings", "/admin/health") if f'href="{path}"' in page.text]
    assert offered == ["/admin/audit"]
    async with browsing(server) as another:
        await another.log_in(alice.username, PASSWORD)
        for path in ways:
            page = await another.open(path)
            assert 'href="/admin' not in page.text
            assert path == "/public" or f"/reports/new?account={bob.id}" in page.text


async def test_open_pages_hear_that_a_post_is_taken_down(
    server: Server, session: aiohttp.ClientSession, browser: Browser, api: Api, moderator: Person, bob: Person
) -> None:
    post = (await api.publish(bob, "hello"))["id"]
    its = f"/admin/posts/{post}"
    page = await browser.open(its)
    async with session.get(f"{server.url}/live/local") as stream, asyncio.timeout(PATIENCE):
        await stream.content.readuntil(b"\n\n")  # it has begun
        await browser.submit(page, its, {}, press="take_down")
        said = b""
        while b"event: gone" not in said or post.encode() not in said:
            said = await stream.content.readuntil(b"\n\n")
