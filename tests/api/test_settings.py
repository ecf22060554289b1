"""Settings that are changed while the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ripstop.boot import opened_graph
from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.moderation.settings import Changes, change_settings
from ripstop.domain.settings import settings_of
from ripstop.kernel.errors import Invalid
from tests.api.client import PASSWORD, Api, Person
from tests.api.staff import of_staff
from tests.server import Server, patiently
from tests.web.browser import browsing

PLAIN = Changes(
    title="",
    description="",
    registrations=True,
    approval_required=False,
    reason_required=False,
    closed_message="",
    contact_email="",
    contact_account="",
    extended_description="",
    privacy_policy="",
    terms_of_service="",
    rules=(),
)


async def change(server: Server, changes: Changes) -> None:
    """Do it in a process of its own, as the command line does."""

    async def act() -> None:
        async with opened_graph(server.configuration) as graph:
            await change_settings(graph, OPERATOR, changes)

    await patiently(act)


@pytest.fixture(autouse=True)
async def _as_before(server: Server) -> AsyncIterator[None]:
    yield
    await change(server, PLAIN)


async def test_what_is_changed_is_told_at_once(server: Server, api: Api) -> None:
    changes = Changes(
        contact_email="staff@example.org",
        rules=("Be kind", "Do not sell"),
        extended_description="All of it.",
        privacy_policy="We know <little>.\n\nAnd tell less.",
    )
    await change(server, changes)
    first, second = await api.want("GET", "/api/v1/instance"), await api.want("GET", "/api/v2/instance")
    assert first["email"] == second["contact"]["email"] == "staff@example.org"
    rules = await api.want("GET", "/api/v1/instance/rules")
    assert [rule["text"] for rule in rules] == ["Be kind", "Do not sell"]
    assert first["rules"] == second["rules"] == rules
    about = await api.want("GET", "/api/v1/instance/extended_description")
    assert about["content"] == "<p>All of it.</p>"
    policy = await api.want("GET", "/api/v1/instance/privacy_policy")
    assert policy["content"] == "<p>We know &lt;little&gt;.</p><p>And tell less.</p>"
    assert policy["updated_at"] is not None


async def test_a_rule_keeps_its_id_and_is_reported_by_it(server: Server, api: Api, alice: Person, bob: Person) -> None:
    await change(server, Changes(rules=("one", "two")))
    one, two = await api.want("GET", "/api/v1/instance/rules")
    await change(server, Changes(rules=("two", "three", "two", " ")))
    after = await api.want("GET", "/api/v1/instance/rules")
    assert (after[0]["id"], len(after)) == (two["id"], 2)
    assert after[1]["id"] not in (one["id"], two["id"])
    form = {"account_id": bob.id, "category": "violation", "rule_ids": [two["id"]]}
    filed = await api.want("POST", "/api/v1/reports", as_=alice, json=form)
    assert filed["rule_ids"] == [two["id"]]
    moderator = await of_staff(server, api, "moderator", "moderator")
    seen = await api.want("GET", f"/api/v1/admin/reports/{filed['id']}", as_=moderator)
    assert [rule["text"] for rule in seen["rules"]] == ["two"]
    async with browsing(server) as browser, browsing(server) as staff:
        await browser.log_in(alice.username, PASSWORD)
        page = await browser.open(f"/reports/new?account={bob.id}")
        proof = page.form("/reports/new").fields["proof"]
        fields = {"account": bob.id, "category": "violation", "rules[]": two["id"], "proof": proof}
        assert "Thank you" in (await browser.post("/reports/new", fields)).text
        newest = (await api.want("GET", "/api/v1/admin/reports", as_=moderator))[0]
        assert [rule["text"] for rule in newest["rules"]] == ["two"]
        await staff.log_in(moderator.username, PASSWORD)
        assert "It breaks the rule" in (await staff.open(f"/admin/reports/{newest['id']}")).text
    form["rule_ids"] = [one["id"]]
    assert (await api.post("/api/v1/reports", as_=alice, json=form)).status == 422


async def test_the_rules_of_a_report_stay_until_others_are_named(
    server: Server, api: Api, alice: Person, bob: Person
) -> None:
    await change(server, Changes(rules=("one", "two")))
    one, two = [rule["id"] for rule in await api.want("GET", "/api/v1/instance/rules")]
    form = {"account_id": bob.id, "category": "violation", "rule_ids": [one]}
    filed = await api.want("POST", "/api/v1/reports", as_=alice, json=form)
    path, moderator = f"/api/v1/admin/reports/{filed['id']}", await of_staff(server, api, "moderator", "moderator")
    for revision, rules in (
        ({}, [one]),
        ({"rule_ids": [two]}, [two]),
        ({"category": "violation"}, [two]),
        ({"category": "violation", "rule_ids": [one, two]}, [one, two]),
        ({"category": "spam"}, []),
    ):
        revised = await api.want("PUT", path, as_=moderator, json=revision)
        assert (revision, [rule["id"] for rule in revised["rules"]]) == (revision, rules)
    for wrong in ({"rule_ids": [one]}, {"category": "violation", "rule_ids": ["99"]}, {"category": "none"}):
        assert (await api.ask("PUT", path, as_=moderator, json=wrong)).status == 422


async def test_nobody_signs_up_where_registrations_are_closed(server: Server, api: Api) -> None:
    token = await api.app_token("read write")
    await change(server, Changes(registrations=False, closed_message="Come back in spring."))
    assert (await api.want("GET", "/api/v1/instance"))["registrations"] is False
    told = (await api.want("GET", "/api/v2/instance"))["registrations"]
    assert (told["enabled"], told["message"]) == (False, "Come back in spring.")
    form = {"username": "late", "email": "late@example.org", "password": PASSWORD, "agreement": "true", "locale": "en"}
    answer = await api.post("/api/v1/accounts", token=token, form=form)
    assert (answer.status, answer.json()["error"]) == (403, "Come back in spring.")
    async with browsing(server) as browser:
        page = await browser.open("/auth/sign_up")
        assert (page.status, "Come back in spring." in page.text) == (403, True)
    assert (await api.get("/api/v1/accounts/lookup?acct=late")).status == 404


async def test_changes_at_once_all_hold(server: Server, api: Api) -> None:
    async with opened_graph(server.configuration) as graph:
        await asyncio.gather(
            change_settings(graph, OPERATOR, Changes(contact_email="a@example.org")),
            change_settings(graph, OPERATOR, Changes(rules=("one",))),
            change_settings(graph, OPERATOR, Changes(privacy_policy="none")),
        )
        settings = await settings_of(graph)
    assert (settings.contact_email, settings.privacy_policy, len(settings.rules)) == ("a@example.org", "none", 1)


async def test_admins_change_them_in_the_browser_and_others_do_not(server: Server, api: Api) -> None:
    path = "/admin/settings"
    for name, role, status in (("nobody", "", 403), ("moderator", "moderator", 403), ("admin", "admin", 200)):
        person = await of_staff(server, api, name, role)
        async with browsing(server) as browser:
            await browser.log_in(person.username, PASSWORD)
            page = await browser.open(path)
            assert page.status == status
            proof = page.form("/logout").fields["proof"] if status == 200 else ""
            fields = {"entry": "open", "rules": f"by {name}\n", "proof": proof}
            assert (await browser.post(path, fields)).status == status
            if status == 200:
                assert (await browser.post(path, {**fields, "rules": "x" * 501})).status == 422
                audit = await browser.open("/admin/audit")
                assert f"@{person.username}: settings" in audit.text
    assert [rule["text"] for rule in await api.want("GET", "/api/v1/instance/rules")] == ["by admin"]


async def test_the_server_is_named_and_its_texts_are_shown(server: Server, api: Api, alice: Person) -> None:
    async with browsing(server) as browser:
        for path in ("/terms", "/privacy"):
            assert (await browser.open(path)).status == 404
        assert (await api.get("/api/v1/instance/terms_of_service")).status == 404
        changes = Changes(
            title="Loom & Co",
            description="Where weavers meet",
            contact_account=f"@{alice.username}",
            contact_email="staff@example.org",
            extended_description="All of <it>.",
            terms_of_service="Weave well.",
            privacy_policy="We know little.",
            rules=("Be kind",),
        )
        await change(server, changes)
        first, second = await api.want("GET", "/api/v1/instance"), await api.want("GET", "/api/v2/instance")
        for told in (first, second):
            assert (told["title"], told["description"]) == ("Loom & Co", "Where weavers meet")
        assert first["short_description"] == "Where weavers meet"
        assert first["contact_account"]["id"] == second["contact"]["account"]["id"] == alice.id
        urls = second["configuration"]["urls"]
        assert [urls[name].removeprefix(server.url) for name in ("about", "terms_of_service", "privacy_policy")] == [
            "/about",
            "/terms",
            "/privacy",
        ]
        terms = await api.want("GET", "/api/v1/instance/terms_of_service")
        assert (terms["content"], terms["effective"], terms["succeeded_by"]) == ("<p>Weave well.</p>", True, None)
        dated = "/api/v1/instance/terms_of_service/"
        assert await api.want("GET", dated + terms["effective_date"]) == terms
        assert (await api.get(dated + "2001-01-01")).status == 404
        assert (await api.want("GET", "/nodeinfo/2.0"))["metadata"]["nodeName"] == "Loom & Co"
        page = await browser.open("/about")
        for words in ("Loom &amp; Co", "Where weavers meet", "&lt;it&gt;", f"@{alice.username}", "Be kind", "Sign up"):
            assert words in page.text
        for path, words in (("/terms-of-service", "Weave well."), ("/privacy-policy", "We know little.")):
            assert words in (await browser.open(path)).text
        for path in ("/auth/sign_in", "/@nobody-there"):
            assert "Loom &amp; Co" in (await browser.open(path)).text
        await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form={"display_name": "Ada"})
        told = await api.want("GET", "/api/v2/instance")
        assert told["contact"]["account"]["display_name"] == "Ada"


async def test_what_cannot_be_is_refused(server: Server, api: Api, alice: Person) -> None:
    for wrong in (
        Changes(title="x" * 101),
        Changes(contact_account="nobody_there"),
        Changes(terms_of_service="x" * 20_001),
    ):
        with pytest.raises(Invalid):
            await change(server, wrong)
    assert (await api.want("GET", "/api/v2/instance"))["contact"]["account"] is None
