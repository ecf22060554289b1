"""What happens between accounts. `follow` is the id that was minted for the follow: its place in both lists."""

import msgspec


class Followed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`follower` follows `followed` now; `asked` says that it had to ask first, so that `followed` knows already."""

    follower: int
    followed: int
    follow: int
    asked: bool = False


class FollowRequested(msgspec.Struct, frozen=True, kw_only=True):
    """`requester` asks to be let follow `requested`, which is locked; `request` is the id minted for it."""

    requester: int
    requested: int
    request: int


class RequestEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The request is no more: it was withdrawn, accepted, rejected, or ended by a block."""

    requester: int
    requested: int
    request: int


class Unfollowed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`follower` follows `followed` no more, by its own wish or because one of them blocks the other.

    `listed`: it may have it in a list.
    """

    follower: int
    followed: int
    follow: int
    listed: bool = True


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """`blocker` blocks `blocked`: neither is to follow or to meet the other."""

    blocker: int
    blocked: int


class Muted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`muter` does not want to see `muted` until the instant `until` (0: until that is undone); `mute` is the id minted
    for it. With `notifications`, nor to be told of what it does.
    """

    muter: int
    muted: int
    mute: int
    until: int = 0
    notifications: bool = True


class MembersChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody was put into a list, or taken out."""

    list: int


class ListDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A list is gone; its members stand under its id still."""

    list: int
