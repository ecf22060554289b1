"""Backup and restore, as on the worst day: of a server that is written to, of copies that are not whole."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from tests.api.client import Api, Person
from tests.pictures import photograph
from tests.server import PATIENCE, Server

PICTURE = photograph(300, 200)


@asynccontextmanager
async def talking_to(server: Server) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(session, server)


async def post_picture(api: Api, who: Person) -> str:
    """A post with a picture; where the picture is served."""
    file = aiohttp.FormData()
    file.add_field("file", io.BytesIO(PICTURE), filename="a.jpg")
    media = await api.want("POST", "/api/v2/media", as_=who, data=file)
    post = await api.want("POST", "/api/v1/statuses", as_=who, json={"media_ids": [media["id"]]})
    return urlsplit(str(post["media_attachments"][0]["url"])).path


async def keep_posting(api: Api, who: Person, posted: list[str]) -> None:
    """Until cancelled."""
    while True:
        posted.append((await api.publish(who, f"number {len(posted)}"))["id"])


async def a_copy(server: Server, target: Path) -> Person:
    """A backup of a server on which somebody has posted a picture."""
    async with talking_to(server) as api:
        alice = await api.person("alice")
        await post_picture(api, alice)
    copied = await asyncio.to_thread(server.run, "backup", str(target))
    assert copied.returncode == 0, copied.stderr
    return alice


async def test_all_that_was_acknowledged_before_is_in_a_copy_made_under_load(
    server: Server, empty: Server, tmp_path: Path
) -> None:
    posted: list[str] = []
    async with talking_to(server) as api:
        people = [await api.person(name) for name in ("alice", "bob", "carol", "dora")]
        picture = await post_picture(api, people[0])
        writers = [asyncio.create_task(keep_posting(api, who, posted)) for who in people]
        async with asyncio.timeout(PATIENCE):
            while len(posted) < 40:  # noqa: ASYNC110 - it is the server's answers that are waited for
                await asyncio.sleep(0.01)
        before = list(posted)
        copied = await asyncio.to_thread(server.run, "backup", str(tmp_path / "copy"))
        assert copied.returncode == 0, copied.stderr
        assert len(posted) > len(before), "nothing was written meanwhile"
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)

    restored = await asyncio.to_thread(empty.run, "restore", str(tmp_path / "copy"))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    empty.start()
    async with talking_to(empty) as api:
        for post in before:
            assert (await api.get(f"/api/v1/statuses/{post}")).status == 200
        assert (await api.get(picture)).status == 200
        await api.drained()
    check = await asyncio.to_thread(empty.run, "check", "--json")
    assert msgspec.json.decode(check.stdout) == {"sound": True, "faults": 0, "first": []}


def change_a_store_file(copy: Path) -> None:
    largest = max((copy / "store").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def lose_a_picture(copy: Path) -> None:
    next((copy / "media").glob("*/*")).unlink()


def add_a_file(copy: Path) -> None:
    (copy / "store" / "extra").write_bytes(b"?")


def lose_the_list(copy: Path) -> None:
    (copy / "SHA256SUMS").unlink()


async def test_a_copy_that_is_not_whole_is_refused_and_nothing_is_restored(
    server: Server, empty: Server, tmp_path: Path
) -> None:
    await a_copy(server, tmp_path / "copy")
    for harm in (change_a_store_file, lose_a_picture, add_a_file, lose_the_list):
        copy = tmp_path / harm.__name__
        shutil.copytree(tmp_path / "copy", copy)
        harm(copy)
        restored = await asyncio.to_thread(empty.run, "restore", str(copy))
        assert restored.returncode == 1, harm
        assert restored.stderr.startswith(("ripstop: The backup is damaged", f"ripstop: {copy} is no whole backup")), (
            harm
        )
        assert not (empty.folder / "main.db").exists()
        assert not (empty.folder / "media").exists()
    assert (await asyncio.to_thread(empty.run, "restore", str(tmp_path / "copy"))).returncode == 0


async def test_a_store_that_is_not_new_is_not_restored_into(server: Server, tmp_path: Path) -> None:
    alice = await a_copy(server, tmp_path / "copy")
    server.stop()
    refused = await asyncio.to_thread(server.run, "restore", str(tmp_path / "copy"))
    assert refused.returncode == 1
    assert "into a new store only" in refused.stderr
    server.start()
    async with talking_to(server) as api:
        assert (await api.get(f"/api/v1/accounts/{alice.id}")).status == 200


async def test_the_check_misses_pictures(server: Server, tmp_path: Path) -> None:
    await a_copy(server, tmp_path / "copy")
    next((server.folder / "media").glob("*/*")).unlink()
    check = await asyncio.to_thread(server.run, "check", "--json")
    found = msgspec.json.decode(check.stdout)
    assert (check.returncode, found["sound"], found["faults"]) == (1, False, 1)
    assert found["first"][0][0] == "The file of a picture is missing."


async def test_the_list_of_sums_is_one_that_other_programs_read(server: Server, tmp_path: Path) -> None:
    await a_copy(server, tmp_path / "copy")
    sums = await asyncio.create_subprocess_exec(
        "sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS", cwd=tmp_path / "copy"
    )
    assert await sums.wait() == 0
