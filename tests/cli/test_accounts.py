"""`ripstop accounts`: what an operator sees of accounts, and does about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ripstop.__main__ import commands
from tests.domain.house import House, Person, a_house
from tests.stores import Place


@pytest.fixture
async def house(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """An installation that the program finds, too."""
    is_folder = place.engine == "sqlite"
    monkeypatch.setenv("RIPSTOP_DATA", place.where if is_folder else str(tmp_path))
    monkeypatch.setenv("RIPSTOP_DATABASE", "" if is_folder else place.where)
    async with a_house(place, tmp_path) as house:
        yield house


@pytest.fixture
async def alice(house: House) -> Person:
    return (await house.people("alice"))[0]


async def run(*arguments: str, typed: str | None = None) -> tuple[int, str]:
    """Exit code and output of one command."""
    result = await asyncio.to_thread(CliRunner().invoke, commands(), ["accounts", *arguments], input=typed)
    return result.exit_code, result.output or str(result.exception)


async def test_an_account_is_shown_without_its_secrets(house: House, alice: Person) -> None:
    await alice.post("hello")
    code, output = await run("show", "@Alice")
    shown = {line[:13].strip(): line[14:] for line in output.splitlines()}
    assert code == 0
    assert shown["id"] == str(alice.id)
    assert (shown["user name"], shown["e-mail"]) == ("alice", "alice@house.test")
    assert (shown["suspended"], shown["posts"], shown["tokens"], shown["sessions"]) == ("no", "1", "1", "0")
    assert alice.token not in output


async def test_a_suspension_holds_at_once_and_is_lifted(house: House, alice: Person) -> None:
    assert (await run("suspend", "alice"))[0] == 0
    await house.ask("GET", "/api/v1/preferences", token=alice.token, status=401)
    assert (await house.ask("GET", f"/api/v1/accounts/{alice.id}"))["suspended"] is True
    assert "since 2" in (await run("show", "alice"))[1]
    assert (await run("unsuspend", "alice"))[0] == 0
    assert "suspended" not in await house.ask("GET", f"/api/v1/accounts/{alice.id}")
    await house.ask("GET", "/api/v1/preferences", token=alice.token, status=401)


async def test_lifting_what_is_not_suspended_logs_nobody_out(house: House, alice: Person) -> None:
    assert (await run("unsuspend", "alice"))[0] == 0
    await alice.get("/api/v1/preferences")


async def test_deleting_asks_first(house: House, alice: Person) -> None:
    assert (await run("delete", "alice", typed="n\n"))[0] == 1
    await alice.get("/api/v1/preferences")
    assert (await run("delete", "alice", "--yes"))[0] == 0
    await house.ask("GET", f"/api/v1/accounts/{alice.id}", status=404)
    assert await house.drain()


@pytest.mark.parametrize("name", ["nobody", "dan@remote.example", ""])
@pytest.mark.parametrize("command", ["show", "suspend", "unsuspend"])
async def test_who_is_not_here_is_an_error(house: House, command: str, name: str) -> None:
    code, output = await run(command, name)
    assert code == 1
    assert output
