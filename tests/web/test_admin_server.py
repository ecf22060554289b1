"""What the staff sees of a server that runs, and does about its background functions: pages, and the same as JSON."""

from __future__ import annotations

import pytest

from ripstop.boot import opened_graph, opened_store
from ripstop.engines.batch import Batch, CallPut
from ripstop.surfaces.web.pages import coded
from tests.api.client import PASSWORD, Api, Person
from tests.api.staff import of_staff
from tests.server import Server
from tests.web.browser import Browser, Page

JSON = "/api/ripstop/v1/admin"
PAUSED = "search.index_everyone"
"""A function that has nothing to do while the tests run."""


@pytest.fixture
async def admin(server: Server, api: Api, browser: Browser) -> Person:
    """An admin, who is logged in."""
    person = await of_staff(server, api, "admin", "admin")
    await browser.log_in(person.username, PASSWORD)
    return person


async def some_dead(server: Server, api: Api) -> tuple[str, list[int]]:
    """A function, and two calls of it with arguments that it does not take, which are dead at once."""
    name = "accounts.hash_reset_password"
    shard = 7
    async with opened_graph(server.configuration) as graph, opened_store(server.configuration) as store:
        ids = [graph.new_id(shard) for _ in range(2)]
        await store.commit([Batch(shard, [CallPut(id_, name, '{"to": "<eve>"}') for id_ in ids])])
    await api.drained()
    return name, ids


def listed(page: Page, name: str) -> str:
    """What the list of functions says of one."""
    _, there, after = page.text.partition(f'<a href="/admin/functions/{name}">')
    assert there, page.text
    return after.partition("</li>")[0]


async def test_nobody_but_admins_sees_or_steers_anything(
    server: Server, api: Api, browser: Browser, alice: Person
) -> None:
    moderator = await of_staff(server, api, "moderator", "moderator")
    await browser.log_in(moderator.username, PASSWORD)
    proof = (await browser.open("/auth/edit")).form("/auth/defaults").fields["proof"]
    path = f"/admin/functions/{PAUSED}"
    for page in ("/admin/health", "/admin/functions", path):
        assert (await browser.open(page)).status == 403
    assert (await browser.post(path, {"act": "pause", "proof": proof})).status == 403
    for who in (alice, moderator):
        for page in ("health", "functions", f"functions/{PAUSED}"):
            assert (await api.get(f"{JSON}/{page}", as_=who)).status == 403
        for act in ("pause", "resume", "limit", "retry", "drop"):
            assert (await api.post(f"{JSON}/functions/{PAUSED}/{act}", as_=who)).status == 403
    admin = await of_staff(server, api, "admin", "admin")
    assert (await api.want("GET", f"{JSON}/functions/{PAUSED}", as_=admin))["paused"] is False


async def test_health_is_said_in_words(api: Api, browser: Browser, admin: Person) -> None:
    found = {one["topic"]: one for one in (await api.want("GET", f"{JSON}/health", as_=admin))["findings"]}
    assert {"load", "processors", "memory", "disk", "data", "secret", "files", "clock", "backup"} <= found.keys()
    assert found["backup"]["state"] == "warning"
    page = await browser.open("/admin/health")
    assert coded(found["backup"]["sentence"]) in page.text
    assert page.text.index(found["backup"]["remedy"].split("`")[0]) < page.text.index("What is well")


async def test_a_function_is_paused_limited_and_let_go(api: Api, browser: Browser, admin: Person) -> None:
    path, its = f"/admin/functions/{PAUSED}", f"{JSON}/functions/{PAUSED}"
    assert path in (await browser.open("/admin/functions")).text
    page = await browser.submit(await browser.open(path), path, {"namespace": ""}, press="pause")
    assert "paused" in page.text
    assert (await api.want("GET", its, as_=admin))["paused"] is True
    assert (await api.want("GET", f"{JSON}/functions", as_=admin))["functions"][PAUSED]["steered"] == "paused"
    page = await browser.submit(page, path, {"namespace": "remote.example"}, press="pause")
    assert "remote.example is paused" in page.text
    limit = {"act": "limit", "proof": page.form("/logout").fields["proof"]}
    await browser.post(path, {**limit, "rate": "2.5", "concurrency": "3"})
    known = await api.want("GET", its, as_=admin)
    assert (known["rate"], known["concurrency"], known["paused_namespaces"]) == (2.5, 3, ["remote.example"])
    for wrong in ({"rate": "x"}, {"rate": "-1"}, {"concurrency": "0"}):
        assert (await browser.post(path, {**limit, **wrong})).status == 422
    for wrong in ({"rate": "-1"}, {"concurrency": "0"}):
        assert (await api.post(f"{its}/limit", as_=admin, form=wrong)).status == 422
    await api.want("POST", f"{its}/resume", as_=admin)
    await api.want("POST", f"{its}/resume", as_=admin, form={"namespace": "remote.example"})
    known = await api.want("POST", f"{its}/limit", as_=admin)
    assert known["steered"] is None
    audit = (await browser.open("/admin/audit")).text
    for words in (f"pause function, {PAUSED}", f"limit function, {PAUSED}, rate 2.5, concurrency 3"):
        assert f"@{admin.username}: {words}" in audit
    assert (await api.get(f"{JSON}/functions/none.such", as_=admin)).status == 404
    assert (await api.post(f"{JSON}/functions/none.such/pause", as_=admin)).status == 404


async def test_dead_calls_are_shown_sent_again_and_dropped(
    server: Server, api: Api, browser: Browser, admin: Person
) -> None:
    name, ids = await some_dead(server, api)
    path, its = f"/admin/functions/{name}", f"{JSON}/functions/{name}"
    assert "2 failed for good" in listed(await browser.open("/admin/functions"), name)
    assert f"2 calls of {name} have failed for good." in (await browser.open("/admin/health")).text
    page = await browser.open(path)
    assert (str(ids[0]) in page.text, "&lt;eve&gt;" in page.text) == (True, True)
    found = await api.want("GET", its, as_=admin)
    assert (found["dead"], {call["id"] for call in found["dead_calls"]}) == (2, {str(id_) for id_ in ids})
    assert (await api.want("POST", f"{its}/retry", as_=admin)) == {"calls": 2}
    await api.drained()  # they are no better than before, and dead again
    assert (await api.want("POST", f"{its}/drop", as_=admin, form={"call": ids[0]})) == {"calls": 1}
    assert (await api.post(f"{its}/drop", as_=admin, form={"call": ids[0]})).status == 404
    proof = page.form("/logout").fields["proof"]
    assert (await browser.post(path, {"act": "drop", "call": str(ids[1]), "proof": proof})).path == path
    assert "failed for good" not in listed(await browser.open("/admin/functions"), name)
    audit = (await browser.open("/admin/audit")).text
    for words in (f"retry calls, {name}, 2 calls", f"drop calls, {name}, call {ids[1]}"):
        assert f"@{admin.username}: {words}" in audit


def test_commands_in_sentences_are_code_and_nothing_else_is_markup() -> None:
    assert coded("Let `a <b>` run & look.") == "Let <code>a &lt;b&gt;</code> run &amp; look."
    assert coded("one ` alone <i>") == "one ` alone &lt;i&gt;"
