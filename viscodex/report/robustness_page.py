"""The page of a model under disturbed pictures: what costs it most, by how much, and what it saw.

in:  a folder of `viscodex eval --robustness` and the curves that robustness.json holds
out: one self-contained HTML page: verdict, curves, table, pictures of the samples that lose most
not covered: running it (evaluate/robustness.py), what is done to pictures (evaluate/perturb.py)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viscodex.report.compare import points
from viscodex.report.page import facts, forest, section
from viscodex.report.pictures import small
from viscodex.report.run import Run, System, read_run
from viscodex.report.samples import STYLE, is_reference
from viscodex.report.statistics import Paired
from viscodex.report.table import TITLES
from viscodex.tasks.kept import drawn_picture, input_picture
from viscodex.web import ZOOM, page_of, plain

N_SAMPLES = 4
"""Samples that are shown with all their pictures."""
_WIDTH_PX = 240  # of their pictures
_PLAIN = "plain"  # the run with the plain pictures


@dataclass(frozen=True, slots=True)
class Point:
    """One kind of disturbance at one severity, under one protocol."""

    kind: str
    severity: int
    strength: str  # the severity in the kind's own unit
    all: float  # mean of the metric over all items, 0 to 1; NaN where there is none
    change: Paired  # to the plain pictures, over the items scored in both; NaN where there are none

    @property
    def is_loss(self) -> bool:
        """Whether the interval of the change lies below 0."""
        return self.change.high < 0


def robustness_page(place: Path, found: Mapping[str, Any]) -> str:
    """The page of `viscodex eval --robustness`.

    Args:
        place: of the runs: plain, and one for each disturbance.
        found: what robustness.json holds.

    Raises:
        BadInput: a run is missing or damaged.
    """
    run = read_run(place / _PLAIN)
    told = {protocol: points_of(one) for protocol, one in found["protocols"].items()}
    first = next(iter(told))
    body = verdict_of(told[first], found["protocols"][first])
    for protocol, each in told.items():
        title = f"{TITLES.get(run.task, run.task)}, protocol {protocol}"
        inside = _protocol(each, found["protocols"][protocol])
        if protocol == first:
            body += section(title, inside)
        else:
            body += f"<details><summary>{plain(title)}</summary>{inside}</details>"
    body += section("What it saw", _samples(place, run, found, first, told[first]))
    body += section("To repeat it", facts([System(run.name, {run.task: run})]))
    n = found["protocols"][first]["n"]
    lead = f"{TITLES.get(run.task, run.task)}; {n:,} items, each disturbance against the plain pictures"
    return page_of(
        f"{run.name} under disturbed pictures", lead, "", body, script=ZOOM, style=f"{STYLE}{_STYLE}"
    )  # fmt: skip


def points_of(one: Mapping[str, Any]) -> list[Point]:
    """The points of a protocol, the kind with the largest loss first, then by severity."""
    metric = one["metric"]
    curves = {
        kind: [_point(kind, point, metric) for point in curve]
        for kind, curve in one["curves"].items()
    }

    def worst(kind: str) -> float:
        changes = [p.change.difference for p in curves[kind] if not math.isnan(p.change.difference)]
        return min(changes, default=math.inf)

    return [point for kind in sorted(curves, key=worst) for point in curves[kind]]


def _point(kind: str, point: Mapping[str, Any], metric: str) -> Point:
    change = point["change"].get(metric, {})
    mean, low, high = (_float(change.get(name)) for name in ("mean", "low", "high"))
    n = int(change.get("n") or 0)
    nan = math.nan
    return Point(
        kind,
        int(point["severity"]),
        str(point.get("strength", point["level"])),
        _float(point["means"].get(metric, {}).get("all")),
        Paired(n, nan, nan, mean, low, high, 0.0 if low > 0 or high < 0 else 1.0, 0, 0, 0),
    )


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


# --- in words -------------------------------------------------------------------------------------


def verdict_of(told: Sequence[Point], one: Mapping[str, Any]) -> str:
    """What costs most, and which kinds cost anything."""
    known = [point for point in told if not math.isnan(point.change.difference)]
    if not known:
        return '<p class="verdict open">No disturbance has been measured yet.</p>'
    before = _float(one["plain"].get(one["metric"], {}).get("all"))
    losses = [point for point in known if point.is_loss]
    worst = min(losses or known, key=lambda point: point.change.difference)
    name = f"{worst.kind} at severity {worst.severity}"
    by = f"{_change(worst.change)}; plain pictures give {points(before)}"
    if losses:
        text = f"{name} costs most: {points(worst.change.difference, sign=True)} points of {one['metric']} {by}."
    else:
        text = (
            f"No disturbance costs clearly: the largest change is {points(worst.change.difference, sign=True)} "
            f"points of {one['metric']} under {name} {by}."
        )
    sign = "loss" if losses else "open"
    return (
        f'<p class="verdict {sign}">{plain(text)}</p><p class="why">{plain(_kinds_told(known))}</p>'
    )


def _change(pair: Paired) -> str:
    if math.isnan(pair.low):
        return f"over {pair.n} item{'s' * (pair.n != 1)}"
    return f"(95 % interval {points(pair.low, sign=True)} to {points(pair.high, sign=True)})"


def _kinds_told(known: Sequence[Point]) -> str:
    """Clear losses with the severity from which they are; then the kinds without."""
    first: dict[str, int] = {}
    for point in known:
        if point.is_loss:
            first[point.kind] = min(point.severity, first.get(point.kind, point.severity))
    none = [kind for kind in dict.fromkeys(p.kind for p in known) if kind not in first]
    told = []
    if first:
        told.append(f"Clear loss: {', '.join(f'{k} from severity {s}' for k, s in first.items())}.")
    if none:
        told.append(f"No clear loss: {', '.join(none)}.")
    return " ".join(told)


# --- curves and table -----------------------------------------------------------------------------


def _protocol(told: Sequence[Point], one: Mapping[str, Any]) -> str:
    if not told:
        return ""
    metric = one["metric"]
    note = (
        f"Change of {metric} to the plain pictures in points, over the items scored in both: mean and 95 % "
        "bootstrap interval over items. The intervals are not corrected for the number of points."
    )
    kinds = dict.fromkeys(point.kind for point in told)
    curves = "".join(
        _curve(kind, [p for p in told if p.kind == kind], _range(told)) for kind in kinds
    )
    return (
        f'<h4>Curves</h4><div class="curves">{curves}</div><p class="note">{plain(note)}</p>'
        f"<h4>Numbers</h4>{_table(told, one)}"
    )


def _range(told: Sequence[Point]) -> tuple[float, float]:
    """Of the value axis, the same for all curves: what there is, and 0."""
    ends = [v for p in told for v in (p.change.low, p.change.high, p.change.difference)]
    known = [value for value in ends if not math.isnan(value)]
    low, high = min([0.0, *known]), max([0.0, *known])
    room = 0.08 * (high - low) or 0.01
    return low - room, high + room


def _curve(kind: str, curve: Sequence[Point], span: tuple[float, float]) -> str:
    """The change over severity as inline SVG; severity 0 is the plain pictures."""
    low, high = span

    def x(severity: float) -> float:
        return 34 + 34 * severity

    def y(value: float) -> float:
        return 8 + 96 * (high - value) / (high - low)

    known = [p for p in curve if not math.isnan(p.change.difference)]
    line = " ".join(
        f"{x(s):.1f},{y(v):.1f}"
        for s, v in [(0, 0.0), *((p.severity, p.change.difference) for p in known)]
    )
    marks = "".join(_mark(p, x(p.severity), y) for p in known)
    lowest = min((p.change.difference for p in known), default=0.0)
    told = (0.0, lowest) if abs(y(lowest) - y(0)) > 10 else (0.0,)  # one must not hide the other
    ticks = "".join(
        f'<text x="28" y="{y(v) + 3.5:.1f}" text-anchor="end">{points(v, sign=True)}</text>'
        for v in told
    )
    steps = "".join(
        f'<text x="{x(s):.1f}" y="120" text-anchor="middle">{s}</text>' for s in (0, *(p.severity for p in curve))
    )  # fmt: skip
    said = ", ".join(
        f"severity {p.severity} {points(p.change.difference, sign=True)}" for p in known
    )
    return (
        f'<figure><figcaption>{plain(kind)}</figcaption><svg viewBox="0 0 216 124" role="img" '
        f'aria-label="{plain(f"{kind}: {said}")}"><line class="axis" x1="34" y1="{y(0):.1f}" x2="210" '
        f'y2="{y(0):.1f}"/>{ticks}{steps}<polyline points="{line}"/>{marks}</svg></figure>'
    )


def _mark(point: Point, x: float, y: Any) -> str:
    pair = point.change
    kind = "" if not pair.is_clear else "worse" if pair.difference < 0 else "clear"
    whisker = ""
    if not math.isnan(pair.low):
        whisker = (
            f'<line class="range {kind}" x1="{x:.1f}" y1="{y(pair.low):.1f}" x2="{x:.1f}" y2="{y(pair.high):.1f}"/>'
        )  # fmt: skip
    return f'{whisker}<circle class="{kind}" cx="{x:.1f}" cy="{y(pair.difference):.1f}" r="3.5"/>'


def _table(told: Sequence[Point], one: Mapping[str, Any]) -> str:
    known = [abs(v) for p in told for v in (p.change.low, p.change.high) if not math.isnan(v)]
    widest = max(known, default=0.0)
    before = _float(one["plain"].get(one["metric"], {}).get("all"))
    rows = f'<tr><th>plain</th><td data-of="of all">{points(before)}</td><td></td><td></td><td></td></tr>'
    for point in told:
        pair = point.change
        interval = f"{points(pair.low, sign=True)} to {points(pair.high, sign=True)}"
        rows += (
            f"<tr><th>{plain(f'{point.kind} {point.severity}')}<small>{plain(point.strength)}</small></th>"
            f'<td data-of="of all">{points(point.all)}</td>'
            f'<td data-of="change"><b>{points(pair.difference, sign=True)}</b></td>'
            f'<td class="range">{forest(pair, widest)}<small>{interval}</small></td>'
            f'<td data-of="items">{pair.n:,}</td></tr>'
        )
    heads = f"<th>pictures</th><th>{plain(one['metric'])} of all</th><th>change</th><th>95 % interval</th><th>items</th>"
    return f'<div class="wide"><table class="pairs"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


# --- what it saw ----------------------------------------------------------------------------------


def _samples(
    place: Path, run: Run, found: Mapping[str, Any], protocol: str, told: Sequence[Point]
) -> str:
    """The samples that lose most, with the pictures that the model saw and what it drew."""
    metric = found["protocols"][protocol]["metric"]
    before = run.values(run.protocol(protocol), metric)
    others = {}
    for point in told:
        folder = place / found["runs"][f"{point.kind}:{point.severity}"]
        other = read_run(folder)
        others[point] = (folder, other.values(other.protocol(protocol), metric))
    changes = {
        key: _mean_change(key, before, [rows for _, rows in others.values()]) for key in before
    }
    seen = (
        key
        for key in sorted(before, key=lambda key: changes[key])
        if input_picture(place / _PLAIN, key)
    )
    chosen = [key for key, _ in zip(seen, range(N_SAMPLES), strict=False)]
    if not chosen or not others:
        return (
            '<p class="note">No pictures were kept in these runs (--no-pictures).</p>'
            if others
            else ""
        )
    note = (
        "The samples whose values fall most, on average over all disturbances: not a fair choice, but where it "
        "hurts. Above what the model saw, below what its answer drew, where it drew anything; with the value "
        f"of {metric} and its change."
    )
    draws = is_reference(run) or any(drawn_picture(place / _PLAIN, key) for key in chosen)
    cards = "".join(_card(place, key, before, others, draws=draws) for key in chosen)
    return f'<p class="note">{plain(note)}</p>{cards}'


def _mean_change(
    key: str, before: Mapping[str, float | None], others: Sequence[Mapping[str, float | None]]
) -> float:
    """Over the disturbances under which the item is scored; 0 where there is none."""
    start = _float(before[key])
    changes = [_float(rows.get(key)) - start for rows in others]
    known = [change for change in changes if not math.isnan(change)]
    return math.fsum(known) / len(known) if known else 0.0


def _card(
    place: Path,
    key: str,
    before: Mapping[str, float | None],
    others: Mapping[Point, tuple[Path, Mapping[str, float | None]]],
    *,
    draws: bool,
) -> str:
    start = _float(before[key])
    by_kind: dict[str, list[str]] = {}
    for point, (folder, rows) in others.items():
        now = _float(rows.get(key))
        told = f"{point.severity}: {points(now)} ({points(now - start, sign=True)})"
        mood = "bad" if now < start - 1e-9 else ""
        by_kind.setdefault(point.kind, []).append(_figure(folder, key, told, mood, draws=draws))
    blocks = "".join(
        f'<div><h4>{plain(kind)}</h4><div class="levels">{"".join(figures)}</div></div>'
        for kind, figures in by_kind.items()
    )
    first = _figure(place / _PLAIN, key, f"plain: {points(start)}", "", draws=draws)
    return (
        f"<article><header><h3>{plain(key)}</h3></header>"
        f'<div class="kinds"><div><h4>plain</h4><div class="levels">{first}</div></div>{blocks}</div></article>'
    )


def _figure(folder: Path, key: str, told: str, mood: str, *, draws: bool) -> str:
    images = "".join(_images(folder, key, draws=draws))
    return f'<figure>{images}<figcaption class="{mood}">{plain(told)}</figcaption></figure>'


def _images(folder: Path, key: str, *, draws: bool) -> Iterator[str]:
    for data, label in (
        (input_picture(folder, key), "what the model saw"),
        (drawn_picture(folder, key) if draws else None, "what its answer drew"),
    ):
        address = small(data, _WIDTH_PX) if data is not None else ""
        if address:
            yield f'<img src="{address}" alt="{label}" tabindex="0">'
        elif draws and label.endswith("drew"):
            yield '<div class="empty">nothing drawn</div>'


_STYLE = """
.curves { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); }
.curves figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .5rem .6rem .2rem; }
.curves figcaption { color: var(--ink); font-size: .88rem; font-weight: 600; } .curves svg { display: block; width: 100%; }
.curves text { fill: var(--soft); font-size: 9px; } .curves .axis { stroke: var(--soon); stroke-dasharray: 3 3; }
.curves polyline { fill: none; stroke: var(--mark); stroke-width: 1.6; } .curves circle { fill: var(--mark); }
.curves .range { stroke: var(--mark); stroke-width: 2; } .curves line.worse { stroke: var(--warn); }
.curves circle.worse { fill: var(--warn); } .curves line.clear { stroke: var(--good); } .curves circle.clear { fill: var(--good); }
main article { content-visibility: visible; margin: 0 0 1rem; }
.kinds { display: grid; gap: .8rem 1.4rem; grid-template-columns: repeat(auto-fill, minmax(min(25rem, 100%), 1fr)); margin-top: .5rem; }
.levels { display: grid; gap: .5rem; grid-template-columns: repeat(3, minmax(0, 1fr)); margin-top: .2rem; }
.levels figure { min-width: 0; } .levels img + img, .levels img + .empty { margin-top: .3rem; }
.levels .empty { height: 4rem; } figcaption.bad { color: var(--warn); }
"""
