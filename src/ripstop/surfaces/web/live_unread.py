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
from ripstop.kernel.errors import Unauthenticated
from ripstop.machinery.bus import Bus, Unsubscribe
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Stream
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.streaming.hub import topic_of
from ripstop.surfaces.web.live import STREAM_HEADERS, frame
from ripstop.surfaces.web.live_home import MOST_SECONDS
from ripstop.surfaces.web.shell import MOST_UNREAD
from ripstop.surfaces.web.visitor import Visitors
from ripstop.surfaces.web.watchers import MOST_OF_ONE, Watchers, chunks_of, end_with

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
        self._watchers: Watchers[int] = Watchers(self._listen, most=MOST_OF_ONE)
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
        account = visitor.known.account.id
        self._watchers.check_room(account)
        return Stream(self._chunks(account), headers=STREAM_HEADERS)

    async def _chunks(self, account: int) -> AsyncIterator[bytes]:
        queue = self._watchers.join(account)
        try:
            yield b"retry: 5000\n\n"
            yield await self._unread(account)
            async for chunk in chunks_of(queue, seconds=MOST_SECONDS):
                yield chunk
        finally:
            self._watchers.leave(account, queue)

    def _listen(self) -> list[Unsubscribe]:
        return [
            *(self._bus.subscribe(topic_of(event), self._on_event) for event in EVENTS),
            *end_with(self._bus, self._watchers.end),
        ]

    def _on_event(self, topic: str, payload: bytes) -> None:
        account = _decode(payload).account
        if account in self._watchers.watched:
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
        for account in changed & self._watchers.watched:
            self._watchers.tell(account, await self._unread(account))

    async def _unread(self, account: int) -> bytes:
        notifications = await count_unread_groups(self._graph, account, Wanted(limit=MOST_UNREAD + 1))
        messages = await count_unread(self._graph, account, most=MOST_UNREAD + 1)
        counts = {"notifications": in_brief(notifications), "messages": in_brief(messages)}
        return frame("unread", None, counts)


def in_brief(count: int) -> str:
    """A count of what is unread as a badge says it; nothing for none."""
    return f"{MOST_UNREAD}+" if count > MOST_UNREAD else str(count or "")
