"""Answers that go on after their request: streams and WebSockets. What waits for a slow reader is bounded in both."""

import asyncio
import logging
import socket
from collections.abc import Coroutine

from ripstop.kernel.errors import BadRequest
from ripstop.surfaces.http.request import Channel, Scope
from ripstop.surfaces.http.response import Stream, Upgrade
from ripstop.surfaces.http.takeover import Claim, Connections, NoConnection
from ripstop.surfaces.http.websocket import GOING_AWAY, MOST_BUFFERED, MOST_IN_KERNEL, WebSocket

log = logging.getLogger(__name__)

STALLED_SECONDS = 60.0
"""Seconds for which a reader whom an answer waits for may take nothing."""
LOOK_AGAIN = 0.02
"""Seconds between two looks at how much it has taken."""
RELEASE_SECONDS = 5.0
"""Seconds that the server may take to let go of a connection that becomes a WebSocket."""


class Lasting:
    """The answers of one process that go on."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = Connections()

    def start_stream(self, stream: Stream, scope: Scope, channel: Channel) -> None:
        """Send the head, and begin to send chunks.

        :raises BadRequest: the connection is gone.
        """
        claim = self._claim(scope)
        # The server must have its head before the request's own coroutine is over.
        transport = channel.response_stream(stream.status, stream.headers)
        self._run(claim, _run_stream(stream, channel, transport, claim))

    def start_websocket(self, upgrade: Upgrade, scope: Scope, channel: Channel) -> None:
        """Accept the handshake, and take over the connection.

        :raises BadRequest: the connection is gone.
        """
        claim = self._claim(scope)
        channel.response_bytes(101, upgrade.headers, b"")
        self._run(claim, _run_websocket(upgrade, claim))

    async def close(self) -> None:
        """End all, so that their connections can be closed; WebSockets are told that the server goes."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _claim(self, scope: Scope) -> Claim:
        try:
            return self._connections.claim(scope.client)
        except NoConnection as error:
            raise BadRequest("This connection cannot be kept open", cause=error) from None

    def _run(self, claim: Claim, answer: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(answer)
        self._tasks.add(task)

        def end(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._connections.close(claim)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("an answer that goes on failed", exc_info=error)

        task.add_done_callback(end)


async def _run_websocket(upgrade: Upgrade, claim: Claim) -> None:
    """Serve a WebSocket until its session or its connection ends."""
    async with asyncio.timeout(RELEASE_SECONDS):
        connection = await claim.released()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_IN_KERNEL)
    _, websocket = await asyncio.get_running_loop().connect_accepted_socket(WebSocket, connection)
    try:
        await upgrade.session(websocket)
    finally:
        websocket.close(GOING_AWAY)
        await websocket.wait_closed()


async def _run_stream(stream: Stream, channel: Channel, transport: object, claim: Claim) -> None:
    """Send chunks until the iterator ends or the client goes away."""
    gone = asyncio.ensure_future(channel.client_disconnect())
    sender = asyncio.ensure_future(_send_chunks(stream, transport, claim))
    try:
        await asyncio.wait({gone, sender}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sender.cancel()
        gone.cancel()
        # Not `gone`, which is a future of the server's own make that cannot be gathered.
        await asyncio.gather(sender, return_exceptions=True)


async def _caught_up(claim: Claim, sent: int) -> bool:
    """Wait until a reader has most of what was sent; says False if it takes nothing for `STALLED_SECONDS`."""
    clock = asyncio.get_running_loop().time
    taken, since = claim.acknowledged(), clock()
    while sent - taken > MOST_BUFFERED // 2:
        await asyncio.sleep(LOOK_AGAIN)
        now = claim.acknowledged()
        if now > taken:
            taken, since = now, clock()
        elif clock() - since > STALLED_SECONDS:
            return False
    return True


async def _send_chunks(stream: Stream, transport: object, claim: Claim) -> None:
    """Send until the end, or until more waits for the reader than may."""
    send = transport.send_bytes  # type: ignore[attr-defined]  # the server's own type has no public name
    before, sent = claim.acknowledged(), 0
    try:
        async for chunk in stream.chunks:
            await send(chunk)
            sent += len(chunk) + len(f"{len(chunk):x}\r\n\r\n")  # as a chunk of HTTP/1.1
            if sent - (claim.acknowledged() - before) > MOST_BUFFERED and not (
                stream.patient and await _caught_up(claim, before + sent)
            ):
                claim.cut()
                return
    finally:
        close = getattr(stream.chunks, "aclose", None)
        if close is not None:
            await close()
