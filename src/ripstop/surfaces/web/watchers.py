"""Those who watch an event stream of a page, in one process: who is told what, and who is let go."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, KeysView
from typing import Generic, TypeVar

import msgspec

from ripstop.domain.accounts.events import AccountDeleted, ShutOut
from ripstop.kernel.errors import Overloaded, TooManyRequests
from ripstop.machinery.bus import Bus, Unsubscribe
from ripstop.surfaces.streaming.hub import topic_of

K = TypeVar("K", bound=Hashable)

MOST_WATCHERS = 5_000
"""Of one process and stream; whoever comes then keeps the page as it was when it was loaded."""
MOST_OF_ONE = 32
"""Of these, watchers of what is one account's alone."""
MOST_WAITING = 64
"""Events that wait for a slow watcher; beyond, it is let go, and comes back for what it missed."""
HEARTBEAT = 15.0
"""Seconds without an event after which a comment keeps the connection from being taken for dead."""

Queue = asyncio.Queue[bytes | None]
"""What waits for a watcher; None at its end."""


class Watchers(Generic[K]):
    """Watchers by what they watch.

    :param listen: subscribes to what they may be told of; called when the first one comes, and undone when the last one
        goes.
    :param gone: called when nobody watches something any more.
    :param most: who may watch one thing; None: as many as there may be of all.
    """

    def __init__(
        self,
        listen: Callable[[], list[Unsubscribe]],
        *,
        gone: Callable[[K], None] = lambda _: None,
        most: int | None = None,
    ) -> None:
        self._listen = listen
        self._gone = gone
        self._most = most
        self._queues: dict[K, set[Queue]] = {}
        self._count = 0
        self._subscriptions: list[Unsubscribe] = []

    @property
    def watched(self) -> KeysView[K]:
        """What is watched by anybody."""
        return self._queues.keys()

    def check_room(self, key: K) -> None:
        """Return if one more may watch this.

        :raises TooManyRequests: as many watch it as may.
        :raises Overloaded: there are as many as there may be.
        """
        if self._most is not None and len(self._queues.get(key, ())) >= self._most:
            raise TooManyRequests("Too many pages are open", retry_after=60.0)
        if self._count >= MOST_WATCHERS:
            raise Overloaded("Too many are watching. The page shows what there was when it was loaded.", retry_after=60)

    def join(self, key: K) -> Queue:
        """Begin to watch. Whoever joins must leave."""
        queue: Queue = asyncio.Queue(MOST_WAITING + 1)
        self._queues.setdefault(key, set()).add(queue)
        self._count += 1
        if not self._subscriptions:
            self._subscriptions = self._listen()
        return queue

    def leave(self, key: K, queue: Queue) -> None:
        """Watch no more; once is enough."""
        queues = self._queues.get(key, set())
        if queue not in queues:
            return
        queues.discard(queue)
        self._count -= 1
        if not queues:
            del self._queues[key]
            self._gone(key)
        if not self._count:
            for unsubscribe in self._subscriptions:
                unsubscribe()
            self._subscriptions = []

    def end(self, key: K) -> None:
        """Let all go who watch something."""
        for queue in tuple(self._queues.get(key, ())):
            self._let_go(key, queue)

    def tell(self, key: K, chunk: bytes) -> None:
        """Tell all who watch something. Never waits: who does not keep up is let go."""
        for queue in tuple(self._queues.get(key, ())):
            if queue.qsize() < MOST_WAITING:
                queue.put_nowait(chunk)
            else:
                self._let_go(key, queue)

    def _let_go(self, key: K, queue: Queue) -> None:
        self.leave(key, queue)
        queue.put_nowait(None)


class _Whose(msgspec.Struct, frozen=True):
    """What is read of the events after which somebody is let go."""

    account: int


_decode = msgspec.json.Decoder(_Whose).decode


def end_with(bus: Bus, end: Callable[[int], None]) -> list[Unsubscribe]:
    """Have `end` called with each account that is shut out or deleted."""

    def receive(topic: str, payload: bytes) -> None:
        end(_decode(payload).account)

    return [bus.subscribe(topic_of(event), receive) for event in (ShutOut, AccountDeleted)]


async def chunks_of(queue: Queue, *, seconds: float | None = None) -> AsyncIterator[bytes]:
    """What a watcher is sent, until it is let go: events, or else signs of life.

    :param seconds: end after this time, so that the browser comes back, and is asked again who it is.
    """
    clock = asyncio.get_running_loop().time
    ends = None if seconds is None else clock() + seconds
    while ends is None or clock() < ends:
        try:
            async with asyncio.timeout(HEARTBEAT):
                chunk = await queue.get()
        except TimeoutError:
            chunk = b":\n\n"
        if chunk is None:
            return
        yield chunk
