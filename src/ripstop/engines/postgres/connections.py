"""Connections to the server: pools with their settings, and what the server's errors mean for the caller."""

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, Final

import asyncpg

from ripstop.engines.postgres.pool import Connection, Pool
from ripstop.engines.statements import load
from ripstop.kernel.errors import BadRequest, Overloaded, ReadOnly, Unavailable

_SESSION: Final = load(__package__, "sql/session.sql")

_READ_ONLY: Final = "The database is set to take no writes (default_transaction_read_only)."

READERS: Final = 6
"""Most connections of one process that read."""

WRITERS: Final = 4
"""Most connections of one process that write: groups of batches, leases, derived data."""

_BASE_SETTINGS: Final = {
    "application_name": "ripstop",
    "timezone": "UTC",
    "jit": "off",
    "default_transaction_isolation": "read committed",
}

_POINT_SETTINGS: Final = {
    # Every statement here goes to few rows by an index, whatever the statistics of a young table say; a plan made
    # once is the right one for all arguments, and saves a millisecond each time.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server has said goodbye, and the end of the connection is still on its way
    asyncpg.exceptions.OperatorInterventionError,  # shut down, crashed, not up yet
    ConnectionError,
    OSError,
    TimeoutError,
)

RETRIED: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
)
"""Errors that say: another transaction was first, look again."""

BAD_DATA: Final = (
    ValueError,  # found by asyncpg before it sends: a number out of range, a lone surrogate
    asyncpg.DataError,  # found by the server: U+0000 in a text, a patch that is no JSON object
    asyncpg.ProgramLimitExceededError,  # a key that is too long for an index
)
"""Errors that say: these values cannot be stored. Nothing was done."""


READ_SECONDS = 0.5
"""After so long a read is interrupted. PostgreSQL knows wall-clock time only, and a machine may be busy with others: a
bound as tight as on SQLite, where CPU time counts, would refuse what only had to wait."""


class Connections:
    """The connections of one process: opened after the fork, opened again after a loss."""

    def __init__(self, dsn: str, *, read_seconds: float = READ_SECONDS) -> None:
        self._dsn = dsn
        read = {"statement_timeout": _milliseconds(read_seconds)}
        self._readers = Pool(partial(self._connect, read), size=READERS)
        write = {"statement_timeout": "10s", "lock_timeout": "5s", "synchronous_commit": "on"}
        self._writers = Pool(partial(self._connect, write), size=WRITERS)
        self._looked = -1.0
        self.read_only: str | None = None
        """Why the server takes no writes, as a sentence."""

    async def open(self) -> None:
        """See whether the server is there, and whether it takes writes.

        :raises Unavailable: there is no server to be reached; nothing is left open.
        """
        try:
            await self.look_for_read_only()
        except BaseException:
            await self.close()
            raise

    async def _connect(self, settings: dict[str, str]) -> Connection:
        """A connection for short statements, taught its array types, which asyncpg asks the catalogue for."""
        connection = await self._reach(command_timeout=30, max_cached_statement_lifetime=0)
        try:
            await connection.prepare(_SESSION["session_types"])
            settings = {**_POINT_SETTINGS, **settings}
            await connection.execute(_SESSION["session_settings"], list(settings), list(settings.values()))
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _reach(self, **options: Any) -> Connection:
        """A new connection.

        :raises Unavailable: the server is not there, or lets nobody in.
        """
        settings = {**_BASE_SETTINGS, **options.pop("server_settings", {})}
        try:
            return await asyncpg.connect(self._dsn, timeout=10, server_settings=settings, **options)
        except (asyncpg.PostgresError, *_LOST) as error:
            raise unavailable(error, "The database cannot be reached.") from error

    async def close(self) -> None:
        """Let go of all connections. Idempotent."""
        await self._readers.close()
        await self._writers.close()

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of one statement that reads; asked a second time where the first met a connection that was gone."""
        for last in (False, True):
            try:
                with await self._readers.lent() as connection:
                    return await connection.fetch(statement, *arguments)
            except BAD_DATA as error:
                raise bad_data(error) from error
            except _LOST as error:
                if last or isinstance(error, asyncpg.QueryCanceledError | TimeoutError):
                    raise unavailable(error) from error
            except asyncpg.PostgresError as error:
                raise _translated(error) from error
        raise AssertionError("unreachable")

    async def fetch_within(self, seconds: float, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of one statement that may take so long.

        :raises Overloaded: it did not get to its end.
        """
        with errors("The database does not answer."), await self._readers.lent() as connection:
            async with connection.transaction():
                await connection.execute(_SESSION["statement_milliseconds"], _milliseconds(seconds))
                return await connection.fetch(statement, *arguments)

    @contextlib.asynccontextmanager
    async def writer(self) -> AsyncIterator[Connection]:
        """A connection that writes. Errors of the server become ours, except for those in :data:`RETRIED`.

        :raises ReadOnly: the server takes no writes, or took none when last asked, less than a second ago.
        """
        if self.read_only is not None:
            await self.look_for_read_only()
            if self.read_only is not None:
                raise ReadOnly(self.read_only, retry_after=10)
        try:
            with (
                errors("The database does not answer, and what was being written may or may not be there."),
                await self._writers.lent() as connection,
            ):
                yield connection
        except ReadOnly:
            self.read_only = _READ_ONLY
            raise

    async def look_for_read_only(self) -> None:
        """Ask the server whether it takes writes, at most once a second."""
        now = time.monotonic()
        if now - self._looked < 1:
            return
        self._looked = now
        [row] = await self.fetch(_SESSION["session_state"])
        if row["in_recovery"]:
            self.read_only = "The database server is a standby, which takes no writes."
        else:
            self.read_only = _READ_ONLY if row["read_only"] else None

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[Connection]:
        """A connection of its own with the server's usual planning and no time limit, for long work."""
        with errors("The database cannot be reached."):
            connection = await self._reach(server_settings={"statement_timeout": "0"})
            try:
                yield connection
            finally:
                await connection.close(timeout=5)


@contextlib.contextmanager
def errors(lost: str) -> Iterator[None]:
    """Turn the server's errors into ours; `lost` is the sentence where the connection is gone."""
    try:
        yield
    except RETRIED:
        raise
    except BAD_DATA as error:
        raise bad_data(error) from error
    except _LOST as error:
        raise unavailable(error, lost) from error
    except asyncpg.PostgresError as error:
        raise _translated(error) from error


def unavailable(error: BaseException, lost: str = "The database does not answer.") -> Unavailable:
    """What a lost connection or a statement out of time means for the caller."""
    if isinstance(error, asyncpg.QueryCanceledError):
        return Overloaded("The database took too long and was interrupted.", cause=error, retry_after=1)
    return Unavailable(lost, cause=error, retry_after=2)


def bad_data(error: BaseException) -> BadRequest:
    """What values that cannot be stored mean for the caller."""
    return BadRequest("The request holds a value that cannot be stored.", cause=error)


def _translated(error: asyncpg.PostgresError) -> Exception:
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ReadOnly("The database takes no writes.", cause=error, retry_after=10)
    if isinstance(error, asyncpg.InsufficientResourcesError | asyncpg.LockNotAvailableError):
        return Unavailable("The database is short of resources.", cause=error, retry_after=2)
    return error


def _milliseconds(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
