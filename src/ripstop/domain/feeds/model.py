"""What the feeds keep of their own: derived home lists, and who is too large to be pushed."""

import msgspec

from ripstop.domain.posts.model import POSTED
from ripstop.engines.base import Counted
from ripstop.machinery.graph import TypeSet, association_pair
from ripstop.machinery.keyspaces import Lists

HOME = Lists("home", cap=800, ttl=30 * 86_400.0)
"""Account to (post or repost id, who posted it): what was pushed to each reader that has read lately."""

LARGE, LARGE_AUTHORS = association_pair(
    (25, "large"), (26, "large_authors"), counted=Counted.NO, inverse_counted=Counted.NO
)
"""Account to LARGE_ROOT: its posts are merged at read, not pushed. The data is `LargeData` once pushing is resumed."""

LARGE_ROOT = 2
"""The id under which all large authors stand in LARGE_AUTHORS. No object has it."""

LARGE_FROM = 10_000
"""Followers from which an author is large."""
SMALL_BELOW = 8_000
"""Followers below which a large author is pushed again, and small once one cap length of posts was pushed."""

MOST_LARGE = 100_000
"""Most large authors that a process holds as a set."""

NEWEST = TypeSet(POSTED)
"""Read for the newest post of an author, and for how many there are."""

ASSOCIATIONS = (LARGE, LARGE_AUTHORS)
KEYSPACES = (HOME,)


class LargeData(msgspec.Struct, frozen=True, omit_defaults=True):
    """`pushed_from`: how many posts the author had when pushing was resumed; None while it is not."""

    pushed_from: int | None = None

    @staticmethod
    def decode(data: str | None) -> "LargeData":
        return LargeData() if data is None else msgspec.json.decode(data, type=LargeData)
