"""Making pictures anew: the work itself, on bytes that nobody may trust, in whichever process.

Only pixels come through. Whatever else was in the file (where it was taken, a script behind the picture) is left.
"""

import io
import math
import warnings
from collections.abc import Sequence

import blurhash  # type: ignore[import-untyped] # the package has no types
from PIL import (
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401 - reads JPEG files with several pictures, of which telephones make many
    PngImagePlugin,
    TiffImagePlugin,  # noqa: F401 - reads EXIF
    UnidentifiedImageError,
    WebPImagePlugin,
)

from ripstop.domain.media.imaging import MOST_PIXELS, Area, Made, Pictures, Size
from ripstop.processes.jobs import Unusable

FORMATS = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
    GifImagePlugin.GifImageFile.format,
)
"""What is tried; of what moves, the first frame alone is looked at."""

# What Pillow imports when it first needs it must be there before: a child can open no file.
Image.preinit()

MOST_SIDE = 16_383
"""Pixels of a side that WebP can have."""
QUALITY = 80
EFFORT = 2
"""Of the encoder: 4, its default, takes three times as long for a file as large."""
HASH_SIDE = 32
"""A blurhash holds no more than this many pixels a side could tell."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its orientation as EXIF numbers it."""
_ON_ITS_SIDE = frozenset({5, 6, 7, 8})

Box = tuple[float, float, float, float]


def make(data: bytes, sizes: Sequence[Size]) -> Pictures | Unusable:
    """The picture in all sizes. Takes time and memory, and may take the process with it."""
    try:
        return _make(data, sizes)
    except UnidentifiedImageError:
        return Unusable("is no picture of a kind that is known here: JPEG, PNG, WebP or GIF")
    except Image.DecompressionBombError:
        return _TOO_LARGE
    except MemoryError:
        return Unusable("takes too much memory")
    except Exception:  # noqa: BLE001 - decoders of broken files raise whatever they like
        return Unusable("is broken")


_TOO_LARGE = Unusable(f"has more than {MOST_PIXELS:,} pixels")


def _make(data: bytes, sizes: Sequence[Size]) -> Pictures | Unusable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is a lower one
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > MOST_PIXELS:
        return _TOO_LARGE
    orientation = image.getexif().get(_ORIENTATION, 1)
    image = _first(image, sizes[0], on_its_side=orientation in _ON_ITS_SIDE)
    profile = image.info.get("icc_profile")
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    if profile:
        image = _in_srgb(image, profile)
    made = [_encode(image)]
    for size in sizes[1:]:
        image = _resized(image, size)
        made.append(_encode(image))
    return Pictures(tuple(made), _hash(image))


def _first(image: Image.Image, size: Size, *, on_its_side: bool) -> Image.Image:
    """The picture in its largest size, as it lies in the file: all else is then done on few pixels."""
    if on_its_side and not isinstance(size, Area):
        size = type(size)(size.height, size.width)
    target, _ = _plan(image.size, size)
    if isinstance(image, ImageFile.ImageFile):
        image.draft(None, target)  # JPEG can be read at a half, a quarter or an eighth
    image.load()
    return _resized(_plain(image), size)


def _plain(image: Image.Image) -> Image.Image:
    """In one of the two modes that are resized well and written."""
    if image.mode == "I;16":  # which a conversion would cut off instead of scaling it
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    has_alpha = image.mode in {"LA", "PA", "La"} or image.has_transparency_data
    mode = "RGBA" if has_alpha else "RGB"
    return image if image.mode == mode else image.convert(mode)  # which would copy it all the same


def _plan(size: tuple[int, int], wanted: Size) -> tuple[tuple[int, int], Box]:
    """How large a picture of this size becomes, and which part of it is taken."""
    width, height = size
    if isinstance(wanted, Area):
        scale = min(1.0, math.sqrt(wanted.pixels / (width * height)), MOST_SIDE / max(width, height))
        return (max(1, int(width * scale)), max(1, int(height * scale))), (0, 0, width, height)
    scale = max(wanted.width / width, wanted.height / height)
    part_width, part_height = min(width, wanted.width / scale), min(height, wanted.height / scale)
    left, top = (width - part_width) / 2, (height - part_height) / 2
    shrink = min(1.0, scale)
    target = (max(1, round(part_width * shrink)), max(1, round(part_height * shrink)))
    return target, (left, top, left + part_width, top + part_height)


def _resized(image: Image.Image, size: Size) -> Image.Image:
    target, box = _plan(image.size, size)
    if target == image.size:
        return image
    return image.resize(target, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The same colours without the file's own profile; one that makes no sense is left out."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return image if converted is None else converted


def _encode(image: Image.Image) -> Made:
    image.info = {}  # else the encoder would write what it finds there
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, method=EFFORT)
    return Made(out.getvalue(), image.width, image.height)


def _hash(image: Image.Image) -> str:
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    wide = image.width >= image.height
    small = image.convert("RGB").resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    line = HASH_SIDE * 3
    lines = (small.tobytes()[start : start + line] for start in range(0, HASH_SIDE * line, line))
    pixels = [[tuple(one[at : at + 3]) for at in range(0, line, 3)] for one in lines]
    return str(blurhash.encode(pixels, 4 if wide else 3, 3 if wide else 4))
