"""What is kept of conversations: rows of two lists, and no objects.

A conversation belongs to one account and one thread. What was said in it stands in `SAID_IN`, under an id that follows
from the two; the account's own list `CONVERSING` has a row for it, at the newest of these posts.
"""

from ripstop.engines.base import Counted
from ripstop.kernel.ids import derived_id, shard_of
from ripstop.machinery.graph import association

CONVERSING = association(48, "conversing", counted=Counted.NO)
"""Account to each of its conversations; the order is the newest post."""
SAID_IN = association(49, "said_in", counted=Counted.NO)
"""Conversation to each direct post of the thread that is by or for its account; the order is the post's id."""

UNREAD = 1
"""Flag of CONVERSING: the newest post has not been read."""

ASSOCIATIONS = (CONVERSING, SAID_IN)


def conversation_id(account: int, root: int) -> int:
    """The id of an account's conversation in the thread of this root."""
    return derived_id(shard_of(account), f"conversation/{account}/{root}")
