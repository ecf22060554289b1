"""What calls come to, for whoever awaits it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from ripstop.engines.base import CallState, Store
from ripstop.engines.derived import KeyspaceKind, KeyspaceType, ValuePut
from ripstop.kernel.errors import RipstopError
from ripstop.machinery.bus import Bus
from ripstop.machinery.functions.function import Function

logger = logging.getLogger(__name__)

R = TypeVar("R")

RESULTS = KeyspaceType(name="function_results", kind=KeyspaceKind.VALUES, ttl=600.0)
"""By the id of the call."""

ENDED_TOPIC = "calls.ended"
"""Head of the bus topics that say of a call, by its id, that there is something to be seen. They carry nothing."""

MOST_BYTES = 64 << 10
"""Of a result, as JSON."""

LOOK_SECONDS = 0.5
"""Between two looks of somebody who waits, for messages that were lost."""


class NoResult(RipstopError):
    """A call that was awaited has come to nothing. Base of the reasons why."""

    code = "call_failed"


class CallDied(NoResult):
    """It is dead, for the reason that is its cause. An operator may yet send it again."""


class CallCancelled(NoResult):
    """It has ended without an effect, for the reason that is its cause."""


class ResultLost(NoResult):
    """It has ended, or never was, and what it came to is not known: it ended too long ago, or was dropped or split, or
    the process that ended it was killed at that moment.
    """


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    value: msgspec.Raw = msgspec.Raw(b"null")
    cancelled: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Kept).decode


def encode_result(function: Function[Any], value: object) -> bytes | None:
    """What is kept of a result; None if nobody can wait for those of this function.

    :raises ValueError: it gives a result all the same, or one that is too large.
    """
    if not function.answers:
        if value is not None:
            raise ValueError(f"{function.name} gives a result, but is not declared to (`answers`).")
        return None
    result = _encode(value)
    if len(result) > MOST_BYTES:
        raise ValueError(f"A result of {function.name} has {len(result)} bytes, more than {MOST_BYTES}.")
    return _encode(_Kept(value=msgspec.Raw(result)))


def encode_cancelled(function: Function[Any], reason: str) -> bytes | None:
    """What is kept of a call that has nothing to do; None as in `encode_result`."""
    return _encode(_Kept(cancelled=reason)) if function.answers else None


class Results:
    """Keeps what calls of this worker come to, once they have ended. Nothing waits for it.

    :param spawn: has work done in the background.
    """

    def __init__(self, store: Store, bus: Bus, spawn: Callable[[Coroutine[None, None, None]], None]) -> None:
        self._store = store
        self._bus = bus
        self._spawn = spawn
        self._pending: dict[int, bytes | None] = {}
        self._is_writing = False

    def ended(self, call: int, result: bytes | None) -> None:
        """A call that may be awaited has ended, with this to be kept, or is dead (None)."""
        self._pending[call] = result
        if not self._is_writing:
            self._is_writing = True
            self._spawn(self._write())

    async def _write(self) -> None:
        try:
            while self._pending:
                pending, self._pending = self._pending, {}
                puts = [ValuePut(str(call), result) for call, result in pending.items() if result is not None]
                try:
                    if puts:
                        await self._store.keyspace_write(RESULTS.name, puts)
                except RipstopError as error:
                    logger.warning("The results of %d calls are lost: %s", len(puts), error)
                for call in pending:
                    self._bus.publish(f"{ENDED_TOPIC}/{call}")
        finally:
            self._is_writing = False


async def result(store: Store, bus: Bus, function: Function[Any], call: int, type: type[R], *, within: float) -> R:
    """What a call comes to, once it has ended.

    :param function: one that `answers`.
    :param type: as what the result is decoded.
    :param within: seconds to wait at most. The call goes on after it, and can be awaited again.
    :raises CallDied: it is dead.
    :raises CallCancelled: it has ended without an effect.
    :raises ResultLost: it has ended, and its result is not known.
    :raises TimeoutError: it has not ended in time.
    :raises msgspec.ValidationError: the result is something else.
    """
    if not function.answers:
        raise ValueError(f"Nobody can wait for calls of {function.name}: it is not declared to answer.")
    changed = asyncio.Event()
    forget = bus.subscribe(f"{ENDED_TOPIC}/{call}", lambda _topic, _payload: changed.set())
    try:
        async with asyncio.timeout(within):
            while True:
                if (kept := await _look(store, call)) is not None:
                    return msgspec.json.decode(kept, type=type)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await changed.wait()
                changed.clear()
    finally:
        forget()


async def _look(store: Store, call: int) -> bytes | None:
    """The result if there is one, None if the call has not ended. Raises as `result` does."""
    if (value := await _kept(store, call)) is not None:
        return value
    row = (await store.call_get([call])).get(call)
    if row is not None and row.state == CallState.DEAD:
        raise CallDied("It could not be done.", cause=row.error)
    if row is None and (value := await _kept(store, call)) is None:
        # It ended before the row was looked for, so its result would be on its way at the most.
        await asyncio.sleep(LOOK_SECONDS)
        if (value := await _kept(store, call)) is None:
            raise ResultLost("It has ended, and what it came to is not known.", cause=f"call {call}")
    return value


async def _kept(store: Store, call: int) -> bytes | None:
    found = (await store.keyspace_get(RESULTS.name, [str(call)])).get(str(call))
    if not isinstance(found, bytes):
        return None
    kept = _decode(found)
    if kept.cancelled is not None:
        raise CallCancelled("It was not done.", cause=kept.cancelled)
    return bytes(kept.value)
