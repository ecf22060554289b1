"""What the processes ask of Linux beyond the standard library."""

import ctypes
import os
import resource
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_M_ARENA_MAX = -8

_libc = ctypes.CDLL(None, use_errno=True)


def name_process(name: str) -> None:
    """Set the name that ``ps`` and ``top`` show, 15 bytes at most."""
    Path("/proc/self/comm").write_text(name[:15], encoding="ascii")


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that happens.

    What a client was told is durable by then; what was under way is lost as it is with any ``kill -9``.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It ended before the kernel was told.
        os._exit(1)


def use_few_arenas() -> None:
    """Let threads share malloc's arenas: one for each thread costs megabytes that nothing uses."""
    _libc.mallopt(_M_ARENA_MAX, 2)


def allow_many_files() -> None:
    """Raise the number of files, and so of connections, that a process may have open as far as is allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def be_modest() -> None:
    """Take less CPU than others get, and leave no core: the work in here is for others, on what nobody may trust."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_memory(beyond: int) -> None:
    """Take so many bytes of address space at most beyond what this process has: a mistake or an attack in here must
    not take the machine."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + beyond
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
