"""The processes of a running server are killed while a crowd signs up, follows, posts and likes.

The server comes back by itself whenever a process of its own was killed; where the supervisor was, the test starts it
again. Afterwards every acknowledged thing is there, nothing happened twice, every count is right, every follower's
home holds what it must, and no call is left over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from functools import partial

import psutil

from ripstop import boot
from ripstop.engines.base import CallState, Store, Table
from ripstop.rehearsal.crew import Outcome
from ripstop.rehearsal.crowd import Crowd
from ripstop.rehearsal.plan import Plan, Rates
from ripstop.rehearsal.verify import verify
from ripstop.surfaces.condition.machine import ON_DEMAND
from tests.crash.kills import KILLS, Kills, MakeKills
from tests.server import PATIENCE, Server, have_ended, wait_until

SECONDS = 4.0 if KILLS <= 100 else 12.0
"""How long one crowd makes traffic; then it is held against its ledger, and the next one comes to the same server."""

RATES = Rates(sign_up=4, follow=40, unfollow=6, post=40, delete=4, like=60, unlike=8, home=40, local=10)

CALLS_SECONDS = 180.0
"""Time for calls to end: those of a killed worker wait for the end of its lease, those that failed back off."""

SOON_MS = 600_000

LIVES = 3
"""How often a process may die before the test kills the supervisor, which would start it again later and later."""


async def killed_while(crowd: asyncio.Task[Outcome], server: Server, kills: Kills, random_: random.Random) -> Outcome:
    """Kill until the crowd is gone, or the kills are used up."""
    deaths: dict[str, int] = {}
    while not crowd.done() and kills.left():
        await asyncio.sleep(random_.random() * 0.3)
        there = await asyncio.to_thread(server.children)
        alive = [name for name in there if deaths.get(name, 0) < LIVES]
        if alive and random_.random() < 0.9:
            name = random_.choice(alive)
            deaths[name] = deaths.get(name, 0) + 1
            with contextlib.suppress(ProcessLookupError):  # helpers go by themselves when they have nothing to do
                os.kill(there[name], signal.SIGKILL)
                kills.count(1)
                if name not in ON_DEMAND:
                    await came_back(server, name, there[name])
            continue
        deaths.clear()
        if random_.random() < 0.5:
            await asyncio.to_thread(server.kill_all)
            kills.count(1 + len(there))
        else:
            children = psutil.Process(server.pid).children(recursive=True)
            server.signal(signal.SIGKILL)
            await asyncio.to_thread(server.wait)
            kills.count(1)
            # Its processes end by themselves, without a supervisor to tell them.
            await asyncio.to_thread(wait_until, partial(have_ended, children), "the end of all processes")
        await asyncio.to_thread(server.start)
    return await crowd


async def came_back(server: Server, name: str, dead: int) -> None:
    """The supervisor has filled the place of the dead process by itself."""
    async with asyncio.timeout(PATIENCE):
        while (await asyncio.to_thread(server.children)).get(name, dead) == dead:  # noqa: ASYNC110  no event tells
            await asyncio.sleep(0.02)


async def all_calls_ended(server: Server) -> None:
    """Everything that was to follow soon from what was acknowledged has happened; nothing of it failed for good."""
    ends = time.monotonic() + CALLS_SECONDS
    async with boot.opened_store(server.configuration) as store:
        while left := await calls_left(store):
            assert time.monotonic() < ends, f"calls that do not end: {left}"
            await asyncio.sleep(0.2)
        assert {name: calls.dead for name, calls in (await store.call_stats()).items() if calls.dead} == {}


async def calls_left(store: Store) -> list[tuple[object, ...]]:
    """The calls that are due, or soon will be; those for another day may wait."""
    soon = await store.now_ms() + SOON_MS
    left: list[tuple[object, ...]] = []
    after: tuple[object, ...] | None = None
    while True:
        page = await store.scan(Table.CALLS, shard=None, after=after, limit=1000)
        for row in page.rows:
            _, state, _, _, _, _, _, due, *_ = row
            if state != CallState.DEAD and isinstance(due, int) and due < soon:
                left.append(row)
        after = page.after
        if after is None:
            return left


async def test_a_server_loses_nothing_and_does_nothing_twice(own_server: Server, kills: MakeKills) -> None:
    server = own_server
    some = kills(f"a server on {'PostgreSQL' if server.database else 'SQLite'}", 0.15 if server.database else 0.22)
    random_ = random.Random(some.seed)
    while some.left():
        plan = Plan(
            people=40,
            follows=5,
            seconds=SECONDS,
            processes=1,
            connections=16,
            seed=random_.randrange(1 << 30),
            rates=RATES,
            timeout=10,
            patience=PATIENCE,
        )
        crowd = asyncio.create_task(Crowd(server.url, plan).run())
        outcome = await killed_while(crowd, server, some, random_)
        await all_calls_ended(server)
        verdict = await verify(server.url, outcome.ledger, settle=PATIENCE)
        assert verdict.wrong == {}, verdict.examples
        assert server.stop() == 0
        checked = await asyncio.to_thread(server.run, "check")
        assert checked.returncode == 0, checked.stdout
        await asyncio.to_thread(server.start)
