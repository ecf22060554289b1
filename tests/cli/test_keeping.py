"""The commands that keep a store, as an operator runs them."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from ripstop import __version__
from tests.api.client import Api
from tests.server import Server


async def populate(server: Server) -> str:
    """Let somebody sign up and post; the user name."""
    async with aiohttp.ClientSession() as session:
        api = Api(session, server)
        alice = await api.person("alice")
        await api.publish(alice, "hello")
        await api.drained()
        return alice.username


async def test_a_server_is_checked_while_it_runs(server: Server) -> None:
    await populate(server)
    check = server.run("check")
    assert (check.returncode, check.stdout) == (0, "The store is sound.\n"), check.stderr


async def test_a_copy_fills_a_new_store(server: Server, empty: Server, tmp_path: Path) -> None:
    username = await populate(server)
    copied = server.run("backup", str(tmp_path / "copy"))
    assert copied.returncode == 0, copied.stderr
    again = server.run("backup", str(tmp_path / "copy"))
    assert again.returncode == 1, "a copy is never written over"
    assert again.stderr.startswith("ripstop: ")
    restored = empty.run("restore", str(tmp_path / "copy"))
    assert restored.returncode == 0, restored.stderr
    empty.start()
    async with aiohttp.ClientSession() as session:
        found = await Api(session, empty).get(f"/api/v1/accounts/lookup?acct={username}")
    assert found.json()["statuses_count"] == 1


def test_a_store_that_is_served_is_not_restored(server: Server, tmp_path: Path) -> None:
    refused = server.run("restore", str(tmp_path / "copy"))
    assert refused.returncode == 1
    assert "already uses the data folder" in refused.stderr


def test_the_version_is_told(tmp_path: Path) -> None:
    assert Server(tmp_path).run("--version").stdout == f"ripstop {__version__}\n"
