"""One call under lease, and the function that it belongs to."""

import asyncio
import logging
import traceback
from enum import Enum
from pathlib import Path
from typing import Any

from ripstop.engines.base import LeasedCall
from ripstop.kernel.errors import Unavailable
from ripstop.machinery.functions.desk import Desk
from ripstop.machinery.functions.downstream import Pressure
from ripstop.machinery.functions.function import Call
from ripstop.machinery.functions.outcome import Fail, Outcome, Retry, Snooze
from ripstop.machinery.functions.standing import Standing

logger = logging.getLogger(__name__)


PRESSURE_SECONDS = 0.5
"""After which a call that met with pressure is due again; whether it starts then, its downstreams decide."""


class Interruption(Enum):
    """Why a handler was cancelled."""

    TIME_LIMIT = "time limit"
    LEASE_LOST = "lease lost"
    STOP = "stop"


class Run:
    """A call that this worker holds under lease."""

    __slots__ = (
        "arguments",
        "desk",
        "handling",
        "interruption",
        "is_ending",
        "late",
        "lease",
        "lock",
        "pressure",
        "refused",
        "renewed_at",
        "standing",
        "started_at",
        "taken_at",
        "task",
        "went_well",
    )

    def __init__(
        self, lease: LeasedCall, desk: Desk, standing: Standing, arguments: Any, *, taken_at: float, late: float
    ) -> None:
        """:param taken_at: when the lease was granted, on the monotonic clock.
        :param late: seconds from the instant that the call was due until then.
        """
        self.lease = lease
        self.desk = desk
        self.standing = standing
        self.arguments = arguments
        self.late = late
        self.taken_at = taken_at
        self.renewed_at = taken_at
        self.started_at: float | None = None
        self.is_ending = False
        """Whether its end is being committed, so that it has no place any more."""
        self.handling = False
        """Whether the handler runs at this moment: only then may it be interrupted."""
        self.interruption: Interruption | None = None
        self.task: asyncio.Task[None] | None = None
        self.pressure: Pressure | None = None
        """That what it leans on could not take it."""
        self.refused = False
        """That the store could not take it, or another part of this server."""
        self.went_well = False
        """Whether the handler came to its end, so that what it leans on is well."""
        self.lock: str | None = None
        """A name that this call holds while it runs, so that no other of its key does."""

    async def handle(self) -> Outcome | None:
        """Run the handler; None if it was interrupted to hand the call back, or since the lease is lost."""
        if self.is_interrupted():
            return None
        lease = self.lease
        call = Call(lease.id, lease.function, self.arguments, lease.attempt, self.standing.state, lease.deadline)
        self.handling = True
        try:
            outcome = await self.desk.function.handler(call)
            self.went_well = True
            return outcome
        except asyncio.CancelledError:
            if self.task is None or self.task.cancelling() == 0:
                return Retry("CancelledError: something that it waited for was cancelled.")
            if not self.is_interrupted():  # the worker itself is being cancelled
                raise
            self.task.uncancel()
            if self.interruption is Interruption.TIME_LIMIT:
                self.pressure = Pressure("It took too long.")
                return Retry(f"Took longer than its limit of {self.desk.function.time_limit:g} s.")
            return None
        except Exception as error:
            ending = error.outcome if isinstance(error, Pressure) else None
            if isinstance(error, Pressure | Unavailable) and self._leans():
                self.pressure = Pressure(describe(error), retry_after=error.retry_after)
                return ending or Snooze(error.retry_after or PRESSURE_SECONDS)
            if ending is not None:
                return ending
            if isinstance(error, Unavailable):
                self.refused = True
                return Snooze(max(error.retry_after or 0.0, PRESSURE_SECONDS))
            if lease.attempt == 1:
                logger.warning("Call %d of %s failed.", lease.id, lease.function, exc_info=error)
            is_final = isinstance(error, self.desk.function.final)
            return Fail(describe(error)) if is_final else Retry(describe(error))
        finally:
            self.handling = False

    def _leans(self) -> bool:
        """Whether there is a downstream that pressure could come from."""
        return bool(self.desk.downstreams) or (self.desk.function.circuit and self.lease.namespace is not None)

    def is_interrupted(self) -> bool:
        """Whether the handler was cancelled, or shall not start."""
        return self.interruption is not None

    def interrupt(self, interruption: Interruption) -> None:
        """Cancel the handler if it is running, keep it from starting if it has not; its outcome stands if it ended."""
        if not self.is_interrupted() and (self.handling or self.started_at is None):
            self.interruption = interruption
            if self.handling and self.task is not None:
                self.task.cancel()


def describe(error: BaseException) -> str:
    """An error with the place that raised it, in one line."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        place = f" ({Path(code.co_filename).name}:{line} in {code.co_name})"
    return f"{type(error).__name__}: {error}{place}"
