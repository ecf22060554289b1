"""The crowd against the real server: all that it acknowledged is there, and a check that would notice if not."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable

import aiohttp
import msgspec
import pytest

from ripstop.rehearsal.crew import Outcome
from ripstop.rehearsal.crowd import Crowd
from ripstop.rehearsal.ledger import Fact, Ledger, PersonFact, PostFact, Refusal, State, each_pair
from ripstop.rehearsal.plan import Plan, Rates
from ripstop.rehearsal.pool import Pool
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.verify import verify
from tests.api.client import Api
from tests.server import PATIENCE, Server

RATES = Rates(sign_up=2, follow=20, unfollow=6, post=40, delete=6, like=60, unlike=12, boost=10, home=60, local=10)
PLAN = Plan(
    people=12, follows=4, closed_loop=True, requests=1_000, seconds=3_600, processes=1, connections=8, rates=RATES,
    reply_share=0.3,
)  # fmt: skip
"""So many requests, each begun when the one before was answered, however long that takes."""
SETTLE = 2 * PATIENCE
"""Seconds for what follows from all of it; a call whose worker was killed waits for the end of its lease first."""


@pytest.fixture(scope="module")
def played(server: Server) -> Outcome:
    """One rehearsal on each engine, in two generator processes."""
    return asyncio.run(Crowd(server.url, msgspec.structs.replace(PLAN, processes=2)).run())


def first(ledger: Ledger, state: State) -> PostFact:
    return next(post for post in ledger.posts.values() if post.state is state)


async def test_everything_acknowledged_is_there_and_every_count_is_right(server: Server, played: Outcome) -> None:
    verdict = await verify(server.url, played.ledger, settle=SETTLE)
    assert verdict.ok, verdict.examples
    assert not verdict.notes
    assert not played.unsettled
    assert all(verdict.checked.values())
    counts = played.ledger.counts()
    assert counts["people"] >= PLAN.people
    assert min(counts["follows"], counts["posts"], counts["likes"], counts["boosts"], counts["taken_back"]) > 0
    assert counts["in_doubt"] == 0
    for act, tally in played.tallies.items():
        assert tally.done > 0, act
        assert set(tally.refused) <= {"404"}, act


def test_the_store_checks_itself_sound_afterwards(server: Server, played: Outcome) -> None:
    checked = server.run("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert played.ledger.counts()["posts"] > 0


def lose_an_account(ledger: Ledger) -> None:
    ledger.people["nobody_of_this_name"] = PersonFact("nobody_of_this_name", state=State.ON)


def lose_a_post(ledger: Ledger) -> None:
    first(ledger, State.OFF).state = State.ON


def keep_a_deleted_post(ledger: Ledger) -> None:
    first(ledger, State.ON).state = State.OFF


def write_a_post_that_nobody_sent(ledger: Ledger) -> None:
    del ledger.posts[first(ledger, State.ON).key]


def lose_a_follow(ledger: Ledger) -> None:
    source, target, _ = next(pair for pair in each_pair(ledger.follows) if pair[2].state is State.OFF)
    ledger.follows[source][target] = Fact(State.ON, 0.0)


def keep_an_unfollow(ledger: Ledger) -> None:
    next(fact for _, _, fact in each_pair(ledger.follows) if fact.state is State.ON).state = State.OFF


def lose_a_like(ledger: Ledger) -> None:
    present = {post.id for post in ledger.posts.values() if post.state is State.ON}
    next(
        fact for _, post, fact in each_pair(ledger.likes) if fact.state is State.OFF and post in present
    ).state = State.ON


def refuse_what_is_there(ledger: Ledger) -> None:
    ledger.refusals.append(Refusal("like", "1", first(ledger, State.ON).id))


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lose_an_account, "acknowledged account is not there"),
        (lose_a_post, "acknowledged post is not in its author's list"),
        (keep_a_deleted_post, "deleted post is in its author's list"),
        (write_a_post_that_nobody_sent, "post that nobody sent"),
        (lose_a_follow, "followers_count"),
        (keep_an_unfollow, "taken back, but still there"),
        (lose_a_like, "favourites_count"),
        (refuse_what_is_there, "refused as gone, but there"),
    ],
)
async def test_a_server_that_broke_its_word_is_found_out(
    server: Server, played: Outcome, damage: Callable[[Ledger], None], found: str
) -> None:
    ledger = copy.deepcopy(played.ledger)
    damage(ledger)
    verdict = await verify(server.url, ledger, settle=0.0)
    assert found in verdict.wrong, verdict.wrong


async def test_what_is_in_doubt_is_asked_for_and_then_counted(server: Server, played: Outcome) -> None:
    """Whatever the server says of it is right, as long as it says the same everywhere."""
    ledger = copy.deepcopy(played.ledger)
    rng = random.Random(1)
    for pairs in (ledger.follows, ledger.likes, ledger.boosts):
        for _, _, fact in each_pair(pairs):
            if rng.random() < 0.5:
                fact.state = State.UNKNOWN
    for post in ledger.posts.values():
        if rng.random() < 0.5:
            post.state = State.UNKNOWN
    ledger.refusals.clear()
    verdict = await verify(server.url, ledger, settle=SETTLE)
    assert verdict.ok, verdict.examples


async def test_a_closed_loop_keeps_to_its_number_of_requests(server: Server) -> None:
    plan = msgspec.structs.replace(PLAN, people=3, requests=100, seed=2)
    outcome = await Crowd(server.url, plan).run()
    begun = sum(tally.begun for tally in outcome.tallies.values())
    assert 100 <= begun <= 100 + 3 * (2 + PLAN.follows * 3) + PLAN.connections


async def test_what_strangers_wrote_is_let_alone(server: Server) -> None:
    async with aiohttp.ClientSession() as session:
        api = Api(session, server)
        stranger = await api.person("stranger")
        post = await api.publish(stranger, "Who are all these people?")
        rates = Rates(post=1, like=20, boost=20, local=20)
        outcome = await Crowd(
            server.url, msgspec.structs.replace(PLAN, people=3, requests=200, seed=3, rates=rates)
        ).run()
        assert outcome.tallies["local"].done > 8, "every eighth page is looked at"
        found = await api.want("GET", f"/api/v1/statuses/{post['id']}", token=stranger.token)
    assert [found[f"{what}_count"] for what in ("replies", "reblogs", "favourites", "quotes")] == [0, 0, 0, 0]


async def test_nothing_acknowledged_is_lost_when_all_processes_are_killed(own_server: Server) -> None:
    plan = msgspec.structs.replace(PLAN, requests=3_000, patience=SETTLE)
    crowd = asyncio.create_task(Crowd(own_server.url, plan).run())
    async with Pool(Target.from_url(own_server.url), size=1) as pool:

        async def newest() -> bytes:
            return (await pool.call("GET", "/api/v1/timelines/public?local=true&limit=1", tries=20)).body

        seen = b"[]"
        for _ in range(2):
            # As long as there is traffic, of which news tell, all connections have a request under way.
            while not crowd.done() and await newest() == seen:  # noqa: ASYNC110 - a server tells only whoever asks
                await asyncio.sleep(0.05)
            await asyncio.to_thread(own_server.kill_all)
            await asyncio.to_thread(own_server.start)
            seen = await newest()
    outcome = await crowd
    assert sum(tally.unanswered for tally in outcome.tallies.values()) > 0
    verdict = await verify(own_server.url, outcome.ledger, settle=SETTLE)
    assert verdict.ok, verdict.examples
