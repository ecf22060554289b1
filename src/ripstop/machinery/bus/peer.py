"""Another process on the local bus, as its senders see it."""

import asyncio
import os
import socket
from collections import deque
from pathlib import Path

MAX_MESSAGE = 128 * 1024
"""Bytes of topic and payload together; a socket's send buffer holds at least one such."""

MOST_WAITING = 1024 * 1024
"""Bytes that wait for a peer whose socket is full, beyond which messages to it are dropped."""

_LONGEST_ADDRESS = 100
"""Bytes of a Unix socket's path, below the 108 that Linux allows."""


class Peer:
    """A connected socket to one other process, with what it did not take yet.

    Linux lets as few as ten datagrams wait in a socket, so a burst needs this second queue.

    :raises OSError: nobody listens there.
    """

    def __init__(self, name: str, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.heads: frozenset[str] = frozenset()
        self._loop = loop
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise

    def send(self, message: bytes) -> bool:
        """Hand over a message now, or as soon as the peer takes it; False if too much waits for it already.

        :raises OSError: the peer is gone.
        """
        if not self._waiting:
            try:
                self._socket.send(message)
                return True
            except BlockingIOError:
                self._loop.add_writer(self._socket.fileno(), self._go_on)
        if self._waiting_bytes + len(message) > MOST_WAITING:
            return False
        self._waiting.append(message)
        self._waiting_bytes += len(message)
        return True

    def close(self) -> None:
        """Forget the peer and what waits for it."""
        self._waiting.clear()
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()

    def _go_on(self) -> None:
        try:
            while self._waiting:
                self._socket.send(self._waiting[0])
                self._waiting_bytes -= len(self._waiting.popleft())
        except BlockingIOError:
            return
        except OSError:  # it is gone; the next send says so
            self._waiting.clear()
            self._waiting_bytes = 0
        self._loop.remove_writer(self._socket.fileno())


def address_of(folder: Path, folder_fd: int, name: str) -> str:
    """A path to a socket that is short enough, however deep the folder lies."""
    address = str(folder / name)
    return address if len(os.fsencode(address)) <= _LONGEST_ADDRESS else f"/proc/self/fd/{folder_fd}/{name}"
