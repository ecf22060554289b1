"""What the platform remembers of a call from one lease to the next."""

import msgspec

from ripstop.engines.base import LeasedCall
from ripstop.machinery.functions.outcome import Progress

TRIALS = 3
"""A call is dead when its worker's process ended during so many trials of it."""


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """Kept in the store as the call's checkpoint, around the one of the function.

    :ivar token: of the last lease that ended in good order; 0 if none did.
    :ivar trials: how often the call was set apart since it last ended in good order. See docs/build/functions.md,
        "Poison".
    :ivar state: the function's own checkpoint.
    :ivar parts: into how many parts the call has split to wait for them; 0 if it has not.
    :ivar progress: what it told of itself last; once it was split, the items of its parts.
    """

    token: int = 0
    trials: int = 0
    state: str | None = None
    parts: int = 0
    progress: Progress | None = None

    @classmethod
    def parse(cls, checkpoint: str | None) -> "Standing":
        """Read a row's checkpoint.

        :raises msgspec.DecodeError: something else stands there.
        """
        return cls() if checkpoint is None else _decode(checkpoint)

    def text(self) -> str:
        """What is stored: the shorter the less there is to be said. Workers of older versions pass over the rest."""
        is_long = self.parts or self.progress is not None
        return _encode(self if is_long else (self.token, self.trials, self.state)).decode()

    def kept(self, token: int, *, trials: int = 0) -> str:
        """What is stored when the lease with this token ends in good order, and nothing came of it."""
        return Standing(token, trials, self.state, self.parts, self.progress).text()

    def was_lost(self, call: LeasedCall) -> bool:
        """Whether the lease before this one ran out: its worker died, or could not be heard for as long."""
        return call.token > self.token + 1


_decode = msgspec.json.Decoder(Standing).decode
_encode = msgspec.json.Encoder().encode
