"""Which of the 64 slots for minting ids a process has: a lock on a file in the data folder."""

import fcntl
import os
from pathlib import Path

from ripstop.kernel.errors import ReadOnly, Unavailable
from ripstop.kernel.ids import SLOTS


class FileSlot:
    """A slot held by ``flock`` on ``slots/N``, whose content is the high-water mark. Free when its process ends.

    :param folder: ``slots`` in the data folder.
    :raises Unavailable: all slots are held, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(exist_ok=True)
            self.number, self._fd = _take(folder)
        except OSError as error:
            raise Unavailable(f"The folder {folder} cannot be written: {error.strerror}.", cause=error) from error
        mark = os.pread(self._fd, 32, 0)
        self._high_water_ms = int(mark) if mark.strip().isdigit() else 0

    @property
    def high_water_ms(self) -> int:
        return self._high_water_ms

    def raise_high_water(self, ms: int) -> None:
        """Write the mark.

        :raises ReadOnly: the disk does not take it; no id may be minted then.
        """
        # A mark is as long as every other, so that it is replaced in one sector, whole or not at all.
        try:
            os.pwrite(self._fd, b"%020d\n" % ms, 0)
            os.fdatasync(self._fd)
        except OSError as error:
            raise ReadOnly("The server cannot write to its disk.", cause=error) from error
        self._high_water_ms = ms

    def close(self) -> None:
        os.close(self._fd)


def _take(folder: Path) -> tuple[int, int]:
    for number in range(SLOTS):
        fd = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
        else:
            return number, fd
    raise Unavailable(f"All {SLOTS} slots for minting ids are taken: too many processes use {folder}.")
