"""What holds of all pages and forms there are, with those that are added later: policies, cookies, proofs."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from ripstop.surfaces.http.routing import Route
from tests.api.client import PASSWORD, Api, Person
from tests.described import all_routes
from tests.server import Server
from tests.web.browser import Browser, browsing

pytestmark = pytest.mark.parametrize("server", ["sqlite"], indirect=True)
"""No page knows the engine."""

FOR_PROGRAMS = ("/api/", "/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/.well-known/", "/nodeinfo/")
"""Where no cookie counts."""
CONSENT = "/oauth/authorize"
"""It looks at the application before the proof: see tests/api/test_oauth.py."""
NO_PAGES = ("/live/", "/media/", "/static/")
DIRECTIVES = {"base-uri 'none'", "frame-ancestors 'none'"}


@pytest.fixture
async def routes(tmp_path: Path) -> list[Route]:
    async with all_routes(tmp_path) as routes:
        return [route for route in routes if not route.pattern.startswith(FOR_PROGRAMS)]


def at(route: Route, alice: Person) -> str:
    """An address that the route answers, of alice where it is somebody's."""
    return re.sub(r"\{(\w+)\}", lambda part: alice.username if part[1] == "name" else alice.id, route.pattern)


def filled(route: Route, proof: str) -> dict[str, str]:
    """A form with something in each field that it must have."""
    assert route.params is not None, f"{route.pattern} takes no proof"
    required = [field.name for field in msgspec.structs.fields(route.params) if field.required]
    return {**dict.fromkeys(required, "1"), "current": PASSWORD, "proof": proof}


async def test_every_form_needs_a_proof_of_its_own_session(
    browser: Browser, server: Server, alice: Person, bob: Person, routes: list[Route]
) -> None:
    await browser.log_in(alice.username, PASSWORD)
    async with browsing(server) as other:
        await other.log_in(bob.username, PASSWORD)
        his = (await other.open("/auth/edit")).form("/auth/defaults").fields["proof"]
    forms = [route for route in routes if route.method == "POST" and route.pattern != CONSENT]
    assert len(forms) > 30
    for route in forms:
        for proof in ("", his, "\N{SNOWMAN}"):
            answer = await browser.post(at(route, alice), filled(route, proof))
            assert (route.pattern, answer.status) == (route.pattern, 403)
    assert f"@{alice.username}@" in (await browser.open("/auth/edit")).text


async def test_forms_of_other_sites_carry_no_session(browser: Browser, server: Server, routes: list[Route]) -> None:
    """A browser sends no cookie that is `SameSite=Lax` with them: then nobody is logged in, and nothing is done."""
    for route in routes:
        if route.method == "POST" and route.pattern != CONSENT:
            answer = await browser.post(re.sub(r"\{\w+\}", "1", route.pattern), filled(route, "x"))
            assert (route.pattern, answer.status) == (route.pattern, 403) or answer.path == "/auth/sign_in"


async def test_every_page_runs_and_embeds_nothing_of_others(
    browser: Browser, api: Api, alice: Person, routes: list[Route]
) -> None:
    seen = 0
    for logged_in in (False, True):
        if logged_in:
            await browser.log_in(alice.username, PASSWORD)
        for route in routes:
            if route.method != "GET" or "." in route.pattern or route.pattern.startswith(NO_PAGES):
                continue
            page = await browser.open(at(route, alice))
            if not page.headers.get("content-type", "").startswith("text/html"):
                continue
            seen += 1
            policy = page.headers["content-security-policy"]
            assert set(policy.split("; ")) >= DIRECTIVES, (route.pattern, policy)
            assert "unsafe" not in policy, route.pattern
            assert "*" not in policy, route.pattern
            assert policy.startswith(("default-src 'self'", "default-src 'none'")), route.pattern
            assert page.headers["x-content-type-options"] == "nosniff", route.pattern
            assert page.headers["x-frame-options"] == "DENY", route.pattern
            assert page.headers["referrer-policy"] == "same-origin", route.pattern
            assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|javascript:", page.text), route.pattern
            if 'type="password"' in page.text:
                assert "script-src" not in policy, route.pattern
                assert policy.startswith("default-src 'none'"), route.pattern
                assert page.headers["cache-control"] == "no-store", route.pattern
    assert seen > 50
