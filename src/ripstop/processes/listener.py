"""The sockets on which a server listens.

The supervisor binds them and keeps them open, one for each HTTP process, all on one port (SO_REUSEPORT). So the port
is known before anything is forked, and connections that wait when a process dies are served by the next in its place.
"""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BACKLOG = 4096


class CannotListen(Exception):
    """The address cannot be had; the message is a sentence for the operator."""


class Port:
    """An address and port, on which any number of sockets may listen. Nobody else is given it until it is closed.

    :raises CannotListen: it is taken, or no address of this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self._family = found[0]
            self._host = str(found[4][0])
            # Without SO_REUSEPORT this fails if any other server listens there; with it, both would share its clients.
            # It never listens, and is kept: a port that is bound by nobody may be any program's the next moment.
            self._kept = self._bind(port, reuse_port=False)
            self.number = int(self._kept.getsockname()[1])
        except OSError as error:
            raise CannotListen(f"{host} port {port} cannot be listened on: {_reason(error)}.") from error

    def listen(self) -> socket.socket:
        """One more socket on this port."""
        listener = self._bind(self.number, reuse_port=True)
        listener.listen(BACKLOG)
        return listener

    def close(self) -> None:
        """Keep the port no longer; who listens there goes on."""
        self._kept.close()

    def _bind(self, port: int, *, reuse_port: bool) -> socket.socket:
        listener = socket.socket(self._family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind((self._host, port))
        except OSError:
            listener.close()
            raise
        return listener


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there already"
    return (error.strerror or str(error)).rstrip(".")


def listen_at(path: Path) -> socket.socket:
    """A Unix socket at `path` for this user alone; one left over from an earlier server is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with short_path(path) as short:
            listener.bind(short)
    finally:
        os.umask(before)
    listener.listen(128)
    listener.setblocking(False)
    return listener


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Another path to the same file, short enough for a Unix socket, whose address has 107 bytes."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
