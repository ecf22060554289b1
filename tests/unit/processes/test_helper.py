"""Hashing passwords in another process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ripstop.kernel.errors import Overloaded, Unavailable
from ripstop.kernel.metrics import Metrics
from ripstop.processes.argon import HASHER
from ripstop.processes.client import HelperClient
from ripstop.processes.hasher import MAX_PASSWORD, Hasher, PasswordHasher, ThreadHasher, hashing_client
from ripstop.processes.helper import Helper, HelperMetrics
from ripstop.processes.jobs import HASHING, AnyJob, HashPassword, VerifyPassword
from ripstop.processes.listener import listen_at
from ripstop.processes.on_demand import Desk

Client = HelperClient[AnyJob, str | bool]


@contextlib.asynccontextmanager
async def helping(listener: socket.socket, *, most_waiting: int = 64, works: bool = True) -> AsyncIterator[Helper]:
    """A helper on a socket that outlives it, with one thread. If it does not work, jobs wait for ever."""
    helper = Helper(threads=1, most_waiting=most_waiting, metrics=HelperMetrics(Metrics()))
    work = asyncio.ensure_future(helper.run() if works else asyncio.sleep(0))
    desk = Desk(helper, HASHING)
    server = await asyncio.start_unix_server(desk.converse, sock=listener.dup())
    try:
        yield helper
    finally:
        server.close()
        desk.hang_up()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with listen_at(tmp_path / "helper.sock") as listener:
        yield listener


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    client = hashing_client(tmp_path / "helper.sock")
    yield client
    await client.close()


async def check(hasher: PasswordHasher) -> None:
    encoded = await hasher.hash("hunter2")
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify("hunter2", encoded)
    assert not await hasher.verify("hunter3", encoded)
    assert not await hasher.verify("hunter2", "no hash at all")
    assert await hasher.hash("hunter2") != encoded, "each has its own salt"


async def test_hashes_are_made_and_checked_over_the_socket(listener: socket.socket, client: Client) -> None:
    async with helping(listener):
        await check(Hasher(client))


async def test_or_in_a_thread() -> None:
    await check(ThreadHasher())


async def test_replies_find_their_questions(listener: socket.socket, client: Client) -> None:
    passwords = [f"password {number}" for number in range(6)]
    encoded = {password: HASHER.hash(password) for password in passwords[:3]}
    async with helping(listener):
        hasher = Hasher(client)
        found = await asyncio.gather(*(hasher.verify(one, encoded[other]) for one in passwords for other in encoded))
    assert found == [one == other for one in passwords for other in encoded]


async def test_a_new_helper_takes_over_what_the_old_one_left(listener: socket.socket, client: Client) -> None:
    hasher = Hasher(client)
    encoded = HASHER.hash("a")
    async with helping(listener, works=False) as helper:
        waiting = asyncio.ensure_future(hasher.verify("a", encoded))
        while helper.is_idle:  # noqa: ASYNC110 - nothing but the helper's state tells that the job is there
            await asyncio.sleep(0)
    async with helping(listener):
        assert await waiting


async def test_without_a_helper_it_says_so(client: Client) -> None:
    with pytest.raises(Unavailable, match="cannot be checked"):
        await Hasher(client).hash("a")


async def test_what_is_too_much_is_refused_at_once_and_checks_go_before_new_hashes() -> None:
    helper = Helper(threads=1, most_waiting=2, metrics=HelperMetrics(Metrics()))
    done: list[str] = []

    async def ask(job: HashPassword | VerifyPassword, name: str) -> None:
        if await helper.ask(job) is not None:
            done.append(name)

    encoded = HASHER.hash("a")
    asks = [
        *(asyncio.ensure_future(ask(HashPassword("a"), f"hash {n}")) for n in range(3)),
        *(asyncio.ensure_future(ask(VerifyPassword("a", encoded), f"check {n}")) for n in range(3)),
    ]
    await asyncio.sleep(0)
    work = asyncio.ensure_future(helper.run())
    await asyncio.gather(*asks)
    work.cancel()
    assert done == ["check 0", "check 1", "hash 0", "hash 1"]
    assert helper.is_idle


async def test_a_client_hears_of_overload(listener: socket.socket, client: Client) -> None:
    async with helping(listener, most_waiting=0):
        with pytest.raises(Overloaded):
            await Hasher(client).hash("a")


async def test_a_password_without_measure_is_no_password(client: Client) -> None:
    assert not await Hasher(client).verify("x" * (MAX_PASSWORD + 1), "no helper is asked")
