"""Pictures as clients send them: a file of a multipart form, or a `data:` URL as text."""

import base64
import binascii
from typing import Annotated, Any

import msgspec

from ripstop.domain.media.model import AVATAR, MOST_BYTES
from ripstop.kernel.errors import Invalid
from ripstop.surfaces.http.params import Upload

PROFILE_BODY = 2 * MOST_BYTES[AVATAR] * 4 // 3 + (64 << 10)
"""Bytes of a body with an avatar, a header and the rest of a profile, in base64 at worst."""
BODY_SECONDS = 120.0
"""Time for a body with pictures to arrive: as long as 16 MB take at a megabit a second."""

File = Annotated[Any, msgspec.Meta(extra_json_schema={"type": "string", "format": "binary"})]
"""A picture in the parameters of a request: what `picture_bytes` understands."""


def picture_bytes(given: Any, name: str) -> bytes | None:
    """The bytes of the picture in a field, or None: there is none, and what was there stays.

    :raises Invalid: the field holds something else.
    """
    if given is None or given == "" or (isinstance(given, Upload) and not given.name and not given.data):
        return None  # some clients, and browsers, send an empty field for a picture that stays
    if isinstance(given, Upload):
        return given.data
    head, comma, encoded = given.partition(",") if isinstance(given, str) else ("", "", "")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise Invalid(f"Validation failed: {name.capitalize()} must be a file")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"Validation failed: {name.capitalize()} is not valid base64") from None
