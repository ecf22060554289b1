"""A second descriptor of the connection of a request: to go on as a WebSocket, or to see whether its client reads.

NOTE: The server speaks WebSocket itself, but can neither answer `Sec-WebSocket-Protocol` nor send a ping or a status on
closing, and its buffers have no bound. So it is only left to answer 101: it then lets go of the connection without
ending it, of which a second descriptor was taken before. Nor does it bound, or tell, what waits for the reader of an
answer that goes on, of which the kernel tells by the second descriptor. What the server says of a connection is the
address of the peer, and by that its descriptor is found.
"""

import asyncio
import contextlib
import os
import resource
import socket
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address

LOOK_AGAIN = 0.001
"""Seconds between two looks whether the server has let go; it tells nobody."""


BYTES_ACKED = slice(120, 128)
"""Where `tcpi_bytes_acked` stands in Linux's `struct tcp_info`."""


class NoConnection(Exception):
    """The connection is not there: it broke, or it is not a TCP connection of this process."""


class Claim:
    """A connection that is the server's still, and a descriptor of our own of it."""

    __slots__ = ("_theirs", "descriptor", "socket")

    def __init__(self, own: socket.socket, theirs: int) -> None:
        self.socket = own
        self.descriptor = own.fileno()  # the socket forgets it when its transport closes it
        self._theirs = theirs

    async def released(self) -> socket.socket:
        """The socket, once the server has written its answer and closed its own descriptor."""
        identity = os.fstat(self.socket.fileno()).st_ino
        while _inode(self._theirs) == identity:  # noqa: ASYNC110 - see LOOK_AGAIN
            await asyncio.sleep(LOOK_AGAIN)
        return self.socket

    def acknowledged(self) -> int:
        """Bytes that the other end has received of all that was ever sent on this connection."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_ACKED.stop)
        return int.from_bytes(info[BYTES_ACKED], sys.byteorder)

    def cut(self) -> None:
        """End the connection, whoever holds it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class Connections:
    """The connections that this process has taken over. One per server."""

    def __init__(self) -> None:
        self._ours: set[int] = set()

    def claim(self, client: str) -> Claim:
        """Take a second descriptor of the connection from this address and port.

        The kernel gives out the lowest number that is free, so the search ends near the number of connections that
        the server has; those taken over are passed by.

        :raises NoConnection: there is none.
        """
        host, _, port = client.rpartition(":")
        peer = (ip_address(host.strip("[]")), int(port))
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        for theirs in range(3, most):
            if theirs in self._ours or _peer_of(theirs) != peer:
                continue
            own = socket.socket(fileno=os.dup(theirs))
            if _peer_of(own.fileno()) == peer:  # and it was not closed and given out anew in between
                claim = Claim(own, theirs)
                self._ours.add(claim.descriptor)
                return claim
            own.close()
        raise NoConnection(client)

    def close(self, claim: Claim) -> None:
        """Give up a claim."""
        self._ours.discard(claim.descriptor)
        claim.socket.close()


def _peer_of(descriptor: int) -> tuple[IPv4Address | IPv6Address, int] | None:
    """Address and port of the other end, where the descriptor is that of a TCP connection."""
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        return None
    try:
        if connection.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        host, port = connection.getpeername()[:2]
        return ip_address(host.partition("%")[0]), port
    except OSError:
        return None
    finally:
        connection.detach()


def _inode(descriptor: int) -> int | None:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return None
