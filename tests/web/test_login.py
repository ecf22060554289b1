"""Logging in and out, signing up, changing a password: over pages that need no JavaScript."""

from __future__ import annotations

import re
import secrets
from urllib.parse import quote

import pytest

from ripstop.domain.accounts.guesses import WINDOW_SECONDS
from ripstop.engines.base import Store
from ripstop.kernel.secrets import Secrets
from ripstop.surfaces.http.networks import Networks
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.web.visitor import Visitors
from tests.api.client import PASSWORD, Api, Person, sign_up_form
from tests.periods import in_one_period
from tests.server import Server
from tests.unit.graph.worlds import graph_over
from tests.unit.http.web import FakeHeaders, FakeScope
from tests.web.browser import Browser, Page, browsing

OTHER_PASSWORD = "quite another secret"
QUARTER = WINDOW_SECONDS // 60
"""Minutes for which guesses are counted."""


def is_in(page: Page, who: Person) -> bool:
    """Whether the page is home, or that of the account, of somebody who is logged in."""
    own = re.search(r'href="/@(\w+)"[^>]* title="Your profile"', page.text)
    return page.path in ("/", "/auth/edit") and own is not None and own[1] == who.username


async def test_one_logs_in_by_name_or_address_before_and_after_the_hash(
    server: Server, api: Api, alice: Person
) -> None:
    logins = [alice.username, alice.username.upper(), f"@{alice.username}", f" {alice.username}@EXAMPLE.org "]
    for login in logins:
        async with browsing(server) as browser:
            assert is_in(await browser.log_in(login, PASSWORD), alice)
    await api.hashed()
    for login in logins:
        async with browsing(server) as browser:
            assert is_in(await browser.log_in(login, PASSWORD), alice)


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " ", "x" * 5_000, "\N{SNOWMAN}"])
async def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    browser: Browser, api: Api, alice: Person, password: str
) -> None:
    for hashed in (False, True):
        if hashed:
            await api.hashed()
        answers = []
        for login in (alice.username, f"nobody_{secrets.token_hex(4)}", "nobody@example.org", ""):
            page = await browser.log_in(login, password)
            assert page.status == 422
            assert f'value="{login}"' in page.text
            answers.append(re.sub(r'value="[^"]*"', "", page.text))
        assert len(set(answers)) == 1
        assert "do not belong together" in answers[0]
    assert "ripstop_session" not in browser.cookies


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: Browser, alice: Person) -> None:
    page = await browser.open("/auth/sign_in")
    visit = page.headers["set-cookie"]
    form = page.form("/auth/sign_in")
    fields = form.fields | {"login": alice.username, "password": PASSWORD}
    async with browser.session.post(browser.server.url + form.action, data=fields, allow_redirects=False) as answer:
        cookies = answer.headers.getall("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("ripstop_session="))
    for cookie in (visit, session):
        assert "; HttpOnly" in cookie
        assert "; SameSite=Lax" in cookie
        assert "; Path=/" in cookie
        assert "Domain" not in cookie
    assert re.search(r"ripstop_session=[\w-]{43};.* Max-Age=\d{7}", session)


async def test_over_https_cookies_are_secure_and_of_this_host_alone(store: Store) -> None:
    origin = "https://ripstop.test"
    visitors = Visitors(graph_over(store), Secrets(bytes(32)), origin=origin)
    scope = FakeScope("GET", "/", "", FakeHeaders({}))
    request = Request(scope, method="GET", path="/", args={}, origin=origin, networks=Networks())
    visitor = await visitors.meet(request)
    for _, cookie in (*visitor.cookies, *visitors.open("x" * 43), *visitors.close()):
        assert cookie.startswith(("__Host-ripstop_visit=", "__Host-ripstop_session="))
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


async def test_pages_with_forms_run_nothing_and_are_kept_nowhere(browser: Browser, alice: Person) -> None:
    pages = [await browser.open("/auth/sign_in"), await browser.open("/auth/sign_up")]
    pages += [await browser.log_in(alice.username, PASSWORD), await browser.open("/oauth/authorize?client_id=1")]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "script-src" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"
        assert not re.search(r"<script|\bon\w+=|style=", page.text)


async def test_every_field_has_a_label(browser: Browser, alice: Person) -> None:
    pages = [await browser.open("/auth/sign_in"), await browser.open("/auth/sign_up")]
    pages.append(await browser.log_in(alice.username, PASSWORD))
    for page in pages:
        shown = [one for one in re.findall(r"<input[^>]*>", page.text) if "hidden" not in one]
        assert shown
        for field in shown:
            named = re.search(r'id="([^"]+)"', field)
            assert named is not None
            assert f'<label for="{named[1]}">' in page.text
        assert len(re.findall("<h1[ >]", page.text)) == 1


async def test_a_form_of_another_site_does_nothing(server: Server, browser: Browser, alice: Person) -> None:
    credentials = {"login": alice.username, "password": PASSWORD}
    async with browsing(server) as attacker:
        stolen = (await attacker.open("/auth/sign_in")).form("/auth/sign_in").fields["proof"]
    await browser.open("/auth/sign_in")
    for proof in ("", "0" * 64, stolen, "\N{SNOWMAN}"):
        assert (await browser.post("/auth/sign_in", {**credentials, "proof": proof})).status == 403
    page = await browser.log_in(alice.username, PASSWORD)
    change = {"current": PASSWORD, "password": OTHER_PASSWORD}
    for proof in ("", stolen):
        assert (await browser.post("/auth/edit", {**change, "proof": proof})).status == 403
        assert (await browser.post("/logout", {"proof": proof})).status == 403
    assert is_in(await browser.open("/auth/edit"), alice)
    assert page.form("/auth/edit").fields["proof"] != stolen
    joining = {**sign_up_form(f"mallory_{secrets.token_hex(4)}"), "proof": stolen}
    async with browsing(server) as victim:
        assert (await victim.post("/auth/sign_up", joining)).status == 403


async def test_a_form_from_before_logging_in_is_worth_nothing_after_it(browser: Browser, alice: Person) -> None:
    before = (await browser.open("/auth/sign_in")).form("/auth/sign_in").fields["proof"]
    await browser.log_in(alice.username, PASSWORD)
    assert (await browser.post("/logout", {"proof": before})).status == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\r\nset-cookie: a=b",
        " /auth/edit",
        "/" + "a" * 9_000,
    ],
)
async def test_nobody_is_led_elsewhere(browser: Browser, alice: Person, target: str) -> None:
    page = await browser.open("/auth/sign_in?return_to=" + quote(target[:2_000]))
    fields = page.form("/auth/sign_in").fields | {"login": alice.username, "password": PASSWORD}
    page = await browser.post("/auth/sign_in", fields | {"return_to": target})
    assert not page.left_to
    assert is_in(page, alice)
    again = await browser.open("/auth/sign_in?return_to=" + quote(target[:2_000]))
    assert not again.left_to


async def test_one_comes_back_to_where_one_wanted_to_go(browser: Browser, alice: Person) -> None:
    page = await browser.open("/auth/sign_in?return_to=" + quote("/auth/edit?changed=true&x=%20y"))
    page = await browser.log_in(alice.username, PASSWORD, page=page)
    assert page.url.endswith("/auth/edit?changed=true&x=%20y")


async def test_logging_out_ends_the_session_for_whoever_kept_its_cookie(
    server: Server, browser: Browser, alice: Person
) -> None:
    page = await browser.log_in(alice.username, PASSWORD)
    kept = browser.cookies["ripstop_session"]
    page = await browser.submit(page, "/logout", {})
    assert page.path == "/"
    assert "ripstop_session" not in browser.cookies
    assert (await browser.open("/auth/edit")).path == "/auth/sign_in"
    async with browsing(server) as thief:
        thief.session.cookie_jar.update_cookies({"ripstop_session": kept})
        assert (await thief.open("/auth/edit")).path == "/auth/sign_in"


async def test_a_session_can_be_ended_from_another_and_by_nobody_else(
    server: Server, browser: Browser, api: Api, alice: Person
) -> None:
    bob = await api.person("bob")
    async with browsing(server) as elsewhere, browsing(server) as stranger:
        await elsewhere.log_in(alice.username, PASSWORD)
        page = await browser.log_in(alice.username, PASSWORD)
        action = next(form.action for form in page.forms if form.action.startswith("/auth/sessions/"))
        proof = (await stranger.log_in(bob.username, PASSWORD)).form("/logout").fields["proof"]
        assert (await stranger.post(action, {"proof": proof})).status == 404
        assert is_in(await elsewhere.open("/auth/edit"), alice)
        page = await browser.submit(page, action, {})
        assert is_in(page, alice)
        assert not [form for form in page.forms if form.action.startswith("/auth/sessions/")]
        assert (await elsewhere.open("/auth/edit")).path == "/auth/sign_in"


async def test_another_password_ends_all_other_sessions(server: Server, browser: Browser, alice: Person) -> None:
    async with browsing(server) as elsewhere:
        await elsewhere.log_in(alice.username, PASSWORD)
        page = await browser.log_in(alice.username, PASSWORD)
        for current, wanted, sentence in (
            ("wrong", OTHER_PASSWORD, "not your present password"),
            (PASSWORD, "short", "Password is too short"),
            (PASSWORD, "", "Password can&#39;t be blank"),
        ):
            page = await browser.submit(page, "/auth/edit", {"current": current, "password": wanted})
            assert page.status == 422
            assert sentence in page.text
        assert is_in(await elsewhere.open("/auth/edit"), alice)
        page = await browser.submit(page, "/auth/edit", {"current": PASSWORD, "password": OTHER_PASSWORD})
        assert is_in(page, alice)
        assert 'role="status"' in page.text
        assert (await elsewhere.open("/auth/edit")).path == "/auth/sign_in"
        assert (await elsewhere.log_in(alice.username, PASSWORD)).status == 422
        assert is_in(await elsewhere.log_in(alice.username, OTHER_PASSWORD), alice)
    assert is_in(await browser.open("/auth/edit"), alice)


async def test_guessing_is_slowed_for_the_guesser_and_not_for_the_owner(server: Server, alice: Person) -> None:
    async def guess(_: int) -> list[Page]:
        async with browsing(server) as browser:
            guesses = [await browser.log_in(alice.username, "a guess") for _ in range(10)]
            return [*guesses, await browser.log_in(alice.username, PASSWORD)]

    *guesses, page = await in_one_period(QUARTER, guess)
    assert [guess.status for guess in guesses] == [422] * 10
    assert page.status == 429
    assert 0 < int(page.headers["retry-after"]) <= 900
    assert "Too many attempts" in page.text
    async with browsing(server) as elsewhere:
        assert is_in(await elsewhere.log_in(alice.username, PASSWORD), alice)


async def test_a_network_that_guesses_is_slowed_whomever_it_guesses(server: Server, alice: Person) -> None:
    async def guess(_: int) -> list[int]:
        async with browsing(server) as browser:
            guesses = [(await browser.log_in(f"nobody{number}", "a guess")).status for number in range(51)]
            return [*guesses, (await browser.log_in(alice.username, PASSWORD)).status]

    statuses = await in_one_period(QUARTER, guess)
    assert statuses[:40] == [422] * 40
    assert statuses[50:] == [429] * 2
    async with browsing(server) as elsewhere:
        assert is_in(await elsewhere.log_in(alice.username, PASSWORD), alice)


async def test_logging_in_is_never_slowed(server: Server, alice: Person) -> None:
    async with browsing(server) as browser:
        for _ in range(12):
            page = await browser.open("/auth/sign_in?again=true")
            assert is_in(await browser.log_in(alice.username, PASSWORD, page=page), alice)


async def test_newcomers_make_an_account_and_are_in(browser: Browser, api: Api) -> None:
    username = f"Dora_{secrets.token_hex(4)}"
    page = await browser.open("/auth/sign_up?return_to=" + quote("/auth/edit?x=y"))
    fields = {"username": username, "email": f"{username}@example.org", "password": PASSWORD, "agreement": "true"}
    wrong = await browser.submit(page, "/auth/sign_up", fields | {"password": "short"})
    assert wrong.status == 422
    assert "Password is too short" in wrong.text
    assert "short" not in wrong.form("/auth/sign_up").fields["password"]
    page = await browser.submit(wrong, "/auth/sign_up", fields)
    assert page.url.endswith("/auth/edit?x=y")
    assert f"@{username}@" in page.text
    assert (await api.want("GET", f"/api/v1/accounts/lookup?acct={username}"))["username"] == username
    again = await browser.open("/auth/sign_up")
    assert again.path == "/"


async def test_a_taken_name_and_a_missing_consent_are_told(browser: Browser, alice: Person) -> None:
    page = await browser.open("/auth/sign_up")
    fields = {"username": alice.username, "email": f"{secrets.token_hex(4)}@example.org", "password": PASSWORD}
    page = await browser.submit(page, "/auth/sign_up", fields)
    assert "Agreement must be accepted" in page.text
    page = await browser.submit(page, "/auth/sign_up", fields | {"agreement": "true"})
    assert page.status == 422
    assert "Username has already been taken" in page.text


async def test_what_somebody_types_is_never_markup(browser: Browser) -> None:
    evil = '"><script>alert(1)</script>'
    page = await browser.log_in(evil, "x")
    assert "<script" not in page.text
    page = await browser.open("/auth/sign_in?return_to=" + quote("/" + evil))
    assert "<script" not in page.text


async def test_login_is_known_by_its_short_name_too(browser: Browser, alice: Person) -> None:
    page = await browser.open("/login")
    assert is_in(await browser.log_in(alice.username, PASSWORD, page=page), alice)


async def test_a_password_manager_finds_where_to_change_a_password(browser: Browser) -> None:
    page = await browser.open("/.well-known/change-password")
    assert page.path == "/auth/sign_in"
    assert "return_to=%2Fauth%2Fedit" in page.url
