"""The helper process: work that takes long and much memory, with limits of its own, for all other processes.

It is started when the first client connects and ends after a while without work. Passwords are checked before new
ones are hashed, since somebody waits for the former. What waits is bounded, and beyond that refused at once.
"""

import asyncio
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from ripstop.kernel.metrics import Metrics
from ripstop.processes.argon import do
from ripstop.processes.jobs import CODEC, AnyJob, HashPassword, Question, Reply, VerifyPassword, frame, read_frame
from ripstop.processes.seat import Seat

log = logging.getLogger(__name__)

MEMORY = 512 << 20
"""Bytes of address space that the process may take beyond what it was forked with."""


class HelperMetrics:
    """What the helper counts. Made at boot, before the fork."""

    def __init__(self, metrics: Metrics) -> None:
        done = metrics.counter("ripstop_helper_jobs_total", "Jobs that the helper process ended, by kind.", ["job"])
        self.done = {HashPassword: done.cell("hash"), VerifyPassword: done.cell("verify")}
        self.refused = metrics.counter("ripstop_helper_refused_total", "Jobs refused because too many waited.").cell()


@dataclass(order=True)
class _Waiting:
    urgency: int
    number: int
    job: AnyJob = field(compare=False)
    answer: "asyncio.Future[str | bool | None]" = field(compare=False)


class Helper:
    """Does jobs in a few threads, the urgent ones first.

    :param threads: jobs at a time; each hash takes 19 MiB meanwhile.
    :param most_waiting: jobs that may wait, of each urgency.
    """

    def __init__(self, *, threads: int, most_waiting: int, metrics: HelperMetrics) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rip-hash")
        self._workers = threads
        self._most_waiting = most_waiting
        self._metrics = metrics
        self._queue: asyncio.PriorityQueue[_Waiting] = asyncio.PriorityQueue()
        self._waiting = [0, 0]
        self._number = 0
        self._clients: set[asyncio.StreamWriter] = set()
        self.last_work = 0.0

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.gather(*(self._work() for _ in range(self._workers)))

    async def ask(self, job: AnyJob) -> str | bool | None:
        """The job's answer, or None: too many wait, or it failed."""
        urgency = 0 if isinstance(job, VerifyPassword) else 1
        if self._waiting[urgency] >= self._most_waiting:
            self._metrics.refused.value += 1
            return None
        loop = asyncio.get_running_loop()
        self._number += 1
        waiting = _Waiting(urgency, self._number, job, loop.create_future())
        self._waiting[urgency] += 1
        self._queue.put_nowait(waiting)
        return await waiting.answer

    @property
    def is_idle(self) -> bool:
        return not any(self._waiting)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client; its jobs run side by side, and replies go back as they are ready."""
        self._clients.add(writer)
        tasks: set[asyncio.Task[None]] = set()

        async def answer(question: Question) -> None:
            reply = frame(Reply(question.number, await self.ask(question.job)))
            if not writer.is_closing():
                writer.write(reply)

        while (body := await read_frame(reader)) is not None:
            task = asyncio.ensure_future(answer(CODEC.questions.decode(body)))
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

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            waiting = await self._queue.get()
            answer: str | bool | None = None
            try:
                answer = await loop.run_in_executor(self._threads, do, waiting.job)
            except Exception:
                log.exception("a job failed: %s", type(waiting.job).__name__)
            self._waiting[waiting.urgency] -= 1
            self._metrics.done[type(waiting.job)].value += 1
            self.last_work = loop.time()
            if not waiting.answer.done():
                waiting.answer.set_result(answer)


def run_helper(
    seat: Seat,
    listener: socket.socket | None,
    *,
    metrics: HelperMetrics,
    snapshot: Callable[[], bytes],
    threads: int,
    idle_seconds: float,
) -> None:
    """The helper's main: serve until it was idle for so long, or until SIGTERM."""
    _limit()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        helper = Helper(threads=threads, most_waiting=64, metrics=metrics)
        helper.last_work = loop.time()
        work = asyncio.ensure_future(helper.run())
        server = await asyncio.start_unix_server(helper.converse, sock=listener)
        seat.report(None)
        while not stop.is_set() and not seat.is_orphaned():
            seat.board.write(seat.slot, snapshot())
            if helper.is_idle and loop.time() - helper.last_work > idle_seconds:
                break
            try:
                await asyncio.wait_for(stop.wait(), 1.0)
            except TimeoutError:
                continue
        server.close()
        helper.hang_up()
        work.cancel()

    uvloop.run(main())


def _limit() -> None:
    """A mistake or an attack in here must not take the machine: less CPU than others get, bounded memory, no cores."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
