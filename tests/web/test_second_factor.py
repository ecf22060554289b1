"""An authenticator app, from its settings to logging in with it: over pages that need no JavaScript."""

from __future__ import annotations

import base64
import re
import time

import pytest

from ripstop.domain.security.codes import STEP_SECONDS, code_at
from tests.api.client import PASSWORD, Api, Person
from tests.api.staff import of_staff
from tests.server import Server
from tests.web.browser import Browser, Page, browsing

SECURITY = "/settings/security"
APP = "/settings/security/app"
CODE = "/auth/second_factor"
REMOVAL = "remove_second_factors"

pytestmark = pytest.mark.parametrize("server", ["sqlite"], indirect=True)
"""What holds of second factors on each engine stands in tests/domain."""


def key_of(page: Page) -> bytes:
    """The key that a page shows as text."""
    found = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page.text)
    assert found, page.text
    return base64.b32decode(found[1].replace(" ", ""))


def next_code(key: bytes) -> str:
    """What an app shows whose clock is half a minute fast: the present code was used to set it up."""
    return code_at(key, time.time() + STEP_SECONDS)


def codes_of(page: Page) -> list[str]:
    return re.findall(r"<li><code>([a-z0-9-]{19})</code></li>", page.text)


async def set_up(browser: Browser) -> tuple[bytes, list[str]]:
    """Set up an app; its key, and the recovery codes."""
    page = await browser.open(APP)
    key = key_of(page)
    code = code_at(key, time.time())
    page = await browser.submit(page, APP, {"code": code, "current": PASSWORD})
    assert page.status == 200, page.text
    return key, codes_of(page)


async def test_one_sets_an_app_up_logs_in_with_it_and_turns_it_off(
    browser: Browser, server: Server, alice: Person
) -> None:
    await browser.log_in(alice.username, PASSWORD)
    page = await browser.open(APP)
    assert "<svg" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    for wrong in ({"code": "000000", "current": PASSWORD}, {"code": "x", "current": "a wrong one"}):
        again = await browser.submit(page, APP, wrong)
        assert again.status == 422
        assert key_of(again) == key_of(page)
    key, codes = await set_up(browser)
    assert len(codes) == 10
    page = await browser.open(SECURITY)
    assert not codes_of(page)
    assert "An authenticator app was set up" in page.text
    async with browsing(server) as other:
        page = await other.log_in(alice.username, PASSWORD)
        assert (page.status, page.path) == (200, "/auth/sign_in")
        assert "ripstop_session" not in other.cookies
        refusal = await other.submit(page, CODE, {"code": codes[0][:-1]})
        assert refusal.status == 422
        assert "no recovery code" in refusal.text
        page = await other.submit(refusal, CODE, {"code": next_code(key)})
        assert page.path == "/auth/edit"
        assert "ripstop_session" in other.cookies
    async with browsing(server) as other:
        page = await other.submit(await other.log_in(alice.username, PASSWORD), CODE, {"code": codes[0]})
        assert page.path == "/auth/edit"
        assert "A recovery code let somebody in: <bdi>9 left</bdi>" in (await other.open(SECURITY)).text
    page = await browser.open(SECURITY)
    renewed = await browser.submit(page, f"{SECURITY}/recovery", {"current": PASSWORD})
    assert len(codes_of(renewed)) == 10
    refused = await browser.submit(page, f"{APP}/off", {"current": "a wrong one"})
    assert refused.status == 422
    page = await browser.submit(page, f"{APP}/off", {"current": PASSWORD})
    assert page.path == SECURITY
    assert "The authenticator app was turned off" in page.text
    async with browsing(server) as other:
        assert (await other.log_in(alice.username, PASSWORD)).path == "/auth/edit"


async def test_an_application_is_let_in_only_after_the_second_factor(
    browser: Browser, server: Server, api: Api, alice: Person
) -> None:
    await browser.log_in(alice.username, PASSWORD)
    key, _ = await set_up(browser)
    app = await api.app()
    asked = (
        f"/oauth/authorize?response_type=code&client_id={app['client_id']}"
        "&redirect_uri=urn:ietf:wg:oauth:2.0:oob&scope=read"
    )
    async with browsing(server) as other:
        page = await other.submit(
            await other.open(asked), "/auth/sign_in", {"login": alice.username, "password": PASSWORD}
        )
        assert page.forms[0].action == CODE
        assert (await other.open(asked)).path == "/auth/sign_in"
        page = await other.submit(page, CODE, {"code": next_code(key)})
        assert page.path == "/oauth/authorize"
        page = await other.submit(page, "/oauth/authorize", {}, press="allow")
        assert page.code


async def test_a_ticket_is_of_no_use_elsewhere(browser: Browser, server: Server, alice: Person) -> None:
    await browser.log_in(alice.username, PASSWORD)
    key, _ = await set_up(browser)
    async with browsing(server) as one, browsing(server) as other:
        page = await one.log_in(alice.username, PASSWORD)
        ticket = page.form(CODE).fields["ticket"]
        proof = (await other.open("/auth/sign_in")).form("/auth/sign_in").fields["proof"]
        code = next_code(key)
        led = await other.post(CODE, {"ticket": ticket, "code": code, "proof": proof})
        assert led.path == "/auth/sign_in"
        assert "ripstop_session" not in other.cookies
        assert (await one.post(CODE, {"ticket": ticket, "code": code, "proof": proof})).status == 403
        assert (await one.open(CODE)).path == "/auth/sign_in"
        page = await one.submit(page, CODE, {"code": code})
        assert page.path == "/auth/edit"


async def test_operators_let_somebody_in_who_lost_everything(browser: Browser, server: Server, alice: Person) -> None:
    await browser.log_in(alice.username, PASSWORD)
    await set_up(browser)
    assert re.search(r"^factors +app$", server.run("accounts", "show", alice.username).stdout, re.MULTILINE)
    done = server.run("accounts", "remove-second-factors", f"@{alice.username}", "--reason", "seen in person")
    assert done.returncode == 0, done.stderr
    assert "logs in by the password alone" in done.stdout
    assert "has no second factor" in server.run("accounts", "remove-second-factors", alice.username).stdout
    assert "remove_second_factors" in server.run("audit", "--count", "3").stdout
    async with browsing(server) as other:
        assert (await other.log_in(alice.username, PASSWORD)).path == "/auth/edit"
        assert "The operators of this server removed all second factors" in (await other.open(SECURITY)).text
    reset = server.run("accounts", "reset-password", alice.username)
    async with browsing(server) as other:
        page = await other.log_in(alice.username, reset.stdout.rpartition(":")[2].strip())
        assert page.path == "/auth/edit", reset
        assert "The operators of this server set another password" in (await other.open(SECURITY)).text


async def test_the_staff_removes_second_factors_in_the_web(
    browser: Browser, server: Server, api: Api, alice: Person
) -> None:
    moderator = await of_staff(server, api, "moderator", "admin")
    path = f"/admin/accounts/{alice.id}"
    async with browsing(server) as staff:
        await staff.log_in(moderator.username, PASSWORD)
        page = await staff.open(path)
        assert "Remove the second factors" not in page.text
        await browser.log_in(alice.username, PASSWORD)
        await set_up(browser)
        page = await staff.open(path)
        assert "Remove the second factors" in page.text
        removal = next(form for form in page.forms if form.fields.get("act") == REMOVAL)
        page = await staff.post(path, {**removal.fields, "reason": "seen in person"})
        assert "Remove the second factors" not in page.text
        assert "seen in person" in (await staff.open("/admin/audit")).text
        proof = removal.fields["proof"]
        assert (await staff.post(f"/admin/accounts/{moderator.id}", {"act": REMOVAL, "proof": proof})).status == 403
    async with browsing(server) as other:
        assert (await other.log_in(alice.username, PASSWORD)).path == "/auth/edit"
        assert "The operators of this server removed all second factors" in (await other.open(SECURITY)).text


async def test_passkeys_are_offered_only_where_browsers_have_them(browser: Browser, alice: Person) -> None:
    assert 'href="/auth/passkey' not in (await browser.open("/auth/sign_in")).text
    await browser.log_in(alice.username, PASSWORD)
    assert "Browsers have passkeys only for sites with a name" in (await browser.open(SECURITY)).text
