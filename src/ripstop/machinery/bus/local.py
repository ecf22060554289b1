"""A bus between the processes of one machine, over Unix datagram sockets.

Each process binds one socket in a common folder and writes beside it, in a file of the same name with ``.heads``,
which topic heads it wants. A publisher reads the folder anew when it has changed, and keeps one connected socket per
peer. So a message costs one system call per interested process, and nothing has to run between them.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from pathlib import Path

from ripstop.machinery.bus.base import Handler, Unsubscribe
from ripstop.machinery.bus.peer import MAX_MESSAGE, Peer, address_of
from ripstop.machinery.bus.subscriptions import EVERY_HEAD, Subscriptions, head_of

logger = logging.getLogger(__name__)

MOST_READ = 64
"""Messages that are taken at once before the event loop has its turn again."""

SETTLED_NS = 50_000_000
"""A folder that changed less than this ago may change again within the same tick of its time stamp: read it again."""


class LocalBus:
    """See `ripstop.machinery.bus.base.Bus`. Messages of up to 100 kB; for any number of processes on one machine.

    :param folder: belongs to this installation; made if it is missing. On a local disk.
    """

    def __init__(self, folder: Path) -> None:
        self.dropped = 0
        """Messages that were lost because a peer did not keep up, or because they were too long."""
        self._folder = folder
        self._subscriptions = Subscriptions()
        self._peers: dict[str, Peer] = {}
        self._folder_stamp = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._folder_fd = -1
        self._socket: socket.socket | None = None
        self._name = ""
        self._advertised: frozenset[str] = frozenset()
        self._buffer = bytearray(MAX_MESSAGE)
        self._said: set[str] = set()
        """Topics of what was sent in this turn of the event loop and carries nothing."""

    def publish(self, topic: str, payload: bytes = b"") -> None:
        """See `Bus.publish`; before `open` and after `close` messages are lost.

        What carries nothing is sent once in each turn of the event loop, however many ask for it.
        """
        if self._loop is None:
            return
        if not payload:
            if topic in self._said:
                return
            if not self._said:
                self._loop.call_soon(self._said.clear)
            self._said.add(topic)
        head = head_of(topic)
        if head in self._advertised or EVERY_HEAD in self._advertised:
            self._loop.call_soon(self._subscriptions.deliver, topic, payload)
        try:
            self._read_folder()
        except OSError:
            logger.exception("The folder of the bus cannot be read.")
            return
        message = b""
        for peer in list(self._peers.values()):
            if head in peer.heads or EVERY_HEAD in peer.heads:
                message = message or topic.encode() + b"\0" + payload
                if len(message) > MAX_MESSAGE:
                    self.dropped += 1
                    logger.error("A message of %d bytes on the topic %s is too long for the bus.", len(message), topic)
                    return
                self._send(peer, message)

    def subscribe(self, topic: str, handler: Handler) -> Unsubscribe:
        """See `Bus.subscribe`."""
        unsubscribe = self._subscriptions.add(topic, handler)
        self._advertise()

        def leave() -> None:
            unsubscribe()
            self._advertise()

        return leave

    async def open(self) -> None:
        """See `Bus.open`.

        :raises OSError: the folder cannot be made or written to.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._loop = asyncio.get_running_loop()
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._folder_fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        own.bind(address_of(self._folder, self._folder_fd, self._name))
        self._socket = own
        self._sweep()
        self._loop.add_reader(own.fileno(), self._receive)
        self._write_heads()

    async def close(self) -> None:
        """See `Bus.close`."""
        if self._loop is None or self._socket is None:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._loop = None
        self._socket.close()
        self._socket = None
        for name in list(self._peers):
            self._drop(name)
        self._said.clear()
        self._advertised = frozenset()
        self._folder_stamp = -1
        self._remove_files(self._name)
        os.close(self._folder_fd)

    def _sweep(self) -> None:
        """Remove what processes left that ended without closing their bus."""
        for name in {entry.partition(".")[0] for entry in os.listdir(self._folder_fd)} - {self._name}:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
                try:
                    probe.connect(address_of(self._folder, self._folder_fd, name))
                except OSError:
                    self._remove_files(name)

    # Receiving

    def _receive(self) -> None:
        for _ in range(MOST_READ):
            if self._socket is None:  # a handler closed the bus
                return
            try:
                length = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                return
            topic, _, payload = bytes(memoryview(self._buffer)[:length]).partition(b"\0")
            self._subscriptions.deliver(topic.decode(errors="replace"), payload)

    def _advertise(self) -> None:
        if self._loop is not None and self._subscriptions.heads() != self._advertised:
            self._write_heads()

    def _write_heads(self) -> None:
        heads = self._subscriptions.heads()
        self._advertised = heads
        scratch = self._folder / f"{self._name}.new"
        scratch.write_text("\n".join(heads), encoding="utf-8")
        scratch.rename(self._folder / f"{self._name}.heads")

    # Sending

    def _send(self, peer: Peer, message: bytes) -> None:
        try:
            if not peer.send(message):
                self.dropped += 1
        except OSError:  # its process is gone, whether it said so or not
            self._drop(peer.name)
            self._remove_files(peer.name)

    def _read_folder(self) -> None:
        """Bring the peers up to date, if the folder has changed since it was read."""
        stamp = os.stat(self._folder_fd).st_mtime_ns
        if stamp == self._folder_stamp:
            return
        self._folder_stamp = stamp if time.time_ns() - stamp > SETTLED_NS else -1
        present = {name.removesuffix(".heads") for name in os.listdir(self._folder_fd) if name.endswith(".heads")}
        for name in self._peers.keys() - present:
            self._drop(name)
        for name in present - {self._name}:
            self._meet(name)

    def _meet(self, name: str) -> None:
        """Learn what a peer wants, and connect to it if it is new."""
        assert self._loop is not None
        try:
            heads = frozenset((self._folder / f"{name}.heads").read_text(encoding="utf-8").splitlines())
        except OSError:
            return
        peer = self._peers.get(name)
        if peer is None:
            try:
                peer = Peer(name, address_of(self._folder, self._folder_fd, name), self._loop)
            except OSError:
                self._remove_files(name)
                return
            self._peers[name] = peer
        peer.heads = heads

    def _drop(self, name: str) -> None:
        peer = self._peers.pop(name, None)
        if peer is not None:
            peer.close()

    def _remove_files(self, name: str) -> None:
        for leftover in (name, f"{name}.heads", f"{name}.new"):
            with contextlib.suppress(OSError):
                (self._folder / leftover).unlink(missing_ok=True)
