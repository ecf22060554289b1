"""Telling the staff that something is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Api, Person

PATH = "/api/v1/reports"


async def report(api: Api, who: Person, **form: Any) -> Any:
    return await api.want("POST", PATH, as_=who, json=form)


async def test_an_account_is_reported_with_its_posts(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(bob, "buy my things")
    filed = await report(
        api, alice, account_id=bob.id, status_ids=[post["id"]], comment=" He sells. ", category="spam", forward=True
    )
    assert filed["target_account"]["acct"] == bob.username
    assert (filed["action_taken"], filed["action_taken_at"], filed["forwarded"]) == (False, None, False)
    assert (filed["status_ids"], filed["rule_ids"]) == ([post["id"]], [])
    assert (filed["category"], filed["comment"]) == ("spam", "He sells.")


async def test_little_is_enough(api: Api, alice: Person, bob: Person) -> None:
    filed = await report(api, alice, account_id=bob.id)
    assert (filed["category"], filed["comment"], filed["status_ids"]) == ("other", "", [])


async def test_a_private_post_is_reported_by_whom_it_is_for(
    api: Api, alice: Person, bob: Person, carol: Person
) -> None:
    post = await api.publish(bob, f"@{alice.username} for you alone", visibility="direct")
    assert (await report(api, alice, account_id=bob.id, status_ids=[post["id"]]))["status_ids"] == [post["id"]]
    answer = await api.post(PATH, as_=carol, json={"account_id": bob.id, "status_ids": [post["id"]]})
    assert answer.status == 404


async def test_who_blocks_somebody_can_report_them(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(bob, "hello")
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=alice)
    assert (await report(api, alice, account_id=bob.id, status_ids=[post["id"]]))["status_ids"] == [post["id"]]


async def test_posts_of_others_do_not_belong_in_a_report(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    post = await api.publish(carol, "hello")
    answer = await api.post(PATH, as_=alice, json={"account_id": bob.id, "status_ids": [post["id"]]})
    assert answer.status == 404


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"account_id": "1"}, 404),
        ({"comment": "x" * 1_001}, 422),
        ({"category": "taste"}, 422),
        ({"category": "spam", "rule_ids": ["1"]}, 422),
        ({"status_ids": ["1"]}, 404),
        ({"status_ids": [str(id_) for id_ in range(101)]}, 422),
    ],
)
async def test_what_is_wrong_is_said(
    api: Api, alice: Person, bob: Person, form: dict[str, object], status: int
) -> None:
    whom = {} if not form or "account_id" in form else {"account_id": bob.id}
    assert (await api.post(PATH, as_=alice, json={**whom, **form})).status == status


async def test_nobody_reports_themselves_or_without_the_scope(api: Api, alice: Person, bob: Person) -> None:
    assert (await api.post(PATH, as_=alice, json={"account_id": alice.id})).status == 422
    assert (await api.post(PATH, json={"account_id": alice.id})).status == 401
    reader = await api.person("reader", scopes="read write:accounts")
    assert (await api.post(PATH, as_=reader, json={"account_id": bob.id})).status == 403
