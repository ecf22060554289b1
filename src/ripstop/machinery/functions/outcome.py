"""How a call can end. Each ending is committed together with its effect, in one batch."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from ripstop.engines.batch import Batch

A = TypeVar("A")

Messages = Sequence[tuple[str, bytes]]
"""Topics and payloads for the bus, published once an effect is committed. They may be lost."""


class Done(NamedTuple):
    """The call is finished, and this batch is its effect. `result` is for whoever awaits it, where that is declared."""

    effect: Batch | None = None
    live: Messages = ()
    result: Any = None


class Retry(NamedTuple):
    """It did not work now: try again `after` seconds, or after the function's own back-off (None).

    Uses up one attempt; when there is none left the call is dead. Raising an exception means the same.
    """

    reason: str
    after: float | None = None


class Snooze(NamedTuple):
    """Not yet: start again in so many seconds. Uses up no attempt."""

    seconds: float


class Cancel(NamedTuple):
    """There is nothing to do any more: end without an effect."""

    reason: str


class Fail(NamedTuple):
    """It will never work: the call is dead at once, and kept with this error. Raising a final error means the same."""

    reason: str


class Progress(NamedTuple):
    """How far something is: so many items of so many."""

    done: int
    total: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.done / self.total if self.total else 0.0


class Checkpoint(NamedTuple):
    """A part is done: commit its effect, remember `state`, and start again at once, in its place among the others.

    The next start finds `state` in `Call.checkpoint` and counts as attempt 1, since there was progress: how much, it
    may say.
    """

    state: str
    effect: Batch | None = None
    live: Messages = ()
    progress: Progress | None = None


class Split(NamedTuple, Generic[A]):
    """Go on as smaller calls of the same function, at most `MAX_PARTS`, and finish.

    Parts inherit criticality and deadline. A part may split itself again. With `join` the call itself stays, and
    starts again with that state in `Call.checkpoint` once all its parts have ended; dead ones keep it waiting until
    somebody retries or drops them. Such parts are a line of their own, of the namespace ``#`` and the call's id, so
    that the whole can be watched, paused and cancelled, and holds up nobody; parts of a part are of the same line.
    Their ids are minted with the split, so
    they are younger than the call was: whoever takes the oldest unfinished call of a function as a mark of its
    progress (`Engine.call_stats`) uses checkpoints instead.
    """

    parts: Sequence[A]
    effect: Batch | None = None
    live: Messages = ()
    join: str | None = None


MAX_PARTS = 100
"""Parts of one `Split`: the most rows that one background operation may write (WAIST.md, SQLite)."""

Outcome = Done | Retry | Snooze | Cancel | Fail | Checkpoint | Split[Any]
