"""How pictures come and go: no blob is ever there that no row knows of, and none is gone that something shows."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.events import ImageLoose
from ripstop.domain.accounts.leaving import delete_account
from ripstop.domain.accounts.model import Picture
from ripstop.domain.media.model import AVATAR, HOLDS_IMAGE, IMAGE
from ripstop.engines.blobs import FolderBlobs
from ripstop.machinery.functions import Call, Checkpoint, Done, Snooze
from ripstop.machinery.graph import Refused
from tests.domain.house import House, Person
from tests.pictures import photograph

UPDATE = "/api/v1/accounts/update_credentials"
DATA_URL = "data:image/jpeg;base64," + base64.b64encode(photograph(200, 200)).decode()


async def show(house: House, who: Person, **fields: str) -> dict[str, Any]:
    """Change a profile; the account."""
    return dict(await house.ask("PATCH", UPDATE, token=who.token, form=fields))


async def loosen(house: House, *images: int) -> None:
    """Have it looked now whether anything shows these."""
    write = house.base.graph.write(images[0])
    for image in images:
        write.emit(ImageLoose(image=image, until=0))
    await house.base.graph.commit(write)
    await house.drain()
    await house.base.graph.sync()


async def picture_of(house: House, who: Person) -> Picture:
    await house.base.graph.sync()
    picture = (await access_account(house.base.graph, who.id)).value.avatar
    assert picture is not None
    return picture


async def images_of(house: House, who: Person) -> list[int]:
    return [row.target for row in await house.base.graph.range(who.id, HOLDS_IMAGE, limit=99)]


def blobs_in(folder: Path) -> list[str]:
    """The names of all files of a blob store."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def left_by_a_crash(path: Path) -> None:
    path.write_bytes(b"on")


def spoil(folder: Path) -> None:
    """Have a file where the folder should be."""
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"")


@pytest.fixture
def media(house: House) -> Path:
    return house.media_folder


async def test_what_is_shown_stays_and_what_is_not_goes_with_its_blobs(house: House, media: Path) -> None:
    [alice] = await house.people("alice")
    await show(house, alice, avatar=DATA_URL)
    first = await picture_of(house, alice)
    await show(house, alice, avatar=DATA_URL)
    second = await picture_of(house, alice)
    assert first.key != second.key
    assert len(blobs_in(media)) == 4
    await loosen(house, first.image, second.image)
    assert await images_of(house, alice) == [second.image]
    assert {name.partition("-")[0] for name in blobs_in(media)} == {second.key}
    assert len(blobs_in(media)) == 2
    assert await house.base.graph.get(IMAGE, first.image) is None
    await loosen(house, first.image)  # once more does no harm


async def test_the_looks_are_called_in_the_batches_that_make_them_necessary(house: House) -> None:
    [alice] = await house.people("alice")
    await show(house, alice, avatar=DATA_URL)
    await house.ask("DELETE", "/api/v1/profile/avatar", token=alice.token)
    stats = (await house.base.store.call_stats())["media.sweep"]
    assert (stats.waiting, stats.ready) == (2, 0), "after the upload, and after it was taken down"
    await house.drain()
    assert len(await images_of(house, alice)) == 1, "it has its time"


async def test_a_deleted_account_leaves_no_picture(house: House, media: Path) -> None:
    [alice] = await house.people("alice")
    await show(house, alice, avatar=DATA_URL, header=DATA_URL)
    await delete_account(house.base.graph, await access_account(house.base.graph, alice.id))
    await house.drain()
    assert await images_of(house, alice) == []
    assert blobs_in(media) == []


async def test_a_sweep_that_is_interrupted_goes_on(house: House, media: Path) -> None:
    [alice] = await house.people("alice")
    image = await house.base.images.take(alice.id, photograph(60, 60), AVATAR)
    sweep = house.base.functions.get("media.sweep")
    assert sweep is not None
    assert isinstance(await sweep.handler(Call(1, "", ImageLoose(image=image.id, until=1 << 50), 1, None, 0)), Snooze)
    call = Call(1, "media.sweep", ImageLoose(image=image.id, until=0), 1, None, 0)
    marked = await sweep.handler(call)
    assert isinstance(marked, Checkpoint)
    assert marked.effect is not None
    assert len(blobs_in(media)) == 2, "nothing goes before it is committed that it will"
    await house.base.store.commit([marked.effect])
    await house.base.graph.sync()
    await sweep.handler(call)  # this time it is interrupted before its end is committed
    assert blobs_in(media) == []
    ended = await sweep.handler(call)
    assert isinstance(ended, Done)
    assert ended.effect is not None
    await house.base.store.commit([ended.effect])
    assert await images_of(house, alice) == []


async def test_what_is_shown_meanwhile_is_not_marked(house: House) -> None:
    [alice] = await house.people("alice")
    graph = house.base.graph
    image = await house.base.images.take(alice.id, photograph(60, 60), AVATAR)
    write = graph.write(alice.id)
    write.patch(IMAGE, image.id, version=image.version, blurhash="changed")
    await graph.commit(write)
    stale = graph.write(alice.id)
    stale.patch(IMAGE, image.id, version=image.version, ending=True)
    with pytest.raises(Refused):
        await graph.commit(stale)


async def test_where_blobs_cannot_be_kept_nothing_is_shown_and_nothing_is_left(house: House, media: Path) -> None:
    [alice] = await house.people("alice")
    spoil(media)
    await house.ask("PATCH", UPDATE, token=alice.token, form={"avatar": DATA_URL}, status=503)
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert own["avatar"].endswith("/missing.png")
    [image] = await images_of(house, alice)
    os.unlink(media)
    await loosen(house, image)
    assert await images_of(house, alice) == []


async def test_a_profile_with_pictures_costs_no_engine_call_more(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    await show(house, alice, avatar=DATA_URL, header=DATA_URL)
    asked = []
    for whom in (alice, bob):
        async with house.another() as other:
            with other.counted() as counted:
                [seen] = await alice.get(f"/api/v1/accounts?id[]={whom.id}", house=other)
            asked.append(counted)
            assert urlsplit(seen["avatar"]).path.startswith("/media/") is (whom is alice)
    assert asked[0] == asked[1]


async def test_blobs_appear_whole_and_go(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "deep" / "folder")
    name = f"{'0' * 32}-large.webp"
    assert await blobs.get(name) is None
    await blobs.put(name, b"one")
    await blobs.put(name, b"one")
    assert await blobs.get(name) == b"one"
    assert blobs_in(tmp_path) == [name], "and nothing that is half written"
    await blobs.delete(name)
    await blobs.delete(name)
    assert await blobs.get(name) is None


async def test_what_a_crash_left_half_written_is_seen_by_nobody_and_goes_with_the_blob(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    name = f"{'0' * 32}-large.webp"
    await blobs.put(name, b"one")
    left_by_a_crash(tmp_path / "00" / f".{name}")
    assert await blobs.get(name) == b"one"
    await blobs.delete(name)
    assert blobs_in(tmp_path) == []


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", f"{'0' * 32}-large.webp/../x", f"{'A' * 32}-large.webp"])
async def test_other_names_are_no_names(tmp_path: Path, name: str) -> None:
    blobs = FolderBlobs(tmp_path)
    for attempt in (blobs.get(name), blobs.delete(name), blobs.put(name, b"")):
        with pytest.raises(ValueError, match="is no name of a blob"):
            await attempt
