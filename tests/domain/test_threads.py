"""A thread of more posts than are looked at, and rendered, before other requests have their turn."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.domain.feeds import thread
from ripstop.surfaces.mastodon.present import status
from tests.domain.house import House


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "AT_ONCE", 3)
    monkeypatch.setattr(status, "AT_ONCE", 4)


async def test_a_long_thread_is_whole_and_in_order(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    root = await alice.post("What do you think?")
    chain = [root]
    while len(chain) < 12:
        chain.append(await bob.post(f"and {len(chain)}", in_reply_to_id=chain[-1]))
    last = await bob.post("but", in_reply_to_id=root)
    around = await alice.get(f"/api/v1/statuses/{root}/context")
    assert around["ancestors"] == []
    assert [int(each["id"]) for each in around["descendants"]] == [*chain[1:], last]
    around = await alice.get(f"/api/v1/statuses/{chain[-2]}/context")
    assert [int(each["id"]) for each in around["ancestors"]] == chain[:-2]
    assert [int(each["id"]) for each in around["descendants"]] == [chain[-1]]


async def test_others_have_their_turn_meanwhile(house: House) -> None:
    [alice] = await house.people("alice")
    root = await alice.post("What do you think?")
    for number in range(12):
        await alice.post(f"thought {number}", in_reply_to_id=root)
    path = f"/api/v1/statuses/{root}/context"
    await alice.get(path)  # so that nothing has to be waited for
    asking, turns = asyncio.create_task(alice.get(path)), 0
    while not asking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5, "three between four parts of the thread, two between three parts of what is shown"
