"""What is kept of notifications: rows of lists, and no objects.

`NOTIFIED` is what an account was told, and the only truth. Beside it stands what is told of together, so that a page
of groups costs no more than a page of rows: which notifications a *group* has (`GROUPED`), and which groups an account
has, by their newest (`GROUPS`). What the account's rules hold back is a group as well: a *request* of who did it.
"""

import msgspec

from ripstop.domain.accounts.roles import Power
from ripstop.engines.base import Counted
from ripstop.kernel.ids import MAX_ID, derived_id, shard_of, time_ms
from ripstop.machinery.graph import TypeSet, association

# Flags of a row: one for its kind, so that any set of kinds can be left out by a mask.
FOLLOW = 1
LIKE = 2
REPOST = 4
MENTION = 8
FOLLOW_REQUEST = 16
NEW_POST = 32
"""Of somebody whom the account follows and wants to be told of."""
EDIT = 64
"""Of a post that the account passed on."""
QUOTE = 128
QUOTED_EDIT = 256
"""Of a post that the account quotes."""

NEW_ACCOUNT = 512
"""Somebody signed up; the id is that of the account. For the staff."""
NEW_REPORT = 1024
"""Somebody reported an account; the id is that of the report. For the staff."""

KINDS = (
    FOLLOW,
    LIKE,
    REPOST,
    MENTION,
    FOLLOW_REQUEST,
    NEW_POST,
    EDIT,
    QUOTE,
    QUOTED_EDIT,
    NEW_ACCOUNT,
    NEW_REPORT,
)
NEEDS = {NEW_ACCOUNT: Power.MANAGE_USERS, NEW_REPORT: Power.MANAGE_REPORTS}
"""Kinds that are told to the staff alone: to those who may do this, and for as long as they may."""
GROUPABLE = (FOLLOW, LIKE, REPOST, NEW_ACCOUNT)
"""Kinds that are told of together."""

OF_KIND = (1 << 16) - 1
"""The bits that are kept for kinds."""
IN_GROUP = 16
"""A row that stands in a group has the bit of its kind once more, so many places higher, so that a page can leave out
what it shows by groups."""

FILTERED = 1 << 27
"""Held back by the rules of the account: to be seen among its requests."""
UNDONE = 1 << 30
"""What it told of was taken back before it could be told: the row is there to refuse the telling, never shown."""

# Flags of GROUPS, beside the kind.
ASKS = 1 << 28
"""It is no group of one kind but a request: all that the rules held back of what one account did."""
AWAY = 1 << 29
"""It was put away or let in, and a function is at it still: not shown."""

NOTIFIED = association(18, "notified", counted=Counted.NO)
"""Account to the id of the follow, like, repost, post or revision that is told of, which is the order as well."""
GROUPED = association(45, "grouped")
"""Group, or request, to each of its notifications; the order is the notification, the data its `Notice`."""
GROUPS = association(46, "groups", counted=Counted.NO)
"""Account to each of its groups and requests; the order is the newest notification, the data its `Head`."""
ADMITS = association(47, "admits", counted=Counted.NO)
"""Account to each of whom it is told whatever its rules say; to RULES, the data of which they are; and to FLOOR."""

RULES = 1
"""The id under which an account's rules stand in ADMITS. No account has it."""
FLOOR = 2
"""Likewise, while all is being removed that an account has put away at once: the order is the newest of that. What is
not above it is shown no more."""

SIZES = TypeSet(GROUPED)
"""Read for how many notifications a group has."""

ASSOCIATIONS = (NOTIFIED, GROUPED, GROUPS, ADMITS)

GROUP_MS = 12 * 3_600_000
"""What happens within so long, from midnight or noon (UTC) on, is told of together."""


class Notice(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The data of a notification: who did it, and the post it was done to.

    For a mention or a quote that is the post that mentions or quotes; if what is quoted was edited, what quotes it.
    """

    actor: int
    post: int | None = None


class Head(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The data of a group: what its newest notification says, and for a request, which one was its first."""

    actor: int
    post: int | None = None
    first: int | None = None


ACCEPT, FILTER, DROP = "accept", "filter", "drop"
VERDICTS = (ACCEPT, FILTER, DROP)
"""What is done about a notification: it is told; it is held back, in a request; nobody ever hears of it."""


class Rules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an account wants to be done about notifications of whom it does not follow, who does not follow it, who is
    new here, who writes to it in private unasked, whom moderators have limited, and what is automated.
    """

    not_following: str = ACCEPT
    not_followers: str = ACCEPT
    new_accounts: str = ACCEPT
    private_mentions: str = FILTER
    limited_accounts: str = FILTER
    bots: str = ACCEPT


read_notice = msgspec.json.Decoder(Notice).decode
read_head = msgspec.json.Decoder(Head).decode
read_rules = msgspec.json.Decoder(Rules).decode

_NAMES = {FOLLOW: "follow", LIKE: "like", REPOST: "repost", NEW_ACCOUNT: "new_account"}


def group_key(kind: int, id_: int, post: int | None) -> str:
    """What a notification of this kind and id is told of with: the same text for all that are told of together."""
    name = _NAMES.get(kind)
    if name is None:
        return f"ungrouped-{id_}"
    span = time_ms(id_) // GROUP_MS
    return f"{name}-{span}" if post is None else f"{name}-{post}-{span}"


def ungrouped(key: str) -> int | None:
    """The id of the notification that stands alone under this key; None if it is the key of a group."""
    number = key.removeprefix("ungrouped-")
    if number == key or not number.isascii() or not number.isdigit() or len(number) > 19:
        return None
    return min(int(number), MAX_ID)


def group_id(account: int, key: str) -> int:
    """The id under which a group of an account stands."""
    return derived_id(shard_of(account), f"notified/{account}/{key}")


def request_id(account: int, actor: int) -> int:
    """The id under which all stands that the rules of an account hold back of what somebody did."""
    return derived_id(shard_of(account), f"asked/{account}/{actor}")
