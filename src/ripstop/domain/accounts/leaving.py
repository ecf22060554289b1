"""Suspending an account, and deleting it.

Both hold from their commit on: whoever reads looks at the account itself (`ripstop.domain.viewing`), so nothing must
have been removed before nobody sees it. Tokens and sessions have ended when the action returns.

A suspension takes nothing away but these, and can be lifted for `KEPT_DAYS`; then the account is deleted. Of a deleted
account its name alone stays, so that nobody else can ever be taken for it.
"""

from collections.abc import Awaitable, Callable

from ripstop.domain.accounts.access import access_any_account
from ripstop.domain.accounts.applications import end_token
from ripstop.domain.accounts.events import AccountDeleted, ShutOut, Suspended
from ripstop.domain.accounts.model import (
    ACCOUNT,
    CREDENTIALS,
    HOLDS_SESSION,
    HOLDS_TOKEN,
    TOKEN,
    Account,
    mail_name,
    passkey_name,
)
from ripstop.domain.accounts.sessions import do_close
from ripstop.kernel.errors import Conflict
from ripstop.machinery.graph import Entry, Graph, Refused, Write

Also = Callable[[Entry[Account], Write], None]
"""Adds to the batch that changes an account, knowing how the account is now; what it raises stops the change."""

KEPT_DAYS = 30
"""Days after which a suspended account is deleted."""
AT_ONCE = 30
"""Tokens, and sessions, that one batch ends."""
_TRIES = 5


def _nothing_else(account: Entry[Account], write: Write) -> None:
    """Add nothing."""


async def suspend(graph: Graph, account: Entry[Account], also: Also = _nothing_else) -> None:
    """Show an account to nobody, and shut its owner out. A commit, and one for each `AT_ONCE` tokens and sessions.

    :raises Conflict: the account is being changed all the time.
    """

    async def suspension(now: Entry[Account]) -> Write | None:
        if now.value.is_suspended:
            return None
        at = graph.now_ms()
        write = graph.write(now.id)
        write.patch(ACCOUNT, now.id, version=now.version, suspended_at=at)
        write.emit(Suspended(account=now.id, at=at))
        write.emit(ShutOut(account=now.id))
        also(now, write)
        return write

    await change_account(graph, account, suspension)
    await shut_out(graph, account.id)


async def unsuspend(graph: Graph, account: Entry[Account], also: Also = _nothing_else) -> None:
    """Show it again, as it was; its owner has to log in anew. One commit, mostly, and none if it is shown already.

    :raises Conflict: the account is being changed all the time.
    """

    async def lifting(now: Entry[Account]) -> Write | None:
        if not now.value.is_suspended:
            return None
        await shut_out(graph, now.id)  # a log-in that was under way at the suspension may have come after it
        write = graph.write(now.id)
        write.patch(ACCOUNT, now.id, version=now.version, suspended_at=None)
        also(now, write)
        return write

    await change_account(graph, account, lifting)


async def delete_account(graph: Graph, account: Entry[Account], also: Also = _nothing_else) -> None:
    """Delete an account for good. A commit, and one for each `AT_ONCE` tokens and sessions.

    Its address of e-mail is free at once. Whatever it wrote and did is removed by the functions of each package that
    listen to `AccountDeleted`.

    :raises NotFound: somebody was first.
    :raises Conflict: the account is being changed all the time.
    """

    async def deletion(now: Entry[Account]) -> Write:
        write = await deletion_write(graph, now)
        also(now, write)
        return write

    await change_account(graph, account, deletion)
    await shut_out(graph, account.id)


async def change_account(
    graph: Graph, account: Entry[Account], change: Callable[[Entry[Account]], Awaitable[Write | None]]
) -> None:
    """Commit what a change takes of the account as it is; None: nothing. It is asked again if somebody was faster.

    :raises NotFound: the account was deleted meanwhile.
    :raises Conflict: it is being changed all the time.
    """
    for _ in range(_TRIES):
        write = await change(account)
        if write is None:
            return
        try:
            await graph.commit(write)
        except Refused:
            await graph.sync()
            account = await access_any_account(graph, account.id)
        else:
            return
    raise Conflict("This account is being changed at the same time")


async def deletion_write(graph: Graph, account: Entry[Account]) -> Write:
    """What deletes an account as it is now; refused if that has changed."""
    write = graph.write(account.id)
    write.check_object(account.id, account.version)
    write.delete(account.id)
    id_ = account.value.credentials
    credentials = None if id_ is None else await graph.get(CREDENTIALS, id_)
    if credentials is not None:
        write.delete(credentials.id)
        write.release(mail_name(credentials.value.email), account.id)
        for passkey in credentials.value.passkeys:
            write.release(passkey_name(passkey.id), account.id)
    write.emit(AccountDeleted(account=account.id, at=graph.now_ms()))
    return write


async def shut_out(graph: Graph, account: int) -> None:
    """End all sessions and tokens of an account that gets no new ones: it is suspended, disabled, or gone."""
    while (write := await shut_out_write(graph, account)) is not None:
        try:
            await graph.commit(write)
        except Refused:  # somebody else ended one of them meanwhile
            await graph.sync()


async def shut_out_write(graph: Graph, account: int) -> Write | None:
    """What ends some of an account's sessions and tokens, or None if it has none."""
    write = graph.write(account)
    for row in await graph.range(account, HOLDS_SESSION, limit=AT_ONCE):
        do_close(write, account, row.target)
    rows = await graph.range(account, HOLDS_TOKEN, limit=AT_ONCE)
    tokens = await graph.get_many(TOKEN, [row.target for row in rows])
    for row in rows:
        if row.target in tokens:
            end_token(write, tokens[row.target])
        else:
            write.remove(HOLDS_TOKEN, account, row.target)
    return write if write.operations else None
