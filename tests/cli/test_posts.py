"""`ripstop posts`: what an operator sees of posts, and does about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ripstop.__main__ import commands
from tests.domain.house import House, a_house
from tests.stores import Place


@pytest.fixture
async def house(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """An installation that the program finds, too."""
    is_folder = place.engine == "sqlite"
    monkeypatch.setenv("RIPSTOP_DATA", place.where if is_folder else str(tmp_path))
    monkeypatch.setenv("RIPSTOP_DATABASE", "" if is_folder else place.where)
    monkeypatch.setenv("RIPSTOP_LIMITS_READ_SECONDS", "60")
    async with a_house(place, tmp_path) as house:
        yield house


async def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of one command."""
    result = await asyncio.to_thread(CliRunner().invoke, commands(), list(arguments))
    return result.exit_code, result.output or str(result.exception)


async def test_a_post_is_taken_down_and_shown_again(house: House) -> None:
    [alice] = await house.people("alice")
    post = await alice.post("hello")
    address = f"http://house.test/@alice/{post}"
    assert (await run("posts", "take-down", address, "--reason", "unkind"))[0] == 0
    await house.ask("GET", f"/api/v1/statuses/{post}", status=404)
    assert (await alice.get(f"/api/v1/statuses/{post}"))["takedown"]["reason"] == "unkind"
    code, output = await run("posts", "show", str(post))
    shown = {line[:13].strip(): line[14:] for line in output.splitlines()}
    assert (code, shown["author"], shown["text"], shown["reason"]) == (0, "alice", "hello", "unkind")
    assert (await run("posts", "restore", str(post)))[0] == 0
    await house.ask("GET", f"/api/v1/statuses/{post}")
    code, output = await run("posts", "take-down", "1")
    assert (code, "not found" in output) == (1, True)
    for act, sensitive in (("mark-sensitive", True), ("unmark-sensitive", False)):
        assert (await run("posts", act, str(post)))[0] == 0
        assert (await house.ask("GET", f"/api/v1/statuses/{post}"))["sensitive"] is sensitive
    actions = [line.split("  ")[2] for line in (await run("audit"))[1].splitlines()]
    assert actions == ["unmark_sensitive", "mark_sensitive", "restore", "take_down"]


@pytest.mark.parametrize("post", ["hello", "http://house.test/@alice", "9" * 30])
async def test_what_names_no_post_is_an_error(post: str) -> None:
    code, output = await run("posts", "take-down", post)
    assert (code, "by its id" in output) == (1, True)
