"""What is done for accounts in the background."""

from collections.abc import Awaitable, Callable

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


class PasswordHashing:
    """Hashes the passwords of those who signed up, and erases the sealed copies in the same batch."""

    def __init__(self, graph: Graph, seal: Secrets, hash_password: Hash) -> None:
        self._graph = graph
        self._seal = seal
        self._hash = hash_password

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the function, and have it called for each sign-up."""
        function = Function(
            name="accounts.hash_password",
            arguments=SignedUp,
            handler=self._run,
            criticality=Criticality.LOW,
            deadline=600.0,
            concurrency=4,
        )
        functions.declare(function)
        events.durable(SignedUp, function)

    async def _run(self, call: Call[SignedUp]) -> Outcome:
        credentials = await self._graph.get(CREDENTIALS, call.arguments.credentials)
        if credentials is None or credentials.value.password_sealed is None:
            return Cancel("there is no password to hash")
        sealed = credentials.value.password_sealed
        password = self._seal.open(sealed, PASSWORD_SEAL, bound_to=str(credentials.id)).decode()
        try:
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
