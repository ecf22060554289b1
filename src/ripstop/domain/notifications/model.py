"""What is kept of a notification: one row of the list NOTIFIED, and no object."""

import msgspec

from ripstop.engines.base import Counted
from ripstop.machinery.graph import association

# Flags of a row: one for its kind, so that any set of kinds can be left out by a mask.
FOLLOW = 1
LIKE = 2
REPOST = 4
MENTION = 8
FOLLOW_REQUEST = 16
UNDONE = 1 << 30
"""What it told of was taken back before it could be told: the row is there to refuse the telling, never shown."""

KINDS = (FOLLOW, LIKE, REPOST, MENTION, FOLLOW_REQUEST)

NOTIFIED = association(18, "notified", counted=Counted.NO)
"""Account to the id of the follow, like, repost, post or revision that is told of, which is the order as well."""

ASSOCIATIONS = (NOTIFIED,)


class Notice(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The data of a row: who did it, and the post it was done to (for a mention: the post that mentions)."""

    actor: int
    post: int | None = None
