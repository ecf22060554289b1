"""The bus between processes of one machine."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from ripstop.machinery.bus import Bus, LocalBus, MemoryBus
from tests.world import PATIENCE


class Ear:
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._changed = asyncio.Event()

    def __call__(self, topic: str, payload: bytes) -> None:
        self.heard.append((topic, payload))
        self._changed.set()

    async def until(self, count: int) -> list[tuple[str, bytes]]:
        """What was heard, once it is so many."""
        async with asyncio.timeout(PATIENCE):
            while len(self.heard) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.heard


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@contextlib.asynccontextmanager
async def opened(*buses: Bus) -> AsyncIterator[None]:
    for bus in buses:
        await bus.open()
    try:
        yield
    finally:
        for bus in buses:
            await bus.close()


@pytest.fixture(params=["memory", "local"])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Bus:
    return MemoryBus() if request.param == "memory" else LocalBus(tmp_path / "bus")


async def test_a_process_hears_itself_and_not_within_the_call(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe("calls", ear)
    async with opened(bus):
        bus.publish("calls", b"now")
        assert ear.heard == []
        assert await ear.until(1) == [("calls", b"now")]


async def test_a_subscription_is_exact_or_of_a_prefix(bus: Bus) -> None:
    exact, prefix, everything = Ear(), Ear(), Ear()
    async with opened(bus):
        bus.subscribe("home/7", exact)
        bus.subscribe("home/*", prefix)
        bus.subscribe("*", everything)
        for topic in ("home/7", "home/77", "homely", "other"):
            bus.publish(topic)
        assert await everything.until(4) == [("home/7", b""), ("home/77", b""), ("homely", b""), ("other", b"")]
        assert exact.heard == [("home/7", b"")]
        assert prefix.heard == [("home/7", b""), ("home/77", b"")]


async def test_an_ended_subscription_hears_nothing(bus: Bus) -> None:
    ear, other = Ear(), Ear()
    async with opened(bus):
        unsubscribe = bus.subscribe("calls", ear)
        bus.subscribe("calls", other)
        unsubscribe()
        unsubscribe()
        bus.publish("calls")
        await other.until(1)
        assert ear.heard == []


async def test_a_handler_that_fails_harms_no_other(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    def fail(topic: str, payload: bytes) -> None:
        raise RuntimeError("deaf")

    ear = Ear()
    async with opened(bus):
        bus.subscribe("calls", fail)
        bus.subscribe("calls", ear)
        bus.publish("calls", b"1")
        bus.publish("calls", b"2")
        await ear.until(2)
    assert "deaf" in caplog.text


async def test_a_prefix_names_a_whole_head(bus: Bus) -> None:
    with pytest.raises(ValueError, match="whole head"):
        bus.subscribe("ho*", Ear())


async def test_what_is_published_while_closed_is_lost(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe("calls", ear)
    bus.publish("calls", b"before")
    async with opened(bus):
        bus.publish("calls", b"between")
        await ear.until(1)
    bus.publish("calls", b"after")
    await bus.close()
    assert ear.heard == [("calls", b"between")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run" / "bus"


async def test_messages_of_one_publisher_come_in_order(folder: Path) -> None:
    """Many more than a socket holds, and some of 100 kB."""
    one, other, ear = LocalBus(folder), LocalBus(folder), Ear()
    other.subscribe("home/*", ear)
    async with opened(one, other):
        sent = [(f"home/{number}", bytes(100_000 if number % 100 == 0 else number)) for number in range(500)]
        for topic, payload in sent:
            one.publish(topic, payload)
        assert await ear.until(500) == sent
        assert one.dropped == 0


async def test_subscriptions_of_others_are_found_at_any_time(folder: Path) -> None:
    one, other, ear = LocalBus(folder), LocalBus(folder), Ear()
    async with opened(one):
        one.publish("calls", b"nobody is there")
        async with opened(other):
            one.publish("calls", b"nobody listens")
            unsubscribe = other.subscribe("calls", ear)
            one.publish("calls", b"heard")
            await ear.until(1)
            unsubscribe()
            one.publish("calls", b"nobody listens any more")
            other.subscribe("settings", ear)
            one.publish("settings", b"heard")
            await ear.until(2)
    assert ear.heard == [("calls", b"heard"), ("settings", b"heard")]


async def test_a_peer_that_does_not_keep_up_loses_messages_and_nobody_waits(folder: Path) -> None:
    one, other, ear = LocalBus(folder), LocalBus(folder), Ear()
    other.subscribe("home/*", ear)
    async with opened(one, other):
        for number in range(100):
            one.publish(f"home/{number}", bytes(100_000))
        assert 0 < one.dropped < 100
        kept = 100 - one.dropped
        assert [topic for topic, _ in await ear.until(kept)] == [f"home/{number}" for number in range(kept)]
        one.publish("home/again")
        await ear.until(kept + 1)


async def test_a_message_that_is_too_long_is_dropped(folder: Path) -> None:
    one, other, ear = LocalBus(folder), LocalBus(folder), Ear()
    other.subscribe("*", ear)
    async with opened(one, other):
        one.publish("home/1", bytes(500_000))
        one.publish("home/2")
        assert await ear.until(1) == [("home/2", b"")]
        assert one.dropped == 1


async def test_a_deep_folder_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 6)
    one, other, ear = LocalBus(folder), LocalBus(folder), Ear()
    other.subscribe("calls", ear)
    async with opened(one, other):
        one.publish("calls")
        await ear.until(1)


async def test_a_bus_leaves_nothing_behind(folder: Path) -> None:
    one, other = LocalBus(folder), LocalBus(folder)
    one.subscribe("calls", Ear())
    async with opened(one, other):
        one.publish("calls")
        assert files(folder) != []
    assert files(folder) == []


def echo_in_a_process(folder: Path) -> None:
    """The main of another process: answers each ``ask/…`` with ``answer/…`` until it is killed."""

    async def main() -> None:
        bus = LocalBus(folder)
        bus.subscribe("ask/*", lambda topic, payload: bus.publish("answer/" + topic.partition("/")[2], payload))
        await bus.open()
        bus.publish("ready")
        await asyncio.Event().wait()

    asyncio.run(main())


def start_echo(folder: Path) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=echo_in_a_process, args=(folder,), daemon=True)
    process.start()
    return process


async def test_processes_hear_each_other_and_outlive_each_other(folder: Path) -> None:
    bus, ear, ready = LocalBus(folder), Ear(), Ear()
    bus.subscribe("answer/*", ear)
    bus.subscribe("ready", ready)
    async with opened(bus):
        first, second = start_echo(folder), start_echo(folder)
        await ready.until(2)
        bus.publish("ask/1", b"both")
        assert await ear.until(2) == [("answer/1", b"both")] * 2
        first.kill()
        first.join()
        bus.publish("ask/2", b"one")
        assert await ear.until(3) == [*[("answer/1", b"both")] * 2, ("answer/2", b"one")]
        third = start_echo(folder)
        await ready.until(3)
        bus.publish("ask/3", b"both")
        assert (await ear.until(5))[3:] == [("answer/3", b"both")] * 2
        for process in (second, third):
            process.kill()
            process.join()
    async with opened(LocalBus(folder)):
        assert len([path for path in files(folder) if path.is_socket()]) == 1
    assert files(folder) == []
