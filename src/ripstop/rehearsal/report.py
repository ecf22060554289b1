"""The report of a rehearsal: what was asked, how fast it went, and whether everything acknowledged is there."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ripstop.rehearsal.crew import Outcome
from ripstop.rehearsal.plan import Plan
from ripstop.rehearsal.sender import KindTally
from ripstop.rehearsal.verdict import Verdict


class KindReport(msgspec.Struct, kw_only=True):
    """One kind of act. Milliseconds; latency counts from when the act was due, service from when it was sent."""

    begun: int
    done: int
    shed: int
    unanswered: int
    in_doubt: int
    refused: dict[str, int]
    latency_p50_ms: float
    latency_p99_ms: float
    latency_max_ms: float
    service_p50_ms: float
    service_p99_ms: float


class StoreCheck(msgspec.Struct, kw_only=True):
    """What `ripstop check` said of the store."""

    exit_code: int
    said: str


class Report(msgspec.Struct, kw_only=True):
    """A whole rehearsal. It holds no tokens and no names, so it can be kept and shown."""

    plan: Plan
    seconds: float
    generator_cpu_seconds: float
    unsettled: bool
    acts: dict[str, KindReport]
    acknowledged: dict[str, int]
    verdict: Verdict | None = None
    store: StoreCheck | None = None

    @property
    def ok(self) -> bool:
        """Whether the traffic came to its end, and nothing that was looked at was wrong."""
        sound = self.store is None or self.store.exit_code == 0
        return sound and not self.unsettled and (self.verdict is None or self.verdict.ok)


def build_report(
    plan: Plan, outcome: Outcome, *, verdict: Verdict | None = None, store: StoreCheck | None = None
) -> Report:
    return Report(
        plan=plan,
        seconds=round(outcome.seconds, 3),
        generator_cpu_seconds=round(outcome.cpu_seconds, 3),
        unsettled=outcome.unsettled,
        acts={kind: _kind_report(tally) for kind, tally in sorted(outcome.tallies.items())},
        acknowledged=outcome.ledger.counts(),
        verdict=verdict,
        store=store,
    )


def write_json(report: Report, path: Path) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def print_report(report: Report, console: Console) -> None:
    """The report as tables for people."""
    table = Table(
        title=f"{report.seconds:.1f} s of traffic, generators used {report.generator_cpu_seconds:.1f} s of CPU"
    )
    table.add_column("act", no_wrap=True)
    for name in ("begun", "done", "shed", "lost", "refused", "p50 ms", "p99 ms", "worst"):
        table.add_column(name, justify="right", no_wrap=name != "refused")
    for kind, act in report.acts.items():
        refused = ", ".join(f"{count} x {status}" for status, count in sorted(act.refused.items()))
        counts = (act.begun, act.done, act.shed, act.unanswered)
        times = (act.latency_p50_ms, act.latency_p99_ms, act.latency_max_ms)
        table.add_row(kind, *(f"{count:,}" for count in counts), refused or "0", *map(_milliseconds, times))
    console.print(table)
    console.print("Acknowledged: " + ", ".join(f"{count:,} {name}" for name, count in report.acknowledged.items()))
    if report.unsettled:
        console.print("[red]Some acts had no outcome when the patience of the plan was over.[/red]")
    if report.verdict is not None:
        _print_verdict(report.verdict, console)
    if report.store is not None:
        colour = "green" if report.store.exit_code == 0 else "red"
        console.print(f"[{colour}]ripstop check: {escape(report.store.said.strip())}[/{colour}]")


def _print_verdict(verdict: Verdict, console: Console) -> None:
    looked = ", ".join(f"{count:,} {kind}" for kind, count in verdict.checked.items())
    console.print(f"Checked over the API in {verdict.seconds:.1f} s: {looked}.")
    for note in verdict.notes:
        console.print(note)
    if verdict.ok:
        console.print("[green]Every acknowledged thing is there, and every count is right.[/green]")
        return
    for what, count in verdict.wrong.items():
        console.print(f"[red]{count:,} x {what}[/red]")
    for example in verdict.examples:
        console.print(f"  {example}", markup=False, soft_wrap=True)


def _milliseconds(value: float) -> str:
    """Two digits that matter, at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _kind_report(tally: KindTally) -> KindReport:
    def ms(seconds: float) -> float:
        return round(seconds * 1e3, 3)

    return KindReport(
        begun=tally.begun,
        done=tally.done,
        shed=tally.shed,
        unanswered=tally.unanswered,
        in_doubt=tally.in_doubt,
        refused=tally.refused,
        latency_p50_ms=ms(tally.latency.percentile(0.5)),
        latency_p99_ms=ms(tally.latency.percentile(0.99)),
        latency_max_ms=ms(tally.latency.longest),
        service_p50_ms=ms(tally.service.percentile(0.5)),
        service_p99_ms=ms(tally.service.percentile(0.99)),
    )
