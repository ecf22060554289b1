"""The settings of what proves beside a password who somebody is: authenticator app, passkeys, recovery codes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import segno

from ripstop.domain.accounts import security_log
from ripstop.domain.accounts.model import Passkey
from ripstop.domain.accounts.passwords import Passwords
from ripstop.domain.accounts.security_log import security_log_of
from ripstop.domain.security.codes import key_address, key_text, new_key
from ripstop.domain.security.factors import credentials_of, renew_recovery_codes, turn_totp_off, turn_totp_on
from ripstop.domain.security.passkeys import (
    MAX_NAME,
    Challenge,
    Passkeys,
    check_name,
    passkey_key,
    remove_passkey,
)
from ripstop.domain.security.tickets import Tickets
from ripstop.kernel.errors import Conflict, Invalid, NotFound, RipstopError, TooManyRequests
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.errors import error_headers
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.forms import sentences_of
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, sentences

SECURITY = "/settings/security"
APP = "/settings/security/app"
MOST_SHOWN = 20
"""Entries of the security log on the page."""

WORDS = {
    security_log.PASSWORD_CHANGED: "The password was changed",
    security_log.PASSWORD_RESET: "The operators of this server set another password",
    security_log.TOTP_ON: "An authenticator app was set up",
    security_log.TOTP_OFF: "The authenticator app was turned off",
    security_log.PASSKEY_ADDED: "A passkey was made",
    security_log.PASSKEY_REMOVED: "A passkey was removed",
    security_log.RECOVERY_RENEWED: "New recovery codes were made",
    security_log.RECOVERY_USED: "A recovery code let somebody in",
    security_log.FACTORS_REMOVED: "The operators of this server removed all second factors",
}
"""What the entries of the security log say."""

_REFUSALS = (Invalid, Conflict, NotFound, TooManyRequests)


class SecurityParams(msgspec.Struct, kw_only=True):
    """`saved` after something was."""

    saved: bool = False


class CurrentParams(msgspec.Struct, kw_only=True):
    """A form that asks for the present password; `key` names the passkey that it is about."""

    current: str = ""
    key: str = ""
    proof: str = ""


class AppParams(msgspec.Struct, kw_only=True):
    """A form that turns an app on: the key that was shown, and the first code of it."""

    ticket: str = ""
    code: str = ""
    current: str = ""
    proof: str = ""


class NewPasskeyParams(msgspec.Struct, kw_only=True):
    """A form that begins a new passkey."""

    name: str = ""
    current: str = ""
    proof: str = ""


class MadePasskeyParams(msgspec.Struct, kw_only=True):
    """What the browser made of it."""

    ticket: str = ""
    response: str = ""
    proof: str = ""


class NewKey(msgspec.Struct, frozen=True):
    """A ticket: the key of an app that is being set up."""

    key: bytes


class NewPasskey(msgspec.Struct, frozen=True):
    """A ticket: a passkey is being made by somebody who gave the password."""

    name: str
    challenge: Challenge


class ShownPasskey(NamedTuple):
    """A passkey as the page shows it."""

    key: str
    name: str
    since: str
    used: str


class ShownIncident(NamedTuple):
    """An entry of the security log as the page shows it."""

    words: str
    about: str
    when: str


class Security:
    """Handlers for people who are logged in."""

    def __init__(
        self,
        graph: Graph,
        shell: Shell,
        passwords: Passwords,
        passkeys: Passkeys,
        *,
        tickets: Tickets,
        seal: Secrets,
        issuer: str,
    ) -> None:
        self._graph = graph
        self._shell = shell
        self._passwords = passwords
        self._passkeys = passkeys
        self._tickets = tickets
        self._seal = seal
        self._issuer = issuer

    def routes(self) -> list[Route]:
        return [
            Route("GET", SECURITY, self._shell.own(self.show), params=SecurityParams),
            Route("GET", APP, self._shell.own(self.show_app)),
            *(
                Route("POST", path, self._shell.act(act), params=params)
                for path, act, params in (
                    (APP, self.turn_app_on, AppParams),
                    (f"{APP}/off", self.turn_app_off, CurrentParams),
                    (f"{SECURITY}/recovery", self.renew_codes, CurrentParams),
                    (f"{SECURITY}/passkeys", self.begin_passkey, NewPasskeyParams),
                    (f"{SECURITY}/passkeys/made", self.add_passkey, MadePasskeyParams),
                    (f"{SECURITY}/passkeys/remove", self.remove_passkey, CurrentParams),
                )
            ),
        ]

    async def show(self, request: Request, params: SecurityParams, reader: Reader) -> Answer:
        """At most two engine calls."""
        return await self._page(reader, saved=params.saved)

    async def show_app(self, request: Request, params: None, reader: Reader) -> Answer:
        """A new key, as a picture and as text. No engine call."""
        return self._app_page(reader, new_key())

    async def turn_app_on(self, request: Request, params: AppParams, reader: Reader) -> Answer:
        """At most ten engine calls and a commit."""
        ticket = self._tickets.open(params.ticket, NewKey, browser=reader.proof)
        try:
            await self._confirm(request, reader, params.current)
            codes = await turn_totp_on(self._graph, reader.account, ticket.key, params.code, seal=self._seal)
        except _REFUSALS as error:
            return self._app_page(reader, ticket.key, error)
        return await self._changed(request, reader, codes)

    async def turn_app_off(self, request: Request, params: CurrentParams, reader: Reader) -> Answer:
        """At most ten engine calls and a commit."""
        try:
            await self._confirm(request, reader, params.current)
            await turn_totp_off(self._graph, reader.account)
        except _REFUSALS as error:
            return await self._page(reader, error)
        return await self._changed(request, reader)

    async def renew_codes(self, request: Request, params: CurrentParams, reader: Reader) -> Answer:
        """At most ten engine calls and a commit."""
        try:
            await self._confirm(request, reader, params.current)
            codes = await renew_recovery_codes(self._graph, reader.account)
        except _REFUSALS as error:
            return await self._page(reader, error)
        return await self._changed(request, reader, codes)

    async def begin_passkey(self, request: Request, params: NewPasskeyParams, reader: Reader) -> Answer:
        """The page on which the device makes one. At most seven engine calls."""
        try:
            name = check_name(params.name)
            await self._confirm(request, reader, params.current)
        except _REFUSALS as error:
            return await self._page(reader, error)
        asked = self._passkeys.ask_new(reader.account, (await credentials_of(self._graph, reader.account)).value)
        context = {
            "problems": (),
            "title": "Make a passkey",
            "words": f"Your device asks whether it may keep a passkey for {self._issuer}.",
            "label": "Make it",
            "kind": "new",
            "action": f"{SECURITY}/passkeys/made",
            "options": msgspec.json.encode(asked.options).decode(),
            "fields": {
                "proof": reader.proof,
                "ticket": self._tickets.seal(NewPasskey(name, asked.challenge), browser=reader.proof),
            },
            "back": SECURITY,
        }
        return Shown("passkey.html", context, bare=True, scripted=True)

    async def add_passkey(self, request: Request, params: MadePasskeyParams, reader: Reader) -> Answer:
        """At most four engine calls and a commit."""
        try:
            ticket = self._tickets.open(params.ticket, NewPasskey, browser=reader.proof)
            codes = await self._passkeys.add(reader.account, ticket.name, ticket.challenge, params.response)
        except _REFUSALS as error:
            return await self._page(reader, error)
        return await self._changed(request, reader, codes)

    async def remove_passkey(self, request: Request, params: CurrentParams, reader: Reader) -> Answer:
        """At most ten engine calls and a commit."""
        try:
            await self._confirm(request, reader, params.current)
            await remove_passkey(self._graph, reader.account, params.key)
        except _REFUSALS as error:
            return await self._page(reader, error)
        return await self._changed(request, reader)

    async def _confirm(self, request: Request, reader: Reader, current: str) -> None:
        await self._passwords.confirm(reader.account, current, network=request.network)

    async def _changed(self, request: Request, reader: Reader, codes: tuple[str, ...] = ()) -> Answer:
        """New recovery codes are shown on the answer itself: there is no second time."""
        if not codes:
            return lead(f"{request.origin}{SECURITY}?saved=true")
        await self._graph.sync()
        return await self._page(reader, saved=True, codes=codes)

    def _app_page(self, reader: Reader, key: bytes, error: RipstopError | None = None) -> Shown:
        address = key_address(key, account=reader.account.value.username, issuer=self._issuer)
        context = {
            "problems": [] if error is None else sentences(sentences_of(error)),
            "picture": segno.make(address, error="m", micro=False).svg_inline(omitsize=True, light="#fff"),
            "key": key_text(key),
            "ticket": self._tickets.seal(NewKey(key), browser=reader.proof),
        }
        return _shown("security_app.html", context, error)

    async def _page(
        self,
        reader: Reader,
        error: RipstopError | None = None,
        *,
        saved: bool = False,
        codes: tuple[str, ...] = (),
    ) -> Shown:
        credentials = (await credentials_of(self._graph, reader.account)).value
        log = await security_log_of(self._graph, reader.id, limit=MOST_SHOWN)
        context = {
            "problems": [] if error is None else sentences(sentences_of(error)),
            "saved": saved,
            "codes": codes,
            "has_app": credentials.totp_sealed is not None,
            "passkeys": [_passkey(passkey) for passkey in credentials.passkeys],
            "are_possible": self._passkeys.is_possible,
            "most_name": MAX_NAME,
            "left": len(credentials.recovery_hashes),
            "log": [ShownIncident(WORDS.get(one.what, one.what), one.about, _instant(one.at)) for one in log],
        }
        return _shown("security.html", context, error)


def _shown(template: str, context: Mapping[str, object], error: RipstopError | None) -> Shown:
    if error is None:
        return Shown(template, context, bare=True)
    return Shown(template, context, error.status, error_headers(error), bare=True)


def _passkey(passkey: Passkey) -> ShownPasskey:
    used = _instant(passkey.used_at) if passkey.used_at else ""
    return ShownPasskey(passkey_key(passkey), passkey.name, _instant(passkey.created_at), used)


def _instant(ms: int) -> str:
    then = datetime.fromtimestamp(ms / 1_000, UTC)
    return f"{then.day} {then:%b %Y, %H:%M} UTC"
