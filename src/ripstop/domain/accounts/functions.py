"""What is done for accounts in the background."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec

from ripstop.domain.accounts.actions import PASSWORD_SEAL
from ripstop.domain.accounts.applications import end_token
from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.accounts.events import (
    AccessGranted,
    AccountDeleted,
    ApplicationRegistered,
    ApplicationUsed,
    PasswordReset,
    SessionOpened,
    ShutOut,
    SignedUp,
    Suspended,
)
from ripstop.domain.accounts.leaving import KEPT_DAYS, deletion_write, shut_out_write
from ripstop.domain.accounts.model import (
    ACCOUNT,
    APPLICATION,
    CREDENTIALS,
    HOLDS_SESSION,
    HOLDS_TOKEN,
    IN_DIRECTORY,
    READ_UP_TO,
    SECURITY_LOG,
    SERVES,
    TOKEN,
    WAITS,
)
from ripstop.domain.accounts.sessions import do_close
from ripstop.engines import base
from ripstop.engines.base import Criticality
from ripstop.kernel.errors import Unavailable
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.functions import Call, Cancel, Checkpoint, Done, Functions, Outcome, Snooze
from ripstop.machinery.graph import Events, Graph, Listening, Write

Hash = Callable[[str], Awaitable[str]]
"""From a password to its hash, off this process's event loop."""


AT_ONCE = 32
"""Passwords that one worker has under way. It is the helper that decides how many are hashed side by side."""


class Round:
    """Calls that run side by side and end together, so that one commit serves all of them.

    A hash takes so long that each would else end alone, and cost its worker ten times what it costs in company.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._is_closed = False
        self._over = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether somebody is done already; who comes now joins the next round."""
        return self._is_closed

    @contextlib.asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """What is done within is over for nobody before it is for all."""
        self._inside += 1
        try:
            yield
        finally:
            self._is_closed = True
            self._inside -= 1
            if self._inside == 0:
                self._over.set()
        await self._over.wait()


class PasswordHashing:
    """Hashes the passwords of those who signed up, and erases the sealed copies in the same batch."""

    def __init__(self, graph: Graph, seal: Secrets, hash_password: Hash) -> None:
        self._graph = graph
        self._seal = seal
        self._hash = hash_password
        self._round = Round()

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called for each sign-up, and for each password that was reset."""
        listen = Listening(functions, events)
        listen.to(
            SignedUp,
            self._run,
            name="accounts.hash_password",
            criticality=Criticality.LOW,
            deadline=600.0,
            concurrency=AT_ONCE,
        )
        listen.to(PasswordReset, self._run, name="accounts.hash_reset_password")

    async def _run(self, call: Call[SignedUp] | Call[PasswordReset]) -> Outcome:
        credentials = await self._graph.get(CREDENTIALS, call.arguments.credentials)
        if credentials is None or credentials.value.password_sealed is None:
            return Cancel("there is no password to hash")
        sealed = credentials.value.password_sealed
        password = self._seal.open(sealed, PASSWORD_SEAL, bound_to=str(credentials.id)).decode()
        if self._round.is_closed:
            self._round = Round()
        try:
            async with self._round.together():
                hashed = await self._hash(password)
        except Unavailable as busy:  # too many wait, or the helper is being restarted: no fault of this call
            return Snooze(busy.retry_after or 5.0)
        write = self._graph.write(credentials.id)
        write.patch(
            CREDENTIALS, credentials.id, version=credentials.version, password_hash=hashed, password_sealed=None
        )
        return Done(write.batch())


class Endings:
    """Removes sessions whose time is over, grants that nobody need remember, and applications that nobody let in."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        listen = Listening(functions, events)
        low = Criticality.LOW
        listen.to(
            ApplicationRegistered,
            self._end_unused,
            name="accounts.end_unused_application",
            due=lambda event: event.until,
            criticality=low,
            deadline=86_400.0,
            opportunistic=True,
        )
        listen.to(ApplicationUsed, self._mark_used, name="accounts.mark_application", criticality=low, deadline=3_600.0)
        listen.to(
            SessionOpened,
            self._end_session,
            name="accounts.end_session",
            due=lambda event: event.ends,
            criticality=low,
            deadline=3_600.0,
        )
        listen.to(
            AccessGranted,
            self._end_grant,
            name="accounts.end_grant",
            due=lambda event: event.kept,
            criticality=low,
            deadline=3_600.0,
        )

    async def _end_session(self, call: Call[SessionOpened]) -> Outcome:
        write = self._graph.write(call.arguments.account)
        do_close(write, call.arguments.account, call.arguments.session)
        return Done(write.batch())

    async def _end_unused(self, call: Call[ApplicationRegistered]) -> Outcome:
        application = await self._graph.get(APPLICATION, call.arguments.application)
        if application is None or application.value.is_used:
            return Done()
        write = self._graph.write(application.id)
        write.check_object(application.id, application.version)
        write.delete(application.id)
        return Done(write.batch())

    async def _mark_used(self, call: Call[ApplicationUsed]) -> Outcome:
        application = await self._graph.get(APPLICATION, call.arguments.application)
        if application is None or application.value.is_used:
            return Done()
        write = self._graph.write(application.id)
        write.patch(APPLICATION, application.id, is_used=True)
        return Done(write.batch())

    async def _end_grant(self, call: Call[AccessGranted]) -> Outcome:
        write = self._graph.write(call.arguments.grant)
        write.delete(call.arguments.grant)
        return Done(write.batch())


AGAIN_MS = (60_000, 3_600_000, 86_400_000)
"""After which it is looked again for what a deleted account left behind: no request takes a minute, and no backlog a
day."""


class Leaving:
    """Shuts out those who are suspended, deletes them when their time is over, and clears up after the deleted."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._eraser = Eraser(
            graph,
            "accounts",
            plain=(READ_UP_TO, IN_DIRECTORY, SERVES, WAITS, SECURITY_LOG),
            own={HOLDS_TOKEN: self._end_tokens, HOLDS_SESSION: self._end_sessions},
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        listen = Listening(functions, events)
        low = Criticality.LOW
        listen.to(ShutOut, self._shut_out, name="accounts.shut_out", deadline=10.0)
        listen.to(
            Suspended,
            self._end_suspended,
            name="accounts.end_suspended",
            due=lambda event: event.at + KEPT_DAYS * 86_400_000,
            criticality=low,
            deadline=86_400.0,
            opportunistic=True,
        )
        listen.to(
            AccountDeleted,
            self._delete_again,
            name="accounts.delete_again",
            when=lambda event: event.again < len(AGAIN_MS),
            due=lambda event: event.at + AGAIN_MS[event.again],
            criticality=low,
            deadline=3_600.0,
        )
        self._eraser.register(functions, events)

    async def _shut_out(self, call: Call[ShutOut]) -> Outcome:
        """What the action does itself, unless it is interrupted."""
        account = await self._graph.get(ACCOUNT, call.arguments.account)
        if account is None or not account.value.is_shut_out:
            return Done()
        write = await shut_out_write(self._graph, account.id)
        return Done() if write is None else Checkpoint("", write.batch())

    async def _end_suspended(self, call: Call[Suspended]) -> Outcome:
        account = await self._graph.get(ACCOUNT, call.arguments.account)
        if account is None or account.value.suspended_at != call.arguments.at:  # it was lifted
            return Done()
        write = await deletion_write(self._graph, account)
        return Done(write.batch(), write.live)

    async def _delete_again(self, call: Call[AccountDeleted]) -> Outcome:
        event = call.arguments
        write = self._graph.write(event.account)
        write.emit(msgspec.structs.replace(event, again=event.again + 1))
        return Done(write.batch(), write.live)

    async def _end_tokens(self, write: Write, account: int, rows: Sequence[base.Association]) -> None:
        tokens = await self._graph.get_many(TOKEN, [row.target for row in rows])
        for row in rows:
            if row.target in tokens:
                end_token(write, tokens[row.target])
            else:
                write.remove(HOLDS_TOKEN, account, row.target)

    async def _end_sessions(self, write: Write, account: int, rows: Sequence[base.Association]) -> None:
        for row in rows:
            do_close(write, account, row.target)
