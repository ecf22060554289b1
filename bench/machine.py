"""What the figures were measured on."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

import apsw
import msgspec


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine and its software, as it stands above the tables."""

    cpu: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    granian: str
    sqlite: str
    postgres: str
    date: str
    load_before: float
    """Load average of the minute before the run: what else the machine was doing."""


def describe_machine(postgres: str) -> Machine:
    """This machine; `postgres` is what its server says of itself, or why there is none."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return Machine(
        cpu=model,
        cores=os.cpu_count() or 0,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        granian=importlib.metadata.version("granian"),
        sqlite=apsw.sqlite_lib_version(),
        postgres=postgres,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        load_before=round(os.getloadavg()[0], 1),
    )
