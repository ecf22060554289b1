"""Second factors over time: each proof is good once, for the browser that gave the password, and for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ripstop.boot import SCHEMA
from ripstop.domain.accounts import security_log
from ripstop.domain.accounts.actions import SignUp, sign_up_here
from ripstop.domain.accounts.guesses import Guesses, GuessLimits
from ripstop.domain.accounts.leaving import delete_account, suspend
from ripstop.domain.accounts.model import ACCOUNT, Account, passkey_name
from ripstop.domain.accounts.passwords import Passwords, Suspended, WrongPassword
from ripstop.domain.accounts.security_log import MOST_KEPT, do_note, security_log_of
from ripstop.domain.accounts.sessions import Opened, sessions_of
from ripstop.domain.security.codes import STEP_SECONDS, code_at, new_key
from ripstop.domain.security.factors import (
    WrongCode,
    credentials_of,
    remove_second_factors,
    renew_recovery_codes,
    turn_totp_off,
    turn_totp_on,
)
from ripstop.domain.security.login import Logins, Wanted
from ripstop.domain.security.passkeys import Asked, Passkeys, passkey_key, passkeys_of, remove_passkey
from ripstop.domain.security.tickets import TICKET_MS, Expired, Tickets
from ripstop.engines.base import Store
from ripstop.kernel.clock import ManualClock, SystemClock
from ripstop.kernel.errors import Conflict, Invalid, NotFound, TooManyRequests
from ripstop.kernel.ids import IdSource
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.bus import MemoryBus
from ripstop.machinery.graph import Entry, Events, Graph
from ripstop.processes.hasher import ThreadHasher
from tests import discipline
from tests.domain.authenticator import SecurityKey
from tests.stores import Place
from tests.unit.graph.worlds import CountingSlot

ORIGIN = "https://house.test"
PASSWORD = "a long enough secret"
BROWSER, AGENT, NETWORK = "her browser", "a browser", "192.0.2.1"


class World:
    """An installation whose clock stands until it is told to move, and Alice, who lives there."""

    alice: Entry[Account]

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.clock = clock
        ids = IdSource(clock, CountingSlot())
        self.graph = Graph(store, ids=ids, clock=clock, events=Events(clock), bus=MemoryBus())
        self.seal = Secrets(bytes(32))
        guesses = Guesses(store, clock, GuessLimits())
        self.passwords = Passwords(self.graph, guesses=guesses, seal=self.seal, hasher=ThreadHasher())
        self.passkeys = Passkeys(self.graph, origin=ORIGIN, title="House")
        self.logins = Logins(
            self.graph,
            passwords=self.passwords,
            passkeys=self.passkeys,
            guesses=guesses,
            seal=self.seal,
            tickets=Tickets(self.seal, clock),
        )

    async def move_in(self) -> None:
        form = SignUp(username="Alice", email="alice@house.test", password=PASSWORD, agreement=True, locale="en")
        opened = await sign_up_here(self.graph, form, agent="a browser", seal=self.seal)
        assert opened is not None
        await self.graph.sync()
        account = await self.graph.get(ACCOUNT, opened.account)
        assert account is not None
        self.alice = account

    async def with_app(self) -> tuple[bytes, tuple[str, ...]]:
        """The key of the app that Alice set up just now, and her recovery codes."""
        key = new_key()
        codes = await turn_totp_on(self.graph, self.alice, key, self.code(key), seal=self.seal)
        self.clock.advance(STEP_SECONDS)
        await self.graph.sync()
        return key, codes

    async def with_passkey(self, device: SecurityKey, *, name: str = "Key") -> tuple[str, ...]:
        """Let a device of Alice make a passkey; her recovery codes, if they are new."""
        asked = self.passkeys.ask_new(self.alice, (await credentials_of(self.graph, self.alice)).value)
        codes = await self.passkeys.add(self.alice, name, asked.challenge, device.make(asked))
        await self.graph.sync()
        return codes

    def code(self, key: bytes) -> str:
        return code_at(key, self.clock.now_ms() / 1_000)

    async def give_password(self, password: str = PASSWORD, *, browser: str = BROWSER) -> Opened | Wanted:
        await self.graph.sync()
        return await self.logins.by_password("alice", password, browser=browser, agent=AGENT, network=NETWORK)

    async def ticket(self) -> str:
        wanted = await self.give_password()
        assert isinstance(wanted, Wanted)
        return wanted.ticket

    async def by_code(self, ticket: str, code: str, *, browser: str = BROWSER) -> Opened:
        await self.graph.sync()
        return await self.logins.by_code(ticket, code, browser=browser, agent=AGENT, network=NETWORK)

    async def by_passkey(self, device: SecurityKey, asked: tuple[str, Asked] | None = None) -> Opened:
        await self.graph.sync()
        self.clock.advance(1)
        ticket, challenge = asked or self.logins.ask_alone(browser=BROWSER)
        return await self.logins.by_passkey(ticket, device.sign(challenge), browser=BROWSER, agent=AGENT)

    async def log(self) -> list[str]:
        return [noted.what for noted in await security_log_of(self.graph, self.alice.id)]


@pytest.fixture
async def world(place: Place) -> AsyncIterator[World]:
    clock = ManualClock(SystemClock().now_ms())
    store = discipline.wrap(place.instance(schema=SCHEMA, clock=clock), SCHEMA)
    await store.open()
    try:
        world = World(store, clock)
        await world.move_in()
        yield world
    finally:
        await store.close()


async def test_a_code_is_good_once_and_only_after_the_password(world: World) -> None:
    assert isinstance(await world.give_password(), Opened)
    key, _ = await world.with_app()
    code = world.code(key)
    with pytest.raises(WrongPassword):
        await world.give_password("another")
    wanted = await world.give_password()
    assert isinstance(wanted, Wanted)
    assert (wanted.has_app, wanted.has_passkeys) == (True, False)
    with pytest.raises(WrongCode):
        await world.by_code(wanted.ticket, "000000" if code != "000000" else "111111")
    with pytest.raises(Expired):
        await world.by_code(wanted.ticket, code, browser="another browser")
    opened = await world.by_code(wanted.ticket, code)
    assert opened.id in [session.id for session in await sessions_of(world.graph, world.alice.id)]
    with pytest.raises(Expired):  # the ticket is used
        await world.by_code(wanted.ticket, code)
    with pytest.raises(WrongCode):  # and so is the code
        await world.by_code(await world.ticket(), code)
    world.clock.advance(STEP_SECONDS)
    await world.by_code(await world.ticket(), world.code(key))


async def test_of_two_who_use_a_code_at_once_one_gets_in(world: World) -> None:
    key, _ = await world.with_app()
    tickets = [await world.ticket() for _ in range(4)]
    before = len(await sessions_of(world.graph, world.alice.id))
    found = await asyncio.gather(
        *(world.by_code(ticket, world.code(key)) for ticket in tickets), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in found) == ["Expired"] * 3 + ["Opened"]
    await world.graph.sync()
    assert len(await sessions_of(world.graph, world.alice.id)) == before + 1


async def test_a_ticket_ends_with_time_and_with_the_password(world: World) -> None:
    key, _ = await world.with_app()
    ticket = await world.ticket()
    world.clock.advance(TICKET_MS / 1_000 + 1)
    with pytest.raises(Expired):
        await world.by_code(ticket, world.code(key))
    ticket = await world.ticket()
    await world.passwords.change(world.alice, PASSWORD, "quite another secret", keep=None, network=NETWORK)
    with pytest.raises(Expired):
        await world.by_code(ticket, world.code(key))
    assert await world.log() == [security_log.PASSWORD_CHANGED, security_log.TOTP_ON]
    for rubbish in ("", "1.", ticket[:-2], "1." + "A" * 300):
        with pytest.raises(Expired):
            await world.logins.again(rubbish, browser=BROWSER)


async def test_recovery_codes_let_in_once_each_and_new_ones_void_the_old(world: World) -> None:
    _, codes = await world.with_app()
    assert len(codes) == 10
    await world.by_code(await world.ticket(), codes[3].upper().replace("-", ""))
    with pytest.raises(WrongCode):
        await world.by_code(await world.ticket(), codes[3])
    await world.by_code(await world.ticket(), codes[4])
    await world.graph.sync()
    new = await renew_recovery_codes(world.graph, world.alice)
    with pytest.raises(WrongCode):
        await world.by_code(await world.ticket(), codes[5])
    await world.by_code(await world.ticket(), new[0])
    assert (await world.log())[:2] == [security_log.RECOVERY_USED, security_log.RECOVERY_RENEWED]


async def test_guesses_at_codes_are_counted_by_account(world: World) -> None:
    key, _ = await world.with_app()
    ticket = await world.ticket()
    for _ in range(GuessLimits().codes):
        with pytest.raises(WrongCode):
            await world.by_code(ticket, "no code")
    with pytest.raises(TooManyRequests) as refused:
        await world.by_code(ticket, world.code(key))
    assert refused.value.retry_after
    world.clock.advance(900)
    await world.by_code(await world.ticket(), world.code(key))


async def test_an_app_is_turned_on_by_a_code_of_it_once_and_off(world: World) -> None:
    key = new_key()
    with pytest.raises(WrongCode):
        await turn_totp_on(world.graph, world.alice, key, world.code(new_key()), seal=world.seal)
    with pytest.raises(Invalid, match="no second factor"):
        await renew_recovery_codes(world.graph, world.alice)
    await world.with_app()
    with pytest.raises(Conflict):
        await turn_totp_on(world.graph, world.alice, key, world.code(key), seal=world.seal)
    await turn_totp_off(world.graph, world.alice)
    assert isinstance(await world.give_password(), Opened)
    credentials = (await credentials_of(world.graph, world.alice)).value
    assert (credentials.totp_sealed, credentials.recovery_hashes) == (None, ())
    assert await world.log() == [security_log.TOTP_OFF, security_log.TOTP_ON]


async def test_a_passkey_lets_in_alone_and_after_the_password(world: World) -> None:
    device = SecurityKey(ORIGIN)
    assert len(await world.with_passkey(device)) == 10
    assert await world.with_passkey(other := SecurityKey(ORIGIN, count=7), name="Other") == ()
    assert (await world.by_passkey(device)).account == world.alice.id
    assert (await world.by_passkey(other)).account == world.alice.id
    wanted = await world.give_password()
    assert isinstance(wanted, Wanted)
    assert (wanted.has_app, wanted.has_passkeys) == (False, True)
    world.clock.advance(1)
    ticket, asked = await world.logins.ask_second(wanted.ticket, browser=BROWSER)
    assert len(asked.options["publicKey"]["allowCredentials"]) == 2
    answer = device.sign(asked)
    found = await world.logins.by_second_passkey(ticket, answer, browser=BROWSER, agent=AGENT, network=NETWORK)
    assert found.account == world.alice.id
    await world.graph.sync()
    with pytest.raises(Expired):
        await world.logins.by_second_passkey(ticket, answer, browser=BROWSER, agent=AGENT, network=NETWORK)
    kept = await passkeys_of(world.graph, world.alice)
    assert [(one.name, one.transports, one.signed) for one in kept] == [("Key", ("usb",), 0), ("Other", ("usb",), 8)]


async def test_no_signature_is_good_twice_or_from_a_copy(world: World) -> None:
    device = SecurityKey(ORIGIN, count=5)
    await world.with_passkey(device)
    asked = world.logins.ask_alone(browser=BROWSER)
    answer = device.sign(asked[1])
    world.clock.advance(1)
    await world.logins.by_passkey(asked[0], answer, browser=BROWSER, agent=AGENT)
    await world.graph.sync()
    with pytest.raises(WrongCode):
        await world.logins.by_passkey(asked[0], answer, browser=BROWSER, agent=AGENT)
    world.clock.advance(1)
    copy = replace(device, count=2)
    with pytest.raises(WrongCode):
        await world.by_passkey(copy)


async def test_what_a_passkey_has_not_signed_lets_nobody_in(world: World) -> None:
    device = SecurityKey(ORIGIN)
    await world.with_passkey(device)
    world.clock.advance(1)
    liars = {
        "another site": replace(device, origin="https://evil.test"),
        "another key": replace(device, private=SecurityKey(ORIGIN).private),
        "nobody there": replace(device, verifies=False),
        "unknown": SecurityKey(ORIGIN),
    }
    for liar in liars.values():
        with pytest.raises(WrongCode):
            await world.by_passkey(liar)
    ticket, _ = world.logins.ask_alone(browser=BROWSER)
    with pytest.raises(WrongCode):  # what was asked of somebody else
        await world.by_passkey(device, (ticket, world.passkeys.ask()))
    for rubbish in ("", "[]", "{}", '{"id":7}', "\ud800", "x" * 50_000, device.make(world.passkeys.ask())):
        with pytest.raises(WrongCode):
            await world.logins.by_passkey(ticket, rubbish, browser=BROWSER, agent=AGENT)
    with pytest.raises(Expired):
        await world.logins.by_passkey(ticket, device.sign(world.passkeys.ask()), browser="other", agent=AGENT)
    await suspend(world.graph, world.alice)
    with pytest.raises(Suspended):
        await world.by_passkey(device)


async def test_what_is_no_new_passkey_is_not_kept(world: World) -> None:
    asked = world.passkeys.ask_new(world.alice, (await credentials_of(world.graph, world.alice)).value)
    other = world.passkeys.ask_new(world.alice, (await credentials_of(world.graph, world.alice)).value)
    device = SecurityKey(ORIGIN)
    for answer in ("", "{}", device.sign(asked), device.make(other), SecurityKey("https://evil.test").make(asked)):
        with pytest.raises(WrongCode):
            await world.passkeys.add(world.alice, "Key", asked.challenge, answer)
    with pytest.raises(Invalid, match="60 characters"):
        await world.passkeys.add(world.alice, "x" * 61, asked.challenge, device.make(asked))
    assert await passkeys_of(world.graph, world.alice) == ()
    await world.with_passkey(device)
    with pytest.raises(Conflict):
        await world.with_passkey(device)
    assert isinstance(await world.give_password(), Wanted)


async def test_a_removed_passkey_lets_nobody_in_and_the_last_takes_the_codes_with_it(world: World) -> None:
    one, other = SecurityKey(ORIGIN), SecurityKey(ORIGIN)
    await world.with_passkey(one, name="One")
    world.clock.advance(1)
    await world.with_passkey(other, name="Other")
    kept = await passkeys_of(world.graph, world.alice)
    await remove_passkey(world.graph, world.alice, passkey_key(kept[0]))
    await world.graph.sync()
    with pytest.raises(WrongCode):
        await world.by_passkey(one)
    with pytest.raises(NotFound):
        await remove_passkey(world.graph, world.alice, passkey_key(kept[0]))
    assert (await credentials_of(world.graph, world.alice)).value.recovery_hashes
    await remove_passkey(world.graph, world.alice, passkey_key(kept[1]))
    await world.graph.sync()
    assert isinstance(await world.give_password(), Opened)
    assert not (await credentials_of(world.graph, world.alice)).value.recovery_hashes


async def test_operators_remove_all_factors_and_a_deleted_account_leaves_no_passkey(world: World) -> None:
    assert not await remove_second_factors(world.graph, world.alice)
    device = SecurityKey(ORIGIN)
    await world.with_app()
    await world.with_passkey(device)
    assert await remove_second_factors(world.graph, world.alice)
    assert isinstance(await world.give_password(), Opened)
    with pytest.raises(WrongCode):
        await world.by_passkey(device)
    assert (await world.log())[0] == security_log.FACTORS_REMOVED
    await world.with_passkey(device)
    [kept] = await passkeys_of(world.graph, world.alice)
    await delete_account(world.graph, world.alice)
    await world.graph.sync()
    assert await world.graph.names((passkey_name(kept.id),)) == {}
    with pytest.raises(WrongCode):
        await world.by_passkey(device)


async def test_the_security_log_keeps_the_newest(world: World) -> None:
    for number in range(MOST_KEPT + 3):
        write = world.graph.write(world.alice.id)
        await do_note(world.graph, write, world.alice.id, security_log.PASSKEY_ADDED, about=str(number))
        await world.graph.commit(write)
        world.clock.advance(0.002)
    kept = await security_log_of(world.graph, world.alice.id, limit=2 * MOST_KEPT)
    assert [noted.about for noted in kept] == [str(number) for number in range(MOST_KEPT + 2, 2, -1)]
