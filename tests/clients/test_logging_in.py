"""Clients, unchanged, logging in the way they do."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.api.client import PASSWORD, SCOPES, Api, Person
from tests.clients.mastodon_py import Client, application
from tests.clients.quiet import quietly
from tests.server import PATIENCE, Server
from tests.web.browser import Browser, browsing

with quietly():
    from mastodon import Mastodon, MastodonUnauthorizedError

covers = pytest.mark.covers


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(session, server)


@pytest.fixture
async def alice(api: Api) -> Person:
    return await api.person("alice")


@pytest.fixture
async def browser(server: Server) -> AsyncIterator[Browser]:
    async with browsing(server) as browser:
        yield browser


async def let_in(browser: Browser, address: str, who: Person) -> str:
    """Follow the address that a client shows, agree, and copy the code."""
    page = await browser.log_in(who.username, PASSWORD, page=await browser.open(address))
    page = await browser.submit(page, "/oauth/authorize", {}, press="allow")
    return page.code


@covers("auth_request_url", "log_in")
async def test_mastodon_py_logs_in_by_code(server: Server, browser: Browser, alice: Person, used: set[str]) -> None:
    scopes = SCOPES.split()
    client = Client(await asyncio.to_thread(application, server), used)
    address = await asyncio.to_thread(client.auth_request_url, scopes=scopes, state="s", allow_http=True)
    code = await let_in(browser, address, alice)

    def use() -> None:
        token = client.log_in(code=code, scopes=scopes, allow_http=True)
        assert client.me()["username"] == alice.username
        client.revoke_access_token(allow_http=True)
        with pytest.raises(MastodonUnauthorizedError):
            Mastodon(access_token=token, api_base_url=server.url).account_verify_credentials()

    await asyncio.to_thread(use)


class Toot:
    """The program of the command line as a process, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self._environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "NO_COLOR": "1"}

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "toot",
            *arguments,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def run(self, *arguments: str) -> str:
        """What a command says, which must end well."""
        process = await self.start(*arguments)
        async with asyncio.timeout(PATIENCE):
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()


@covers("login --instance")
async def test_toot_logs_in_by_a_copied_code(
    server: Server, browser: Browser, api: Api, alice: Person, tmp_path: Path, used: set[str]
) -> None:
    toot = Toot(tmp_path)
    process = await toot.start("login", "--instance", server.url)
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        said = (await process.stdout.readuntil(b"[Y/n]")).decode()
        address = re.search(r"http://\S+/oauth/authorize\S+", said)
        assert address is not None, said
        code = await let_in(browser, address[0], alice)
        ended, _ = await process.communicate(f"n\n{code}\n".encode())
    assert process.returncode == 0, ended.decode()
    assert "Successfully logged in" in ended.decode()
    used |= {"login", "login --instance"}
    assert alice.username in await toot.run("whoami")
    await toot.run("post", "from the command line")
    posts = await api.want("GET", f"/api/v1/accounts/{alice.id}/statuses")
    assert [post["content"] for post in posts] == ["<p>from the command line</p>"]
