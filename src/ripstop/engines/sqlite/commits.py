"""A number that all processes of a store share, by which they see at once whether anything was committed.

Asking SQLite for what is new in the change log costs each request 5 us and lets go of Python's global lock; looking at
eight bytes of shared memory costs neither. The number is odd while a commit is under way and higher after each, so
whoever finds the same even number as before has missed nothing that anybody was told of. A writer that is killed during
a commit leaves an odd number behind: readers then ask SQLite until the next commit.
"""

import mmap
import os
from pathlib import Path

_BYTES = 8


class CommitCounter:
    """The shared number. Changed only by who holds the write lock; read by anybody."""

    def __init__(self, path: Path) -> None:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size < _BYTES:
                os.ftruncate(file, _BYTES)
            self._memory = mmap.mmap(file, _BYTES)
        finally:
            os.close(file)
        self._number = memoryview(self._memory).cast("Q")

    @property
    def number(self) -> int:
        """Even: everything that was committed was so before this number was reached."""
        return self._number[0]

    def begin(self) -> None:
        """A commit is about to be made."""
        self._number[0] |= 1

    def end(self) -> None:
        """The commit is made, or has failed."""
        self._number[0] = (self._number[0] | 1) + 1

    def close(self) -> None:
        self._number.release()
        self._memory.close()
