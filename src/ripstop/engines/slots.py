"""Process slots: which of the 64 a process mints ids in, by a lock on a file in the data folder."""

import fcntl
import os
from pathlib import Path

from ripstop.kernel.errors import ReadOnly, Unavailable
from ripstop.kernel.files import sync
from ripstop.kernel.ids import SLOTS

_MARK = b"%020d\n"
"""All marks are of one length, so that one is replaced within one sector, whole or not at all."""


class FileSlot:
    """A slot held by ``flock`` on ``slots/N``, whose content is the high-water mark. Free when its process ends.

    Satisfies `ripstop.kernel.ids.Slot`. Must be taken after the fork: a lock is shared with children.
    """

    def __init__(self, folder: Path) -> None:
        """Take the first free slot.

        :param folder: ``slots`` in the data folder; made if it is not there.
        :raises Unavailable: all slots are held, or the folder cannot be written to.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.number, self._file = _take(folder)
            mark = os.pread(self._file, len(_MARK % 0), 0).strip()
        except OSError as error:
            raise Unavailable(f"The folder {folder} cannot be written to: {error.strerror}.", cause=error) from error
        self._high_water_ms = int(mark) if mark.isdigit() else 0

    @property
    def high_water_ms(self) -> int:
        """No id was minted in this slot at or after this time, milliseconds since the Unix epoch."""
        return self._high_water_ms

    def raise_high_water(self, ms: int) -> None:
        """Make a higher mark durable before any id at or beyond the old one is minted.

        :raises ReadOnly: the disk does not take it; no id may be minted then.
        """
        self._write(ms)

    def close(self, *, minted_ms: int | None = None) -> None:
        """Let go of the slot. Idempotent.

        :param minted_ms: the time of the last id minted, where it is known: the mark is lowered to just past it, so
            that the next process need not begin in the future.
        """
        if self._file < 0:
            return
        if minted_ms is not None and minted_ms + 1 < self._high_water_ms:
            self._write(minted_ms + 1)
        os.close(self._file)
        self._file = -1

    def _write(self, ms: int) -> None:
        try:
            os.pwrite(self._file, _MARK % ms, 0)
            os.fdatasync(self._file)
        except OSError as error:
            raise ReadOnly("The server cannot write to its disk.", cause=error) from error
        self._high_water_ms = ms


def mark_name(number: int) -> str:
    """The name whose holder is the mark of a slot, in a store that is open to several machines."""
    return f"slot-mark/{number}"


def _take(folder: Path) -> tuple[int, int]:
    """The number of the first slot that is free, and its file, locked."""
    for number in range(SLOTS):
        path = folder / str(number)
        is_new = not path.exists()
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        if is_new:
            sync(folder)
        return number, file
    raise Unavailable(f"All {SLOTS} slots for minting ids are taken: too many processes use {folder}.")
