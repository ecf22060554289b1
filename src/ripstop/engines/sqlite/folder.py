"""The data folder: its files, the locks between processes, and the room that is left on its disk."""

import fcntl
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ripstop.engines.sqlite.clock import EngineClock
from ripstop.kernel.errors import RipstopError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """What the kernel calls the present run of this machine; another one after each start."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


class DataFolder:
    """Where one store keeps its files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.main = path / "main.db"
        self.derived = path / "derived.db"
        self.search = path / "search.db"
        self.commits = path / "main.commits"
        self.moved = path / "moved"

    @property
    def databases(self) -> tuple[Path, Path, Path]:
        return self.main, self.derived, self.search

    def lock(self, name: str) -> Path:
        """The lock file `name`; its content may be read at any time, only the lock counts."""
        return self.path / f"{name}.lock"

    def prepare(self) -> None:
        """Create the folder if need be and see that files can be written there.

        :raises RipstopError: with a sentence for the operator.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(self.lock("open"), "ab"):
                pass
        except OSError as error:
            raise RipstopError(
                f"The data folder {self.path} cannot be written to: {error.strerror}.", cause=error
            ) from error

    @property
    def moved_to(self) -> str | None:
        """Where the store has moved to, if it has: then nothing is written here any more."""
        return self.moved.read_text(encoding="utf-8").strip() if self.moved.exists() else None

    def note_move(self, place: str) -> None:
        """Say, durably, that the store has moved. Under the write lock of the main database."""
        part = self.path / "moved.part"
        part.write_text(f"{place}\n", encoding="utf-8")
        part.replace(self.moved)
        os.sync()

    def write_lock(self, database: Path) -> Path:
        """The lock file of those who write one of the databases; that of the main one is called ``write``."""
        return self.lock("write" if database == self.main else database.stem)


_NOTE_BYTES = 32
_SEAL = _NOTE_BYTES
"""Where the seal stands, behind the note: a byte that is zero until somebody sets it."""


class Holder(NamedTuple):
    """Who noted himself last in a lock file: process id, and the instant on the engine's clock."""

    pid: int
    since_ms: int


class FileLock:
    """An exclusive lock between processes, and between threads with instances of their own, by ``flock``.

    The kernel queues those who wait in order, and lets go of the lock when its holder dies.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = os.fstat(self._file).st_size
        if size < _NOTE_BYTES:
            os.pwrite(self._file, b"\n".rjust(_NOTE_BYTES), 0)
        if size <= _SEAL:
            os.ftruncate(self._file, _SEAL + 1)
        # Mapped, since a read and a write would each let go of Python's global lock and wait for it again.
        self._memory = mmap.mmap(self._file, _SEAL + 1)
        self._pid = os.getpid()

    def acquire(self, *, blocking: bool = True, shared: bool = False) -> bool:
        """Wait for the lock, or (not blocking) say at once whether it could be had."""
        try:
            fcntl.flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if blocking else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def note(self, now_ms: int) -> None:
        """Write process and time into the file, for whoever wonders about a lock that is not let go of."""
        self._memory[:_NOTE_BYTES] = b"%-10d %-20d\n" % (self._pid, now_ms)

    def note_after(self, clock: EngineClock) -> int:
        """Note the present instant, which is not before the one noted last; returns it."""
        before = self.read()
        if before is not None:
            clock.observe(before.since_ms)
        now_ms = clock.now_ms()
        self.note(now_ms)
        return now_ms

    def read(self) -> Holder | None:
        """What was noted last."""
        return _parse(self._memory[:_NOTE_BYTES])

    @property
    def is_sealed(self) -> bool:
        """Whether whoever takes this lock must ask first if what it guards may still be written."""
        return self._memory[_SEAL] != 0

    def seal(self) -> None:
        """Have all who take this lock ask from now on."""
        self._memory[_SEAL] = 1

    def close(self) -> None:
        self._memory.close()
        os.close(self._file)


def _parse(note: bytes) -> Holder | None:
    fields = note.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    return Holder(int(fields[0]), int(fields[1]))


def last_note(path: Path) -> Holder | None:
    """Who noted himself last in a lock file, whether or not he still holds it."""
    try:
        return _parse(path.read_bytes()[:_NOTE_BYTES])
    except FileNotFoundError:
        return None


def lock_holder(path: Path) -> Holder | None:
    """Who holds a lock file now, and since when; None if nobody does. For the supervisor.

    A holder that sits on the lock for seconds is stuck: ending that process frees the lock.
    """
    lock = FileLock(path)
    try:
        return None if lock.acquire(blocking=False) else lock.read()
    finally:
        lock.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """How much of the disk must stay free for the store to take writes."""

    share: float = 0.05
    bytes: int = 64 << 20

    def missing(self, path: Path) -> str | None:
        """Why there is too little room, as a sentence, or None."""
        disk = os.statvfs(path)
        free = disk.f_bavail * disk.f_frsize
        total = disk.f_blocks * disk.f_frsize
        if free >= self.bytes and free >= self.share * total:
            return None
        return f"The disk is nearly full: {free >> 20} MB of {total >> 20} MB are free."
