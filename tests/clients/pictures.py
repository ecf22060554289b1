"""Pictures to upload."""

from __future__ import annotations

import io

from PIL import Image


def picture(width: int = 64, height: int = 48) -> bytes:
    """A PNG of one colour."""
    made = io.BytesIO()
    Image.new("RGB", (width, height), (20, 120, 90)).save(made, "PNG")
    return made.getvalue()
