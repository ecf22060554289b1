"""Sealed notes that a page carries from one step of a login to the next, so that nothing is kept in between.

A ticket opens for the browser and the purpose it was made for alone, and for a while. What it leads to changes the
version of the credentials that it names, so none is good twice.
"""

from typing import TypeVar

import msgspec

from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import Invalid
from ripstop.kernel.secrets import Secrets, Unopenable

T = TypeVar("T", bound=msgspec.Struct)

TICKET_MS = 600_000
"""For so long somebody may take to find their telephone."""


class Expired(Invalid):
    """The step before has to be done again."""


class Tickets:
    """Seals and opens them."""

    def __init__(self, seal: Secrets, clock: Clock) -> None:
        self._seal = seal
        self._clock = clock

    def seal(self, ticket: msgspec.Struct, *, browser: str) -> str:
        """A ticket for this browser; `browser` is what only it has, such as the proof of its forms."""
        until = self._clock.now_ms() + TICKET_MS
        plain = msgspec.json.encode((until, ticket))
        return self._seal.seal(plain, _purpose(type(ticket)), bound_to=browser)

    def open(self, sealed: str, type_: type[T], *, browser: str) -> T:
        """What was sealed.

        :raises Expired: it is too old, another browser's, or none at all.
        """
        try:
            plain = self._seal.open(sealed, _purpose(type_), bound_to=browser)
            until, ticket = msgspec.json.decode(plain, type=tuple[int, type_])  # type: ignore[valid-type]  # made at run time
        except (Unopenable, msgspec.DecodeError):  # the latter: of another version of this program
            raise Expired("This took too long. Please begin again.") from None
        if until < self._clock.now_ms():
            raise Expired("This took too long. Please begin again.")
        return ticket


def _purpose(type_: type) -> str:
    return f"ticket {type_.__name__}"
