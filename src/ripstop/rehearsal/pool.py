"""Keep-alive connections to one server, driven by callbacks.

An `Exchange` is one request and what to do with its answer. It ends exactly once: with an answer, or with None
when the request died without one, in which case nobody knows whether the server acted on it. The pool opens
connections again as they break, for as long as its patience lasts.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar, cast

from ripstop.rehearsal.target import Form, Target
from ripstop.rehearsal.wire import RETRY_SECONDS, Answer, AnswerReader, WireError

clock = time.monotonic
RECONNECT_SECONDS = 0.05
T = TypeVar("T")


class UnansweredError(Exception):
    """A request died without an answer: it may or may not have taken effect."""


class Exchange:
    """One request. `due` is when it should have been sent, `sent` when it was (0 while it was not)."""

    __slots__ = ("done", "due", "request", "sent")

    def __init__(self, request: bytes, done: Callable[[Exchange, Answer | None], None], *, due: float) -> None:
        self.request = request
        self.done = done
        self.due = due
        self.sent = 0.0


class Connection(asyncio.Protocol):
    """One connection with at most one exchange under way."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reader = AnswerReader()
        self._transport: asyncio.Transport | None = None
        self.exchange: Exchange | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes, though they do the same.
        self._transport = cast(asyncio.Transport, transport)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, exchange: Exchange) -> None:
        assert self._transport is not None
        self.exchange = exchange
        exchange.sent = clock()
        self._transport.write(exchange.request)

    def data_received(self, data: bytes) -> None:
        try:
            answer = self._reader.feed(data)
        except (WireError, ValueError):
            self.abort()
            return
        if answer is not None:
            self._finish(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        answer = self._reader.finish() if exc is None else None
        exchange, self.exchange = self.exchange, None
        self._pool.lost(self)
        if exchange is not None:
            exchange.done(exchange, answer)

    def abort(self) -> None:
        """Cut the connection: what came of an answer so far does not count."""
        self._reader = AnswerReader()
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _finish(self, answer: Answer) -> None:
        exchange, self.exchange = self.exchange, None
        if answer.keep_alive:
            self._pool.free(self)
        else:
            self.close()
        if exchange is not None:
            exchange.done(exchange, answer)


class Pool:
    """At most `size` connections; exchanges past that wait their turn in order.

    `timeout` is how many seconds an answer may take; `patience` how many seconds exchanges wait for a server that
    refuses connections before they end without an answer.
    """

    def __init__(self, target: Target, *, size: int, timeout: float = 30.0, patience: float = 5.0) -> None:
        self.target = target
        self.size = size
        self._timeout = timeout
        self._patience = patience
        self._free: list[Connection] = []
        self._all: set[Connection] = set()
        self._waiting: deque[Exchange] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Pool:
        self._sweeper = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in list(self._opening):
            task.cancel()
        for connection in list(self._all):
            connection.close()
        self._fail_waiting()
        await asyncio.sleep(0)

    @property
    def backlog(self) -> int:
        """How many exchanges wait for a connection."""
        return len(self._waiting)

    def submit(self, exchange: Exchange) -> None:
        """Send now if a connection is free, else as soon as one is."""
        if self._free:
            self._free.pop().send(exchange)
            return
        self._waiting.append(exchange)
        self._open_more()

    async def call(
        self, method: str, path: str, *, token: str = "", form: Form | None = None, key: str = "", tries: int = 1
    ) -> Answer:
        """One exchange, awaited. With more `tries`, again while it is shed, or (a GET) while it gets no answer.

        Raises UnansweredError when the request died without an answer.
        """
        request = self.target.request(method, path, token=token, form=form, key=key)
        while True:
            tries -= 1
            answer = await self._exchange(request)
            if answer is None and (not tries or method != "GET"):
                raise UnansweredError(f"{method} {path} got no answer from {self.target.host}")
            if answer is not None and (not tries or not answer.shed):
                return answer
            await asyncio.sleep(RETRY_SECONDS if answer is None else answer.retry_after)

    async def _exchange(self, request: bytes) -> Answer | None:
        answered: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

        def done(_: Exchange, answer: Answer | None) -> None:
            if not answered.done():
                answered.set_result(answer)

        self.submit(Exchange(request, done, due=clock()))
        return await answered

    async def each(self, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
        """Do `work` for every item, as many at a time as there are connections."""
        rest = iter(items)

        async def worker() -> None:
            for item in rest:
                await work(item)

        async with asyncio.TaskGroup() as group:
            for _ in range(self.size):
                group.create_task(worker())

    def free(self, connection: Connection) -> None:
        """A connection has nothing to do."""
        if self._closed:
            connection.close()
        elif self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        self._all.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        if self._waiting:
            self._open_more()

    def _open_more(self) -> None:
        wanted = min(self.size - len(self._all) - len(self._opening), len(self._waiting) - len(self._opening))
        for _ in range(0 if self._closed else wanted):
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = clock() + self._patience
        while not self._closed:
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(self), self.target.address, self.target.port
                )
            except OSError:
                if clock() > deadline:
                    self._fail_waiting()
                    return
                await asyncio.sleep(RECONNECT_SECONDS)
            else:
                self._all.add(connection)
                self.free(connection)
                return

    def _fail_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for exchange in waiting:
            exchange.done(exchange, None)

    async def _sweep(self) -> None:
        """Cut connections whose answer is overdue."""
        while True:
            await asyncio.sleep(min(1.0, self._timeout / 4))
            limit = clock() - self._timeout
            for connection in list(self._all):
                if connection.exchange is not None and connection.exchange.sent < limit:
                    connection.abort()
