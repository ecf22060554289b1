"""From proving who one is to a session: by password, then by a second factor if there is one, or by a passkey alone."""

import msgspec

from ripstop.domain.accounts import security_log
from ripstop.domain.accounts.guesses import Guesses
from ripstop.domain.accounts.model import ACCOUNT, Account, Credentials
from ripstop.domain.accounts.passwords import Passwords, Suspended, why_shut_out
from ripstop.domain.accounts.security_log import do_note
from ripstop.domain.accounts.sessions import Opened, do_enter
from ripstop.domain.security import codes
from ripstop.domain.security.factors import KEY_SEAL, WrongCode, credentials_of, patch
from ripstop.domain.security.passkeys import Asked, Challenge, Passkeys
from ripstop.domain.security.tickets import Expired, Tickets
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Entry, Graph, Refused, Write

_WRONG = "This is not a code that your app shows now, and no recovery code that was not used yet."


class HalfIn(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket: who has given the right password, of the credentials of this version."""

    account: int
    version: int


class AskedAlone(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket: a challenge for any passkey."""

    challenge: Challenge


class AskedSecond(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket: a challenge for the passkeys of whoever has given the right password."""

    half: HalfIn
    challenge: Challenge


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The password was right, and a second factor is wanted: go on with this ticket."""

    ticket: str
    has_app: bool
    has_passkeys: bool


class Logins:
    """Lets people in.

    Whoever calls names the `browser` by what only it has, the `agent` that it calls itself, and its `network`.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        passwords: Passwords,
        passkeys: Passkeys,
        guesses: Guesses,
        seal: Secrets,
        tickets: Tickets,
    ) -> None:
        self._graph = graph
        self._passwords = passwords
        self._passkeys = passkeys
        self._guesses = guesses
        self._seal = seal
        self._tickets = tickets

    async def by_password(
        self, login: str, password: str, *, browser: str, agent: str, network: str
    ) -> Opened | Wanted:
        """Log in by a password, all the way where there is no second factor. At most eight engine calls and a commit.

        :raises WrongPassword: it is not the password.
        :raises Suspended: the account is shut out.
        :raises TooManyRequests: somebody guesses.
        """
        account = await self._passwords.authenticate(login, password, network=network)
        credentials = await credentials_of(self._graph, account)
        if not credentials.value.has_second_factor:
            write = self._graph.write(account.id)
            opened = await do_enter(self._graph, write, account.id, agent=agent)
            await self._graph.commit(write)
            return opened
        return self._wanted(HalfIn(account=account.id, version=credentials.version), credentials, browser)

    async def again(self, ticket: str, *, browser: str) -> Wanted:
        """What is still wanted of whoever has a ticket. At most two engine calls.

        :raises Expired: the password has to be given again.
        """
        half = self._tickets.open(ticket, HalfIn, browser=browser)
        _, credentials = await self._known(half)
        return self._wanted(half, credentials, browser)

    async def by_code(self, ticket: str, code: str, *, browser: str, agent: str, network: str) -> Opened:
        """Log in by a code of an app, or a recovery code, after the password. At most eight engine calls and a commit.

        :raises WrongCode: it is neither, or was used before.
        :raises Expired: the password has to be given again.
        :raises TooManyRequests: somebody guesses.
        """
        half = self._tickets.open(ticket, HalfIn, browser=browser)
        attempt = await self._guesses.begin_code(half.account, network)
        account, credentials = await self._known(half)
        write = self._graph.write(account.id)
        await self._use_code(write, account, credentials, code)
        opened = await self._enter(write, account, agent)
        await self._guesses.forget(attempt)
        return opened

    async def ask_second(self, ticket: str, *, browser: str) -> tuple[str, Asked]:
        """Ask for a passkey after the password: a further ticket, and what the browser is to do.

        :param ticket: of whoever gave the password, or has been asked before.
        :raises Expired: the password has to be given again.
        """
        try:
            half = self._tickets.open(ticket, HalfIn, browser=browser)
        except Expired:
            half = self._tickets.open(ticket, AskedSecond, browser=browser).half
        _, credentials = await self._known(half)
        asked = self._passkeys.ask(credentials.value.passkeys)
        return self._tickets.seal(AskedSecond(half=half, challenge=asked.challenge), browser=browser), asked

    async def by_second_passkey(self, ticket: str, response: str, *, browser: str, agent: str, network: str) -> Opened:
        """Log in by a passkey after the password. At most eight engine calls and a commit.

        :raises WrongCode: it has not signed what it was asked to.
        :raises Expired: the password has to be given again.
        :raises TooManyRequests: somebody guesses.
        """
        asked = self._tickets.open(ticket, AskedSecond, browser=browser)
        attempt = await self._guesses.begin_code(asked.half.account, network)
        account, credentials = await self._known(asked.half)
        passkeys = self._passkeys.check(credentials.value, asked.challenge, response, alone=False)
        write = self._graph.write(account.id)
        patch(write, credentials, passkeys=passkeys)
        opened = await self._enter(write, account, agent)
        await self._guesses.forget(attempt)
        return opened

    def ask_alone(self, *, browser: str) -> tuple[str, Asked]:
        """Ask for a passkey in place of the password: a ticket, and what the browser is to do. No engine call."""
        asked = self._passkeys.ask()
        return self._tickets.seal(AskedAlone(challenge=asked.challenge), browser=browser), asked

    async def by_passkey(self, ticket: str, response: str, *, browser: str, agent: str) -> Opened:
        """Log in by a passkey alone, which has made sure of who holds it. At most four engine calls and a commit.

        :raises WrongCode: it has not signed what it was asked to, or is not known.
        :raises Suspended: the account is shut out.
        :raises Expired: it took too long.
        """
        asked = self._tickets.open(ticket, AskedAlone, browser=browser)
        id_ = await self._passkeys.owner_of(response)
        account = None if id_ is None else await self._graph.get(ACCOUNT, id_)
        if account is None:
            raise WrongCode("This passkey is not known here.")
        credentials = await credentials_of(self._graph, account)
        passkeys = self._passkeys.check(credentials.value, asked.challenge, response, alone=True)
        if account.value.is_shut_out:
            raise Suspended(why_shut_out(account.value))
        write = self._graph.write(account.id)
        patch(write, credentials, passkeys=passkeys)
        return await self._enter(write, account, agent)

    async def _known(self, half: HalfIn) -> tuple[Entry[Account], Entry[Credentials]]:
        """Whose password was right, as long as nothing of the credentials has changed since.

        :raises Expired: something has, so that the password may be another.
        """
        account = await self._graph.get(ACCOUNT, half.account)
        if account is None or account.value.is_shut_out:
            raise Expired("Please log in again.")
        credentials = await credentials_of(self._graph, account)
        if credentials.version != half.version:
            raise Expired("Please log in again.")
        return account, credentials

    async def _use_code(
        self, write: Write, account: Entry[Account], credentials: Entry[Credentials], code: str
    ) -> None:
        """Add to a batch that a code is used."""
        sealed = credentials.value.totp_sealed
        if sealed is not None:
            key = self._seal.open(sealed, KEY_SEAL, bound_to=str(credentials.id))
            now = self._graph.now_ms() / 1_000
            step = codes.matching_step(key, code, now=now, used=credentials.value.totp_step)
            if step is not None:
                patch(write, credentials, totp_step=step)
                return
        used = codes.recovery_hash(code)
        if used not in credentials.value.recovery_hashes:
            raise WrongCode(_WRONG)
        left = tuple(kept for kept in credentials.value.recovery_hashes if kept != used)
        patch(write, credentials, recovery_hashes=left or None)
        await do_note(self._graph, write, account.id, security_log.RECOVERY_USED, about=f"{len(left)} left")

    async def _enter(self, write: Write, account: Entry[Account], agent: str) -> Opened:
        """Commit what proves somebody, with their session; of two that use the same thing at once one gets in."""
        opened = await do_enter(self._graph, write, account.id, agent=agent)
        try:
            await self._graph.commit(write)
        except Refused:
            await self._graph.sync()
            raise Expired("Please log in again.") from None
        return opened

    def _wanted(self, half: HalfIn, credentials: Entry[Credentials], browser: str) -> Wanted:
        return Wanted(
            ticket=self._tickets.seal(half, browser=browser),
            has_app=credentials.value.totp_sealed is not None,
            has_passkeys=bool(credentials.value.passkeys) and self._passkeys.is_possible,
        )
