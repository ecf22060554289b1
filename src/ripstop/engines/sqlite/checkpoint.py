"""Checkpoints: moves what was committed from the write-ahead logs into the database files, beside the writers.

A passive checkpoint disturbs nobody but ends before what a reader still uses, so under constant load the log would
grow without end. Beyond a size, the checkpoint is made under the writers' lock, which lets the log begin anew.
"""

import logging
import threading
import time
from pathlib import Path

import apsw

from ripstop.engines.sqlite.clock import EngineClock
from ripstop.engines.sqlite.connection import PAGE_SIZE, connect
from ripstop.engines.sqlite.folder import FileLock

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.1
"""Between two looks at what was written."""

CALM_SECONDS = 1.0
"""How long a short log may wait: pages that are written again meanwhile are moved only once."""

WAL_EARLY = 1_000
"""Pages of a log that are moved without waiting."""

WAL_LIMIT = 64 << 20
"""Bytes of a log beyond which the writers are held up for a checkpoint."""

_BUSY_MS = 50
"""How long a checkpoint under the writers' lock waits for readers to leave the log."""

_CACHE_KB = 1024


class _File:
    """One database file, as the checkpointer sees it."""

    def __init__(self, path: Path, lock: Path) -> None:
        self.path = path
        self.connection = connect(path, cache_kb=_CACHE_KB)
        self.connection.set_busy_timeout(_BUSY_MS)
        self.lock = FileLock(lock)
        self.pages = 0
        """Pages in the log after the last commit of this process; 0 if there was none since the last checkpoint."""
        self.since = 0.0

    def is_due(self, now: float) -> bool:
        return self.pages >= WAL_EARLY or (self.pages > 0 and now - self.since >= CALM_SECONDS)

    def close(self) -> None:
        self.lock.close()
        self.connection.close()


class Checkpointer:
    """One thread per process for all database files; sleeps while nothing is written."""

    def __init__(self, files: dict[Path, Path], *, clock: EngineClock, wal_limit: int = WAL_LIMIT) -> None:
        """:param files: database files, each with its writers' lock file."""
        self._clock = clock
        self._wal_pages = wal_limit // PAGE_SIZE
        self._files = {path: _File(path, lock) for path, lock in files.items()}
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ripstop-checkpoint", daemon=True)
        self._thread.start()

    def watch(self, path: Path, connection: apsw.Connection) -> None:
        """Learn of each commit of a connection to one of the files."""
        file = self._files[path]

        def committed(_: apsw.Connection, __: str, pages: int) -> int:
            if file.pages == 0:
                file.since = time.monotonic()
            file.pages = pages
            if not self._wake.is_set():
                self._wake.set()
            return apsw.SQLITE_OK

        connection.set_wal_hook(committed)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(INTERVAL_SECONDS)
            self._wake.clear()
            now = time.monotonic()
            for file in self._files.values():
                if file.is_due(now):
                    self._checkpoint(file)
            if any(file.pages for file in self._files.values()):
                self._wake.set()

    def _checkpoint(self, file: _File) -> None:
        file.pages = 0
        try:
            pages, _ = file.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            if pages > self._wal_pages:
                self._restart(file)
        except (apsw.BusyError, apsw.LockedError):
            file.pages = 1  # another process is at it, or a long read needs the log: look again, but not at once
            file.since = time.monotonic()
        except apsw.Error:
            log.exception("The checkpoint of %s failed.", file.path.name)

    def _restart(self, file: _File) -> None:
        """Move what is left while nobody writes, so that the next commit begins the log anew."""
        file.lock.acquire()
        try:
            file.lock.note_after(self._clock)
            file.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        finally:
            file.lock.release()

    def close(self) -> None:
        """End the thread, and leave the files as small as others allow. Idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake.set()
        self._thread.join()
        for file in self._files.values():
            self._checkpoint(file)
            file.close()
