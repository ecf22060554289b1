"""The authorization code flow, from the application's first address to its token, and everything that it refuses."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.client import PASSWORD, Answer, Api, Person
from tests.server import Server
from tests.web.browser import Browser, Page, browsing

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
BACK = "https://client.example/back?from=ripstop"
SCHEME = "myapp://oauth"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}

App = dict[str, Any]


@pytest.fixture
async def browser(server: Server) -> AsyncIterator[Browser]:
    async with browsing(server) as browser:
        yield browser


@pytest.fixture
async def app(api: Api) -> App:
    return await register(api)


async def register(api: Api) -> App:
    form = {
        "client_name": "Client <b>",
        "redirect_uris": f"{BACK}\n{SCHEME}\n{OUT_OF_BAND}",
        "scopes": "read write:statuses profile",
        "website": "https://client.example",
    }
    return dict(await api.want("POST", "/api/v1/apps", form=form))


def address(app: App, **changes: str) -> str:
    """Where an application sends somebody."""
    query = {"response_type": "code", "client_id": app["client_id"], "redirect_uri": BACK, "scope": "read"}
    return "/oauth/authorize?" + urlencode({name: value for name, value in (query | changes).items() if value})


async def asked(browser: Browser, who: Person, app: App, **changes: str) -> Page:
    """The page that asks for consent, reached by logging in on the way."""
    page = await browser.open(address(app, **changes))
    if page.path == "/auth/sign_in":
        page = await browser.log_in(who.username, PASSWORD, page=page)
    assert page.path == "/oauth/authorize", page.text
    return page


async def agreed(browser: Browser, who: Person, app: App, **changes: str) -> Page:
    """What comes of consent."""
    return await browser.submit(await asked(browser, who, app, **changes), "/oauth/authorize", {}, press="allow")


async def exchanged(api: Api, app: App, code: str, **changes: str) -> Answer:
    form = {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "redirect_uri": BACK,
        "code": code,
    }
    return await api.post("/oauth/token", form={name: value for name, value in (form | changes).items() if value})


def refused(answer: Answer, error: str = "invalid_grant") -> None:
    assert answer.status == 400, answer.body
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]


async def test_the_whole_dance(api: Api, browser: Browser, alice: Person, app: App) -> None:
    page = await asked(browser, alice, app, scope="read:accounts write:statuses", state="a state/ü&=")
    assert "Client &lt;b&gt;" in page.text
    assert f"@{alice.username}" in page.text
    assert "See your account and profile" in page.text
    assert "Change your posts" in page.text
    assert "client.example" in page.text
    assert "form-action 'self' https://client.example;" in page.headers["content-security-policy"]
    page = await browser.submit(page, "/oauth/authorize", {}, press="allow")
    assert page.left_to.startswith(BACK + "&code=")
    assert page.told.keys() == {"from", "code", "state"}
    assert page.told["state"] == "a state/ü&="
    token = (await exchanged(api, app, page.code)).json()
    assert token["token_type"] == "Bearer"
    assert token["scope"] == "read:accounts write:statuses"
    own = await api.want("GET", "/api/v1/accounts/verify_credentials", token=token["access_token"])
    assert own["id"] == alice.id
    posted = await api.want("POST", "/api/v1/statuses", token=token["access_token"], form={"status": "hello"})
    assert posted["application"]["name"] == app["name"]
    assert (await api.get("/api/v1/timelines/home", token=token["access_token"])).status == 403


async def test_with_pkce(api: Api, browser: Browser, alice: Person, app: App) -> None:
    code = (await agreed(browser, alice, app, **PKCE)).code
    for verifier in ("", "short", CHALLENGE, secrets.token_urlsafe(48), VERIFIER + "ü"):
        refused(await exchanged(api, app, code, code_verifier=verifier))
    assert (await exchanged(api, app, code, code_verifier=VERIFIER)).status == 200


async def test_a_verifier_without_a_challenge_is_refused(api: Api, browser: Browser, alice: Person, app: App) -> None:
    code = (await agreed(browser, alice, app)).code
    refused(await exchanged(api, app, code, code_verifier=VERIFIER))


async def test_a_code_to_copy(api: Api, browser: Browser, alice: Person, app: App) -> None:
    page = await agreed(browser, alice, app, redirect_uri=OUT_OF_BAND)
    assert page.path == "/oauth/authorize/native"
    assert f'value="{page.code}"' in page.text
    assert (await exchanged(api, app, page.code, redirect_uri=OUT_OF_BAND)).status == 200
    assert (await browser.open("/oauth/authorize/native?code=call+0900")).status == 404


async def test_an_application_with_a_scheme_of_its_own(api: Api, browser: Browser, alice: Person, app: App) -> None:
    page = await asked(browser, alice, app, redirect_uri=SCHEME)
    assert "form-action 'self' myapp:;" in page.headers["content-security-policy"]
    page = await browser.submit(page, "/oauth/authorize", {}, press="allow")
    assert page.left_to.startswith(SCHEME + "?code=")
    assert (await exchanged(api, app, page.code, redirect_uri=SCHEME)).status == 200


async def test_no_is_no(browser: Browser, alice: Person, app: App) -> None:
    page = await asked(browser, alice, app, state="s")
    page = await browser.submit(page, "/oauth/authorize", {}, press="deny")
    assert page.told["error"] == "access_denied"
    assert page.told["state"] == "s"
    assert "code" not in page.told
    page = await asked(browser, alice, app, redirect_uri=OUT_OF_BAND)
    page = await browser.submit(page, "/oauth/authorize", {}, press="deny")
    assert page.status == 400
    assert "denied" in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "1"},
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": BACK + "&more"},
        {"redirect_uri": BACK.upper()},
        {"redirect_uri": "https://client.example/back"},
        {"redirect_uri": "https://client.example/back/../evil"},
        {"redirect_uri": "https://client.example.evil.example/back"},
    ],
)
async def test_nobody_is_led_to_an_address_that_is_not_registered(
    browser: Browser, alice: Person, app: App, changes: dict[str, str]
) -> None:
    unknown = await browser.open(address(app, **changes))
    good = await asked(browser, alice, app)
    known = await browser.open(address(app, **changes))
    for page in (unknown, known):
        assert page.status == 400
        assert not page.left_to
    page = await browser.post(
        "/oauth/authorize", good.form("/oauth/authorize").fields | changes | {"decision": "allow"}
    )
    assert page.status == 400
    assert not page.left_to


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "read write"}, "invalid_scope"),
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
    ],
)
async def test_other_mistakes_are_told_to_the_application(
    browser: Browser, alice: Person, app: App, changes: dict[str, str], error: str
) -> None:
    page = await browser.open(address(app, state="s", **changes))
    assert page.left_to.startswith(BACK + "&error=")
    assert (page.told["error"], page.told["state"]) == (error, "s")
    shown = await browser.open(address(app, redirect_uri=OUT_OF_BAND, **changes))
    assert shown.status == 400
    fields = (await asked(browser, alice, app)).form("/oauth/authorize").fields
    page = await browser.post("/oauth/authorize", fields | changes | {"decision": "allow"})
    assert page.told["error"] == error


async def test_consent_needs_the_form_that_was_shown(
    server: Server, browser: Browser, alice: Person, api: Api, app: App
) -> None:
    page = await asked(browser, alice, app)
    fields = page.form("/oauth/authorize").fields | {"decision": "allow"}
    async with browsing(server) as attacker:
        theirs = (await asked(attacker, await api.person("mallory"), app)).form("/oauth/authorize").fields["proof"]
        assert (await attacker.post("/oauth/authorize", fields)).status == 403
    for proof in ("", theirs):
        assert (await browser.post("/oauth/authorize", fields | {"proof": proof})).status == 403
    async with browsing(server) as stranger:
        page = await stranger.post("/oauth/authorize", fields)
        assert page.path == "/auth/sign_in"
    assert (await browser.post("/oauth/authorize", fields)).told["code"]


async def test_an_application_may_ask_for_a_fresh_login(browser: Browser, api: Api, alice: Person, app: App) -> None:
    bob = await api.person("bob")
    await browser.log_in(alice.username, PASSWORD)
    assert (await browser.open(address(app))).path == "/oauth/authorize"
    page = await browser.open(address(app, force_login="true"))
    assert page.path == "/auth/sign_in"
    page = await browser.log_in(bob.username, PASSWORD, page=page)
    assert f"You are <b>@{bob.username}</b>" in page.text
    code = (await browser.submit(page, "/oauth/authorize", {}, press="allow")).code
    token = (await exchanged(api, app, code)).json()["access_token"]
    assert (await api.want("GET", "/api/v1/accounts/verify_credentials", token=token))["id"] == bob.id


async def test_a_newcomer_goes_on_to_the_application(browser: Browser, app: App) -> None:
    page = await browser.open(address(app))
    link = next(part for part in page.text.split('"') if part.startswith("/auth/sign_up?"))
    page = await browser.open(html.unescape(link))
    name = f"dora_{secrets.token_hex(4)}"
    fields = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "agreement": "true"}
    page = await browser.submit(page, "/auth/sign_up", fields)
    assert page.path == "/oauth/authorize"
    assert f"@{name}" in page.text


async def test_a_code_is_good_once_and_its_replay_takes_the_token_back(
    api: Api, browser: Browser, alice: Person, app: App
) -> None:
    code = (await agreed(browser, alice, app)).code
    token = (await exchanged(api, app, code)).json()["access_token"]
    other = await register(api)
    refused(await exchanged(api, other, code))
    assert (await api.get("/api/v1/accounts/verify_credentials", token=token)).status == 200
    refused(await exchanged(api, app, code))
    for _ in range(4):
        assert (await api.get("/api/v1/accounts/verify_credentials", token=token)).status == 401
    refused(await exchanged(api, app, code))


async def test_of_many_exchanges_at_once_at_most_one_has_a_token(
    api: Api, browser: Browser, alice: Person, app: App
) -> None:
    code = (await agreed(browser, alice, app)).code
    answers = await asyncio.gather(*(exchanged(api, app, code) for _ in range(16)))
    good = [answer for answer in answers if answer.status == 200]
    assert len(good) == 1
    for answer in answers:
        if answer not in good:
            refused(answer)
    token = good[0].json()["access_token"]
    assert (await api.get("/api/v1/accounts/verify_credentials", token=token)).status == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": SCHEME}, "invalid_grant"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"code": ""}, "invalid_request"),
        ({"code": "nonsense"}, "invalid_grant"),
        ({"code": "ü"}, "invalid_grant"),
        ({"code_verifier": VERIFIER}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
    ],
)
async def test_a_wrong_exchange_gives_nothing_and_costs_nothing(
    api: Api, browser: Browser, alice: Person, app: App, changes: dict[str, str], error: str
) -> None:
    code = (await agreed(browser, alice, app)).code
    refused(await exchanged(api, app, **{"code": code, **changes}), error)
    assert (await exchanged(api, app, code)).status == 200


async def test_a_code_is_for_the_client_that_can_prove_itself(
    api: Api, browser: Browser, alice: Person, app: App
) -> None:
    code = (await agreed(browser, alice, app)).code
    refused(await exchanged(api, await register(api), code))
    for changes in ({"client_secret": "wrong"}, {"client_secret": ""}, {"client_id": ""}):
        answer = await exchanged(api, app, code, **changes)
        assert answer.status == 401
        assert answer.json()["error"] == "invalid_client"
    basic = base64.b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    await api.want("POST", "/oauth/token", form=form, headers={"authorization": f"Basic {basic}"})


async def test_revoking_is_for_the_client_of_the_token(api: Api, browser: Browser, alice: Person, app: App) -> None:
    token = (await exchanged(api, app, (await agreed(browser, alice, app)).code)).json()["access_token"]
    client = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    other = await register(api)
    foreign = {"client_id": other["client_id"], "client_secret": other["client_secret"], "token": token}
    assert (await api.post("/oauth/revoke", form=foreign)).status == 403
    refused(await api.post("/oauth/revoke", form=client), "invalid_request")
    form = {**client, "token": token, "token_type_hint": "refresh_token"}
    assert (await api.post("/oauth/revoke", form=form)).json() == {}
    assert (await api.get("/api/v1/accounts/verify_credentials", token=token)).status == 401
    assert (await api.post("/oauth/revoke", form={**client, "token": "never seen"})).status == 200


async def test_the_owner_can_shut_an_application_out(
    server: Server, api: Api, browser: Browser, alice: Person, app: App
) -> None:
    other = await register(api)
    tokens = [
        (await exchanged(api, which, (await agreed(browser, alice, which)).code)).json()["access_token"]
        for which in (app, app, other)
    ]
    page = await browser.open("/auth/edit")
    assert page.text.count("Client &lt;b&gt;") == 2
    action = f"/auth/applications/{app['id']}/revoke"
    async with browsing(server) as stranger:
        proof = (
            (await stranger.log_in((await api.person("mallory")).username, PASSWORD)).form("/logout").fields["proof"]
        )
        await stranger.post(action, {"proof": proof})
    assert (await browser.post(action, {"proof": proof})).status == 403
    for token in tokens:
        assert (await api.get("/api/v1/accounts/verify_credentials", token=token)).status == 200
    page = await browser.submit(page, action, {})
    assert action not in page.text
    statuses = [(await api.get("/api/v1/accounts/verify_credentials", token=token)).status for token in tokens]
    assert statuses == [401, 401, 200]
    assert (await api.get("/api/v1/accounts/verify_credentials", as_=alice)).status == 200


async def test_userinfo_says_who_it_is(api: Api, browser: Browser, alice: Person, app: App) -> None:
    code = (await agreed(browser, alice, app, scope="profile")).code
    token = (await exchanged(api, app, code)).json()["access_token"]
    account = await api.want("GET", f"/api/v1/accounts/{alice.id}")
    metadata = await api.want("GET", "/.well-known/oauth-authorization-server")
    for method in ("GET", "POST"):
        assert await api.want(method, "/oauth/userinfo", token=token) == {
            "iss": metadata["issuer"],
            "sub": account["uri"],
            "name": account["display_name"],
            "preferred_username": alice.username,
            "profile": account["url"],
            "picture": account["avatar"],
        }
    assert (await api.get("/oauth/userinfo")).status == 401
    assert (await api.get("/oauth/userinfo", as_=alice)).status == 403


async def test_the_server_describes_its_oauth(api: Api, server: Server) -> None:
    metadata = await api.want("GET", "/.well-known/oauth-authorization-server")
    assert metadata["issuer"] == server.url + "/"
    assert metadata["app_registration_endpoint"] == server.url + "/api/v1/apps"
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["response_types_supported"] == ["code"]
    assert set(metadata["grant_types_supported"]) == {"authorization_code", "client_credentials"}
    assert {"read", "write:statuses", "profile"} <= set(metadata["scopes_supported"])
    for name in ("authorization", "token", "revocation", "userinfo"):
        path = metadata[f"{name}_endpoint"].removeprefix(server.url)
        assert (await api.ask("OPTIONS", path)).status == 204
