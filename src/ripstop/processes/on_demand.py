"""What helper processes have in common: a socket on which jobs come, and an end when none do."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ripstop.processes.jobs import Codec, Question, Reply
from ripstop.processes.seat import Seat

log = logging.getLogger(__name__)

J = TypeVar("J")
A = TypeVar("A")
J_contra = TypeVar("J_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)


class Workshop(Protocol[J_contra, A_co]):
    """Does jobs."""

    last_work: float
    """When it last ended one, on the clock of the event loop."""

    async def ask(self, job: J_contra) -> A_co | None:
        """The job's answer, or None: not now."""
        ...

    @property
    def is_idle(self) -> bool: ...


class Desk(Generic[J, A]):
    """Where clients hand in jobs and are handed answers."""

    def __init__(self, workshop: Workshop[J, A], codec: Codec[J, A]) -> None:
        self._workshop = workshop
        self._codec = codec
        self._clients: set[asyncio.StreamWriter] = set()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client; its jobs run side by side, and replies go back as they are ready."""
        codec = self._codec
        self._clients.add(writer)
        tasks: set[asyncio.Task[None]] = set()

        async def answer(question: Question[J]) -> None:
            done: A | None = None
            try:
                done = await self._workshop.ask(question.job)
            except Exception:
                log.exception("a job failed: %s", type(question.job).__name__)
            if not writer.is_closing():
                writer.write(codec.frame(Reply(question.number, done)))

        while (body := await codec.read_frame(reader)) is not None:
            task = asyncio.ensure_future(answer(codec.questions.decode(body)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        for task in tasks:  # nobody is there any more to be told
            task.cancel()
        self._clients.discard(writer)
        writer.close()

    def hang_up(self) -> None:
        """Close all connections; whoever still waits asks the next helper."""
        for writer in self._clients:
            writer.close()


async def serve(
    seat: Seat,
    listener: socket.socket | None,
    workshop: Workshop[J, A],
    codec: Codec[J, A],
    *,
    snapshot: Callable[[], bytes],
    idle_seconds: float,
) -> None:
    """Take jobs until there were none for so long, or until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    workshop.last_work = loop.time()
    desk = Desk(workshop, codec)
    server = await asyncio.start_unix_server(desk.converse, sock=listener)
    seat.report(None)
    while not stop.is_set() and not seat.is_orphaned():
        seat.board.write(seat.slot, snapshot())
        if workshop.is_idle and loop.time() - workshop.last_work > idle_seconds:
            break
        try:
            await asyncio.wait_for(stop.wait(), 1.0)
        except TimeoutError:
            continue
    server.close()
    desk.hang_up()
