"""The machine lets the server down: its disk is full, or its files take no more. It says so, and loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.api.client import Answer, Api, Person
from tests.server import PATIENCE, Server

DISK_MB = 400
POSTS = 1000
"""At most: long before, the files have grown by what they still may."""


class Client(Api):
    """A client that can publish without asking again where it was refused."""

    def __init__(self, session: aiohttp.ClientSession, server: Server) -> None:
        super().__init__(session, server)
        self._once = session
        self._url = f"{server.url}/api/v1/statuses"

    async def publish_once(self, author: Person, text: str) -> Answer:
        bearer = {"authorization": f"Bearer {author.token}"}
        async with self._once.post(self._url, data={"status": text}, headers=bearer) as response:
            received = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, received, await response.read())


@contextlib.asynccontextmanager
async def client(server: Server) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Client(session, server)


def assert_refused_honestly(answer: Answer) -> None:
    """503 in the one error shape, with a sentence for the person and none of the server's inside."""
    assert answer.status == 503, answer.body
    assert "retry-after" in answer.headers
    error = answer.json()["error"]
    assert isinstance(error, str)
    assert error.endswith(".")
    assert "/dev/" not in error
    assert "/tmp/" not in error
    assert "sqlite" not in error.lower()


async def publish_until_refused(api: Client, author: Person) -> tuple[list[str], Answer]:
    """The ids of what was published, and the first answer that was another."""
    published: list[str] = []
    for number in range(POSTS):
        answer = await api.publish_once(author, f"{number} " + "x" * 400)
        if answer.status != 200:
            return published, answer
        published.append(answer.json()["id"])
    raise AssertionError("nothing was refused")


async def assert_all_there(api: Api, ids: list[str]) -> None:
    answers = await asyncio.gather(*(api.get(f"/api/v1/statuses/{id}") for id in ids))
    assert [answer.status for answer in answers] == [200] * len(ids)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of a few hundred megabytes that this test has for itself."""
    folder = Path(tempfile.mkdtemp(prefix="ripstop-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


async def test_a_disk_that_is_nearly_full_stops_writes_and_nothing_else(small_disk: Path) -> None:
    server = Server(small_disk / "data")
    server.start()
    try:
        async with client(server) as api:
            alice = await api.person("alice")
            before = (await api.publish_once(alice, "before")).json()["id"]
            ballast = small_disk / "ballast"
            free = psutil.disk_usage(str(small_disk)).free
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, free - (8 << 20))
            published, refused = await publish_until_refused(api, alice)
            assert_refused_honestly(refused)
            assert (await api.get("/api/v1/timelines/public?local=true")).status == 200
            await assert_all_there(api, [before, *published])
            ballast.unlink()
            async with asyncio.timeout(PATIENCE):
                while (await api.publish_once(alice, "after")).status != 200:  # noqa: ASYNC110  the server looks itself
                    await asyncio.sleep(0.1)
            await assert_all_there(api, [before, *published])
    finally:
        assert server.stop() == 0
    checked = server.run("check")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("own_server", ["sqlite"], indirect=True)
async def test_files_that_cannot_grow_refuse_writes_and_keep_what_was_acknowledged(own_server: Server) -> None:
    """As with a disk that is full to the last byte: the write fails in the middle of a commit."""
    async with client(own_server) as api:
        alice = await api.person("alice")
        before = (await api.publish_once(alice, "before")).json()["id"]
        largest = max(file.stat().st_size for file in own_server.folder.rglob("*") if file.is_file())
        for pid in own_server.children().values():
            psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE, (largest + (64 << 10), -1))
        published, refused = await publish_until_refused(api, alice)
        assert_refused_honestly(refused)
        assert (await api.get(f"/api/v1/statuses/{before}")).status == 200
        own_server.stop()
        own_server.start()
        await assert_all_there(api, [before, *published])
        assert (await api.publish_once(alice, "after")).status == 200
        posts = await api.get(f"/api/v1/accounts/{alice.id}")
        # The one that was refused is not there by half either.
        assert posts.json()["statuses_count"] == len(published) + 2
    assert own_server.stop() == 0
    checked = own_server.run("check")
    assert checked.returncode == 0, checked.stdout
