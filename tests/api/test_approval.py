"""Newcomers whom the staff approves first."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from ripstop.domain.moderation.settings import Changes
from tests.api.client import PASSWORD, Answer, Api, Person, sign_up_form
from tests.api.staff import of_staff
from tests.api.test_settings import PLAIN, change
from tests.server import Server
from tests.web.browser import browsing

PENDING = "Your login is currently pending approval"


@pytest.fixture
async def moderator(server: Server, api: Api) -> AsyncIterator[Person]:
    """Somebody of the staff, on a server that lets in whom they approve."""
    person = await of_staff(server, api, "moderator", "moderator")
    await change(server, Changes(approval_required=True))
    yield person
    await change(server, PLAIN)


def new_name() -> str:
    return f"eve_{secrets.token_hex(4)}"


async def ask_for(api: Api, name: str, **changes: str) -> Answer:
    """Sign up by an application."""
    return await api.post("/api/v1/accounts", token=await api.app_token(), form=sign_up_form(name, **changes))


async def waiting(api: Api, moderator: Person, name: str) -> dict[str, object]:
    """The account as the staff finds it among those that wait."""
    found = await api.want("GET", f"/api/v2/admin/accounts?status=pending&username={name}", as_=moderator)
    assert found == await api.want("GET", f"/api/v1/admin/accounts?pending=true&username={name}", as_=moderator)
    [one] = found
    return dict(one)


async def test_an_application_waits_and_works_once_the_account_is_approved(api: Api, moderator: Person) -> None:
    assert (await api.want("GET", "/api/v1/instance"))["approval_required"] is True
    told = (await api.want("GET", "/api/v2/instance"))["registrations"]
    assert (told["enabled"], told["approval_required"], told["reason_required"]) == (True, True, False)
    name = new_name()
    token = (await ask_for(api, name, reason="I knit.")).json()["access_token"]
    for path in ("/api/v1/accounts/verify_credentials", "/api/v1/timelines/home", "/api/v1/streaming/user"):
        answer = await api.get(path, token=token)
        assert (answer.status, answer.json()["error"]) == (403, PENDING)
    assert (await api.post("/api/v1/statuses", token=token, form={"status": "hello"})).status == 403
    assert (await api.get("/api/v1/timelines/public", token=token)).status == 200
    one = await waiting(api, moderator, name)
    assert (one["approved"], one["invite_request"]) == (False, "I knit.")
    base = f"/api/v1/admin/accounts/{one['id']}"
    approved = await api.want("POST", f"{base}/approve", as_=moderator)
    assert (approved["approved"], approved["account"]["acct"]) == (True, name)
    assert (await api.want("GET", "/api/v1/accounts/verify_credentials", token=token))["acct"] == name
    for act in ("approve", "reject"):
        assert (await api.post(f"{base}/{act}", as_=moderator)).status == 403
    assert (await api.want("GET", f"/api/v1/accounts/{one['id']}"))["acct"] == name


async def test_nobody_but_the_staff_is_shown_who_waits(api: Api, moderator: Person, server: Server) -> None:
    name = new_name()
    await ask_for(api, name)
    id_ = (await waiting(api, moderator, name))["id"]
    post = await api.publish(moderator, f"hello @{name}")
    assert post["mentions"] == []
    form, domain = {"account_id": str(id_)}, server.url.rpartition("/")[2]
    for method, path in (
        ("GET", f"/api/v1/accounts/{id_}"),
        ("GET", f"/api/v1/accounts/{id_}/statuses"),
        ("GET", f"/api/v1/accounts/{id_}/followers"),
        ("GET", f"/api/v1/accounts/lookup?acct={name}"),
        ("GET", f"/.well-known/webfinger?resource=acct:{name}@{domain}"),
        ("POST", f"/api/v1/accounts/{id_}/follow"),
        ("POST", f"/api/v1/accounts/{id_}/block"),
        ("POST", "/api/v1/reports"),
        ("GET", f"/@{name}"),
    ):
        answer = await api.ask(method, path, as_=moderator, form=form if path.endswith("reports") else None)
        assert (path, answer.status) == (path, 404)
    for path in (f"/api/v1/accounts?id[]={id_}", f"/api/v1/accounts/search?q={name}"):
        assert await api.want("GET", path, as_=moderator) == []


async def test_who_is_rejected_leaves_nothing_behind(api: Api, moderator: Person) -> None:
    name = new_name()
    token = (await ask_for(api, name)).json()["access_token"]
    id_ = (await waiting(api, moderator, name))["id"]
    await api.drained()
    told = await api.want("GET", "/api/v1/notifications?types[]=admin.sign_up", as_=moderator)
    assert [one["account"]["id"] for one in told] == [id_]
    rejected = await api.want("POST", f"/api/v1/admin/accounts/{id_}/reject", as_=moderator)
    assert (rejected["id"], rejected["approved"]) == (id_, False)
    assert (await api.get("/api/v1/accounts/verify_credentials", token=token)).status == 401
    assert (await api.get(f"/api/v1/admin/accounts/{id_}", as_=moderator)).status == 404
    await api.drained()
    assert await api.want("GET", "/api/v1/notifications?types[]=admin.sign_up", as_=moderator) == []
    assert (await ask_for(api, name)).status == 200  # the name is free again


async def test_others_judge_nobody(api: Api, moderator: Person, server: Server) -> None:
    name = new_name()
    await ask_for(api, name)
    id_ = (await waiting(api, moderator, name))["id"]
    await change(server, Changes(approval_required=False))
    bob = await api.person("bob", scopes="read write admin:read admin:write")
    for act in ("approve", "reject"):
        assert (await api.post(f"/api/v1/admin/accounts/{id_}/{act}", as_=bob)).status == 403
    assert (await waiting(api, moderator, name))["id"] == id_


async def test_a_browser_waits_and_says_why_where_that_is_asked(server: Server, api: Api, moderator: Person) -> None:
    await change(server, Changes(reason_required=True))
    assert (await api.want("GET", "/api/v2/instance"))["registrations"]["reason_required"] is True
    name, path = new_name(), "/auth/sign_up"
    assert "ERR_BLANK" in (await ask_for(api, name, reason=" ")).body.decode()
    async with browsing(server) as browser, browsing(server) as staff:
        fields = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "agreement": "true"}
        page = await browser.submit(await browser.open(path), path, fields)
        assert (page.status, "Reason" in page.text) == (422, True)
        page = await browser.submit(page, path, {**fields, "reason": "To <read>"})
        assert f"Thank you, @{name}" in page.text
        page = await browser.log_in(name, PASSWORD)
        assert PENDING in page.text
        await staff.log_in(moderator.username, PASSWORD)
        page = await staff.open("/admin/accounts?state=pending")
        id_ = (await waiting(api, moderator, name))["id"]
        its = f"/admin/accounts/{id_}"
        assert its in page.text
        page = await staff.open(its)
        assert "To &lt;read&gt;" in page.text
        page = await staff.submit(page, its, {"reason": "welcome"}, press="approve")
        assert its not in page.text
        assert f"@{moderator.username}: approve" in (await staff.open("/admin/audit")).text
        assert (await browser.log_in(name, PASSWORD)).path == "/auth/edit"
