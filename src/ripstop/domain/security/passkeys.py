"""Passkeys: keys that devices hold, and what they sign (Web Authentication, level 3)."""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ripstop.domain.accounts import security_log
from ripstop.domain.accounts.model import Account, Credentials, Passkey, passkey_name
from ripstop.domain.accounts.security_log import do_note
from ripstop.domain.security.factors import WrongCode, change_credentials, credentials_of, patch, recovery_fields
from ripstop.domain.text import tidy
from ripstop.kernel.errors import Conflict, Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph, Write

MOST_PASSKEYS = 20
"""Of one account."""
MAX_NAME = 60
"""Characters of a passkey's name."""
MAX_RESPONSE = 20_000
"""Characters of what a browser answers."""
_UNPROVEN = "This passkey could not be checked. Please try again."


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a device shall sign: `challenge` in base64url, made at the instant `at`.

    A passkey signs no challenge that is as old as the last one that it signed, so none is good twice.
    """

    challenge: str
    at: int


class Asked(NamedTuple):
    """A challenge, and the options with which a browser asks for it to be signed."""

    challenge: Challenge
    options: Mapping[str, Any]


class Passkeys:
    """Asks browsers for passkeys, and checks what they answer.

    :param origin: the public URL of this server, without a slash at the end. Passkeys belong to its host.
    """

    def __init__(self, graph: Graph, *, origin: str, title: str) -> None:
        self._graph = graph
        parts = urlsplit(origin)
        self._host = parts.hostname or ""
        self.is_possible = parts.scheme == "https" or self._host == "localhost"
        """Browsers have passkeys for hosts with a name, over https or on the machine itself."""
        self._server = Fido2Server(
            PublicKeyCredentialRpEntity(name=title, id=self._host), verify_origin=lambda given: given == origin
        )

    def ask_new(self, account: Entry[Account], credentials: Credentials) -> Asked:
        """Ask for a new passkey, on a device that has none of this account yet."""
        challenge = secrets.token_bytes(32)
        user = PublicKeyCredentialUserEntity(
            name=account.value.username,
            id=account.id.to_bytes(8, "big"),
            display_name=account.value.display_name or account.value.username,
        )
        options, _ = self._server.register_begin(
            user,
            _descriptors(credentials.passkeys),
            resident_key_requirement=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
            challenge=challenge,
        )
        return Asked(self._challenge(challenge), dict(options))

    async def add(self, account: Entry[Account], name: str, asked: Challenge, response: str) -> tuple[str, ...]:
        """Keep a new passkey. The answer is the recovery codes, if this is the first factor.

        :raises WrongCode: the answer of the browser is not to be believed.
        :raises Invalid: there are too many, or the name is too long.
        :raises Conflict: it is kept already.
        """
        name = check_name(name)
        given = _parsed(response)
        try:
            made = self._server.register_complete(_state(asked, required=False), given).credential_data
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WrongCode(_UNPROVEN, cause=error) from error
        if made is None:
            raise WrongCode(_UNPROVEN)
        passkey = Passkey(
            id=_text(made.credential_id),
            name=name,
            credential=_text(bytes(made)),
            created_at=self._graph.now_ms(),
            transports=_transports(given),
        )
        shown: tuple[str, ...] = ()

        async def adding(credentials: Entry[Credentials], write: Write) -> None:
            nonlocal shown
            kept = credentials.value.passkeys
            if len(kept) >= MOST_PASSKEYS:
                raise Invalid(f"There are {MOST_PASSKEYS} passkeys already. Remove one first.")
            if any(other.id == passkey.id for other in kept):
                raise Conflict("This passkey is kept already.")
            recovery, shown = recovery_fields(credentials.value)
            write.claim(passkey_name(passkey.id), account.id)
            patch(write, credentials, passkeys=(*kept, passkey), **recovery)
            await do_note(self._graph, write, account.id, security_log.PASSKEY_ADDED, about=name)

        await change_credentials(self._graph, account, adding)
        return shown

    def ask(self, passkeys: Sequence[Passkey] = ()) -> Asked:
        """Ask for a signature: by one of these, or, where none are given, by whichever a device offers for this server.

        A passkey that stands for the password as well must have made sure of who holds it.
        """
        challenge = secrets.token_bytes(32)
        verification = UserVerificationRequirement.PREFERRED if passkeys else UserVerificationRequirement.REQUIRED
        options, _ = self._server.authenticate_begin(
            _descriptors(passkeys) or None, user_verification=verification, challenge=challenge
        )
        return Asked(self._challenge(challenge), dict(options))

    async def owner_of(self, response: str) -> int | None:
        """The account whose passkey a browser says has signed. One engine call, which proves nothing yet."""
        name = passkey_name(str(_parsed(response).get("id", "")))
        return (await self._graph.names((name,))).get(name)

    def check(self, credentials: Credentials, asked: Challenge, response: str, *, alone: bool) -> tuple[Passkey, ...]:
        """Pass if one of these credentials' passkeys has signed. The answer is all, as they are kept then.

        :param alone: whether it stands for the password as well.
        :raises WrongCode: it has not, or has signed this before.
        """
        given = _parsed(response)
        known = {passkey.id: passkey for passkey in credentials.passkeys}
        passkey = known.get(str(given.get("id", "")))
        if passkey is None:
            raise WrongCode("This passkey is not known here.")
        try:
            credential = AttestedCredentialData(_bytes(passkey.credential))
            self._server.authenticate_complete(_state(asked, required=alone), [credential], given)
            signed = AuthenticationResponse.from_dict(given).response.authenticator_data.counter
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WrongCode(_UNPROVEN, cause=error) from error
        if asked.at <= passkey.used_at or (passkey.signed and signed <= passkey.signed):
            raise WrongCode(_UNPROVEN, cause="signed before, or by a copy of the passkey")
        known[passkey.id] = msgspec.structs.replace(passkey, used_at=asked.at, signed=signed)
        return tuple(known.values())

    def _challenge(self, challenge: bytes) -> Challenge:
        return Challenge(challenge=_text(challenge), at=self._graph.now_ms())


async def remove_passkey(graph: Graph, account: Entry[Account], key: str) -> None:
    """Forget a passkey, by its `passkey_key`; recovery codes go with the last factor.

    :raises NotFound: there is none.
    """

    async def removal(credentials: Entry[Credentials], write: Write) -> None:
        kept = credentials.value.passkeys
        gone = next((passkey for passkey in kept if passkey_key(passkey) == key), None)
        if gone is None:
            raise NotFound("There is no such passkey")
        rest = tuple(passkey for passkey in kept if passkey is not gone)
        last = {} if rest or credentials.value.totp_sealed else {"recovery_hashes": None}
        patch(write, credentials, passkeys=rest or None, **last)
        write.release(passkey_name(gone.id), account.id)
        await do_note(graph, write, account.id, security_log.PASSKEY_REMOVED, about=gone.name)

    await change_credentials(graph, account, removal)


async def passkeys_of(graph: Graph, account: Entry[Account]) -> tuple[Passkey, ...]:
    """All passkeys of an account, the oldest first. At most one engine call."""
    credentials = await credentials_of(graph, account)
    return tuple(sorted(credentials.value.passkeys, key=lambda passkey: passkey.created_at))


def passkey_key(passkey: Passkey) -> str:
    """What names a passkey in a form: short, whatever the device made of its id."""
    return hashlib.sha256(passkey.id.encode()).hexdigest()[:16]


def check_name(name: str) -> str:
    """The name of a passkey as it is kept.

    :raises Invalid: it is too long.
    """
    name = tidy(name).replace("\n", " ") or "Passkey"
    if len(name) > MAX_NAME:
        raise Invalid(f"The name of a passkey has at most {MAX_NAME} characters.")
    return name


def _parsed(response: str) -> Mapping[str, Any]:
    """What a browser answered, as an object of JSON.

    :raises WrongCode: it is none.
    """
    if len(response) > MAX_RESPONSE:
        raise WrongCode(_UNPROVEN)
    try:
        return msgspec.json.decode(response, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise WrongCode(_UNPROVEN, cause=error) from error


def _state(asked: Challenge, *, required: bool) -> Mapping[str, Any]:
    """What the library wants to know of a challenge."""
    wanted = UserVerificationRequirement.REQUIRED if required else UserVerificationRequirement.PREFERRED
    return {"challenge": asked.challenge, "user_verification": wanted}


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            type=PublicKeyCredentialType.PUBLIC_KEY,
            id=_bytes(passkey.id),
            transports=[AuthenticatorTransport(name) for name in passkey.transports] or None,
        )
        for passkey in passkeys
    ]


def _transports(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The hints of a browser on how to reach the device, those that are known."""
    response = given.get("response")
    said = response.get("transports") if isinstance(response, dict) else None
    known = {str(transport.value) for transport in AuthenticatorTransport}
    return tuple(sorted({name for name in said if name in known})) if isinstance(said, list) else ()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
