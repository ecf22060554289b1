"""Passkeys in a real browser, whose device is a virtual one; and limits on forms, on the same server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ripstop.surfaces.http.rates import LONG, SHORT
from tests.api.client import PASSWORD, Api, Person
from tests.periods import in_one_period
from tests.server import Server, installed
from tests.web.browser import Page, browsing
from tests.web.chromium import Chromium, Tab, chromium, connected
from tests.web.test_chromium import AXE, faults

SETTINGS = {
    # Browsers have no passkeys for addresses.
    "RIPSTOP_HOST": "localhost",
    "RIPSTOP_RATES_FORMS_SESSION": "3",
    "RIPSTOP_RATES_FORMS_ACCOUNT": "5",
    "RIPSTOP_RATES_FORMS_NETWORK": "8",
    "RIPSTOP_RATES_GUESSES_HERE": "2",
    "RIPSTOP_RATES_DELETES": "1",
    "RIPSTOP_RATES_UPLOADS": "1",
}
SECURITY = "/settings/security"


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """What a browser does and how forms are counted depends on no engine."""
    with installed("sqlite", request, **SETTINGS) as server:
        server.start()
        yield server


@pytest.fixture
async def chrome() -> AsyncIterator[Chromium]:
    with chromium() as address:
        async with connected(address) as browser:
            yield browser


async def known_faults(tab: Tab) -> list[str]:
    """What axe finds wrong, where it is installed: passkeys are tried without it too."""
    return await faults(tab) if AXE.exists() else []


async def press(tab: Tab, action: str) -> None:
    """Press the button of a form, and wait for the page to which it leads."""
    await tab.leads_on(f"document.querySelector('form[action=\"{action}\"] button').click()")


async def with_device(tab: Tab) -> str:
    """Plug a device in, which confirms by itself that its owner is there."""
    await tab.call("WebAuthn.enable")
    device = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    added = await tab.call("WebAuthn.addVirtualAuthenticator", options=device)
    return str(added["authenticatorId"])


async def make_passkey(tab: Tab, name: str) -> None:
    await tab.type("#name", name)
    await tab.type("#passkey-current", PASSWORD)
    await press(tab, f"{SECURITY}/passkeys")
    await tab.until("!document.querySelector('form[data-passkey] button').disabled")
    await press(tab, f"{SECURITY}/passkeys/made")


async def test_a_passkey_is_made_lets_in_alone_and_as_second_factor_and_goes(
    chrome: Chromium, server: Server, alice: Person
) -> None:
    async with chrome.tab(phone=True) as tab:
        device = await with_device(tab)
        await tab.log_in(server.url, alice.username, PASSWORD)
        await tab.open(server.url + SECURITY)
        assert await known_faults(tab) == []
        await tab.open(f"{server.url}{SECURITY}/app")
        assert await known_faults(tab) == []
        await tab.open(server.url + SECURITY)
        await make_passkey(tab, "My telephone")
        assert await tab.ask("document.querySelectorAll('.codes code').length") == 10
        assert "My telephone" in await tab.ask("document.querySelector('main').textContent")
        assert await known_faults(tab) == []
        await press(tab, "/logout")

        await tab.open(f"{server.url}/auth/passkey?return_to=/auth/edit")
        assert await known_faults(tab) == []
        await press(tab, "/auth/passkey")
        assert await tab.ask("location.pathname") == "/auth/edit"
        await press(tab, "/logout")

        await tab.log_in(server.url, alice.username, PASSWORD)
        assert await tab.ask("document.querySelector('h1').textContent") == "One more step"
        assert await known_faults(tab) == []
        await tab.leads_on("document.querySelector('button[formaction]').click()")
        await tab.until("!document.querySelector('form[data-passkey] button').disabled")
        await press(tab, "/auth/second_factor/passkey")
        assert await tab.ask("document.body.className") == "in"

        await tab.open(server.url + SECURITY)
        await tab.ask("document.querySelector('.sessions details').open = true")
        await tab.type(".sessions details input[type=password]", PASSWORD)
        await press(tab, f"{SECURITY}/passkeys/remove")
        await press(tab, "/logout")
        await tab.open(f"{server.url}/auth/passkey")
        await press(tab, "/auth/passkey")
        assert "This passkey is not known here." in await tab.ask("document.querySelector('.wrong').textContent")
        await tab.call("WebAuthn.removeVirtualAuthenticator", authenticatorId=device)
        assert not [one for one in tab.look_for_problems() if "422" not in one]


async def test_forms_are_counted_by_session_account_and_network(server: Server, api: Api) -> None:
    async def use_forms(_: int) -> tuple[list[list[Page]], list[int]]:
        bob = await api.person("bob")
        await api.hashed()
        async with browsing(server) as one, browsing(server) as other:
            changes = []
            for browser in (one, other):
                await browser.log_in(bob.username, PASSWORD)
                page = await browser.open("/auth/edit")
                fields = {"visibility": "unlisted", "proof": page.form("/auth/defaults").fields["proof"]}
                changes.append([await browser.post("/auth/defaults", fields) for _ in range(4)])
            async with browsing(server, network=one.network) as third:
                page = await third.open("/auth/sign_in")
                fields = page.form("/auth/sign_in").fields | {"login": "nobody", "password": "wrong"}
                return changes, [(await third.post("/auth/sign_in", fields)).status for _ in range(5)]

    changes, guesses = await in_one_period(SHORT, use_forms)
    assert [[page.status for page in pages] for pages in changes] == [[200, 200, 200, 429], [200, 429, 429, 429]]
    for *_, refused in changes:
        assert "This is too often. Please try again in" in refused.text
        assert 0 < int(refused.headers["retry-after"]) <= 300
    assert guesses == [422, 422, 429, 429, 429]


async def test_what_is_dear_is_counted_as_the_api_counts_it(server: Server, api: Api) -> None:
    async def delete_two(_: int) -> list[tuple[int, int]]:
        alice = await api.person("alice")
        found = []
        async with browsing(server) as browser:
            await browser.log_in(alice.username, PASSWORD)
            for post in [await api.publish(alice, "short-lived") for _ in range(2)]:
                page = await browser.open(f"/posts/{post['id']}/delete")
                page = await browser.submit(page, f"/posts/{post['id']}/delete", {})
                found.append((page.status, (await api.get(f"/api/v1/statuses/{post['id']}")).status))
        return found

    assert await in_one_period(LONG, delete_two) == [(200, 404), (429, 200)]
