"""What becomes of suspensions, and of applications, in the background."""

from __future__ import annotations

import asyncio

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.applications import OUT_OF_BAND, Granted, register_application
from ripstop.domain.accounts.erasure import FEW, Erase
from ripstop.domain.accounts.events import AccountDeleted, ApplicationRegistered, Suspended
from ripstop.domain.accounts.functions import AGAIN_MS
from ripstop.domain.accounts.grants import BadGrant, check_ask, exchange_code, grant_access
from ripstop.domain.accounts.leaving import KEPT_DAYS, suspend, unsuspend
from ripstop.domain.accounts.model import ACCOUNT, APPLICATION, HOLDS_TOKEN
from ripstop.domain.posts.model import POSTED
from ripstop.machinery.functions import Call, Checkpoint, Done, Outcome, Snooze
from tests.domain.house import House, Person

DAY_MS = 86_400_000


async def run(house: House, function: str, arguments: msgspec.Struct) -> Outcome:
    """Run a function once as a worker would, and commit its effect."""
    declared = house.base.functions.get(function)
    assert declared is not None
    await house.base.graph.sync()
    outcome = await declared.handler(Call(1, function, arguments, 1, None, 0))
    if isinstance(outcome, Done | Checkpoint) and outcome.effect is not None:
        [applied] = await house.base.store.commit([outcome.effect])
        assert applied.applied
    await house.base.graph.sync()
    return outcome


async def suspended_at(house: House, person: Person, instant: int | None) -> None:
    """As if it had been suspended then, and the process had died at once."""
    write = house.base.graph.write(person.id)
    write.patch(ACCOUNT, person.id, suspended_at=instant)
    await house.base.graph.commit(write)


async def test_a_suspension_that_was_interrupted_ends_the_tokens_all_the_same(house: House) -> None:
    (alice,) = await house.people("alice")
    await suspended_at(house, alice, 1)
    assert isinstance(await run(house, "accounts.shut_out", Suspended(account=alice.id, at=1)), Checkpoint)
    assert isinstance(await run(house, "accounts.shut_out", Suspended(account=alice.id, at=1)), Done)
    assert await house.base.graph.range(alice.id, HOLDS_TOKEN, limit=1) == []
    await house.ask("GET", "/api/v1/preferences", token=alice.token, status=401)


async def test_what_runs_late_shuts_nobody_out_again(house: House) -> None:
    (alice,) = await house.people("alice")
    assert isinstance(await run(house, "accounts.shut_out", Suspended(account=alice.id, at=1)), Done)
    await alice.get("/api/v1/preferences")


async def test_a_suspended_account_is_deleted_in_the_end(house: House) -> None:
    (alice,) = await house.people("alice")
    graph = house.base.graph
    at = graph.now_ms() - KEPT_DAYS * DAY_MS
    early, event = Suspended(account=alice.id, at=at + DAY_MS), Suspended(account=alice.id, at=at)
    await suspended_at(house, alice, at)
    snooze = await run(house, "accounts.end_suspended", early)
    assert isinstance(snooze, Snooze)
    assert snooze.seconds <= 86_400
    assert await graph.get(ACCOUNT, alice.id) is not None
    await run(house, "accounts.end_suspended", event)
    assert await graph.get(ACCOUNT, alice.id) is None
    assert await house.drain()
    assert isinstance(await run(house, "accounts.end_suspended", event), Done)


async def test_a_suspension_that_was_lifted_or_renewed_deletes_nothing(house: House) -> None:
    (alice,) = await house.people("alice")
    graph = house.base.graph
    at = graph.now_ms() - KEPT_DAYS * DAY_MS
    await run(house, "accounts.end_suspended", Suspended(account=alice.id, at=at))
    await suspend(graph, await access_account(graph, alice.id))
    await run(house, "accounts.end_suspended", Suspended(account=alice.id, at=at))
    await unsuspend(graph, await access_account(graph, alice.id))
    await graph.sync()
    assert await graph.get(ACCOUNT, alice.id) is not None


async def test_an_erasure_goes_on_where_it_was_interrupted(house: House) -> None:
    (alice,) = await house.people("alice")
    for number in range(FEW + 3):
        await alice.post(f"post {number}")
    await house.drain()
    work = Erase(account=alice.id, list=POSTED.number)
    assert isinstance(await run(house, "posts.erase_list", work), Checkpoint)
    assert len(await house.base.graph.range(alice.id, POSTED, limit=100)) == 3
    assert isinstance(await run(house, "posts.erase_list", work), Done)
    assert isinstance(await run(house, "posts.erase_list", work), Done)
    assert (await house.ask("GET", f"/api/v1/accounts/{alice.id}"))["statuses_count"] == 0


async def test_what_came_in_late_is_looked_for_later_on(house: House) -> None:
    (alice,) = await house.people("alice")
    now_ms = house.base.graph.now_ms()
    await house.drain()
    assert isinstance(await run(house, "accounts.delete_again", AccountDeleted(account=alice.id, at=now_ms)), Snooze)
    await run(house, "accounts.delete_again", AccountDeleted(account=alice.id, at=now_ms - AGAIN_MS[0]))
    stats = await house.base.store.call_stats()
    ready = {name for name, backlog in stats.items() if backlog.ready}
    assert ready >= {"posts.erase_account", "follows.erase_account"}
    assert stats["accounts.delete_again"].waiting == 1, "and then once more"
    last = AccountDeleted(account=alice.id, at=now_ms - AGAIN_MS[-1], again=len(AGAIN_MS) - 1)
    await run(house, "accounts.delete_again", last)
    assert (await house.base.store.call_stats())["accounts.delete_again"].waiting == 1, "but not for ever"


async def test_an_application_that_nobody_lets_in_goes(house: House) -> None:
    form = {"client_name": "idle", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read"}
    graph = house.base.graph
    now_ms = graph.now_ms()
    idle, busy = [await house.ask("POST", "/api/v1/apps", form=form) for _ in range(2)]
    proof = {name: busy[name] for name in ("client_id", "client_secret")}
    await house.ask("POST", "/oauth/token", form={"grant_type": "client_credentials", **proof})
    for app in (idle, busy):
        id_ = int(app["client_id"])
        late = await run(
            house, "accounts.end_unused_application", ApplicationRegistered(application=id_, until=now_ms + DAY_MS)
        )
        assert isinstance(late, Snooze)
        await run(house, "accounts.end_unused_application", ApplicationRegistered(application=id_, until=now_ms))
    assert await graph.get(APPLICATION, int(idle["client_id"])) is None
    assert await graph.get(APPLICATION, int(busy["client_id"])) is not None


async def test_no_token_is_made_while_its_owner_is_shut_out(house: House) -> None:
    """Whichever is first, what is exchanged for a code has ended when the suspension has been acknowledged."""
    (alice,) = await house.people("alice")
    graph = house.base.graph
    registered = await register_application(
        graph, name="racer", redirect_uris=[OUT_OF_BAND], scopes=["read"], website=None
    )
    application = await graph.get(APPLICATION, registered.id)
    assert application is not None
    async with house.another() as other:
        for _ in range(10):
            ask = check_ask(application, OUT_OF_BAND, ["read"], challenge="", method="")
            code = await grant_access(graph, alice.id, application, ask)
            await other.base.graph.sync()
            exchange = exchange_code(other.base.graph, application, code, redirect_uri=OUT_OF_BAND, verifier="")
            account = await access_account(graph, alice.id)
            exchanged, suspended = await asyncio.gather(exchange, suspend(graph, account), return_exceptions=True)
            assert suspended is None
            assert isinstance(exchanged, Granted | BadGrant)
            await graph.sync()
            assert await graph.range(alice.id, HOLDS_TOKEN, limit=1) == []
            if isinstance(exchanged, Granted):
                await house.ask("GET", "/api/v1/preferences", token=exchanged.secret, status=401)
            await unsuspend(graph, await access_account(graph, alice.id))
            await graph.sync()
