"""From an outcome to the batch that makes it true. Pure, but for the ids that a split mints."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

import msgspec

from ripstop.engines.base import LeasedCall
from ripstop.engines.batch import AnyOperation, Batch, CallAgain, CallDead, CallDone, CallFinish, CallPut
from ripstop.kernel.ids import IdSource, shard_of
from ripstop.machinery.functions.function import Function
from ripstop.machinery.functions.outcome import (
    MAX_PARTS,
    Cancel,
    Checkpoint,
    Done,
    Fail,
    Messages,
    Outcome,
    Progress,
    Retry,
    Snooze,
    Split,
)
from ripstop.machinery.functions.pacing import backoff
from ripstop.machinery.functions.progress import NOTHING, items_of, root_of
from ripstop.machinery.functions.results import encode_cancelled, encode_result
from ripstop.machinery.functions.standing import Standing
from ripstop.machinery.functions.whole import line_of

JOIN_SECONDS = 0.25
"""After which a call that was split looks for the first time whether its parts have ended."""

MOST_ERROR = 1000
"""Characters of an error that are kept."""

_encode = msgspec.json.Encoder().encode


class Ending(NamedTuple):
    """How a lease ends. The finish is the first operation of the batch: refused at 0 means that the lease is lost.

    :ivar kind: for metrics and logs.
    :ivar wake_after: seconds after which there is something to lease that this ending caused, None if there is not.
    :ivar result: what is kept of what the call has come to.
    :ivar gain: by how much the call brings forward the whole that it is a part of.
    """

    kind: str
    batch: Batch
    wake_after: float | None = None
    live: Messages = ()
    gain: Progress = NOTHING
    result: bytes | None = None


@dataclass(frozen=True, slots=True)
class Settler:
    """Turns outcomes into endings."""

    ids: IdSource
    random: Random

    def settle(
        self, call: LeasedCall, function: Function[Any], standing: Standing, outcome: Outcome, *, now_ms: int
    ) -> Ending:
        """The ending of a run.

        :param now_ms: on the engine's clock; needed for `Retry`, `Snooze` and `Split` only.
        :raises ValueError: a split into no or too many parts.
        """
        match outcome:
            case Done(effect=effect, live=live, result=result):
                ending = _ending("done", call, CallDone(call.id, call.token), effect, live=live)
                if result is None and not function.answers:
                    return ending
                return ending._replace(result=encode_result(function, result))
            case Checkpoint(state=state, effect=effect, live=live, progress=progress):
                told = standing.progress if progress is None or standing.parts else progress
                kept = Standing(call.token, 0, state, standing.parts, told).text()
                again = CallAgain(call.id, call.token, 0, 1, kept)
                return _ending("checkpoint", call, again, effect, wake_after=0.0, live=live)
            case Split(parts=parts, effect=effect, live=live, join=join):
                home = effect.home if effect else shard_of(call.id)
                more = self._parts(call, parts, home, is_joined=join is not None)
                finish: CallFinish = CallDone(call.id, call.token)
                kind = "split" if join is None else "join"
                if join is not None:
                    items = sum(items_of(function, part) for part in parts)
                    before = 0 if standing.progress is None or not standing.parts else standing.progress.total
                    kept = Standing(call.token, 0, join, len(parts), Progress(0, before + items)).text()
                    finish = CallAgain(call.id, call.token, now_ms + round(JOIN_SECONDS * 1000), 1, kept)
                return _ending(kind, call, finish, effect, more, wake_after=0.0, live=live)
            case Retry():
                return self._retry(call, function, standing, outcome, now_ms)
            case Snooze(seconds=seconds):
                due = now_ms + round(seconds * 1000)
                again = CallAgain(call.id, call.token, due, call.attempt, standing.kept(call.token))
                return _ending("snooze", call, again, wake_after=seconds)
            case Fail(reason=reason):
                return dead(call, reason)
            case Cancel(reason=reason):
                ending = _ending("cancel", call, CallDone(call.id, call.token))
                return ending._replace(result=encode_cancelled(function, reason)) if function.answers else ending

    def _parts(self, call: LeasedCall, parts: Sequence[Any], home: int, *, is_joined: bool) -> list[CallPut]:
        if not 0 < len(parts) <= MAX_PARTS:
            raise ValueError(f"A call splits into 1 to {MAX_PARTS} parts, not {len(parts)}.")
        return [
            CallPut(
                id=self.ids.new(home),
                function=call.function,
                arguments=_encode(part).decode(),
                deadline=call.deadline,
                criticality=call.criticality,
                namespace=line_of(root_of(call.namespace, call.parent) or call.id) if is_joined else call.namespace,
                parent=call.id if is_joined else call.parent or call.id,
            )
            for part in parts
        ]

    def _retry(
        self, call: LeasedCall, function: Function[Any], standing: Standing, retry: Retry, now_ms: int
    ) -> Ending:
        if call.attempt >= function.attempts:
            return dead(call, f"Out of attempts ({call.attempt}). {retry.reason}")
        pause = retry.after
        if pause is None:
            pause = backoff(call.attempt, base=function.backoff_base, cap=function.backoff_cap, random=self.random)
        again = CallAgain(
            call=call.id,
            token=call.token,
            due=now_ms + round(pause * 1000),
            attempt=call.attempt + 1,
            checkpoint=standing.kept(call.token),
            error=retry.reason[:MOST_ERROR],
        )
        return _ending("retry", call, again, wake_after=pause)


def dead(call: LeasedCall, error: str) -> Ending:
    """The call is kept with its error and does not run again unless somebody says so."""
    return _ending("dead", call, CallDead(call.id, call.token, error[:MOST_ERROR]))


def hand_back(
    call: LeasedCall, standing: Standing, *, kind: str, due: int = 0, trials: int | None = None, wake_after: float = 0.0
) -> Ending:
    """Give up the lease as if it had never been: same attempt, same state. `due` is an instant, 0 for at once."""
    kept = standing.kept(call.token, trials=standing.trials if trials is None else trials)
    again = CallAgain(call.id, call.token, due, call.attempt, kept)
    return _ending(kind, call, again, wake_after=wake_after)


def _ending(
    kind: str,
    call: LeasedCall,
    finish: CallFinish,
    effect: Batch | None = None,
    more: Sequence[CallPut] = (),
    *,
    wake_after: float | None = None,
    live: Messages = (),
) -> Ending:
    if effect is None:
        return Ending(kind, Batch(shard_of(call.id), (finish, *more)), wake_after, live)
    operations: list[AnyOperation] = [finish, *effect.operations, *more]
    if wake_after is None and any(type(operation) is CallPut for operation in effect.operations):
        wake_after = 0.0
    return Ending(kind, Batch(effect.home, operations), wake_after, live)
