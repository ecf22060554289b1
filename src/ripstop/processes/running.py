"""Which processes of a server run, as seen from outside of it."""

import fcntl
import os
from pathlib import Path

_PROC = Path("/proc")


def ages(folder: Path, *, supervisor: str) -> dict[str, float]:
    """Seconds since each process of the server that has this data folder began, by name; empty if none runs.

    :param supervisor: the name under which the supervisor stands, whatever `ps` calls it.
    """
    pid = _holder(folder / "run" / "lock")
    if pid is None:
        return {}
    uptime = float((_PROC / "uptime").read_text(encoding="ascii").split()[0])
    ticks = os.sysconf("SC_CLK_TCK")
    found = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            before, _, after = path.read_text(encoding="utf-8", errors="replace").rpartition(")")
        except OSError:  # it has ended meanwhile
            continue
        fields = after.split()  # from the third on, as proc(5) numbers them
        number, _, name = before.partition(" (")
        if int(number) == pid or int(fields[1]) == pid:
            found[supervisor if int(number) == pid else name] = uptime - int(fields[19]) / ticks
    return found


def _holder(lock: Path) -> int | None:
    """The process that noted itself in the lock of a data folder, if anybody holds it."""
    try:
        file = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        noted = os.pread(file, 32, 0)
        return int(noted) if noted.isdigit() else None
    else:
        return None
    finally:
        os.close(file)
