"""What is unread, live: how many notifications and messages, told to the pages that somebody has open."""

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec

from ripstop.domain.conversations.events import ConversationChanged
from ripstop.domain.conversations.queries import count_unread
from ripstop.domain.notifications.events import Merged, Notified
from ripstop.domain.notifications.groups import count_unread_groups
from ripstop.domain.notifications.queries import Wanted
from ripstop.kernel.errors import Overloaded, Unauthenticated
from ripstop.machinery.bus import Bus, Unsubscribe
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Stream
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.streaming.hub import topic_of
from ripstop.surfaces.web.live import MOST_WAITING, MOST_WATCHERS, STREAM_HEADERS, Queue, frame, next_chunk
from ripstop.surfaces.web.live_home import MOST_SECONDS
from ripstop.surfaces.web.shell import MOST_UNREAD
from ripstop.surfaces.web.visitor import Visitors

log = logging.getLogger(__name__)

LIVE_UNREAD = "/live/unread"
EVENTS = (Notified, Merged, ConversationChanged)
"""After which there may be more or less that is unread. Each names an `account`."""
PAUSE = 1.0
"""Seconds between two times that one account is told, at least."""


class _Whose(msgspec.Struct, frozen=True):
    """What is read of an event."""

    account: int


_decode = msgspec.json.Decoder(_Whose).decode


class LiveUnread:
    """Those who have a page open in this process, which hears of notifications only while there are any."""

    def __init__(self, graph: Graph, bus: Bus, visitors: Visitors) -> None:
        self._graph = graph
        self._bus = bus
        self._visitors = visitors
        self._watchers: dict[int, set[Queue]] = {}
        self._count = 0
        self._subscriptions: list[Unsubscribe] = []
        self._changed: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        return [Route("GET", LIVE_UNREAD, self.watch)]

    async def watch(self, request: Request, params: None) -> Stream:
        """How many are unread, and again whenever that changes.

        :raises Unauthenticated: nobody is logged in there.
        """
        visitor = await self._visitors.recall(request)
        if visitor is None or visitor.known is None:
            raise Unauthenticated("Please log in")
        if self._count >= MOST_WATCHERS:
            raise Overloaded("Too many are watching. The page shows what there was when it was loaded.", retry_after=60)
        return Stream(self._chunks(visitor.known.account.id), headers=STREAM_HEADERS)

    async def _chunks(self, account: int) -> AsyncIterator[bytes]:
        queue: Queue = asyncio.Queue(MOST_WAITING + 1)
        ends = asyncio.get_running_loop().time() + MOST_SECONDS
        self._join(account, queue)
        try:
            yield b"retry: 5000\n\n"
            yield await self._unread(account)
            while (chunk := await next_chunk(queue)) is not None and asyncio.get_running_loop().time() < ends:
                yield chunk
        finally:
            self._leave(account, queue)

    def _join(self, account: int, queue: Queue) -> None:
        self._watchers.setdefault(account, set()).add(queue)
        self._count += 1
        if not self._subscriptions:
            self._subscriptions = [self._bus.subscribe(topic_of(event), self._on_event) for event in EVENTS]

    def _leave(self, account: int, queue: Queue) -> None:
        queues = self._watchers.get(account, set())
        if queue not in queues:
            return
        queues.discard(queue)
        self._count -= 1
        if not queues:
            del self._watchers[account]
        if not self._count:
            for unsubscribe in self._subscriptions:
                unsubscribe()
            self._subscriptions = []

    def _on_event(self, topic: str, payload: bytes) -> None:
        account = _decode(payload).account
        if account in self._watchers:
            self._changed.add(account)
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._tell_changed())

    async def _tell_changed(self) -> None:
        try:
            while self._changed:
                changed, self._changed = self._changed, set()
                try:
                    await self._tell_of(changed)
                except Exception:
                    log.exception("not all were told of what is unread")
                await asyncio.sleep(PAUSE)
        finally:
            self._task = None

    async def _tell_of(self, changed: set[int]) -> None:
        await self._graph.sync()
        for account in changed & self._watchers.keys():
            self._tell(account, await self._unread(account))

    def _tell(self, account: int, chunk: bytes) -> None:
        for queue in tuple(self._watchers.get(account, ())):
            if queue.qsize() < MOST_WAITING:
                queue.put_nowait(chunk)
            else:
                self._leave(account, queue)
                queue.put_nowait(None)

    async def _unread(self, account: int) -> bytes:
        notifications = await count_unread_groups(self._graph, account, Wanted(limit=MOST_UNREAD + 1))
        messages = await count_unread(self._graph, account, most=MOST_UNREAD + 1)
        counts = {"notifications": in_brief(notifications), "messages": in_brief(messages)}
        return frame("unread", None, counts)


def in_brief(count: int) -> str:
    """A count of what is unread as a badge says it; nothing for none."""
    return f"{MOST_UNREAD}+" if count > MOST_UNREAD else str(count or "")
