"""What is kept of a picture. Instants are milliseconds since the Unix epoch."""

import hashlib

import msgspec

from ripstop.domain.media.imaging import Area, Crop, Size
from ripstop.engines.base import Counted
from ripstop.machinery.graph import ObjectType, association

AVATAR, HEADER, ATTACHMENT, CARD = "avatar", "header", "attachment", "card"

SIZES: dict[str, tuple[Size, Size]] = {
    AVATAR: (Crop(400, 400), Crop(120, 120)),
    HEADER: (Crop(1500, 500), Crop(600, 200)),
    ATTACHMENT: (Area(2048 * 2048), Area(640 * 360)),
    CARD: (Area(1200 * 630), Area(640 * 360)),
}
"""The large and the small picture of each kind."""

MOST_BYTES = {AVATAR: 8 << 20, HEADER: 8 << 20, ATTACHMENT: 16 << 20, CARD: 8 << 20}
"""Bytes of what is uploaded, by kind."""

LARGE, SMALL = "large", "small"


class Shape(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Pixels of a picture."""

    width: int
    height: int


Focus = tuple[float, float]
"""What is to be seen of a picture that is cut: from -1 at the left, or bottom, to 1 at the right, or top."""
MIDDLE: Focus = (0.0, 0.0)


class Image(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture that somebody uploaded, or (CARD) that a page is shown by. Lives in its owner's shard.

    `kind` is AVATAR, HEADER, ATTACHMENT or CARD, whose owner is what is known of the page. `key` names its blobs, as by
    `blob_name`. `description` says in words what it shows. `post` is the one that it stands in; of a CARD its owner,
    once that shows it. `ending`: its blobs are being removed, and nothing may show it any more.
    """

    owner: int
    created_at: int
    kind: str
    key: str
    large: Shape
    small: Shape
    blurhash: str
    description: str = ""
    focus: Focus = MIDDLE
    post: int | None = None
    ending: bool = False


class Attachment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture as a post shows it: a copy of what its `Image` says, of which `id` is the id."""

    id: int
    key: str
    large: Shape
    small: Shape
    blurhash: str
    description: str = ""
    focus: Focus = MIDDLE


IMAGE = ObjectType(7, "image", Image)

HOLDS_IMAGE = association(44, "holds_image", counted=Counted.NO)
"""Account to each picture that it uploaded; the order is the picture's id."""

OBJECTS = (IMAGE,)
ASSOCIATIONS = (HOLDS_IMAGE,)


def image_key(id_: int, data: bytes) -> str:
    """What names a picture's blobs: nobody guesses it who has not the picture, and no two pictures share it, even if
    they look the same, so that each can be removed for itself."""
    return hashlib.sha256(id_.to_bytes(8, "big") + data).hexdigest()[:32]


def blob_name(key: str, size: str) -> str:
    """The name of a picture's blob; `size` is LARGE or SMALL."""
    return f"{key}-{size}.webp"


def media_path(key: str, size: str) -> str:
    """Where a picture's blob is served, below the origin of the server."""
    return f"/media/{blob_name(key, size)}"
