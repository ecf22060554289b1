"""A whole rehearsal, from the first sign-up to the report."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import uvloop
from rich.console import Console

from ripstop.rehearsal.crowd import Crowd, RehearsalError
from ripstop.rehearsal.plan import Plan
from ripstop.rehearsal.pool import UnansweredError
from ripstop.rehearsal.probe import ProbeError
from ripstop.rehearsal.report import Report, StoreCheck, build_report, print_report, write_json
from ripstop.rehearsal.verify import verify

FAILURES = (ValueError, RehearsalError, ProbeError, UnansweredError)
"""Errors whose message is a sentence for whoever rehearses."""


def rehearse(url: str, plan: Plan, *, check: bool, data: Path | None, json: Path | None) -> bool:
    """Rehearse, and print the report; whether all is well.

    :param check: look at every acknowledged thing afterwards.
    :param data: the server's data folder, to run `ripstop check` on.
    :param json: where to write the report to, too.
    :raises FAILURES: it could not be carried out.
    """
    report = uvloop.run(_rehearse(url, plan, check=check, data=data))
    print_report(report, Console())
    if json is not None:
        write_json(report, json)
    return report.ok


async def _rehearse(url: str, plan: Plan, *, check: bool, data: Path | None) -> Report:
    outcome = await Crowd(url, plan).run()
    verdict = await verify(url, outcome.ledger, seed=plan.seed) if check else None
    store = await _check_store(data) if data is not None else None
    return build_report(plan, outcome, verdict=verdict, store=store)


async def _check_store(data: Path) -> StoreCheck:
    """Run `ripstop check` on a data folder; which database belongs to it, the environment says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ripstop",
        "check",
        env={**os.environ, "RIPSTOP_DATA": str(data)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return StoreCheck(exit_code=process.returncode or 0, said=said.decode("utf-8", "replace"))
