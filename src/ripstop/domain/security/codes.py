"""The codes that people type: of an authenticator app (TOTP, RFC 6238), and for when it is lost."""

import base64
import hashlib
import secrets
from hmac import compare_digest
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1
"""Steps by which a telephone's clock may be off, either way (RFC 6238, section 5.2)."""
KEY_BYTES = 20
"""Of an app's key: the length of SHA-1's output (RFC 4226, section 4)."""
CODES = 10
"""Recovery codes at a time."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what is taken for something else: i and 1, l, o and 0."""
_GROUPS, _GROUP = 4, 4


class RecoveryCodes(NamedTuple):
    """New recovery codes, as they are shown once, and what is kept of them."""

    shown: tuple[str, ...]
    hashes: tuple[str, ...]


def new_key() -> bytes:
    """160 random bits."""
    return secrets.token_bytes(KEY_BYTES)


def key_text(key: bytes) -> str:
    """A key in groups of four letters, as people copy it into an app."""
    text = base64.b32encode(key).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def key_address(key: bytes, *, account: str, issuer: str) -> str:
    """What an app reads from a picture."""
    return _totp(key).get_provisioning_uri(account, issuer)


def code_at(key: bytes, seconds: float) -> str:
    """What an app shows at an instant, in seconds since the Unix epoch."""
    return _totp(key).generate(int(seconds)).decode()


def matching_step(key: bytes, code: str, *, now: float, used: int) -> int | None:
    """The step of time that a code is of, or None: it is wrong, or a code of that step or a later one was used.

    :param now: seconds since the Unix epoch.
    :param used: the last step whose code was used.
    """
    present = int(now) // STEP_SECONDS
    code = "".join(code.split())
    if not code.isascii():
        return None
    found = None
    for step in range(max(0, present - DRIFT), present + DRIFT + 1):
        if compare_digest(code_at(key, step * STEP_SECONDS), code) and step > used:
            found = step
    return found


def new_recovery_codes() -> RecoveryCodes:
    """Ten codes of 79 random bits each, so that their hashes need no salt and no slow function."""
    shown = tuple(
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(CODES)
    )
    return RecoveryCodes(shown, tuple(recovery_hash(code) for code in shown))


def recovery_hash(code: str) -> str:
    """What is kept of a recovery code, however it is typed."""
    letters = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(f"recovery {letters}".encode("utf-8", "replace")).hexdigest()


def _totp(key: bytes) -> TOTP:
    return TOTP(key, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - what apps take; HMAC does not rest on collisions
