"""What the staff sees and does through the API, and that nobody else does."""

from __future__ import annotations

from typing import Any

import pytest

from ripstop.boot import opened_graph
from ripstop.domain.moderation.audit import log
from ripstop.domain.moderation.model import Audit
from tests.api.client import Api, Person
from tests.api.staff import SCOPES, give, of_staff
from tests.server import Server, patiently

ACCOUNTS, REPORTS = "/api/v1/admin/accounts", "/api/v1/admin/reports"


async def audited(server: Server, subject: Person) -> list[tuple[int | None, str, str]]:
    """Who did what to somebody, and why, the oldest first."""

    async def read() -> list[Audit]:
        async with opened_graph(server.configuration) as graph:
            return [entry.value for entry in await log(graph, limit=100)]

    entries = await patiently(read)
    return [(one.actor, one.action, one.reason) for one in reversed(entries) if one.account == int(subject.id)]


@pytest.fixture
async def moderator(server: Server, api: Api) -> Person:
    return await of_staff(server, api, "moderator", "moderator")


@pytest.fixture
async def admin(server: Server, api: Api) -> Person:
    return await of_staff(server, api, "admin", "admin")


@pytest.fixture
async def filed(api: Api, alice: Person, bob: Person) -> dict[str, Any]:
    """Alice's report of a post of bob's."""
    post = await api.publish(bob, "buy my things")
    form = {"account_id": bob.id, "status_ids": [post["id"]], "category": "spam", "comment": "He sells."}
    return dict(await api.want("POST", "/api/v1/reports", as_=alice, json=form))


def requests(account: str, report: str) -> list[tuple[str, str]]:
    one, it = f"{ACCOUNTS}/{account}", f"{REPORTS}/{report}"
    acts = ("action?type=suspend", "enable", "unsilence", "unsuspend", "unsensitive", "approve", "reject")
    return [
        ("GET", ACCOUNTS),
        ("GET", "/api/v2/admin/accounts"),
        ("GET", one),
        ("DELETE", one),
        *(("POST", f"{one}/{act}") for act in acts),
        ("GET", REPORTS),
        ("GET", it),
        ("PUT", it),
        *(("POST", f"{it}/{act}") for act in ("assign_to_self", "unassign", "resolve", "reopen")),
    ]


async def test_nobody_without_a_role_sees_or_does_anything(
    server: Server, api: Api, bob: Person, filed: dict[str, Any]
) -> None:
    with_scopes = await api.person("curious", scopes=SCOPES)
    for method, path in requests(bob.id, filed["id"]):
        answer = await api.ask(method, path, as_=with_scopes)
        assert (method, path, answer.status) == (method, path, 403)
        assert bob.username not in answer.body.decode()
        assert (await api.ask(method, path)).status == 401
    assert await audited(server, bob) == []
    assert "suspended" not in await api.want("GET", f"/api/v1/accounts/{bob.id}")


async def test_a_role_without_the_scope_is_not_enough(
    server: Server, api: Api, bob: Person, filed: dict[str, Any]
) -> None:
    reader = await api.person("reader", scopes="read write")
    await give(server, reader, "owner")
    for method, path in requests(bob.id, filed["id"]):
        assert (await api.ask(method, path, as_=reader)).status == 403
    assert await audited(server, bob) == []


async def test_nobody_acts_on_their_own_rank_or_above(
    server: Server, api: Api, moderator: Person, admin: Person
) -> None:
    other = await of_staff(server, api, "other", "moderator")
    before = await audited(server, admin), await audited(server, other)
    for whom in (admin, other, moderator):
        for kind in ("none", "sensitive", "disable", "silence", "suspend"):
            answer = await api.post(f"{ACCOUNTS}/{whom.id}/action", as_=moderator, json={"type": kind})
            assert answer.status == 403
        assert (await api.post(f"{ACCOUNTS}/{whom.id}/unsuspend", as_=moderator)).status == 403
    assert (await audited(server, admin), await audited(server, other)) == before
    await api.want("POST", f"{ACCOUNTS}/{moderator.id}/action", as_=admin, json={"type": "silence"})


async def test_who_has_lost_a_role_does_nothing_with_it(
    server: Server, api: Api, moderator: Person, alice: Person
) -> None:
    await api.want("GET", f"{ACCOUNTS}/{alice.id}", as_=moderator)
    await give(server, moderator, "")
    assert (await api.get(f"{ACCOUNTS}/{alice.id}", as_=moderator)).status == 403


@pytest.mark.parametrize(
    ("kind", "undo", "field"),
    [
        ("sensitive", "unsensitive", "sensitized"),
        ("disable", "enable", "disabled"),
        ("silence", "unsilence", "silenced"),
        ("suspend", "unsuspend", "suspended"),
    ],
)
async def test_what_is_done_is_seen_undone_and_recorded(
    server: Server, api: Api, moderator: Person, alice: Person, kind: str, undo: str, field: str
) -> None:
    path = f"{ACCOUNTS}/{alice.id}"
    assert (await api.want("GET", path, as_=moderator))[field] is False
    for _ in range(2):  # the second time changes nothing
        await api.want("POST", f"{path}/action", as_=moderator, json={"type": kind, "text": "enough"})
    shown = await api.want("GET", path, as_=moderator)
    assert [name for name in ("sensitized", "disabled", "silenced", "suspended") if shown[name]] == [field]
    assert (await api.want("POST", f"{path}/{undo}", as_=moderator))[field] is False
    done = await audited(server, alice)
    assert [(actor, reason) for actor, _, reason in done] == [(int(moderator.id), "enough"), (int(moderator.id), "")]


async def test_an_account_is_shown_with_what_only_the_staff_may_see(api: Api, moderator: Person, alice: Person) -> None:
    shown = await api.want("GET", f"{ACCOUNTS}/{alice.id}", as_=moderator)
    assert shown["email"] == f"{alice.username}@example.org"
    assert (shown["confirmed"], shown["approved"], shown["role"]["id"]) == (True, True, "-99")
    assert shown["account"]["acct"] == alice.username
    assert (await api.get(f"{ACCOUNTS}/1", as_=moderator)).status == 404


@pytest.mark.parametrize("path", [ACCOUNTS, "/api/v2/admin/accounts"])
async def test_accounts_are_found(api: Api, moderator: Person, alice: Person, bob: Person, path: str) -> None:
    async def found(query: str) -> list[str]:
        return (await api.get(f"{path}?{query}", as_=moderator)).ids

    assert await found(f"username={alice.username}") == [alice.id]
    assert await found(f"email={alice.username}@example.org") == [alice.id]
    assert await found("email=nobody@example.org") == []
    staff = "staff=true" if path == ACCOUNTS else "permissions=staff"
    assert moderator.id in await found(staff)
    assert alice.id not in await found(staff)
    state = "silenced=true" if path == ACCOUNTS else "status=silenced"
    assert await found(f"{state}&username={alice.username}") == []
    await api.want("POST", f"{ACCOUNTS}/{alice.id}/action", as_=moderator, json={"type": "silence"})
    assert await found(f"{state}&username={alice.username}") == [alice.id]
    state = "pending=true" if path == ACCOUNTS else "status=pending"
    assert await found(f"{state}&username={alice.username}") == []  # others may wait, of whom another test has left


@pytest.mark.parametrize("query", ["origin=nowhere", "permissions=all", "status=odd", "role_ids[]=1&" * 201])
async def test_words_that_mean_nothing_are_refused(api: Api, moderator: Person, query: str) -> None:
    """They would stand in the links to further pages."""
    path = "/api/v2/admin/accounts"
    assert (await api.get(f"{path}?{query}", as_=moderator)).status == 422
    known = "origin=local&permissions=staff&status=active&role_ids[]=1"
    assert (await api.get(f"{path}?{known}", as_=moderator)).status == 200


async def test_accounts_come_by_pages(api: Api, moderator: Person, alice: Person, bob: Person, carol: Person) -> None:
    names: list[str] = []
    query: dict[str, str] | None = {"limit": "2"}
    while query is not None:
        answer = await api.get(ACCOUNTS, as_=moderator, query=query)
        assert len(answer.ids) <= 2
        names += [account["username"] for account in answer.json()]
        query = answer.link("next")
    assert [name.lower() for name in names] == sorted({name.lower() for name in names}, key=str.encode)
    assert {alice.username, bob.username, carol.username, moderator.username} <= set(names)


async def test_only_what_is_suspended_is_deleted_and_only_by_admins(
    api: Api, moderator: Person, admin: Person, alice: Person
) -> None:
    path = f"{ACCOUNTS}/{alice.id}"
    assert (await api.delete(path, as_=admin)).status == 403
    await api.want("POST", f"{path}/action", as_=moderator, json={"type": "suspend"})
    assert (await api.delete(path, as_=moderator)).status == 403
    await api.want("DELETE", path, as_=admin)
    assert (await api.get(path, as_=admin)).status == 404


async def test_nobody_waits_for_approval(api: Api, admin: Person, alice: Person) -> None:
    for act in ("approve", "reject"):
        assert (await api.post(f"{ACCOUNTS}/{alice.id}/{act}", as_=admin)).status == 403


@pytest.mark.parametrize("form", [{}, {"type": "banish"}, {"type": "suspend", "text": "x" * 2_001}])
async def test_actions_that_make_no_sense_change_nothing(
    api: Api, moderator: Person, alice: Person, form: dict[str, str]
) -> None:
    assert (await api.post(f"{ACCOUNTS}/{alice.id}/action", as_=moderator, json=form)).status == 422
    assert (await api.want("GET", f"{ACCOUNTS}/{alice.id}", as_=moderator))["suspended"] is False


async def test_a_report_is_looked_after(
    api: Api, moderator: Person, alice: Person, bob: Person, filed: dict[str, Any]
) -> None:
    path = f"{REPORTS}/{filed['id']}"
    [open_] = [one for one in await api.want("GET", REPORTS, as_=moderator) if one["id"] == filed["id"]]
    assert (open_["account"]["username"], open_["target_account"]["username"]) == (alice.username, bob.username)
    assert [post["id"] for post in open_["statuses"]] == filed["status_ids"]
    assert (open_["assigned_account"], open_["action_taken_by_account"]) == (None, None)
    taken = await api.want("POST", f"{path}/assign_to_self", as_=moderator)
    assert taken["assigned_account"]["username"] == moderator.username
    assert (await api.want("POST", f"{path}/unassign", as_=moderator))["assigned_account"] is None
    assert (await api.want("PUT", path, as_=moderator, json={"category": "legal"}))["category"] == "legal"
    assert (await api.ask("PUT", path, as_=moderator, json={"category": "taste"})).status == 422
    closed = await api.want("POST", f"{path}/resolve", as_=moderator)
    assert (closed["action_taken"], closed["action_taken_by_account"]["id"]) == (True, moderator.id)
    assert filed["id"] not in (await api.get(REPORTS, as_=moderator)).ids
    assert filed["id"] in (await api.get(f"{REPORTS}?resolved=true", as_=moderator)).ids
    again = await api.want("POST", f"{path}/reopen", as_=moderator)
    assert (again["action_taken"], again["action_taken_at"]) == (False, None)
    assert filed["id"] in (await api.get(f"{REPORTS}?account_id={alice.id}", as_=moderator)).ids
    assert filed["id"] in (await api.get(f"{REPORTS}?target_account_id={bob.id}", as_=moderator)).ids
    assert (await api.get(f"{REPORTS}?target_account_id={alice.id}", as_=moderator)).ids == []
    assert (await api.get(f"{REPORTS}/1", as_=moderator)).status == 404


async def test_an_action_resolves_its_report(
    server: Server, api: Api, moderator: Person, bob: Person, filed: dict[str, Any]
) -> None:
    form = {"type": "silence", "report_id": filed["id"], "text": "spam"}
    await api.want("POST", f"{ACCOUNTS}/{bob.id}/action", as_=moderator, json=form)
    assert (await api.want("GET", f"{REPORTS}/{filed['id']}", as_=moderator))["action_taken"] is True
    assert sorted(action for _, action, _ in await audited(server, bob)) == ["limit", "resolve_report"]


async def test_reports_come_by_pages(api: Api, moderator: Person, alice: Person, bob: Person) -> None:
    filed = [(await api.want("POST", "/api/v1/reports", as_=alice, json={"account_id": bob.id}))["id"] for _ in "12345"]
    seen: list[str] = []
    query: dict[str, str] | None = {"limit": "2"}
    while query is not None:
        answer = await api.get(REPORTS, as_=moderator, query=query)
        seen += [id_ for id_ in answer.ids if id_ in filed]
        query = answer.link("next")
    assert seen == filed[::-1]
