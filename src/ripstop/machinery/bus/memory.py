"""A bus within one process."""

import asyncio

from ripstop.machinery.bus.base import Handler, Unsubscribe
from ripstop.machinery.bus.subscriptions import Subscriptions


class MemoryBus:
    """For an installation that is one process: tests, and commands that drain the calls they cause."""

    def __init__(self) -> None:
        self._subscriptions = Subscriptions()
        self._loop: asyncio.AbstractEventLoop | None = None

    def publish(self, topic: str, payload: bytes = b"") -> None:
        """See `Bus.publish`; before `open` and after `close` messages are lost."""
        if self._loop is not None:
            self._loop.call_soon(self._subscriptions.deliver, topic, payload)

    def subscribe(self, topic: str, handler: Handler) -> Unsubscribe:
        """See `Bus.subscribe`."""
        return self._subscriptions.add(topic, handler)

    async def open(self) -> None:
        """See `Bus.open`."""
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """See `Bus.close`."""
        self._loop = None
