"""Pictures for tests, as people and attackers send them."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

from PIL import Image

LATITUDE = b"51.4779N"
"""Stands somewhere in the bytes of a picture that tells where it was taken."""


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    """The picture in a file, read whole."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def quarters(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Red at the top left, green at the top right, blue at the bottom left, white at the bottom right."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("red", (0, 0, width // 2, height // 2))
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    return image.convert(mode)


def corners(image: Image.Image) -> list[str]:
    """The colours of the four quarters, in reading order, by name."""
    names = {(255, 0, 0): "red", (0, 255, 0): "green", (0, 0, 255): "blue", (255, 255, 255): "white"}
    width, height = image.size
    found = []
    for x, y in ((1, 1), (3, 1), (1, 3), (3, 3)):
        pixel = image.convert("RGB").getpixel((width * x // 4, height * y // 4))
        assert isinstance(pixel, tuple)
        found.append(names[min(names, key=lambda name: sum((a - b) ** 2 for a, b in zip(name, pixel, strict=True)))])
    return found


def photograph(width: int, height: int, *, orientation: int = 1) -> bytes:
    """A JPEG that says how it was held and where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = LATITUDE.decode()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (51.0, 28.0, 40.44)
    return encoded(quarters(width, height), "JPEG", exif=exif, comment=LATITUDE, quality=95)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG that says it is so large, one bit a pixel."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + png_chunk(b"IEND", b"")


@cache
def bomb() -> bytes:
    """A PNG of 2.5 thousand million pixels in 300 kB: what it says of itself is true."""
    lines = zlib.compressobj(9)
    line = b"\0" * (1 + 50_000 // 8)
    body = b"".join(lines.compress(line * 1_000) for _ in range(50)) + lines.flush()
    return png_of(50_000, 50_000, png_chunk(b"IDAT", body))


@cache
def text_bomb() -> bytes:
    """A PNG of one pixel, with a text that takes 200 MB once it is unpacked."""
    packed = zlib.compress(b"a" * (200 << 20), 9)
    pixel = png_chunk(b"IDAT", zlib.compress(b"\0\0"))
    return png_of(1, 1, png_chunk(b"zTXt", b"Comment\0\0" + packed), pixel)


def endless_gif(frames: int) -> bytes:
    """A GIF of so many frames."""
    one = encoded(Image.new("P", (16, 16)), "GIF")
    start = one.index(b",")  # the first image descriptor
    return one[:start] + one[start:-1] * frames + b";"
