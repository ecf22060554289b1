"""What the staff is told of: reports and newcomers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Api, Person
from tests.api.staff import give, of_staff
from tests.api.streams import Streams
from tests.server import Server

SIGN_UP, REPORT = "admin.sign_up", "admin.report"


@pytest.fixture
async def moderator(server: Server, api: Api) -> Person:
    return await of_staff(server, api, "moderator", "moderator")


async def told(api: Api, who: Person, kind: str) -> list[dict[str, Any]]:
    await api.drained()
    return list(await api.want("GET", f"/api/v1/notifications?types[]={kind}", as_=who))


async def groups(api: Api, who: Person, kind: str) -> list[dict[str, Any]]:
    return list((await api.want("GET", f"/api/v2/notifications?types[]={kind}", as_=who))["notification_groups"])


async def test_the_staff_is_told_of_a_report_and_nobody_else(
    streams: Streams, api: Api, moderator: Person, alice: Person, bob: Person
) -> None:
    post = (await api.publish(bob, "buy"))["id"]
    async with streams.socket(moderator) as socket:
        await socket.order("subscribe", "user:notification")
        form = {"account_id": bob.id, "status_ids": [post], "comment": "spam"}
        report = await api.want("POST", "/api/v1/reports", as_=alice, json=form)
        _, event, payload = await socket.next()
        while payload["type"] != REPORT:  # somebody may have signed up beside
            _, event, payload = await socket.next()
    assert (event, payload["report"]["id"]) == ("notification", report["id"])
    [alone] = await told(api, moderator, REPORT)
    assert alone == payload
    assert alone["account"]["id"] == alice.id
    assert alone["report"] == report
    [group] = await groups(api, moderator, REPORT)
    assert (group["report"], group["sample_account_ids"]) == (report, [alice.id])
    for other in (alice, bob):
        assert await told(api, other, REPORT) == []


async def test_the_staff_is_told_of_newcomers_together(api: Api, moderator: Person) -> None:
    newcomers = [await api.person(name) for name in ("eve", "fred")]
    alone = await told(api, moderator, SIGN_UP)
    assert {one.id for one in newcomers} <= {each["account"]["id"] for each in alone}
    together = await groups(api, moderator, SIGN_UP)
    assert sum(group["notifications_count"] for group in together) == len(alone)
    assert {one.id for one in newcomers} <= {id_ for group in together for id_ in group["sample_account_ids"]}
    assert await told(api, newcomers[0], SIGN_UP) == []
    actors = await api.want("GET", f"/api/v2/notifications/{together[0]['group_key']}/accounts", as_=moderator)
    assert newcomers[1].id in [each["id"] for each in actors]


async def test_who_loses_the_role_is_shown_none_of_it(
    server: Server, api: Api, moderator: Person, alice: Person, bob: Person
) -> None:
    await api.want("POST", "/api/v1/reports", as_=alice, json={"account_id": bob.id})
    [one] = await told(api, moderator, REPORT)
    [group] = await groups(api, moderator, REPORT)
    await give(server, moderator, "")
    assert await told(api, moderator, REPORT) == []
    assert await groups(api, moderator, REPORT) == []
    assert (await api.get(f"/api/v1/notifications/{one['id']}", as_=moderator)).status == 404
    assert (await api.get(f"/api/v2/notifications/{group['group_key']}", as_=moderator)).status == 404
    assert (await api.want("GET", "/api/v1/notifications/unread_count", as_=moderator))["count"] == 0


async def test_what_is_gone_is_told_no_more(server: Server, api: Api, alice: Person, bob: Person) -> None:
    admin = await of_staff(server, api, "admin", "admin")
    eve = await api.person("eve")
    await api.want("POST", "/api/v1/reports", as_=alice, json={"account_id": eve.id})
    assert len(await told(api, admin, REPORT)) == 1
    assert eve.id in [each["account"]["id"] for each in await told(api, admin, SIGN_UP)]
    await api.want("POST", f"/api/v1/admin/accounts/{eve.id}/action", as_=admin, form={"type": "suspend"})
    await api.want("DELETE", f"/api/v1/admin/accounts/{eve.id}", as_=admin)
    assert await told(api, admin, REPORT) == []
    assert eve.id not in [each["account"]["id"] for each in await told(api, admin, SIGN_UP)]
    assert await groups(api, admin, REPORT) == []
