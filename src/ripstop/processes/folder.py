"""The data folder: made at the first start, and one server's alone while it runs."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType


class FolderUnusable(Exception):
    """The data folder cannot be used; the message is a sentence for the operator."""


class FolderLock:
    """Holds a data folder. Children inherit it, so it ends when the last process of the server has ended."""

    WAIT = 3.0
    """Seconds to wait for processes of a server whose supervisor has ended already."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1

    def __enter__(self) -> "FolderLock":
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def take(self) -> None:
        """Make the folder if it is not there, and take it.

        :raises FolderUnusable: another server has it, or it cannot be written.
        """
        try:
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._folder / "run").mkdir(exist_ok=True, mode=0o700)
            self._fd = os.open(self._folder / "run" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderUnusable(f"The data folder {self._folder} cannot be written: {error.strerror}.") from error
        ends = time.monotonic() + self.WAIT
        while not self._try():
            holder = self._holder()
            if _is_alive(holder) or time.monotonic() > ends:
                os.close(self._fd)
                self._fd = -1
                who = f" (process {holder})" if holder else ""
                raise FolderUnusable(f"Another server{who} already uses the data folder {self._folder}.")
            time.sleep(0.02)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let go; what children hold stays held."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _try(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> int:
        text = os.pread(self._fd, 32, 0)
        return int(text) if text.isdigit() else 0


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
