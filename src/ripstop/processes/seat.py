"""What a forked process is told of its place in the server."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from ripstop.processes.board import Board


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """One process's place. It stays when the process dies, and is taken by the next.

    :param name: as shown by ``ps`` and in the logs, such as ``rip-http-0``.
    :param slot: its slot on the board.
    :param parent: process id of the supervisor.
    :param report: to be called once: with None when the process is ready, or with a sentence why it cannot start.
    """

    name: str
    slot: int
    board: Board
    parent: int
    report: Callable[[str | None], None]

    def is_orphaned(self) -> bool:
        """Whether the supervisor is gone. The kernel ends orphans; this is for when it could not be asked to."""
        return os.getppid() != self.parent
