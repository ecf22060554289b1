"""Edges between accounts. Each lives in the shard of the account that made it."""

import msgspec

from ripstop.engines.base import Counted
from ripstop.machinery.graph import ObjectType, association, association_pair

FOLLOWS, FOLLOWED_BY = association_pair((1, "follows"), (2, "followed_by"))
"""The order is an id that is minted at the follow, so that lists page by it; the data is `FollowData` or nothing."""

REQUESTS, REQUESTED_BY = association_pair((27, "requests"), (28, "requested_by"))
"""Who asks a locked account to be let follow it. Order, flags and data are as those of FOLLOWS."""

BLOCKS, BLOCKED_BY = association_pair(
    (15, "blocks"), (16, "blocked_by"), counted=Counted.NO, inverse_counted=Counted.NO, inverse_keyed=True
)
"""The order is an id that is minted at the block."""

WATCHES, WATCHED_BY = association_pair((60, "watches"), (61, "watched_by"), counted=Counted.NO)
"""Account to whom it wanted to be told of; the follow says whether it still does. The order is an id of that moment."""

MUTES = association(17, "mutes", counted=Counted.NO)
"""The order is an id that is minted at the mute."""

NOTES = association(29, "notes", counted=Counted.NO)
"""What an account wrote down about another, for itself alone; the order is an id that is minted at it."""

HOLDS_LIST = association(30, "holds_list", counted=Counted.NO)
"""Account to each of its lists; the order is the list's id."""

LISTS_MEMBER = association(31, "lists_member", counted=Counted.NO)
"""List to each account in it; the order is an id that is minted when it is added."""

ENDORSES, ENDORSED_BY = association_pair(
    (42, "endorses"), (52, "endorsed_by"), counted=Counted.NO, inverse_counted=Counted.NO
)
"""Account to those whom it follows and recommends on its profile; the order is an id minted at that."""

DISMISSED = association(43, "dismissed", counted=Counted.NO)
"""Account to those who are not to be suggested to it; the order is an id minted at that."""

BLOCKS_DOMAIN = association(53, "blocks_domain", counted=Counted.NO)
"""Account to the hash of each server's name that it blocks; the order is an id minted at that, the data the name."""

ASSOCIATIONS = (
    FOLLOWS,
    FOLLOWED_BY,
    REQUESTS,
    REQUESTED_BY,
    BLOCKS,
    BLOCKED_BY,
    WATCHES,
    WATCHED_BY,
    MUTES,
    NOTES,
    HOLDS_LIST,
    LISTS_MEMBER,
    ENDORSES,
    ENDORSED_BY,
    DISMISSED,
    BLOCKS_DOMAIN,
)

NO_REPOSTS = 1
"""Flag of FOLLOWS: the follower does not want to see what the followed reposts."""
NOTIFY = 2
"""Flag of FOLLOWS: the follower wants to be told of each new post."""

MUTES_NOTIFICATIONS = 1
"""Flag of MUTES: no notifications from the muted either."""

EXCLUSIVE = 1
"""Flag of HOLDS_LIST: what is in the list is not in the home feed. Also a field of the list; one batch writes both."""


class FollowData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a follower wants to see beyond the flags."""

    languages: tuple[str, ...] = ()


class MuteData(msgspec.Struct, frozen=True):
    """With MUTES that end by themselves: when, in milliseconds since the epoch."""

    until: int


class NoteData(msgspec.Struct, frozen=True):
    """What was written down, as plain text."""

    text: str


REPLIES_FOLLOWED, REPLIES_LIST, REPLIES_NONE = "followed", "list", "none"
REPLIES_POLICIES = (REPLIES_FOLLOWED, REPLIES_LIST, REPLIES_NONE)
"""Which answers a list shows: to anybody whom its owner follows, to members of the list, or to nobody else."""


class List(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Some of those whom its owner follows, to be read by themselves. It lives in its owner's shard."""

    owner: int
    title: str
    replies_policy: str = REPLIES_LIST
    exclusive: bool = False


LIST = ObjectType(8, "list", List)
