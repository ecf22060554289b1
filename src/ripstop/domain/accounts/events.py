"""What happens to accounts."""

import msgspec


class SignedUp(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has an account now; their password waits under `credentials` to be hashed."""

    account: int
    credentials: int


class ProfileChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody changed what others see of them."""

    account: int
