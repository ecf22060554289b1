"""What happens between accounts. `follow` is the id that was minted for the follow: its place in both lists."""

import msgspec


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """`follower` follows `followed` now."""

    follower: int
    followed: int
    follow: int


class Unfollowed(msgspec.Struct, frozen=True, kw_only=True):
    """`follower` follows `followed` no more, by its own wish or because one of them blocks the other."""

    follower: int
    followed: int
    follow: int


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """`blocker` blocks `blocked`: neither is to follow or to meet the other."""

    blocker: int
    blocked: int


class Muted(msgspec.Struct, frozen=True, kw_only=True):
    """`muter` does not want to see `muted` until the instant `until`; `mute` is the id minted for it."""

    muter: int
    muted: int
    mute: int
    until: int
