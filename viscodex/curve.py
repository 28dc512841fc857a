"""Curves with bands as SVG that stands alone: light and dark, no script, no font of its own.

in:  points with intervals
out: SVG text
not covered: what the numbers mean; figures of pages (plots.py)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from viscodex.web import plain

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 340, 66, 16, 30, 46
COLOURS = ("#3b76d6", "#d9722e", "#3a9d6e", "#a45cc4", "#b8952b", "#5b6b7d")

_STYLE = (
    "text{fill:#3c4450;font:12px system-ui,'DejaVu Sans',sans-serif}.soft{stroke:#c9ced6}.mark{stroke:#8a8f98}"
    ".title{font-weight:600;font-size:13px}"
    "@media (prefers-color-scheme: dark){text{fill:#d6dae1}.soft{stroke:#3a404a}.mark{stroke:#7d828b}}"
)


@dataclass(frozen=True, slots=True)
class Dot:
    """A place of a curve; low and high are NaN where there is no interval."""

    x: float
    y: float
    low: float = math.nan
    high: float = math.nan
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One curve; without a line its dots stand alone."""

    name: str
    dots: tuple[Dot, ...]
    line: bool = True


def curve_svg(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    mark: tuple[float, str] | None = None,
    best: Dot | None = None,
) -> str:
    """Curves with their intervals as bands.

    Args:
        mark: a vertical line and what it says.
        best: a place that is ringed.
    """
    known = [dot for one in series for dot in one.dots if math.isfinite(dot.y)]
    if not known:
        return ""
    ys = [y for d in known for y in (d.y, d.low, d.high) if math.isfinite(y)]
    x0, x1 = _padded([d.x for d in known], 0.02)
    y0, y1 = _padded(ys, 0.06)

    def at(x: float, y: float) -> str:
        left = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        top = HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)
        return f"{left:.1f},{top:.1f}"

    parts = [*_axes(x0, x1, y0, y1, at), *_labels(title, x_label, y_label)]
    if mark is not None and x0 <= mark[0] <= x1:
        (left, low), (_, high) = (at(mark[0], y).split(",") for y in (y0, y1))
        parts.append(
            f'<line class="mark" x1="{left}" x2="{left}" y1="{low}" y2="{high}" stroke-dasharray="4 3"/>'
        )
        parts.append(f'<text x="{float(left) + 4:.1f}" y="{TOP + 10}">{plain(mark[1])}</text>')
    for n, one in enumerate(series):
        parts += _drawn(one, COLOURS[n % len(COLOURS)], at)
    if best is not None:
        x, y = at(best.x, best.y).split(",")
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="8" fill="none" stroke="#c0392b" stroke-width="2"/>'
        )
    if len(series) > 1:
        parts += _legend(series)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{plain(title)}"><style>{_STYLE}</style>\n{body}\n</svg>'
    )  # fmt: skip


def _padded(values: Sequence[float], share: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


def _axes(x0: float, x1: float, y0: float, y1: float, at: object) -> list[str]:
    assert callable(at)
    parts = []
    for y in _ticks(y0, y1):
        left, top = at(x0, y).split(",")
        parts.append(
            f'<line class="soft" x1="{left}" x2="{WIDTH - RIGHT}" y1="{top}" y2="{top}" stroke-width=".6"/>'
        )
        parts.append(
            f'<text x="{LEFT - 6}" y="{float(top) + 4:.1f}" text-anchor="end">{y:g}</text>'
        )
    for x in _ticks(x0, x1):
        left, top = at(x, y0).split(",")
        parts.append(
            f'<text x="{left}" y="{float(top) + 16:.1f}" text-anchor="middle">{x:g}</text>'
        )
    return parts


def _ticks(low: float, high: float, n: int = 6) -> list[float]:
    """Round numbers inside of a range."""
    raw = (high - low) / n
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= raw)
    first = math.ceil(low / step)
    return [round(step * k, 10) for k in range(first, math.floor(high / step) + 1)]


def _labels(title: str, x_label: str, y_label: str) -> list[str]:
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [
        f'<text class="title" x="{LEFT}" y="16">{plain(title)}</text>',
        f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{plain(x_label)}</text>',
        f'<text transform="translate(14,{(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)" text-anchor="middle">{plain(y_label)}</text>',
    ]


def _drawn(one: Series, colour: str, at: object) -> list[str]:
    assert callable(at)
    dots = [dot for dot in one.dots if math.isfinite(dot.y)]
    banded = [dot for dot in dots if math.isfinite(dot.low)]
    parts = []
    if one.line and len(banded) > 1:
        edge = [at(d.x, d.high) for d in banded] + [at(d.x, d.low) for d in reversed(banded)]
        parts.append(f'<polygon points="{" ".join(edge)}" fill="{colour}" opacity=".16"/>')
    if one.line and len(dots) > 1:
        line = " ".join(at(d.x, d.y) for d in dots)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        )
    for dot in dots:
        x, y = at(dot.x, dot.y).split(",")
        fill = "none" if dot.hollow else colour
        parts.append(f'<circle cx="{x}" cy="{y}" r="3.2" fill="{fill}" stroke="{colour}"/>')
    return parts


def _legend(series: Sequence[Series]) -> list[str]:
    parts, x = [], float(LEFT)
    for n, one in enumerate(series):
        name = one.name if len(one.name) <= 28 else f"...{one.name[-25:]}"
        parts.append(
            f'<circle cx="{x + 5:.0f}" cy="{TOP - 4}" r="4" fill="{COLOURS[n % len(COLOURS)]}"/>'
        )
        parts.append(f'<text x="{x + 13:.0f}" y="{TOP}">{plain(name)}</text>')
        x += 26 + 7.2 * len(name)
    return parts
