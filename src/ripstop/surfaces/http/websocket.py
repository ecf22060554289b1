"""A WebSocket (RFC 6455) after its handshake, with bounded buffers."""

import asyncio
import logging
from typing import cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

MOST_BUFFERED = 256 * 1024
"""Bytes that wait for a slow reader, beside what the kernel holds; beyond, the connection is dropped."""
MOST_IN_KERNEL = 64 * 1024
"""Bytes that the kernel may hold for it; the kernel itself would let it be megabytes."""
MOST_RECEIVED = 16 * 1024
"""Bytes of a message that a client may send."""
MOST_MESSAGES = 16
"""Messages that wait to be taken; beyond, nothing more is read."""
FAREWELL = 2.0
"""Seconds that the other end has to answer a close frame."""

GOING_AWAY, POLICY_VIOLATION = 1001, 1008
"""Why we close (RFC 6455, section 7.4.1)."""

_SILENT = logging.getLogger(__name__)


class WebSocket(asyncio.Protocol):
    """One connection after the handshake.

    :ivar heard: something has come in since this was last set to False.
    """

    __slots__ = ("_frames", "_message", "_messages", "_open", "_transport", "_waiting", "heard")

    def __init__(self) -> None:
        self._frames = Protocol(Side.SERVER, state=State.OPEN, max_size=MOST_RECEIVED, logger=_SILENT)
        self._message: bytearray | None = None
        self._messages: list[bytes] = []
        self._waiting: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._open = False
        self.heard = True

    async def receive(self) -> bytes | None:
        """The next message of text; None once the connection is gone."""
        while not self._messages:
            if not self._open:
                return None
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        if len(self._messages) == MOST_MESSAGES and self._open and self._transport is not None:
            self._transport.resume_reading()
        return self._messages.pop(0)

    async def wait_closed(self) -> None:
        """Return once the connection is gone."""
        while await self.receive() is not None:
            pass

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        self._wake()

    def data_received(self, data: bytes) -> None:
        self.heard = True
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            self._take(cast(Frame, event))
        self._flush()

    def eof_received(self) -> bool:
        self._frames.receive_eof()
        self._flush()
        return False

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._frames.fail(CloseCode.UNSUPPORTED_DATA, "text only")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            message = self._message = self._message or bytearray()
            message += frame.data
            if frame.fin:
                self._message = None
                self._messages.append(bytes(message))
                if len(self._messages) == MOST_MESSAGES and self._transport is not None:
                    self._transport.pause_reading()
                self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def send(self, frame: bytes) -> None:
        """Send what `text_frame` made. Who does not read is dropped without a word, since it would not read that."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._frames.state is not State.OPEN:
            return
        if transport.get_write_buffer_size() > MOST_BUFFERED:
            transport.abort()
        else:
            transport.write(frame)

    def ping(self) -> None:
        """Ask whether the other end is there; its answer sets `heard`."""
        if self._frames.state is State.OPEN:
            self._frames.send_ping(b"")
            self._flush()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def close(self, code: int) -> None:
        """Say that we close, and why; the connection is closed when the other end says so too, or in a while."""
        if self._frames.state is State.OPEN:
            self._frames.send_close(code)
            self._flush()
            asyncio.get_running_loop().call_later(FAREWELL, self.abort)

    def _flush(self) -> None:
        transport = self._transport
        if transport is None:
            return
        for data in self._frames.data_to_send():
            if data:
                transport.write(data)
            else:
                transport.close()


def text_frame(message: bytes) -> bytes:
    """A message of text as it goes over the wire, the same to every client."""
    return bytes(Frame(Opcode.TEXT, message).serialize(mask=False))
