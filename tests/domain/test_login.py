"""Sessions, codes and passwords over time, and how much work a login is."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest

from ripstop.boot import SCHEMA
from ripstop.domain.accounts.actions import SignUp, sign_up_here
from ripstop.domain.accounts.applications import find_application, register_application
from ripstop.domain.accounts.functions import Endings, PasswordHashing
from ripstop.domain.accounts.grants import CODE_SECONDS, KEPT_SECONDS, Ask, BadGrant, exchange_code, grant_access
from ripstop.domain.accounts.guesses import WINDOW_SECONDS, Guesses, GuessLimits
from ripstop.domain.accounts.model import ACCOUNT, GRANT, HOLDS_SESSION, SESSION, Account, Application
from ripstop.domain.accounts.passwords import Passwords, WrongPassword
from ripstop.domain.accounts.sessions import (
    MOST_SESSIONS,
    SESSION_SECONDS,
    find_session,
    open_session,
    sessions_of,
)
from ripstop.domain.accounts.tokens import Tokens
from ripstop.engines.base import Store
from ripstop.kernel.clock import ManualClock, SystemClock
from ripstop.kernel.errors import TooManyRequests
from ripstop.kernel.ids import IdSource
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.bus import MemoryBus
from ripstop.machinery.functions import Call, Done, Functions
from ripstop.machinery.functions.testing import calls_of
from ripstop.machinery.functions.worker import Worker
from ripstop.machinery.graph import Entry, Events, Graph
from ripstop.processes.hasher import ThreadHasher
from tests import discipline
from tests.stores import Place
from tests.unit.graph.worlds import CountingSlot

BACK = "https://client.example/back"
PASSWORD = "a long enough secret"
NETWORK = "192.0.2.1"


@dataclass
class Hasher:
    """The real one, and what it was asked."""

    hashed: int = 0
    verified: int = 0
    real: ThreadHasher = field(default_factory=ThreadHasher)

    async def hash(self, password: str) -> str:
        self.hashed += 1
        return await self.real.hash(password)

    async def verify(self, password: str, encoded: str) -> bool:
        self.verified += 1
        return await self.real.verify(password, encoded)


class World:
    """An installation whose clock stands until it is told to move."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.clock = clock
        self.store = store
        self.hasher = Hasher()
        events, functions, bus = Events(clock), Functions(), MemoryBus()
        ids = IdSource(clock, CountingSlot())
        self.graph = graph = Graph(store, ids=ids, clock=clock, events=events, bus=bus)
        self._seal = seal = Secrets(bytes(32))
        self.passwords = Passwords(graph, guesses=Guesses(store, clock, GuessLimits()), seal=seal, hasher=self.hasher)
        PasswordHashing(graph, seal, ThreadHasher().hash).register(functions, events)
        Endings(graph).register(functions, events)
        self._functions = functions
        self._worker = Worker(store, functions, clock=clock, ids=ids, bus=bus, before_round=graph.sync)

    async def alice(self) -> tuple[Entry[Account], str]:
        """She has just signed up; the secret of her session."""
        form = SignUp(username="Alice", email="alice@house.test", password=PASSWORD, agreement=True, locale="en")
        opened = await sign_up_here(self.graph, form, agent="a browser", seal=self._seal)
        assert opened is not None
        await self.graph.sync()
        account = await self.graph.get(ACCOUNT, opened.account)
        assert account is not None
        return account, opened.secret

    async def application(self) -> Entry[Application]:
        made = await register_application(
            self.graph, name="client", redirect_uris=[BACK], scopes=["read"], website=None
        )
        found = await find_application(self.graph, str(made.id))
        assert found is not None
        return found

    async def drain(self) -> None:
        """Let the worker do what is due by the store's own clock, which nobody moves where it is PostgreSQL's."""
        await self.graph.sync()
        await self._worker.drain()
        await self.graph.sync()

    async def work_off(self, name: str) -> None:
        """Do what waits for this one function and is due by our clock."""
        function = self._functions.get(name)
        assert function is not None
        for waiting in await calls_of(self.store, function):
            assert waiting.due <= self.clock.now_ms()
            event = msgspec.json.decode(waiting.arguments, type=function.arguments)
            outcome = await function.handler(Call(waiting.id, name, event, 1, None, 0))
            assert isinstance(outcome, Done)
            assert outcome.effect is not None
            await self.store.commit([outcome.effect])
        await self.graph.sync()


@pytest.fixture
async def world(place: Place) -> AsyncIterator[World]:
    clock = ManualClock(SystemClock().now_ms())
    store = discipline.wrap(place.instance(schema=SCHEMA, clock=clock), SCHEMA)
    await store.open()
    try:
        yield World(store, clock)
    finally:
        await store.close()


async def test_a_session_ends_in_its_time(world: World) -> None:
    alice, secret = await world.alice()
    session = await find_session(world.graph, secret)
    assert session is not None
    world.clock.advance(SESSION_SECONDS - 1)
    assert await find_session(world.graph, secret)
    world.clock.advance(1)
    assert await find_session(world.graph, secret) is None
    await world.work_off("accounts.end_session")
    assert await world.graph.get(SESSION, session.id) is None
    assert await world.graph.range(alice.id, HOLDS_SESSION, limit=2) == []


async def test_nothing_ends_before_its_time(world: World) -> None:
    alice, secret = await world.alice()
    application = await world.application()
    code = await grant_access(world.graph, alice.id, application, Ask(BACK, ("read",), None))
    await world.drain()
    assert await find_session(world.graph, secret)
    assert await exchange_code(world.graph, application, code, redirect_uri=BACK, verifier="")


async def test_an_account_has_so_many_sessions_and_the_oldest_end(world: World) -> None:
    alice, first = await world.alice()
    second = await open_session(world.graph, alice.id, agent="x" * 1_000)
    for _ in range(MOST_SESSIONS - 1):
        await open_session(world.graph, alice.id, agent="another")
    await world.graph.sync()
    assert await find_session(world.graph, first) is None
    assert await find_session(world.graph, second.secret)
    assert len(await sessions_of(world.graph, alice.id)) == MOST_SESSIONS


async def test_a_code_expires(world: World) -> None:
    alice, _ = await world.alice()
    application = await world.application()
    codes = [await grant_access(world.graph, alice.id, application, Ask(BACK, ("read",), None)) for _ in range(2)]
    world.clock.advance(CODE_SECONDS - 1)
    token = await exchange_code(world.graph, application, codes[0], redirect_uri=BACK, verifier="")
    assert await Tokens(world.graph).authenticate(token.secret)
    world.clock.advance(1)
    with pytest.raises(BadGrant, match="expired"):
        await exchange_code(world.graph, application, codes[1], redirect_uri=BACK, verifier="")


async def test_a_used_code_is_remembered_for_a_day(world: World) -> None:
    alice, _ = await world.alice()
    application = await world.application()
    code = await grant_access(world.graph, alice.id, application, Ask(BACK, ("read",), None))
    token = await exchange_code(world.graph, application, code, redirect_uri=BACK, verifier="")
    world.clock.advance(KEPT_SECONDS - 60)
    await world.graph.sync()
    with pytest.raises(BadGrant, match="used"):
        await exchange_code(world.graph, application, code, redirect_uri=BACK, verifier="")
    await world.graph.sync()
    assert await Tokens(world.graph).authenticate(token.secret) is None


async def test_nothing_is_left_of_a_grant(world: World) -> None:
    alice, _ = await world.alice()
    application = await world.application()
    write = world.graph.write(alice.id)
    before = write.new_id()
    await grant_access(world.graph, alice.id, application, Ask(BACK, ("read",), None))
    after = write.new_id()
    grants = await world.graph.get_many(GRANT, range(before, after))
    assert len(grants) == 1
    world.clock.advance(KEPT_SECONDS)
    await world.work_off("accounts.end_grant")
    assert await world.graph.get_many(GRANT, grants) == {}


async def test_a_login_costs_one_hash_whatever_it_is(world: World) -> None:
    await world.alice()

    async def work(login: str, password: str) -> tuple[int, int]:
        before = (world.hasher.hashed, world.hasher.verified)
        with contextlib.suppress(WrongPassword):
            await world.passwords.authenticate(login, password, network=NETWORK)
        return world.hasher.hashed - before[0], world.hasher.verified - before[1]

    assert await work("nobody", PASSWORD) == (1, 1)  # with what everybody is compared to, made by the first attempt
    cases = [("alice", PASSWORD), ("alice", "wrong"), ("nobody", PASSWORD), ("alice@house.test", PASSWORD), ("", "")]
    sealed = [await work(*case) for case in cases]
    await world.drain()
    hashed = [await work(*case) for case in cases]
    assert sealed == hashed == [(0, 1)] * len(cases)


async def test_failures_are_forgotten_in_time_and_successes_are_none(world: World) -> None:
    alice, _ = await world.alice()
    world.clock.advance(WINDOW_SECONDS - world.clock.now_ms() / 1_000 % WINDOW_SECONDS)
    for _ in range(GuessLimits().here + 1):
        assert (await world.passwords.authenticate("alice", PASSWORD, network=NETWORK)).id == alice.id
    for _ in range(GuessLimits().here):
        with pytest.raises(WrongPassword):
            await world.passwords.authenticate("alice", "wrong", network=NETWORK)
    with pytest.raises(TooManyRequests) as refused:
        await world.passwords.authenticate("alice", PASSWORD, network=NETWORK)
    assert refused.value.retry_after == WINDOW_SECONDS
    assert (await world.passwords.authenticate("alice", PASSWORD, network="192.0.2.2")).id == alice.id
    world.clock.advance(WINDOW_SECONDS)
    assert (await world.passwords.authenticate("alice", PASSWORD, network=NETWORK)).id == alice.id


async def test_a_password_changes_before_and_after_the_first_is_hashed(world: World) -> None:
    alice, secret = await world.alice()
    session = await find_session(world.graph, secret)
    assert session is not None
    passwords = [PASSWORD, "the second secret", "the third secret"]
    for current, wanted in itertools.pairwise(passwords):
        await world.passwords.change(alice, current, wanted, keep=session.id, network=NETWORK)
        await world.drain()
        assert (await world.passwords.authenticate("alice", wanted, network=NETWORK)).id == alice.id
        with pytest.raises(WrongPassword):
            await world.passwords.authenticate("alice", current, network=NETWORK)
    assert await find_session(world.graph, secret)
