"""What is asked of whoever makes pictures anew. The work itself is done elsewhere, where it can do no harm."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

MOST_PIXELS = 7680 * 4320
"""Of a picture as it is uploaded; about 33 million, which take 133 MB of memory."""


class Crop(msgspec.Struct, frozen=True, array_like=True, tag="crop"):
    """The middle of the picture in this shape, and at most so many pixels wide and high."""

    width: int
    height: int


class Area(msgspec.Struct, frozen=True, array_like=True, tag="area"):
    """All of the picture, in at most so many pixels."""

    pixels: int


Size = Crop | Area


class Made(msgspec.Struct, frozen=True, array_like=True):
    """A picture made anew: WebP, upright, in sRGB, without anything but its pixels."""

    data: bytes
    width: int
    height: int


class Pictures(msgspec.Struct, frozen=True, array_like=True, tag="pictures"):
    """One picture for each size that was asked for, and the blurhash of the last."""

    made: tuple[Made, ...]
    blurhash: str


class ImageMaker(Protocol):
    """Makes pictures anew without blocking the event loop."""

    async def make(self, data: bytes, sizes: Sequence[Size]) -> Pictures:
        """What was uploaded, in these sizes, of which each is a smaller one of the last. Never made larger.

        :raises Invalid: it is no picture that can be taken.
        :raises Unavailable: not now.
        """
        ...
