"""What happens to conversations."""

import msgspec


class ConversationChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody said something in a conversation of `account`, or took it back: it may have another newest post."""

    account: int
    conversation: int


class ConversationLeft(msgspec.Struct, frozen=True, kw_only=True):
    """`account` wants to see no more of what was said in a conversation up to the post `upto`."""

    account: int
    conversation: int
    upto: int


class ConversationUnsettled(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a conversation of `account` may not say which of its posts is the newest."""

    account: int
    conversation: int
