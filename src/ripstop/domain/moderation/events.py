"""What happens in moderation."""

import msgspec


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """`reporter` has told the staff of `account`, in `report`."""

    report: int
    reporter: int
    account: int


class TakenDown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post is shown to nobody but its author from now on. The fields are those of `PostDeleted`."""

    post: int
    author: int
    flags: int
    mentions: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
