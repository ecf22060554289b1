"""Making pictures: real bombs, in real children."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageCms

from ripstop.domain.media.imaging import MOST_PIXELS, Area, Crop, Pictures, Size
from ripstop.kernel.errors import Invalid, Overloaded, Unavailable
from ripstop.kernel.metrics import Metrics
from ripstop.processes.darkroom import Darkroom, Make, develop
from ripstop.processes.helper import HelperMetrics
from ripstop.processes.imagemaker import Imaging, ThreadImaging, imaging_client
from ripstop.processes.jobs import IMAGING, Answer, MakePictures, Unusable
from ripstop.processes.listener import listen_at
from ripstop.processes.on_demand import Desk
from ripstop.processes.pixels import make
from tests import pictures
from tests.pictures import corners, decoded, encoded, photograph, quarters
from tests.world import PATIENCE

SIZES: tuple[Size, ...] = (Crop(400, 400), Crop(120, 120))


def darkroom(*, at_once: int = 2, most_waiting: int = 32, seconds: float = PATIENCE, make: Make = develop) -> Darkroom:
    metrics = HelperMetrics(Metrics())
    return Darkroom(at_once=at_once, most_waiting=most_waiting, seconds=seconds, make=make, metrics=metrics)


def made(data: bytes, *sizes: Size) -> list[Image.Image]:
    """The pictures, which there must be."""
    answer = make(data, sizes or SIZES)
    assert isinstance(answer, Pictures), answer
    found = [decoded(one.data) for one in answer.made]
    assert [image.size for image in found] == [(one.width, one.height) for one in answer.made]
    return found


# What comes out


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_however_they_were_held(orientation: int) -> None:
    upright = {
        1: ["red", "green", "blue", "white"],
        2: ["green", "red", "white", "blue"],
        3: ["white", "blue", "green", "red"],
        4: ["blue", "white", "red", "green"],
        5: ["red", "blue", "green", "white"],
        6: ["blue", "red", "white", "green"],
        7: ["white", "green", "blue", "red"],
        8: ["green", "white", "red", "blue"],
    }
    large, small = made(photograph(900, 600, orientation=orientation), Area(200_000), Area(20_000))
    assert corners(large) == corners(small) == upright[orientation]
    assert (large.width > large.height) is (orientation < 5)


MODES = {
    "JPEG": ["1", "L", "RGB", "CMYK"],
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "WEBP": ["L", "RGB", "RGBA"],
    "GIF": ["1", "L", "P", "RGB", "RGBA"],
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_every_kind_and_mode(kind: str, mode: str) -> None:
    data = encoded(Image.new(mode, (500, 300)), kind)
    assert [image.size for image in made(data)] == [(300, 300), (120, 120)]


def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off() -> None:
    (grey,) = made(encoded(Image.new("I;16", (9, 9), 0x8000), "PNG"), Area(81))
    assert grey.convert("L").getpixel((4, 4)) == pytest.approx(128, abs=4)


def test_what_is_clear_stays_clear() -> None:
    (clear,) = made(encoded(Image.new("RGBA", (50, 50), (255, 0, 0, 0)), "PNG"), Area(2_500))
    assert clear.mode == "RGBA"
    assert clear.getchannel("A").getextrema() == (0, 0)


def test_the_middle_is_taken_and_nothing_is_made_larger() -> None:
    assert [image.size for image in made(photograph(3_000, 200), Crop(1_500, 500), Crop(600, 200))] == [
        (600, 200),
        (600, 200),
    ]
    assert [image.size for image in made(photograph(7, 9))] == [(7, 7), (7, 7)]
    assert [image.size for image in made(photograph(1, 30_000), Area(4_000_000))] == [(1, 16_383)]
    assert corners(made(quartered_between_borders())[0]) == ["red", "green", "blue", "white"]


def quartered_between_borders() -> bytes:
    image = Image.new("RGB", (900, 300), "black")
    image.paste(quarters(300, 300), (300, 0))
    return encoded(image, "PNG")


async def test_of_what_moves_or_has_several_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "MPO"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        answer = await darkroom().ask(MakePictures(data, (Area(2_500),)))
        assert isinstance(answer, Pictures)
        still = decoded(answer.made[0].data)
        assert corners(still) == ["red"] * 4
        assert getattr(still, "n_frames", 1) == 1


def test_nothing_but_pixels_comes_through() -> None:
    page = b"<script>alert(1)</script>"
    picture = photograph(300, 300) + page
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for data in (picture, encoded(quarters(300, 300), "PNG", icc_profile=profile, xmp=page)):
        answer = make(data, SIZES)
        assert isinstance(answer, Pictures)
        for one in answer.made:
            assert pictures.LATITUDE not in one.data
            assert page not in one.data
            assert not {"exif", "icc_profile", "xmp", "comment"} & decoded(one.data).info.keys()


def test_the_blurhash_says_how_it_looks() -> None:
    answer = make(photograph(600, 300), (Area(20_000),))
    tall = make(photograph(300, 600), (Area(20_000),))
    assert isinstance(answer, Pictures)
    assert isinstance(tall, Pictures)
    # The first character counts the components: 4 by 3, and 3 by 4 (the format is that of blurha.sh).
    assert (answer.blurhash[0], tall.blurhash[0]) == ("L", "T")
    assert len(answer.blurhash) == 6 + 2 * (4 * 3 - 1)


# What does not


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "many pixels": (pictures.bomb, "pixels"),
    "many pixels, and nothing else": (lambda: pictures.png_of(60_000, 60_000), "pixels"),
    "a little too many": (lambda: pictures.png_of(MOST_PIXELS // 1_000 + 1, 1_000), "pixels"),
    "a long text": (pictures.text_bomb, "broken"),
    "truncated": (lambda: photograph(900, 900)[:3_000], "broken"),
    "truncated early": (lambda: photograph(900, 900)[:30], "is"),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "no picture"),
    "html": (lambda: b"<!doctype html><script>alert(1)</script>", "no picture"),
    "a picture of another kind": (lambda: encoded(quarters(9, 9), "BMP"), "no picture"),
    "a program for a printer": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
    "nothing": (bytes, "no picture"),
}
"""What is uploaded, made when it is asked for, and a word of the refusal."""


@pytest.mark.parametrize("what", BOMBS)
async def test_bombs_are_refused_in_no_time(what: str) -> None:
    make_bomb, why = BOMBS[what]
    data = make_bomb()
    started = time.process_time()
    answer = await darkroom().ask(MakePictures(data, SIZES))
    assert isinstance(answer, Unusable)
    assert why in answer.sentence
    assert time.process_time() - started < 5.0


async def test_a_hundred_thousand_frames_cost_no_more_than_one() -> None:
    answer = await darkroom().ask(MakePictures(pictures.endless_gif(100_000), SIZES))
    assert isinstance(answer, Pictures)


async def test_the_largest_that_is_taken() -> None:
    data = encoded(Image.new("RGBA", (7_680, 4_320), (1, 2, 3, 4)), "PNG")
    answer = await darkroom().ask(MakePictures(data, (Area(2_048 * 2_048), Area(640 * 360))))
    assert isinstance(answer, Pictures)
    assert [one.width * one.height <= most for one, most in zip(answer.made, (2_048**2, 640 * 360), strict=True)]


# What goes wrong in a child stays there


def eat_memory(job: MakePictures) -> Answer:
    return Pictures((), str(len(bytearray(2 << 30))))


def crash(job: MakePictures) -> Answer:
    os.kill(os.getpid(), signal.SIGSEGV)
    return develop(job)


def be_killed(job: MakePictures) -> Answer:
    os.kill(os.getpid(), signal.SIGKILL)
    return develop(job)


def hang(job: MakePictures) -> Answer:
    while True:
        signal.pause()


def write_a_file(job: MakePictures) -> Answer:
    Path("/dev/shm", job.data.decode()).write_bytes(b"something")
    return Unusable("should not come so far")


def open_files(job: MakePictures) -> Answer:
    """Says which descriptors are there, and what came of asking for more."""
    there = [number for number in range(1_000) if is_open(number)]
    refused = 0
    for ask in (lambda: Path("/etc/passwd").read_bytes(), socket.socket, os.pipe):
        try:
            ask()
        except OSError:
            refused += 1
    return Unusable(f"{len(there)} {refused}")


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def wrote_nothing(name: str) -> bool:
    """Whether `write_a_file` was kept from it; clears up after it."""
    path = Path("/dev/shm", name)
    size = path.stat().st_size if path.exists() else 0
    path.unlink(missing_ok=True)
    return size == 0


def zombies() -> Iterator[int]:
    """The children of this process that have ended and that nobody has waited for."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() == psutil.STATUS_ZOMBIE:
                yield child.pid


@pytest.mark.parametrize(
    ("mishap", "seconds", "sentence"),
    [
        (eat_memory, PATIENCE, "is broken"),
        (crash, PATIENCE, "is broken"),
        (hang, 0.5, "takes too long to be read"),
        (write_a_file, PATIENCE, "is broken"),
    ],
)
async def test_mishaps_end_one_child_and_nothing_else(mishap: Make, seconds: float, sentence: str) -> None:
    name = f"ripstop-test-{os.getpid()}"
    before = set(zombies())
    other = asyncio.ensure_future(darkroom().ask(MakePictures(photograph(900, 900), SIZES)))
    answer = await darkroom(seconds=seconds, make=mishap).ask(MakePictures(name.encode(), SIZES))
    assert answer == Unusable(sentence)
    assert isinstance(await other, Pictures)
    assert wrote_nothing(name)
    assert set(zombies()) <= before


async def test_whoever_is_ended_from_outside_is_not_to_blame() -> None:
    assert await darkroom(make=be_killed).ask(MakePictures(b"", SIZES)) is None


async def test_a_child_has_nothing_open_but_its_pipe_and_can_open_nothing() -> None:
    with socket.socket():
        answer = await darkroom(make=open_files).ask(MakePictures(b"", SIZES))
    assert answer == Unusable("4 3"), "the three standard files and the pipe; and three refusals"


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
async def test_all_that_it_takes_is_there_before_the_fork(kind: str, orientation: int) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {} if kind == "GIF" else {"exif": exif, "icc_profile": profile}
    answer = await darkroom().ask(MakePictures(encoded(quarters(90, 60), kind, **options), SIZES))
    assert isinstance(answer, Pictures), answer


# Over the socket


@contextlib.asynccontextmanager
async def working(listener: socket.socket, room: Darkroom) -> AsyncIterator[None]:
    desk = Desk(room, IMAGING)
    server = await asyncio.start_unix_server(desk.converse, sock=listener.dup())
    try:
        yield
    finally:
        server.close()
        desk.hang_up()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with listen_at(tmp_path / "darkroom.sock") as listener:
        yield listener


@pytest.fixture
async def imaging(tmp_path: Path) -> AsyncIterator[Imaging]:
    client = imaging_client(tmp_path / "darkroom.sock")
    yield Imaging(client)
    await client.close()


async def test_pictures_are_made_over_the_socket_as_in_a_thread(listener: socket.socket, imaging: Imaging) -> None:
    data = photograph(500, 500)
    async with working(listener, darkroom()):
        over_there = await asyncio.gather(*(imaging.make(data, SIZES) for _ in range(5)))
    assert set(over_there) == {await ThreadImaging().make(data, SIZES)}


async def test_what_is_no_picture_is_invalid(listener: socket.socket, imaging: Imaging) -> None:
    async with working(listener, darkroom()):
        with pytest.raises(Invalid, match="Validation failed: File is no picture"):
            await imaging.make(b"<html>", SIZES)
    with pytest.raises(Invalid, match="Validation failed: File is no picture"):
        await ThreadImaging().make(b"<html>", SIZES)


async def test_too_many_at_once_are_refused(listener: socket.socket, imaging: Imaging) -> None:
    async with working(listener, darkroom(at_once=1, most_waiting=1, make=hang)):
        asked = [asyncio.ensure_future(imaging.make(b"", SIZES)) for _ in range(3)]
        refused, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert [type(one.exception()) for one in refused] == [Overloaded]
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_new_process_takes_over_what_the_old_one_left(listener: socket.socket, imaging: Imaging) -> None:
    first = darkroom(make=hang)
    async with working(listener, first):
        waiting = asyncio.ensure_future(imaging.make(photograph(50, 50), SIZES))
        while first.is_idle:  # noqa: ASYNC110 - nothing but its state tells that the job is there
            await asyncio.sleep(0)
    async with working(listener, darkroom()):
        assert isinstance(await waiting, Pictures)


async def test_without_a_process_it_says_so(imaging: Imaging) -> None:
    with pytest.raises(Unavailable, match="cannot be processed"):
        await imaging.make(photograph(50, 50), SIZES)
    assert not issubclass(Unavailable, Overloaded)
