"""What happens to notifications."""

import msgspec


class Notified(msgspec.Struct, frozen=True, kw_only=True):
    """`account` was told of something, unless it was taken back before: whoever hears of it looks at the row."""

    account: int
    notification: int
