"""The server's secret, and what is made of it: keys for a purpose, and sealed values.

The secret is 32 random bytes in a file that only the server's user may read. It never enters the store, so that a
copy of the store alone opens nothing that was sealed.
"""

import base64
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ripstop.kernel.files import sync

_LENGTH = 32
_NONCE = 12
_VERSION = "1."


class Unopenable(ValueError):
    """Sealed under another secret, for another purpose, or not by us at all."""


class SecretUnusable(Exception):
    """The secret's file cannot be read or made; the message is a sentence that names it."""


class Secrets:
    """Keys and seals made of one secret. Subkeys are derived by HKDF-SHA-256, values sealed by AES-256-GCM.

    :param secret: at least 32 random bytes.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _LENGTH:
            msg = f"a secret has at least {_LENGTH} bytes"
            raise ValueError(msg)
        self._secret = secret
        self._ciphers: dict[str, AESGCM] = {}

    def key(self, purpose: str) -> bytes:
        """32 bytes that only this secret and purpose give."""
        return HKDF(algorithm=SHA256(), length=_LENGTH, salt=None, info=purpose.encode()).derive(self._secret)

    def seal(self, plain: bytes, purpose: str, *, bound_to: str = "") -> str:
        """Encrypt and authenticate, as ASCII text.

        :param bound_to: what the value belongs to, such as an account's id; to be given again when it is opened.
        """
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher(purpose).encrypt(nonce, plain, bound_to.encode())
        return _VERSION + base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, purpose: str, *, bound_to: str = "") -> bytes:
        """What was sealed.

        :raises Unopenable: not under this secret, for this purpose and bound to this.
        """
        try:
            if not sealed.startswith(_VERSION):
                raise Unopenable("unknown kind of seal")
            raw = base64.urlsafe_b64decode(sealed[len(_VERSION) :])
            return self._cipher(purpose).decrypt(raw[:_NONCE], raw[_NONCE:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise Unopenable("the seal does not open") from error

    def _cipher(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = self._ciphers[purpose] = AESGCM(self.key("seal " + purpose))
        return cipher


def load(path: Path) -> Secrets:
    """The secret in this file; made at first, readable by the owner only.

    :raises SecretUnusable: with a sentence for the operator.
    """
    try:
        _create(path)
        secret = path.read_bytes()
    except OSError as error:
        raise SecretUnusable(f"The server's secret {path} cannot be used: {error.strerror}.") from error
    if len(secret) < _LENGTH:
        raise SecretUnusable(f"The server's secret {path} is damaged: it has {len(secret)} bytes, not {_LENGTH}.")
    return Secrets(secret)


def _create(path: Path) -> None:
    """Make the file whole or not at all, readable by its owner only, though several processes may try at once."""
    if path.exists():
        return
    fd, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        os.write(fd, os.urandom(_LENGTH))
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
    sync(path.parent)
