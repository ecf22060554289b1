"""What happens to notifications."""

import msgspec


class Notified(msgspec.Struct, frozen=True, kw_only=True):
    """`account` was told of something, unless it was taken back before: whoever hears of it looks at the row."""

    account: int
    notification: int


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """There is one notification more, whether `account` was told or its rules held it back."""

    account: int
    notification: int


class Unsettled(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a group of `account`, or of a request, may not say what is in it."""

    account: int
    group: int


class Discarded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`account` is to be told no more what `actor` did, or what was done to `post`, or what is in `group`; what is
    newer than `upto` stays, if that is given.
    """

    account: int
    actor: int | None = None
    post: int | None = None
    group: int | None = None
    upto: int | None = None


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """`account` has put away all that it was told up to the notification `upto`."""

    account: int
    upto: int


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """`account` wants to be told what its rules held back in `request`."""

    account: int
    request: int


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rules of `account` had held back of somebody, whom it let in, stands among its notifications."""

    account: int
