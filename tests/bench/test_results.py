"""Figures become tables, and tables find their place in the page."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.ceilings import Ceilings, RowsWritten
from bench.dataset import Shape
from bench.growth import Growth
from bench.keeping import Keeping, Kind
from bench.load import Measured
from bench.machine import describe_machine
from bench.memory import Memory
from bench.population import Size
from bench.results import PAGE, Run, markdown_table, tables, write_page, write_results
from bench.streaming import Streaming
from bench.suite import EngineResult
from bench.visibility import Visibility

MEASURED = Measured(
    requests=1000, seconds=1.0, errors={}, cpu_ms=0.7, answered_cpu_ms=0.5, helper_cpu_ms=0.0, per_second=1000.0,
    p50_ms=1.0, p99_ms=2.0, drain_seconds=1.0, drained=True, body_bytes=40_000, generator_cores=0.2,
)  # fmt: skip


def run() -> Run:
    engine = EngineResult(
        engine="SQLite",
        shape=Shape(),
        rows={"home": MEASURED, "post": msgspec.structs.replace(MEASURED, cpu_ms=1.1)},
        sign_up_burst=MEASURED,
        visibility=Visibility(samples=10, unseen=0, p50_ms=9.0, p99_ms=20.0, others_per_second=500.0),
        streaming=Streaming(
            sockets=5_000,
            kilobytes_each=6.2,
            handshake_cpu_ms=0.7,
            idle_cores=0.02,
            reached=1_000,
            p50_ms=16.0,
            p99_ms=1_200.0,
            most_ms=1_300.0,
        ),
    )
    ceilings = Ceilings(
        home_bytes=msgspec.structs.replace(MEASURED, cpu_ms=0.1),
        rows=[RowsWritten(kind="post", group=16, cpu_ms=0.2, per_second=5000.0)],
    )
    growth = Growth(
        engine="SQLite", size=Size(accounts=100, posts=1000, likes=100), load_seconds=1.0,
        pairs={"home": (MEASURED, msgspec.structs.replace(MEASURED, cpu_ms=1.4))}, likes={},
        kinds=[Kind(name="main.edges", rows=1_000_000, bytes=40_000_000), Kind(name="main.tiny", rows=1, bytes=4096)],
        keeping=Keeping(
            start=1.5, start_empty=1.2, check=60.0, check_sound=True, backup=30.0, backup_bytes=2_500_000_000
        ),
        memory=Memory(
            per_second=100.0, seconds=3600.0, requests=360_000, errors={},
            samples=[(0.0, 150.0), (1800.0, 200.0), (2700.0, 201.0), (3600.0, 202.0)],
            kinds=[
                {"rip-http": 100.0}, {"rip-http": 140.0, "rip-helper": 19.0}, {"rip-http": 141.0}, {"rip-http": 142.0}
            ],
            caches=[20.0, 60.0, 60.0, 61.0],
        ),
    )  # fmt: skip
    return Run(machine=describe_machine("18.0"), engines=[engine], ceilings=ceilings, growth=[growth])


def test_a_figure_stands_beside_its_goal() -> None:
    parts = tables(run())
    assert "| home, 20 posts | 3.3 - 4.2 | 0.28 | 0.35 | 0.700 (2.00) **over** |" in parts["rows"]
    assert "| 1.20 | 1.100 (0.92) |" in parts["rows"]
    assert "9 / 20 ms at 500 posts/s" in parts["rows"]
    assert "| 30 kB | 6.2 kB |" in parts["rows"]
    assert "| p99 < 1,000 ms | 16 / 1200 ms **over** |" in parts["rows"]
    assert "SQLite 0.700 (7.0 x)" in parts["ceilings"]
    assert "| home | 0.700 | 1.400 | 2.00 | **no** |" in parts["growth SQLite"]
    assert "| main.edges | 1,000,000 | 40 | 40 | 100.0% |" in parts["growth SQLite"]
    assert "main.tiny" not in parts["growth SQLite"]
    assert "| `ripstop backup` | 30 | 2.5 GB |" in parts["growth SQLite"]


def test_memory_is_shown_by_kind_of_process_every_ten_minutes() -> None:
    memory = tables(run())["memory SQLite"]
    assert "100 mixed requests a second, 360,000 in all, 0 errors; 100 accounts" in memory
    assert "| PSS, MB | 0 min | 30 min | 45 min | 60 min | slope since 30 min |" in memory
    assert "| all | 150 | 200 | 201 | 202 | +4.0 an hour |" in memory
    assert "| rip-helper |  | 19 |  |  |  |" in memory
    assert "| rip-http | 100 | 140 | 141 | 142 |  |" in memory
    assert "caches in these, by their own account | 20 | 60 | 60 | 61 |" in memory


def test_what_was_not_drained_is_a_floor_and_gives_no_ratio() -> None:
    floor = msgspec.structs.replace(MEASURED, drained=False)
    undrained = run()
    undrained.engines[0].rows["post"] = floor
    undrained.growth[0].pairs["home"] = (floor, MEASURED)
    parts = tables(undrained)
    assert "| home | 0.700+ | 0.700 |  | not drained |" in parts["growth SQLite"]
    assert "| 1.20 | 0.700+ (0.58) |" in parts["rows"]


def test_only_what_was_measured_is_written_between_its_markers(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text())
    before = page.read_text()
    write_page({"growth SQLite": "| new |"}, page)
    begin, _, rest = page.read_text().partition("<!-- bench:growth SQLite -->\n")
    assert rest.startswith("| new |\n<!-- /bench:growth SQLite -->")
    assert before.startswith(begin)
    write_page(tables(run()), page)
    assert "| new |" not in page.read_text()


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("no markers")
    with pytest.raises(ValueError, match="markers"):
        write_page({"rows": ""}, page)
    assert page.read_text() == "no markers"


def test_runs_are_kept_under_names_of_their_own(tmp_path: Path) -> None:
    made = run()
    first, second = write_results(made, tmp_path), write_results(made, tmp_path)
    assert first != second
    assert msgspec.json.decode(first.read_bytes(), type=Run) == made


def test_tables_are_markdown() -> None:
    assert markdown_table([["a", "b"], ["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
