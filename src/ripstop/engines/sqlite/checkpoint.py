"""Checkpoints: moves what was committed from the write-ahead logs into the database files, beside the writers.

A passive checkpoint disturbs nobody but ends before what a reader still uses, so under constant load the log would
grow without end. Beyond a size, the checkpoint is made under the writers' lock, which lets the log begin anew.
"""

import logging
import threading
from pathlib import Path
from typing import NamedTuple

import apsw

from ripstop.engines.sqlite.clock import EngineClock
from ripstop.engines.sqlite.connection import connect
from ripstop.engines.sqlite.folder import FileLock

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.1
WAL_LIMIT = 64 << 20
"""Bytes of a write-ahead log beyond which the writers are held up for a checkpoint."""

_CACHE_KB = 1024


class _File(NamedTuple):
    path: Path
    wal: Path
    connection: apsw.Connection
    lock: FileLock
    dirty: threading.Event


class Checkpointer:
    """One thread per process for all database files; sleeps while nothing is written."""

    def __init__(self, files: dict[Path, Path], *, clock: EngineClock, wal_limit: int = WAL_LIMIT) -> None:
        """:param files: database files, each with its writers' lock file."""
        self._clock = clock
        self._wal_limit = wal_limit
        self._files = [
            _File(
                path,
                path.with_name(path.name + "-wal"),
                connect(path, cache_kb=_CACHE_KB),
                FileLock(lock),
                threading.Event(),
            )
            for path, lock in files.items()
        ]
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ripstop-checkpoint", daemon=True)
        self._thread.start()

    def committed(self, path: Path) -> None:
        """Something was written to this file. May be called from any thread."""
        for file in self._files:
            if file.path == path and not file.dirty.is_set():
                file.dirty.set()
                self._wake.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(INTERVAL_SECONDS)
            self._wake.clear()
            for file in self._files:
                if file.dirty.is_set():
                    file.dirty.clear()
                    self._checkpoint(file)

    def _checkpoint(self, file: _File) -> None:
        try:
            if _size(file.wal) <= self._wal_limit:
                file.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                return
            file.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)  # so that little is left under the lock
            file.lock.acquire()
            try:
                file.lock.note_after(self._clock)
                file.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
            finally:
                file.lock.release()
        except (apsw.BusyError, apsw.LockedError):
            file.dirty.set()  # another process is at it
            self._wake.set()
        except apsw.Error:
            log.exception("The checkpoint of %s failed.", file.path.name)

    def close(self) -> None:
        """End the thread, and leave the files as small as others allow. Idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake.set()
        self._thread.join()
        for file in self._files:
            self._checkpoint(file)
            file.lock.close()
            file.connection.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
