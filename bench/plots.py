"""Plots as small SVG files: panels below each other over one axis, written by hand so that nothing else is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, PANEL, GAP = 760, 130, 34
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 8, 40
MOST_POINTS = 240
"""Of one line; what is finer is averaged."""

COLOURS = ("#1f6feb", "#d1570b", "#2a9d4b", "#8250df")

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One line of a panel. `points` are sorted by their first part."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Panel:
    """Lines over one scale, which begins at zero."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Span:
    """A stretch of time that is shaded, and what it is called."""

    start: float
    end: float
    name: str


def write_plot(path: Path, panels: Sequence[Panel], *, axis: str, spans: Sequence[Span] = ()) -> None:
    """Write panels below each other; `axis` says what the horizontal one counts."""
    path.write_text(plot(panels, axis=axis, spans=spans), encoding="utf-8")


def plot(panels: Sequence[Panel], *, axis: str, spans: Sequence[Span] = ()) -> str:
    """The text of an SVG file."""
    times = [x for panel in panels for line in panel.lines for x, _ in line.points]
    low, high = min(times), max(times)
    height = TOP + len(panels) * (PANEL + GAP) - GAP + BOTTOM + 22

    def across(x: float) -> float:
        return LEFT + (x - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        "<style>text { font-size: 11px }</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        top = TOP + 18 + number * (PANEL + GAP)
        for span in spans:
            left, right = across(max(low, span.start)), across(min(high, span.end))
            parts.append(f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{PANEL}" fill="#eee"/>')
            if not number:
                parts.append(f'<text x="{left + 4:.1f}" y="{top + 12}" fill="#666">{escape(span.name)}</text>')
        parts += _panel(panel, top, across)
    bottom = TOP + 18 + len(panels) * (PANEL + GAP) - GAP
    for x in ticks(low, high, 10):
        parts.append(f'<text x="{across(x):.1f}" y="{bottom + 14}" text-anchor="middle" fill="#444">{x:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{bottom + 30}" text-anchor="middle" fill="#444">{escape(axis)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, top: float, across: object) -> list[str]:
    assert callable(across)
    highest = max((y for line in panel.lines for _, y in line.points), default=0.0) or 1.0
    scale = ticks(0.0, highest, 5)
    highest = max(highest, scale[-1])
    parts = [f'<text x="{LEFT}" y="{top - 5}" fill="#222" font-weight="bold">{escape(panel.title)}</text>']
    for y in scale:
        at = top + PANEL - y / highest * PANEL
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end" fill="#444">{y:g}</text>')
    place = WIDTH - RIGHT
    for line, colour in reversed(list(zip(panel.lines, COLOURS, strict=False))):
        for stretch in stretches(thinned(line.points, MOST_POINTS)):
            points = " ".join(f"{across(x):.1f},{top + PANEL - y / highest * PANEL:.1f}" for x, y in stretch)
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if len(panel.lines) > 1:
            parts.append(
                f'<text x="{place}" y="{top - 5}" text-anchor="end" fill="{colour}">{escape(line.name)}</text>'
            )
            place -= 7 * len(line.name) + 12
    return parts


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from `low` to `high`, at most so many and one more."""
    step = 10.0 ** math.floor(math.log10((high - low) / most or 1))
    for factor in (1, 2, 5, 10):
        if (high - low) / (step * factor) <= most:
            step *= factor
            break
    first = math.ceil(low / step)
    return [round((first + number) * step, 9) for number in range(int(high / step + 1e-9) - first + 1)]


def stretches(points: Sequence[Point]) -> list[list[Point]]:
    """The points between which there is no gap: nothing is drawn where nothing was seen."""
    steps = sorted(after[0] - before[0] for before, after in pairwise(points))
    widest = 5 * steps[len(steps) // 2] if steps else 0.0
    found: list[list[Point]] = []
    for point in points:
        if found and point[0] - found[-1][-1][0] <= widest:
            found[-1].append(point)
        else:
            found.append([point])
    return [stretch for stretch in found if len(stretch) > 1]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points and some more: each the mean of those within an equal part of the axis."""
    if len(points) <= most:
        return list(points)
    start, width = points[0][0], (points[-1][0] - points[0][0]) / most
    groups: dict[int, list[Point]] = {}
    for point in points:
        groups.setdefault(int((point[0] - start) / width), []).append(point)
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups.values()]
