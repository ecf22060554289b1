"""What a bus between processes promises: little, and at once."""

from collections.abc import Callable
from typing import Protocol

Handler = Callable[[str, bytes], None]
"""Takes topic and payload; runs on the event loop and must not block."""

Unsubscribe = Callable[[], None]


class Bus(Protocol):
    """Live events between the processes of one installation.

    A message may be lost, and nobody is told; it is never delayed on purpose, and messages of one publisher come in
    order. Whatever must not be lost is a call (`ripstop.machinery.functions`).

    A topic is text; its *head* is what stands before the first ``/`` and says which processes are interested.
    """

    def publish(self, topic: str, payload: bytes = b"") -> None:
        """Hand a message to all subscribers in all processes, this one included. Never blocks and never raises.

        Handlers in this process run soon after on the event loop, not within this call.
        """
        ...

    def subscribe(self, topic: str, handler: Handler) -> Unsubscribe:
        """Call `handler` for each message of this topic; of all topics that begin so, when it ends with ``*``.

        :returns: what ends the subscription; calling it again does nothing.
        :raises ValueError: the part before a ``*`` holds no whole head, such as ``ho*``; ``*`` alone takes all.
        """
        ...

    async def open(self) -> None:
        """Take part. Called on the event loop on which handlers shall run, after the fork."""
        ...

    async def close(self) -> None:
        """Leave. Idempotent."""
        ...
