"""Granian's HTTP server on a socket that is already there, inside an event loop that is already there.

NOTE: Granian's own ways to run it fork processes of their own, or open their own sockets; this drives its worker
directly, through names that are not public. The lock pins its version, and the tests of this file are what to run
when it is raised.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from granian import _futures, _granian
from granian.http import HTTP1Settings

_native: Any = _granian
_glue: Any = _futures

Callback = Callable[[Any, Any], Awaitable[None]]
"""``async def callback(scope, protocol) -> None``, as RSGI says."""


class RsgiServer:
    """Serves one callback on one listening socket, which it takes over.

    :param head_seconds: time for a request's head to arrive, and for a connection to lie idle.
    :param connections: how many may be open; further ones are not accepted until others close.
    """

    def __init__(
        self, callback: Callback, listener: socket.socket, *, head_seconds: float, connections: int, backlog: int
    ) -> None:
        self._callback = callback
        self._listener = listener
        self._head_seconds = head_seconds
        self._connections = connections
        self._backlog = backlog
        self._signal = _native.WorkerSignal()
        self._ended: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin to accept. Called in the running event loop that is to run the callback."""
        # It says when it starts and stops, which is said here already.
        logging.getLogger("_granian").setLevel(logging.WARNING)
        loop = asyncio.get_running_loop()
        ended = self._ended = loop.create_future()
        self._signal.add_cb(lambda: loop.call_soon_threadsafe(_resolve, ended))
        worker = _native.RSGIWorker(
            1,  # worker id
            (None, _native.SocketHolder(self._listener.detach(), False, self._backlog)),
            None,  # IPC
            1,  # threads of the runtime
            4,  # its blocking threads
            1,  # threads that hand requests to Python
            30,  # seconds until such a thread ends for want of work
            self._connections,
            "1",  # HTTP/1 only
            HTTP1Settings(
                header_read_timeout=round(self._head_seconds * 1000), keep_alive=True, max_buffer_size=64 * 1024
            ),
            None,  # HTTP/2 settings
            False,  # WebSockets
            None,  # static files
            *(False, None, None, None, "1.3", None, [], False),  # TLS
            (None, None),  # metrics
        )
        scheduler = _glue._new_cbscheduler(loop, _glue._future_watcher_wrapper(self._callback), impl_asyncio=True)
        worker.serve_async(scheduler, loop, self._signal)

    async def stop(self, seconds: float) -> bool:
        """Accept no more, and let requests under way finish. False: some had not after that many seconds."""
        if self._ended is None:
            return True
        self._signal.set()
        done, _ = await asyncio.wait({self._ended}, timeout=seconds)
        return bool(done)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
