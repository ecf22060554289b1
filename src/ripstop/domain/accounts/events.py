"""What happens to accounts."""

import msgspec


class SignedUp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody has an account now; their password waits under `credentials` to be hashed.

    `alerts`: there is staff to be told of it.
    """

    account: int
    credentials: int
    alerts: bool = False


class PasswordReset(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of the staff has set another password, which waits under `credentials` to be hashed."""

    account: int
    credentials: int


class ProfileChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody changed what others see of them."""

    account: int


class ConsentChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody agreed that their public posts are searched, or took that back."""

    account: int


class Unlocked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody lets everybody follow now, who had to be asked before."""

    account: int


class Suspended(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's account is suspended, since the instant `at`."""

    account: int
    at: int


class ShutOut(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's account is suspended or disabled, so that its owner has no token and no session any more."""

    account: int


class AccountDeleted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account is gone since the instant `at`; what it left in lists is there still, and is to be removed.

    Told `again` so many times, later and later, to those who remove it: for what was under way when it was deleted.
    """

    account: int
    at: int
    again: int = 0


class ImageLoose(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that nothing shows, as far as is known; if that is so at the instant `until`, it goes."""

    image: int
    until: int


class SessionOpened(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody logged in, until the instant `ends` at most."""

    account: int
    session: int
    ends: int


class ApplicationRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """A program introduced itself; if nobody has let it in by the instant `until`, it goes."""

    application: int
    until: int


class ApplicationUsed(msgspec.Struct, frozen=True, kw_only=True):
    """A program got its first token, or one of the first."""

    application: int


class AccessGranted(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody let an application in; until the instant `kept` it is known what its code was exchanged for."""

    grant: int
    kept: int
