"""What the platform remembers of a call from one lease to the next."""

from typing import NamedTuple

import msgspec

from ripstop.engines.base import LeasedCall

_decode = msgspec.json.Decoder(tuple[int, int, str | None]).decode
_encode = msgspec.json.Encoder().encode

TRIALS = 3
"""A call is dead when its worker's process ended during so many trials of it."""


class Standing(NamedTuple):
    """Kept in the store as the call's checkpoint, around the one of the function.

    :ivar token: of the last lease that ended in good order; 0 if none did.
    :ivar trials: how often the call was set apart since it last ended in good order. See docs/functions.md, "Poison".
    :ivar state: the function's own checkpoint.
    """

    token: int = 0
    trials: int = 0
    state: str | None = None

    @classmethod
    def parse(cls, checkpoint: str | None) -> "Standing":
        """Read a row's checkpoint.

        :raises msgspec.DecodeError: something else stands there.
        """
        return cls() if checkpoint is None else cls(*_decode(checkpoint))

    def text(self) -> str:
        """What is stored."""
        return _encode(self).decode()

    def was_lost(self, call: LeasedCall) -> bool:
        """Whether the lease before this one ran out: its worker died, or could not be heard for as long."""
        return call.token > self.token + 1
