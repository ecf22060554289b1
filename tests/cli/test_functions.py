"""`ripstop functions`: what an operator sees of calls, and does about dead ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ripstop import boot
from ripstop.__main__ import commands
from ripstop.kernel import configuration as settings
from ripstop.machinery.functions import Call, Done, Fail, Outcome, Retry, Split
from ripstop.machinery.functions.report import Activity, put_report
from ripstop.machinery.functions.steering import Steer, steering
from tests.stores import Place
from tests.unit.functions.yard import Note, Yard


@pytest.fixture
def environment(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What tells the program where this store is."""
    is_folder = place.engine == "sqlite"
    environment = {
        "RIPSTOP_DATA": place.where if is_folder else str(tmp_path),
        "RIPSTOP_DATABASE": "" if is_folder else place.where,
        "RIPSTOP_LIMITS_READ_SECONDS": "60",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


async def done(call: Call[Note]) -> Outcome:
    return Done()


@pytest.fixture
async def yard(environment: dict[str, str]) -> AsyncIterator[Yard]:
    async with boot.opened_store(settings.load(environment)) as store:
        yield Yard(store)


async def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of one command."""
    result = await asyncio.to_thread(CliRunner().invoke, commands(), ["functions", *arguments])
    return result.exit_code, result.output


async def fail(call: Call[Note]) -> Outcome:
    return Retry("the mailbox is full")


async def some_dead(yard: Yard) -> list[int]:
    """Three dead calls of two functions, and one that waits."""
    ids = await yard.call(yard.function("mail", fail, attempts=1), Note(), Note())
    ids += await yard.call(yard.function("push", fail, attempts=1), Note())
    await yard.drain()
    await yard.call(yard.function("later", fail), Note(), due=yard.clock.now_ms() + 3_600_000)
    return ids


async def test_the_list_shows_each_function_with_its_backlog(yard: Yard) -> None:
    await some_dead(yard)
    code, output = await run("list")
    rows = {line.split()[0]: line.split()[1:5] for line in output.splitlines()[1:]}
    assert code == 0
    assert rows == {"mail": ["0", "0", "0", "2"], "push": ["0", "0", "0", "1"], "later": ["1", "0", "0", "0"]}


async def test_dead_calls_are_shown_with_their_errors(yard: Yard) -> None:
    ids = await some_dead(yard)
    code, output = await run("dead", "--function", "mail")
    assert code == 0
    assert sorted(int(line.split()[0]) for line in output.splitlines()) == ids[:2]
    assert output.count("the mailbox is full") == 2


async def test_dead_calls_are_searched(yard: Yard) -> None:
    """By what is tested beside the platform; here that each option arrives."""
    ids = await some_dead(yard)
    [other] = await yard.call(yard.function("other", fail, attempts=1), Note(), namespace="a.example")
    await yard.drain()

    async def listed(*options: str) -> set[int]:
        code, output = await run("dead", *options)
        assert code == 0
        return {int(line.split()[0]) for line in output.splitlines()}

    assert await listed("--error", "MAILBOX", "--younger", "1h") == {*ids, other}
    assert await listed("--namespace", "a.example") == {other}
    assert await listed("--older", "1.5d") == set()
    assert (await run("dead", "--older", "soon"))[0] == 1
    assert await run("drop", "--namespace", "a.example") == (0, "1 call is dropped.\n")
    assert await run("retry", "--all", "--error", "full", "--function", "mail") == (0, "2 calls start again.\n")
    assert await run("drop", "--error", "no such thing") == (0, "0 calls are dropped.\n")
    assert await listed() == {ids[2]}


async def test_dead_calls_are_sent_again_by_id(yard: Yard) -> None:
    first, *_ = await some_dead(yard)
    assert await run("retry", str(first)) == (0, "1 call starts again.\n")
    assert (await yard.store.call_stats())["mail"][:4] == (0, 1, 0, 1)


async def test_dead_calls_are_dropped_by_function(yard: Yard) -> None:
    await some_dead(yard)
    assert await run("drop", "--all", "--function", "mail") == (0, "2 calls are dropped.\n")
    assert await yard.dead("mail") == 0
    assert await yard.dead("push") == 1


async def test_all_dead_calls_are_sent_again(yard: Yard) -> None:
    await some_dead(yard)
    assert await run("retry", "--all") == (0, "3 calls start again.\n")
    assert await yard.drain() == 3


@pytest.mark.parametrize("arguments", [["retry"], ["drop"], ["drop", "--all", "17"], ["retry", "17"]])
async def test_what_names_no_dead_calls_is_an_error(yard: Yard, arguments: list[str]) -> None:
    await some_dead(yard)
    code, output = await run(*arguments)
    assert code == 1
    assert output.startswith("ripstop: ")
    assert await yard.dead("mail") + await yard.dead("push") == 3


async def test_a_function_is_paused_and_resumed(yard: Yard) -> None:
    await yard.call(yard.function("slow", done), Note())
    assert await run("pause", "slow") == (0, "slow: paused.\n")
    assert "paused" in (await run("list"))[1]
    assert await steering(yard.store) == {"slow": Steer(paused=True)}
    assert await run("pause", "slow", "--namespace", "a.example") == (0, "slow: paused, paused for a.example.\n")
    assert await run("resume", "slow") == (0, "slow: paused for a.example.\n")
    assert await run("resume", "slow", "--namespace", "a.example") == (0, "slow: as declared.\n")
    assert await steering(yard.store) == {}
    await run("resume", "slow")  # it is so already
    audit = (await asyncio.to_thread(CliRunner().invoke, commands(), ["audit"])).output.splitlines()
    assert [line[21:] for line in audit] == [
        "the operator  resume_function  slow, a.example",
        "the operator  resume_function  slow",
        "the operator  pause_function  slow, a.example",
        "the operator  pause_function  slow",
    ]


async def test_a_rate_is_set_and_taken_back(yard: Yard) -> None:
    assert await run("set", "slow", "--rate", "2.5", "--concurrency", "4") == (
        0,
        "slow: at most 2.5 starts a second, at most 4 at once in a worker.\n",
    )
    assert await run("set", "slow", "--rate", "0") == (0, "slow: at most 4 at once in a worker.\n")
    assert (await run("set", "slow", "--growth", "0.5"))[1].endswith(", may grow by 50% in a minute.\n")
    assert (await run("set", "slow", "--growth", "0"))[0] == 0
    assert (await run("set", "slow"))[0] != 0
    assert (await run("set", "slow", "--rate", "-1"))[0] != 0
    assert await steering(yard.store) == {"slow": Steer(concurrency=4)}


@contextlib.asynccontextmanager
async def reported(yard: Yard, *reports: dict[str, Activity]) -> AsyncIterator[None]:
    """Workers say this of themselves meanwhile, once a second as all do, since it counts for a few seconds only."""

    async def report() -> None:
        for slot, activities in enumerate(reports):
            await put_report(yard.store, slot, activities)

    async def go_on() -> None:
        while True:
            await asyncio.sleep(1.0)
            await report()

    await report()
    going_on = asyncio.create_task(go_on())
    try:
        yield
    finally:
        going_on.cancel()
        await asyncio.wait({going_on})


async def test_the_list_shows_what_workers_saw(yard: Yard) -> None:
    seen = Activity(
        starts=5.0, growing=-2.0, ended=6.0, retries=0.5, busy=0.25, delays=(0, 0, 4), runs=(9,), factor=0.5
    )
    held = Activity(held_back="bound by downstream graph at 41 % of quota", busy=0.75, rate=10.0, growth=120.0)
    async with reported(yard, {"mail": seen}, {"mail": held}):
        code, output = await run("list")
    assert code == 0
    assert output.splitlines()[1].split(maxsplit=18)[1:] == [
        "0", "0", "0", "0", "4", "5", "0.5", "0", "3.75", "ms", "4.98", "ms", "0.5", "ms", "0.99", "ms", "100%",
        "50%       75%       120  bound by downstream graph at 41 % of quota",
    ]  # fmt: skip


async def test_the_list_comes_as_json(yard: Yard) -> None:
    await some_dead(yard)
    code, output = await run("list", "--json")
    told = json.loads(output)
    assert code == 0
    assert told["mail"] == {
        "waiting": 0, "ready": 0, "leased": 0, "dead": 2, "oldest_seconds": None, "running": 0, "starts": 0.0,
        "held_back": [], "steered": None, "arrivals": None, "retries": 0.0, "deaths": 0.0, "delay_p50": None,
        "delay_p99": None, "run_p50": None, "run_p99": None, "share": 0.0, "rate_limit": None, "quota": None,
        "factor": 1.0, "growth_limit": None,
    }  # fmt: skip
    assert set(told) == {"mail", "push", "later"}


async def test_a_split_call_is_watched_and_cancelled(yard: Yard) -> None:
    async def split(call: Call[Note]) -> Outcome:
        return Done() if call.arguments.text else Split([Note("part")] * 3, join="joined")

    [whole] = await yard.call(yard.function("big", split), Note())
    leased = await yard.store.call_lease([2], limit=1, seconds=0.01)
    assert [call.id for call in leased.taken] == [whole]
    assert await run("parts", str(whole)) == (0, f"{whole}: no part is left.\n")
    assert await run("cancel", "big", str(whole)) == (0, f"big: {whole} and its parts end as they would start.\n")
    assert await steering(yard.store) == {"big": Steer(cancelled=(whole,))}


async def test_the_parts_that_are_left_are_told(yard: Yard) -> None:
    async def split(call: Call[Note]) -> Outcome:
        return Fail("no good") if call.arguments.text else Split([Note("part")] * 3, join="joined")

    [whole] = await yard.call(yard.function("big", split), Note())
    await yard.drain()
    assert await run("parts", str(whole)) == (
        0,
        f"{whole}: 0% done, 0 of 3; 0 wait, 0 are ready, 0 run, 3 are dead.\n",
    )
