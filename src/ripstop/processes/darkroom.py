"""The picture process: makes what people upload anew, each upload in a process of its own.

What decoders do with bytes that nobody may trust can take all memory, take for ever, or crash. So each upload has a
child that inherits its bytes, has limits of memory and time, can open no file and no socket, and hands back what it
made through a pipe. Its death is the end of that upload alone. There are no threads in here, so a fork is always safe.
"""

import asyncio
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable
from typing import NoReturn

import msgspec

from ripstop.processes.helper import HelperMetrics
from ripstop.processes.jobs import IMAGING, Answer, MakePictures, Unusable
from ripstop.processes.on_demand import serve
from ripstop.processes.pixels import make
from ripstop.processes.seat import Seat
from ripstop.processes.system import be_modest, die_with_parent, limit_memory

log = logging.getLogger(__name__)

MEMORY = 512 << 20
"""Bytes of address space that one upload may take. The largest that is taken needs about 300 MB."""
SECONDS = 20.0
"""Time for one upload. The largest that is taken needs one or two on a quiet machine."""
CPU_SECONDS = 10
MOST_WAITING = 32
"""Uploads that wait for their turn; each holds its bytes meanwhile."""
MOST_BYTES = 32 << 20
"""Of what a child hands back."""

_CODEC: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_encode = msgspec.msgpack.Encoder().encode

Make = Callable[[MakePictures], Answer]


def develop(job: MakePictures) -> Answer:
    """The work itself."""
    return make(job.data, job.sizes)


class Darkroom:
    """Makes pictures, a few at a time.

    :param at_once: children at a time.
    :param make: what a child does.
    """

    def __init__(
        self,
        *,
        at_once: int,
        metrics: HelperMetrics,
        most_waiting: int = MOST_WAITING,
        seconds: float = SECONDS,
        make: Make = develop,
    ) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most = at_once + most_waiting
        self._metrics = metrics
        self._seconds = seconds
        self._make = make
        self._inside = 0
        self.last_work = 0.0

    @property
    def is_idle(self) -> bool:
        return not self._inside

    async def ask(self, job: MakePictures) -> Answer | None:
        """The pictures, or why there are none; None: too many wait, or somebody ended the child."""
        if self._inside >= self._most:
            self._metrics.refused.value += 1
            return None
        self._inside += 1
        try:
            async with self._places:
                return await self._develop(job)
        finally:
            self._inside -= 1
            self._metrics.pictures.value += 1
            self.last_work = asyncio.get_running_loop().time()

    async def _develop(self, job: MakePictures) -> Answer | None:
        read, write = os.pipe()
        parent = os.getpid()
        try:
            pid = os.fork()
            if pid == 0:
                _be_child(self._make, job, write, parent)
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        timed_out = False
        body = b""
        try:
            async with asyncio.timeout(self._seconds):
                body = await _read_all(read)
        except TimeoutError:
            timed_out = True
        finally:
            os.kill(pid, signal.SIGKILL)  # it has said all that it will; and until it is waited for, the id is its own
            _, status = os.waitpid(pid, 0)  # noqa: ASYNC222 - it is dead, so this returns at once
        if body:
            try:
                return _CODEC.decode(body)
            except msgspec.DecodeError:
                log.warning("a picture's process answered nonsense")
        ending = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if timed_out or ending == signal.SIGXCPU:
            return Unusable("takes too long to be read")
        log.warning("a picture's process ended without an answer (status %d)", status)
        if ending == signal.SIGKILL:  # not for what it did: the machine has no memory left, or an operator had enough
            return None
        return Unusable("is broken")


def _be_child(make: Make, job: MakePictures, write: int, parent: int) -> NoReturn:
    """The child's whole life."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(parent)
        os.closerange(3, write)
        os.closerange(write + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        limit_memory(MEMORY)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # what is open stays so, and nothing can be opened
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        body = _encode(make(job))
        while body:
            body = body[os.write(write, body) :]
    finally:
        os._exit(0)


async def _read_all(descriptor: int) -> bytes:
    """What comes through a pipe until its end; nothing if that is more than `MOST_BYTES`."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        body = bytearray()
        while chunk := await reader.read(1 << 16):
            body += chunk
            if len(body) > MOST_BYTES:
                return b""
        return bytes(body)
    finally:
        transport.close()


def run_darkroom(
    seat: Seat,
    listener: socket.socket | None,
    *,
    metrics: HelperMetrics,
    snapshot: Callable[[], bytes],
    at_once: int,
    idle_seconds: float,
) -> None:
    """The picture process's main: serve until it was idle for so long, or until SIGTERM."""
    be_modest()

    async def main() -> None:
        darkroom = Darkroom(at_once=at_once, metrics=metrics)
        await serve(seat, listener, darkroom, IMAGING, snapshot=snapshot, idle_seconds=idle_seconds)

    asyncio.run(main())
