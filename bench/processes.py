"""CPU seconds and memory of a server's process tree, read from /proc."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
IDLE_STEP_SECONDS = 0.5
IDLE_CPU_SECONDS = 0.03
HELPER_MARK = "helper"
DATABASE_NAME = "postgres"
NUMBER = re.compile(r"-[0-9]+$")


class Process(NamedTuple):
    """One process: its own CPU seconds, and those of its children that ended."""

    pid: int
    parent: int
    name: str
    cpu: float
    ended: float


class Cpu(NamedTuple):
    """CPU seconds of some trees: all of it, and of that what the helper (password hashing) and PostgreSQL used."""

    total: float = 0.0
    helper: float = 0.0
    database: float = 0.0

    def since(self, before: Cpu) -> Cpu:
        """What was used since then. A helper that ended meanwhile has taken its own figure along, but not the total."""
        helper = max(0.0, self.helper - before.helper)
        return Cpu(self.total - before.total, helper, self.database - before.database)

    def and_also(self, other: Cpu) -> Cpu:
        return Cpu(self.total + other.total, self.helper + other.helper, self.database + other.database)


class Trees:
    """The processes below some roots, the roots included."""

    def __init__(self, roots: Sequence[int]) -> None:
        self.roots = tuple(roots)

    def processes(self) -> list[Process]:
        every = {process.pid: process for process in _all_processes()}
        children: dict[int, list[int]] = {}
        for process in every.values():
            children.setdefault(process.parent, []).append(process.pid)
        found, waiting = [], [root for root in self.roots if root in every]
        while waiting:
            pid = waiting.pop()
            found.append(every[pid])
            waiting += children.get(pid, ())
        return found

    def cpu(self) -> Cpu:
        """What the live processes used, and those of their children that ended."""
        processes = self.processes()
        return Cpu(
            sum(process.cpu + process.ended for process in processes),
            sum(process.cpu + process.ended for process in processes if _is_helper(process)),
            sum(process.cpu + process.ended for process in processes if process.name == DATABASE_NAME),
        )

    def pss_mb(self) -> float:
        """Proportional set size in MB: shared pages are divided among those that share them."""
        return sum(self.pss_mb_by_kind().values())

    def pss_mb_by_kind(self) -> dict[str, float]:
        """The same by what the processes are: their names, without the number that one of several has."""
        found: dict[str, float] = {}
        for process in self.processes():
            try:
                rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            except OSError:  # it ended meanwhile
                continue
            kind = "supervisor" if process.pid == self.roots[0] else NUMBER.sub("", process.name)
            kb = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            found[kind] = found.get(kind, 0.0) + kb * 1024 / 1e6
        return found

    async def idle(self, limit: float) -> bool:
        """Wait until the trees use under 6 % of a core for a second; False when that took longer than `limit`."""
        started, last, quiet = time.monotonic(), self.cpu().total, 0
        while time.monotonic() - started < limit:
            await asyncio.sleep(IDLE_STEP_SECONDS)
            now = self.cpu().total
            quiet = quiet + 1 if now - last < IDLE_CPU_SECONDS else 0
            last = now
            if quiet == 2:
                return True
        return False


def own_cpu() -> float:
    """What this process, the load generator, used."""
    return time.process_time()


def _all_processes() -> list[Process]:
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            stat = Path(entry.path, "stat").read_text()
        except OSError:
            continue
        name = stat[stat.index("(") + 1 : stat.rindex(")")]
        fields = stat[stat.rindex(")") + 2 :].split()
        own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        found.append(Process(int(entry.name), int(fields[1]), name, own / TICKS, ended / TICKS))
    return found


def _is_helper(process: Process) -> bool:
    if HELPER_MARK in process.name:
        return True
    try:
        return HELPER_MARK.encode() in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    except OSError:
        return False
