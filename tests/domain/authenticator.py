"""A security key of software: what a device and a browser answer together, and what a bad one might."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from ripstop.domain.security.passkeys import Asked

F = AuthenticatorData.FLAG


@dataclass
class SecurityKey:
    """Holds one passkey for one site. `count` counts what it signs, and stays 0 where it does not."""

    origin: str
    count: int = 0
    verifies: bool = True
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def _host(self) -> bytes:
        return hashlib.sha256(self.origin.partition("://")[2].partition(":")[0].encode()).digest()

    @property
    def _flags(self) -> AuthenticatorData.FLAG:
        return F.UP | F.UV if self.verifies else F.UP

    def make(self, asked: Asked) -> str:
        """What a browser answers that was asked to make a passkey."""
        credential = AttestedCredentialData.create(
            Aaguid.NONE,
            self.id,
            ES256.from_cryptography_key(self.private.public_key()),  # type: ignore[no-untyped-call]  # says no types
        )
        data = AuthenticatorData.create(self._host, self._flags | F.AT, self.count, credential)
        attestation = AttestationObject.create("none", data, {})
        return self._answer(
            self._said("webauthn.create", asked), attestationObject=_text(attestation), transports=["usb", "telepathy"]
        )

    def sign(self, asked: Asked) -> str:
        """What a browser answers that was asked for a signature."""
        self.count += 1 if self.count else 0
        data = AuthenticatorData.create(self._host, self._flags, self.count)
        said = self._said("webauthn.get", asked)
        signature = self.private.sign(bytes(data) + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer(said, authenticatorData=_text(data), signature=_text(signature))

    def _said(self, kind: str, asked: Asked) -> bytes:
        return CollectedClientData.create(
            type=kind, challenge=asked.options["publicKey"]["challenge"], origin=self.origin
        )

    def _answer(self, said: bytes, **response: Any) -> str:
        id_ = _text(self.id)
        answer = {
            "id": id_,
            "rawId": id_,
            "type": "public-key",
            "response": {"clientDataJSON": _text(said), **response},
        }
        return msgspec.json.encode(answer).decode()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
