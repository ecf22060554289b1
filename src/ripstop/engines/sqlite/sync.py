"""Brings background groups to disk while the lock of all writers is free.

Their transactions are committed without a sync, as leases are, which takes a fraction of the time. The write-ahead log
is synced afterwards, once for all groups that wait for it, and only then are they answered: durable on return holds for
them as well. Meanwhile others see what is not on disk yet. Should the machine fail just then, the log ends before it,
together with all that came after it: the log is one sequence, and a foreground batch, which is synced under the lock,
takes everything before it along. Then the call whose effect is lost has not ended either, and runs again.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

J = TypeVar("J")


class LogSync(Generic[J]):
    """A thread that syncs a write-ahead log and passes on what waited for that; there once it is needed."""

    def __init__(self, log: Path, done: Callable[[list[J], OSError | None], None]) -> None:
        """:param done: told in the thread what is on disk now, or with which error it is not."""
        self._log = log
        self._done = done
        self._file: int | None = None
        self._queue: SimpleQueue[list[J] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def later(self, jobs: list[J]) -> None:
        """Have what was committed for these brought to disk. From one thread only."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ripstop-sync", daemon=True)
            self._thread.start()
        self._queue.put(jobs)

    def now(self) -> None:
        """Bring all that was committed to disk, from one thread at a time.

        :raises OSError: it may not be there.
        """
        if self._file is None:  # the log is there since the first commit, and stays while anybody has the store open
            self._file = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        os.fdatasync(self._file)

    def _run(self) -> None:
        is_open = True
        while is_open:
            waiting = [self._queue.get()]
            try:
                while True:
                    waiting.append(self._queue.get_nowait())
            except Empty:
                pass
            is_open = waiting[-1] is not None
            jobs = [job for some in waiting if some is not None for job in some]
            if jobs:
                error = None
                try:
                    self.now()
                except OSError as failure:
                    error = failure
                self._done(jobs, error)

    def close(self) -> None:
        """Answer what waits. Nothing comes after this."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        if self._file is not None:
            os.close(self._file)
