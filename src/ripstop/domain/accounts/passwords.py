"""Proving by a password to be the owner of an account, and changing it."""

import secrets
from typing import NamedTuple, Protocol

from ripstop.domain.accounts.actions import PASSWORD_SEAL
from ripstop.domain.accounts.check import Findings, check_password
from ripstop.domain.accounts.guesses import Guesses
from ripstop.domain.accounts.model import ACCOUNT, CREDENTIALS, Account, Credentials, account_name, mail_name
from ripstop.domain.accounts.security_log import PASSWORD_CHANGED, do_note
from ripstop.domain.accounts.sessions import do_close, sessions_of
from ripstop.kernel.errors import Conflict, Invalid
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Entry, Graph, Refused

_TRIES = 3


class Hasher(Protocol):
    """Makes and checks hashes of passwords off the event loop."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, encoded: str) -> bool: ...


class WrongPassword(Invalid):
    """It is not the password of this account, or there is no such account: which, is not told."""


class Suspended(Invalid):
    """It is the password, of an account that is suspended."""


def why_shut_out(account: Account) -> str:
    """Why the owner of an account is not let in."""
    if account.pending and not account.is_suspended:
        return "Your login is currently pending approval. Somebody of the staff looks at it."
    return f"This account is {'suspended' if account.is_suspended else 'disabled'}."


class _Owner(NamedTuple):
    account: Entry[Account]
    credentials: Entry[Credentials]


class Passwords:
    """Checks and changes passwords.

    Each check costs one hash in the helper, whether there is such an account or not and whether its password is
    hashed yet or not, so that neither can be told by the time that it takes.
    """

    def __init__(self, graph: Graph, *, guesses: Guesses, seal: Secrets, hasher: Hasher) -> None:
        self._graph = graph
        self._guesses = guesses
        self._seal = seal
        self._hasher = hasher
        self._decoy = ""

    async def authenticate(self, login: str, password: str, *, network: str) -> Entry[Account]:
        """The account of a user name or an address of e-mail, if this is its password. At most six engine calls.

        :param network: where the request comes from, or empty if that is not known.
        :raises WrongPassword: it is not.
        :raises Suspended: it is, and the account is shut out.
        :raises TooManyRequests: somebody guesses; nothing was checked.
        :raises Unavailable: passwords cannot be checked now.
        """
        login = login.strip().removeprefix("@").lower()
        attempt = await self._guesses.begin(login, network)
        owner = await self._owner_of(login)
        if not await self._is_password(owner, password) or owner is None:
            raise WrongPassword("This user name or e-mail address and this password do not belong together.")
        await self._guesses.forget(attempt)
        if owner.account.value.is_shut_out:
            raise Suspended(why_shut_out(owner.account.value))
        return owner.account

    async def confirm(self, account: Entry[Account], password: str, *, network: str) -> None:
        """Pass if this is the password of the account. At most six engine calls.

        :raises WrongPassword: it is not.
        :raises TooManyRequests: somebody guesses; nothing was checked.
        :raises Unavailable: passwords cannot be checked now.
        """
        attempt = await self._guesses.begin(account.value.username.lower(), network)
        if not await self._is_password(await self._credentials_of(account), password):
            raise WrongPassword("This is not your present password.")
        await self._guesses.forget(attempt)

    async def change(
        self, account: Entry[Account], current: str, wanted: str, *, keep: int | None, network: str
    ) -> None:
        """Set another password, and end all sessions but `keep`. Seven engine calls and a commit.

        Applications keep their tokens.

        :raises WrongPassword: `current` is not the password.
        :raises Invalid: `wanted` cannot be one.
        :raises TooManyRequests: somebody guesses.
        """
        findings = Findings()
        check_password(wanted, findings)
        findings.settle()
        graph = self._graph
        attempt = await self._guesses.begin(account.value.username.lower(), network)
        for _ in range(_TRIES):
            owner = await self._credentials_of(account)
            if not await self._is_password(owner, current) or owner is None:
                raise WrongPassword("This is not your present password.")
            hashed = await self._hasher.hash(wanted)
            write = graph.write(account.id)
            credentials = owner.credentials
            write.patch(
                CREDENTIALS, credentials.id, version=credentials.version, password_hash=hashed, password_sealed=None
            )
            for session in await sessions_of(graph, account.id):
                if session.id != keep:
                    do_close(write, account.id, session.id)
            await do_note(graph, write, account.id, PASSWORD_CHANGED)
            try:
                await graph.commit(write)
            except Refused:  # the password that was sealed has been hashed meanwhile, or was changed
                await graph.sync()
                continue
            await self._guesses.forget(attempt)
            return
        raise Conflict("The password is being changed elsewhere. Please try again.")

    async def _owner_of(self, login: str) -> _Owner | None:
        name = mail_name(login) if "@" in login else account_name(login)
        id_ = (await self._graph.names((name,))).get(name)
        account = None if id_ is None else await self._graph.get(ACCOUNT, id_)
        return None if account is None else await self._credentials_of(account)

    async def _credentials_of(self, account: Entry[Account]) -> _Owner | None:
        id_ = account.value.credentials
        credentials = None if id_ is None else await self._graph.get(CREDENTIALS, id_)
        return None if credentials is None else _Owner(account, credentials)

    async def _is_password(self, owner: _Owner | None, password: str) -> bool:
        """One hash is computed in any case."""
        if not self._decoy:
            self._decoy = await self._hasher.hash(secrets.token_urlsafe())
        if owner is None:
            return await self._hasher.verify(password, self._decoy)
        credentials = owner.credentials.value
        if credentials.password_sealed is None:
            return await self._hasher.verify(password, credentials.password_hash or self._decoy)
        await self._hasher.verify(password, self._decoy)
        sealed = self._seal.open(credentials.password_sealed, PASSWORD_SEAL, bound_to=str(owner.credentials.id))
        return secrets.compare_digest(sealed, password.encode())
