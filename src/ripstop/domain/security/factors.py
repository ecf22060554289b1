"""Turning second factors on and off. Each change is one commit, and stands in the account's security log.

Whoever calls has asked for the password (`Passwords.confirm`): a browser that was left open turns nothing on or off.
"""

from collections.abc import Awaitable, Callable

from ripstop.domain.accounts import security_log
from ripstop.domain.accounts.model import CREDENTIALS, Account, Credentials, passkey_name
from ripstop.domain.accounts.security_log import do_note
from ripstop.domain.security import codes
from ripstop.domain.security.codes import new_recovery_codes
from ripstop.kernel.errors import Conflict, Invalid, NotFound
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Entry, Graph, Refused, Write

KEY_SEAL = "authenticator key"
"""Purpose under which the keys of authenticator apps are sealed."""
_TRIES = 5

Change = Callable[[Entry[Credentials], Write], Awaitable[None]]
"""Adds to a batch what changes credentials as they are; what it raises stops the change."""
Also = Callable[[Write], None]
"""Adds to the batch of a change."""


class WrongCode(Invalid):
    """A code, or what a passkey signed, proves nothing."""


async def credentials_of(graph: Graph, account: Entry[Account]) -> Entry[Credentials]:
    """How the owner of an account proves to be it. At most one engine call.

    :raises NotFound: the account is gone.
    """
    id_ = account.value.credentials
    credentials = None if id_ is None else await graph.get(CREDENTIALS, id_)
    if credentials is None:
        raise NotFound("There is no such account")
    return credentials


async def change_credentials(graph: Graph, account: Entry[Account], change: Change) -> None:
    """Commit a change of credentials, from how they are; it is worked out again if somebody was faster.

    :raises Conflict: they are being changed all the time.
    """
    for _ in range(_TRIES):
        credentials = await credentials_of(graph, account)
        write = graph.write(account.id)
        await change(credentials, write)
        if not write.operations:
            return
        try:
            await graph.commit(write)
        except Refused:
            await graph.sync()
        else:
            return
    raise Conflict("This account is being changed at the same time")


def patch(write: Write, credentials: Entry[Credentials], **fields: object) -> None:
    """Have a batch change these fields, if nothing else has changed."""
    write.patch(CREDENTIALS, credentials.id, version=credentials.version, **fields)


def recovery_fields(credentials: Credentials) -> tuple[dict[str, object], tuple[str, ...]]:
    """What the first factor brings with it: recovery codes, as they are kept and as they are shown."""
    if credentials.has_second_factor:
        return {}, ()
    new = new_recovery_codes()
    return {"recovery_hashes": new.hashes}, new.shown


async def turn_totp_on(
    graph: Graph, account: Entry[Account], key: bytes, code: str, *, seal: Secrets
) -> tuple[str, ...]:
    """Ask for the codes of an app from now on. The answer is the recovery codes, if this is the first factor.

    :raises WrongCode: the code is not of this key, so the app does not have it.
    :raises Conflict: an app was set up already.
    """
    shown: tuple[str, ...] = ()
    step = codes.matching_step(key, code, now=graph.now_ms() / 1_000, used=0)
    if step is None:
        raise WrongCode("This is not the code that the app shows now. Is the clock of your telephone right?")

    async def turning_on(credentials: Entry[Credentials], write: Write) -> None:
        nonlocal shown
        if credentials.value.totp_sealed is not None:
            raise Conflict("An authenticator app is set up already. Turn it off first.")
        recovery, shown = recovery_fields(credentials.value)
        sealed = seal.seal(key, KEY_SEAL, bound_to=str(credentials.id))
        patch(write, credentials, totp_sealed=sealed, totp_step=step, **recovery)
        await do_note(graph, write, account.id, security_log.TOTP_ON)

    await change_credentials(graph, account, turning_on)
    return shown


async def turn_totp_off(graph: Graph, account: Entry[Account]) -> None:
    """Ask for no codes of an app any more; recovery codes go with the last factor."""

    async def turning_off(credentials: Entry[Credentials], write: Write) -> None:
        if credentials.value.totp_sealed is None:
            return
        last = {} if credentials.value.passkeys else {"recovery_hashes": None}
        patch(write, credentials, totp_sealed=None, totp_step=None, **last)
        await do_note(graph, write, account.id, security_log.TOTP_OFF)

    await change_credentials(graph, account, turning_off)


async def renew_recovery_codes(graph: Graph, account: Entry[Account]) -> tuple[str, ...]:
    """Ten new recovery codes; the old ones are void.

    :raises Invalid: there is no second factor that they could stand for.
    """
    new = new_recovery_codes()

    async def renewal(credentials: Entry[Credentials], write: Write) -> None:
        if not credentials.value.has_second_factor:
            raise Invalid("There is no second factor that these codes could stand for.")
        patch(write, credentials, recovery_hashes=new.hashes)
        await do_note(graph, write, account.id, security_log.RECOVERY_RENEWED)

    await change_credentials(graph, account, renewal)
    return new.shown


async def remove_second_factors(graph: Graph, account: Entry[Account], also: Also = lambda write: None) -> bool:
    """Let the password alone be enough again, for somebody who has lost everything else. Says whether it was not.

    Meant for operators who have made sure of whom they talk to.
    """
    had = False

    async def removal(credentials: Entry[Credentials], write: Write) -> None:
        nonlocal had
        had = credentials.value.has_second_factor
        if not had:
            return
        patch(write, credentials, totp_sealed=None, totp_step=None, passkeys=None, recovery_hashes=None)
        for passkey in credentials.value.passkeys:
            write.release(passkey_name(passkey.id), account.id)
        await do_note(graph, write, account.id, security_log.FACTORS_REMOVED)
        also(write)

    await change_credentials(graph, account, removal)
    return had
