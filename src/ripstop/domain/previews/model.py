"""What is kept of a page that posts link to. Instants are milliseconds since the Unix epoch."""

import hashlib

import msgspec

from ripstop.domain.posts.model import Card
from ripstop.machinery.graph import ObjectType

FRESH_MS = 7 * 86_400_000
"""For so long what a page said of itself is shown with further posts that link to it."""
FAILED_MS = 3_600_000
"""For so long nobody asks again for a page that showed nothing."""


class Preview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found at a link at the instant `looked_at`; None: nothing that can be shown.

    Found by the name `preview/<SHA-256 of the link in hex>`. Posts hold a copy, so that reading one costs no more.
    """

    link: str
    looked_at: int
    card: Card | None = None

    def is_fresh(self, now_ms: int) -> bool:
        return now_ms - self.looked_at < (FAILED_MS if self.card is None else FRESH_MS)


PREVIEW = ObjectType(17, "preview", Preview)

OBJECTS = (PREVIEW,)
ASSOCIATIONS = ()


def preview_name(link: str) -> str:
    """The name by which what is known of a link is found."""
    return f"preview/{hashlib.sha256(link.encode()).hexdigest()}"
