"""What is done for accounts in the background."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from ripstop.domain.accounts.actions import PASSWORD_SEAL
from ripstop.domain.accounts.events import AccessGranted, SessionOpened, SignedUp
from ripstop.domain.accounts.model import CREDENTIALS
from ripstop.domain.accounts.sessions import do_close
from ripstop.engines.base import Criticality
from ripstop.kernel.errors import Unavailable
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.functions import Call, Cancel, Done, Function, Functions, Outcome, Snooze
from ripstop.machinery.graph import Events, Graph

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
        """Declare the function, and have it called for each sign-up."""
        function = Function(
            name="accounts.hash_password",
            arguments=SignedUp,
            handler=self._run,
            criticality=Criticality.LOW,
            deadline=600.0,
            concurrency=AT_ONCE,
        )
        functions.declare(function)
        events.durable(SignedUp, function)

    async def _run(self, call: Call[SignedUp]) -> Outcome:
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
    """Removes sessions whose time is over, and grants that nobody need remember."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        session = Function(
            name="accounts.end_session",
            arguments=SessionOpened,
            handler=self._end_session,
            criticality=Criticality.LOW,
            deadline=3_600.0,
        )
        grant = Function(
            name="accounts.end_grant",
            arguments=AccessGranted,
            handler=self._end_grant,
            criticality=Criticality.LOW,
            deadline=3_600.0,
        )
        for function in (session, grant):
            functions.declare(function)
        events.durable(SessionOpened, session)
        events.durable(AccessGranted, grant)

    async def _end_session(self, call: Call[SessionOpened]) -> Outcome:
        left = call.arguments.ends - self._graph.now_ms()
        if left > 0:
            return Snooze(left / 1_000)
        write = self._graph.write(call.arguments.account)
        do_close(write, call.arguments.account, call.arguments.session)
        return Done(write.batch())

    async def _end_grant(self, call: Call[AccessGranted]) -> Outcome:
        left = call.arguments.kept - self._graph.now_ms()
        if left > 0:
            return Snooze(left / 1_000)
        write = self._graph.write(call.arguments.grant)
        write.delete(call.arguments.grant)
        return Done(write.batch())
