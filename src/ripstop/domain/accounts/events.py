"""What happens to accounts."""

import msgspec


class SignedUp(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has an account now."""

    account: int
    username: str


class ProfileChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody changed what others see of them."""

    account: int
