"""The figures of a run as Markdown tables, in docs/operate/performance.md between markers, and as JSON."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

import msgspec

from bench import goals
from bench.ceilings import Ceilings
from bench.goals import ROWS
from bench.growth import Growth
from bench.keeping import Keeping
from bench.large import Large
from bench.lists import ROWS as LISTS
from bench.load import Measured
from bench.machine import Machine
from bench.memory import Memory
from bench.suite import EngineResult
from bench.visibility import GIVE_UP_SECONDS

MEMORY_SECONDS = 600
"""Between two looks at the memory that are shown."""
PAGE = Path(__file__).parents[1] / "docs" / "operate" / "performance.md"


class Run(msgspec.Struct, kw_only=True):
    """Everything that one run measured. Parts that were not asked for are empty."""

    machine: Machine
    engines: list[EngineResult] = []
    ceilings: Ceilings | None = None
    growth: list[Growth] = []
    large: list[Large] = []


def write_results(run: Run, folder: Path) -> Path:
    """Keep the run as JSON; the newest file is the last by name."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + len(list(folder.glob("*.json")))
    path = folder / f"{run.machine.date}-{number:03}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
    return path


def tables(run: Run) -> dict[str, str]:
    """The Markdown of each marked part of the page that this run has figures for."""
    parts = {}
    if run.engines:
        parts["machine"] = _machine(run.machine)
        parts["rows"] = _rows(run.engines)
        parts["detail"] = "\n\n".join(_detail(engine) for engine in run.engines)
        parts["lists"] = _lists(run.engines)
    if run.ceilings is not None:
        parts["ceilings"] = _ceilings(run.ceilings, run.engines)
    for growth in run.growth:
        if growth.pairs or growth.keeping or growth.kinds:
            parts[f"growth {growth.engine}"] = _growth(growth, run.machine)
        if growth.memory is not None:
            parts[f"memory {growth.engine}"] = _memory(growth, growth.memory, run.machine)
    if run.large:
        parts["large"] = "\n\n".join(_large(large) for large in run.large)
    return parts


def write_page(parts: dict[str, str], page: Path = PAGE) -> None:
    """Put each part between its markers. Raises ValueError when the page has no such markers."""
    text = page.read_text(encoding="utf-8")
    for name, markdown in parts.items():
        begin, end = f"<!-- bench:{name} -->\n", f"<!-- /bench:{name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"{page} has no markers for the part {name!r}.")
        text = f"{before}{begin}{markdown}\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def _machine(machine: Machine) -> str:
    return (
        f"Measured on {machine.date}: {machine.cpu}, {machine.cores} cores, {machine.memory_gb:.0f} GB of memory, "
        f"Linux {machine.kernel}; Python {machine.python}, Granian {machine.granian}, SQLite {machine.sqlite}, "
        f"PostgreSQL {machine.postgres}. The load generator ran on the same machine, whose load "
        f"average was {machine.load_before} before the run."
    )


def _rows(engines: list[EngineResult]) -> str:
    """The main table: what others need, the goal, and each engine's figure with its ratio to the goal."""
    head = ["CPU ms per request, 16 connections, warm", "GoToSocial 0.20, SQLite", "prototype", "goal"]
    lines = [head + [f"{engine.engine} (of goal)" for engine in engines]]
    for row in ROWS:
        cells = [_of_goal(engine.rows.get(row.name), row.goal) for engine in engines]
        lines.append([row.title, row.gotosocial, row.prototype, f"{row.goal:.2f}", *cells])
    burst = [_burst(engine.sign_up_burst) for engine in engines]
    goal = f"{goals.SIGN_UPS_PER_SECOND:,.0f}/s, p99 < {goals.SIGN_UP_P99_MS:.0f} ms"
    lines.append(["sign-up, closed loop of 64 connections", "2.6/s", "5,280/s, 25 ms", goal, *burst])
    seen = [_seen(engine) for engine in engines]
    goal = f"{goals.SEEN_P50_MS:.0f} / {goals.SEEN_P99_MS:.0f} ms"
    lines.append(
        ["post seen in a follower's home while 16 clients post, p50 / p99", "2.2 s / 6.1 s", "16 / 50 ms", goal, *seen]
    )
    memory = [f"{engine.idle_pss_mb:.0f} / {engine.loaded_pss_mb:.0f} MB" for engine in engines]
    goal = f"{goals.IDLE_PSS_MB:.0f} / {goals.LOADED_PSS_MB:.0f} MB"
    lines.append(["memory (PSS, all processes), idle / under load", "135 / 300 MB", "70 / 91 MB", goal, *memory])
    kilobytes = [_each(engine) for engine in engines]
    goal = f"{goals.SOCKET_KB:.0f} kB"
    lines.append([f"memory of each of {goals.SOCKETS:,} idle WebSockets", "", "", goal, *kilobytes])
    told = [_told(engine) for engine in engines]
    goal = f"p99 < {goals.TOLD_P99_MS:,.0f} ms"
    lines.append(["a post told to 1,000 WebSockets of 5,000, p50 / p99", "", "", goal, *told])
    return markdown_table(lines)


def _each(engine: EngineResult) -> str:
    streaming = engine.streaming
    if streaming is None:
        return ""
    over = " **over**" if streaming.kilobytes_each > goals.SOCKET_KB else ""
    return f"{streaming.kilobytes_each:.1f} kB{over}"


def _told(engine: EngineResult) -> str:
    streaming = engine.streaming
    if streaming is None:
        return ""
    over = " **over**" if streaming.p99_ms > goals.TOLD_P99_MS else ""
    return f"{streaming.p50_ms:.0f} / {streaming.p99_ms:.0f} ms{over}"


def _of_goal(measured: Measured | None, goal: float) -> str:
    if measured is None:
        return ""
    mark = "" if measured.cpu_ms <= goal else " **over**"
    return f"{_cpu(measured)} ({measured.cpu_ms / goal:.2f}){mark}"


def _burst(measured: Measured | None) -> str:
    if measured is None:
        return ""
    return f"{measured.per_second:,.0f}/s, {measured.p99_ms:,.0f} ms"


def _seen(engine: EngineResult) -> str:
    seen = engine.visibility
    if seen is None:
        return ""
    unseen = f", {seen.unseen} unseen in {GIVE_UP_SECONDS:.0f} s" if seen.unseen else ""
    return f"{seen.p50_ms:.0f} / {seen.p99_ms:.0f} ms at {seen.others_per_second:,.0f} posts/s{unseen}"


def _detail(engine: EngineResult) -> str:
    cpu = ["CPU ms", "until answered", "PostgreSQL", "helper's apart"]
    lines = [[engine.engine, *cpu, "requests/s", "p50 ms", "p99 ms", "drain s", "body bytes", "errors"]]
    rows = dict(engine.rows)
    if engine.sign_up_burst is not None:
        rows["sign_up, 64 connections"] = engine.sign_up_burst
    for name, row in rows.items():
        errors = ", ".join(f"{count} x {kind}" for kind, count in sorted(row.errors.items())) or "0"
        drain = f"{row.drain_seconds:.1f}" + ("" if row.drained else "+")
        cpu = [
            f"{row.cpu_ms:.3f}",
            f"{row.answered_cpu_ms:.3f}",
            f"{row.database_cpu_ms:.3f}",
            f"{row.helper_cpu_ms:.2f}",
        ]
        times = [f"{row.per_second:,.0f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}", drain]
        lines.append([name, *cpu, *times, f"{row.body_bytes:,}", errors])
    return markdown_table(lines)


def _lists(engines: list[EngineResult]) -> str:
    """Each list beside home; the ratio is to the home of the same engine and minutes."""
    lines = [["CPU ms per request", *(f"{engine.engine} (of home)" for engine in engines)]]
    for name, title in {"home": "home, 20 posts", **LISTS}.items():
        lines.append([title, *(_of_home(engine.lists.get(name), engine.lists.get("home")) for engine in engines)])
    return markdown_table(lines)


def _of_home(measured: Measured | None, home: Measured | None) -> str:
    if measured is None or home is None:
        return ""
    ratio = measured.cpu_ms / home.cpu_ms
    errors = ", errors" if measured.errors else ""
    return f"{_cpu(measured)} ({ratio:.2f}{errors})" + (" **over**" if ratio > goals.LISTS_OF_HOME else "")


def _large(large: Large) -> str:
    """Each request to something small, and the same to something large; the budgets are for SQLite."""
    lines = [[f"{large.engine}, CPU ms", "small", "large", "ratio", "budget"]]
    budgeted = large.engine == "SQLite"
    for row in large.rows:
        over = " **over**" if budgeted and row.large.cpu_ms > row.budget_ms else ""
        ratio = f"{row.large.cpu_ms / row.small.cpu_ms:.2f}"
        if row.small.errors or row.large.errors:
            ratio += " (errors)"
        budget = f"{row.budget_ms:.2f}" if budgeted else ""
        lines.append([row.title, _cpu(row.small), _cpu(row.large) + over, ratio, budget])
    return markdown_table(lines)


def _ceilings(ceilings: Ceilings, engines: list[EngineResult]) -> str:
    bare = ceilings.home_bytes
    lines = [["ceiling", "CPU ms", "per second", "the product beside it"]]
    ours = ", ".join(
        f"{engine.engine} {engine.rows['home'].cpu_ms:.3f} ({engine.rows['home'].cpu_ms / bare.cpu_ms:.1f} x)"
        for engine in engines
        if "home" in engine.rows
    )
    title = f"the same {bare.body_bytes:,} bytes of home from bare Granian RSGI, one process"
    lines.append([title, f"{bare.cpu_ms:.3f}", f"{bare.per_second:,.0f}", ours])
    for row in ceilings.rows:
        name = {"post": "post", "favourite": "favourite", "sign-up": "sign_up"}[row.kind]
        beside = ", ".join(
            f"{engine.engine} {engine.rows[name].cpu_ms:.3f} ({engine.rows[name].cpu_ms / row.cpu_ms:.1f} x)"
            for engine in engines
            if name in engine.rows and engine.engine == "SQLite" and row.group == 16
        )
        title = f"the rows of a {row.kind} into bare SQLite, synchronous=FULL, {row.group} to a commit"
        lines.append([title, f"{row.cpu_ms:.3f}", f"{row.per_second:,.0f}", beside])
    return markdown_table(lines)


def _growth(growth: Growth, machine: Machine) -> str:
    """What of growth was measured, one table after the other."""
    size = growth.size
    when = f"{growth.engine}, on {machine.date}; the machine's load average was {machine.load_before} before the run."
    full = f"{size.accounts:,} accounts, {size.posts:,} posts, {size.accounts * size.follows:,} follows"
    parts = [when]
    if growth.pairs:
        lines = [[f"{growth.engine}, CPU ms", "empty", full, "ratio", f"at most {goals.GROWTH_AT_MOST}"]]
        parts.append(markdown_table(lines + [_ratio_line(name, *pair) for name, pair in growth.pairs.items()]))
        likes = [[f"{growth.engine}, CPU ms", "10 likes", f"{size.likes:,} likes", "ratio", ""]]
        likes += [[*_ratio_line(name, *pair)[:4], ""] for name, pair in growth.likes.items()]
        parts.append(markdown_table(likes))
    if growth.keeping is not None:
        parts.append(_keeping(growth, growth.keeping))
    if growth.kinds:
        parts.append(_kinds(growth))
    return "\n\n".join(parts)


def _keeping(growth: Growth, keeping: Keeping) -> str:
    sound = "sound" if keeping.check_sound else "**not sound**"
    return markdown_table(
        [
            [f"{growth.engine}, to keep it", "seconds", ""],
            ["start, until it answers; of an empty store", f"{keeping.start:.1f}; {keeping.start_empty:.1f}", ""],
            ["`ripstop backup`", f"{keeping.backup:,.0f}", f"{keeping.backup_bytes / 1e9:.1f} GB"],
            ["`ripstop check`", f"{keeping.check:,.0f}", sound],
            ["to be loaded by the bench", f"{growth.load_seconds:,.0f}", ""],
        ]
    )


def _memory(growth: Growth, memory: Memory, machine: Machine) -> str:
    """How much memory each kind of processes took, at most every ten minutes."""
    size = growth.size
    errors = ", ".join(f"{count} x {kind}" for kind, count in sorted(memory.errors.items())) or "0"
    when = (
        f"{growth.engine}, on {machine.date}: {memory.per_second:.0f} mixed requests a second, {memory.requests:,} in"
        f" all, {errors} errors; {size.accounts:,} accounts, {size.posts:,} posts and"
        f" {size.accounts * size.follows:,} follows were there before."
    )
    times = [at for at, _ in memory.samples]
    shown = sorted({bisect_left(times, at) for at in range(0, int(times[-1]), MEMORY_SECONDS)} | {len(times) - 1})
    slope = f"slope since {memory.seconds / 120:.0f} min"
    lines = [["PSS, MB", *(f"{times[at] / 60:.0f} min" for at in shown), slope]]
    lines.append(["all", *(f"{memory.samples[at][1]:.0f}" for at in shown), f"{memory.slope:+.1f} an hour"])
    if memory.kinds:
        kinds = sorted({kind for at in shown for kind in memory.kinds[at]})
        lines += [[kind, *(_mb(memory.kinds[at].get(kind)) for at in shown), ""] for kind in kinds]
    if memory.caches:
        lines.append(["caches in these, by their own account", *(_mb(memory.caches[at]) for at in shown), ""])
    return f"{when}\n\n{markdown_table(lines)}"


def _mb(found: float | None) -> str:
    return "" if found is None else f"{found:.0f}"


def _kinds(growth: Growth) -> str:
    """Tables and indexes that take a thousandth of the store or more."""
    whole = sum(kind.bytes for kind in growth.kinds)
    lines = [[f"{growth.engine}, on disk", "rows", "MB", "bytes a row", "of all"]]
    for kind in growth.kinds:
        if kind.bytes * 1000 >= whole:
            each = f"{kind.bytes / kind.rows:.0f}" if kind.rows else ""
            rows = f"{kind.rows:,}" if kind.rows else ""
            lines.append([kind.name, rows, f"{kind.bytes / 1e6:,.0f}", each, f"{kind.bytes / whole:.1%}"])
    lines.append(["all", "", f"{whole / 1e6:,.0f}", "", ""])
    return markdown_table(lines)


def _ratio_line(name: str, small: Measured, large: Measured) -> list[str]:
    ratio = large.cpu_ms / small.cpu_ms
    if not (small.drained and large.drained):
        return [name, _cpu(small), _cpu(large), "", "not drained"]
    kept = "yes" if ratio <= goals.GROWTH_AT_MOST else "**no**"
    return [name, _cpu(small), _cpu(large), f"{ratio:.2f}", kept]


def _cpu(measured: Measured) -> str:
    """A plus sign marks a floor: the server had not come to rest when the measuring ended."""
    return f"{measured.cpu_ms:.3f}" + ("" if measured.drained else "+")


def markdown_table(lines: list[list[str]]) -> str:
    """The first line is the head; all but the first column stand to the right."""
    head, *rows = lines
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])
