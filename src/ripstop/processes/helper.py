"""The helper process: work that takes long and much memory, with limits of its own, for all other processes.

It is started when the first client connects and ends after a while without work. Passwords are checked before new
ones are hashed, since somebody waits for the former. What waits is bounded, and beyond that refused at once.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import uvloop

from ripstop.kernel.metrics import Metrics
from ripstop.processes.argon import do
from ripstop.processes.jobs import HASHING, AnyJob, HashPassword, VerifyPassword
from ripstop.processes.on_demand import serve
from ripstop.processes.seat import Seat
from ripstop.processes.system import be_modest, limit_memory

log = logging.getLogger(__name__)

MEMORY = 512 << 20
"""Bytes of address space that the process may take beyond what it was forked with."""


class HelperMetrics:
    """What helpers count. Made at boot, before the fork."""

    def __init__(self, metrics: Metrics) -> None:
        done = metrics.counter("ripstop_helper_jobs_total", "Jobs that helper processes ended, by kind.", ["job"])
        self.done = {HashPassword: done.cell("hash"), VerifyPassword: done.cell("verify")}
        self.pictures = done.cell("pictures")
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
    be_modest()
    limit_memory(MEMORY)

    async def main() -> None:
        helper = Helper(threads=threads, most_waiting=64, metrics=metrics)
        work = asyncio.ensure_future(helper.run())
        await serve(seat, listener, helper, HASHING, snapshot=snapshot, idle_seconds=idle_seconds)
        work.cancel()

    uvloop.run(main())
