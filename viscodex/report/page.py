"""The page of a report: which system is better, by how much, and the samples behind it.

in:  systems
out: one self-contained HTML page: no network, no script but our own, light and dark, narrow and wide
not covered: two systems in detail (compare_page.py), the sample browser (samples.py)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from viscodex.errors import BadInput
from viscodex.report import outcomes
from viscodex.report.compare import Comparison, compare_systems, points, reasons, verdict
from viscodex.report.pictures import Album
from viscodex.report.run import Run, System
from viscodex.report.samples import BROWSER, SCRIPT, STYLE, as_script_data, samples_data
from viscodex.report.statistics import Paired
from viscodex.report.table import TITLES, Cell, Column, Line, Table, lead_metric, make_table
from viscodex.types import Report
from viscodex.web import ZOOM, page_of, plain

PROTOCOLS = {
    "paper": "as the official scorers count",
    "strict": "stricter where the official scorers are blind or broken",
}


def report_page(systems: Sequence[System], title: str = "") -> str:
    """The page of `viscodex report --html`."""
    names = [system.name for system in systems]
    tables = [make_table(systems, protocol) for protocol in protocols_of(systems)]
    title = title or f"Report: {', '.join(names)}"
    body = "".join(
        [
            section("Which is better", _verdicts(systems)) if len(systems) > 1 else "",
            *(_table_section(table) for table in tables),
            section("What became of the answers", _outcomes(systems)),
            section("Code by itself", _code(systems)),
            section("By group", "".join(_groups(systems))),
            browser(systems),
            section("To repeat it", facts(systems)),
        ]
    )
    return page_of(title, _lead(systems), "", body, script=f"{SCRIPT}{ZOOM}", style=STYLE)


def protocols_of(systems: Sequence[System]) -> list[str]:
    """All protocols of all runs, paper first."""
    found = {p for system in systems for run in system.runs.values() for p in run.reports}
    return sorted(found, key=lambda p: (p != "paper", p))


def section(title: str, body: str) -> str:
    """A part of a page under a heading; the body is HTML."""
    return f"<section><h2>{plain(title)}</h2>{body}</section>\n" if body else ""


def _lead(systems: Sequence[System]) -> str:
    runs = [run for system in systems for run in system.runs.values()]
    tasks = dict.fromkeys(TITLES.get(run.task, run.task) for run in runs)
    n = sum(next(iter(run.reports.values())).n for run in systems[0].runs.values())
    return f"{', '.join(tasks)}; {n:,} items a system"


# --- which is better ------------------------------------------------------------------------------


def _verdicts(systems: Sequence[System]) -> str:
    """The first system against each of the others, benchmark by benchmark."""
    rows, refused = against_first(systems)
    cautions = "".join(f'<p class="caution">{plain(text)}</p>' for text in refused)
    told = "".join(verdict_line(one) for one in rows[:6])
    told += "".join(
        f'<p class="caution">{plain(f"{one.a} and {one.b}: {text}")}</p>'
        for one in rows[:6]
        for text in one.cautions
    )
    more = (
        '<p class="note">More than one system or benchmark: each line is a test of its own. '
        "viscodex compare shows two systems in detail.</p>"
        if len(rows) > 1
        else ""
    )
    return f"{told}{cautions}{more}"


def against_first(systems: Sequence[System]) -> tuple[list[Comparison], list[str]]:
    """The first system against each other one, under the first protocol; and what was refused."""
    rows: list[Comparison] = []
    refused = []
    for other in systems[1:]:
        try:
            found = compare_systems(systems[0], other)
        except BadInput as error:
            refused.append(f"{systems[0].name} and {other.name}: {error.what}: {error.where}")
            continue
        main: dict[str, Comparison] = {}
        for one in found:
            main.setdefault(one.task, one)
        rows += main.values()
    return rows, refused


def verdict_line(one: Comparison) -> str:
    """The verdict on a benchmark, coloured where one is better; below it both values and the first reasons."""
    text = headline(one)
    why = f"From {one.a} to {one.b}: {' '.join(reasons(one)[:2])}" if reasons(one) else ""
    below = f'<p class="why">{plain(why)}</p>' if why else ""
    mood = "clear" if one.lead.is_clear else "open"
    return f'<p class="verdict {mood}">{plain(text)}</p>{_duel(one)}{below}'


def headline(one: Comparison) -> str:
    """Which is better on which benchmark, under which protocol."""
    return f"{TITLES.get(one.task, one.task)}: {verdict(one)}, protocol {one.protocol}."


def _duel(one: Comparison) -> str:
    """Both values as bars of 100; the better one coloured where the difference is clear."""
    pair = one.lead
    better = "" if not pair.is_clear else one.b if pair.difference > 0 else one.a
    rows = "".join(
        f'<span>{plain(name)}</span><span class="track"><span class="{"win" if name == better else ""}" '
        f'style="width: {100 * max(0.0, min(1.0, value)):.1f}%"></span></span><b>{points(value)}</b>'
        for name, value in ((one.a, pair.a), (one.b, pair.b))
        if not math.isnan(value)
    )
    return f'<div class="duel">{rows}</div>'


def forest(pair: Paired, widest: float) -> str:
    """A difference with its interval as inline SVG, 0 in the middle."""
    if math.isnan(pair.low):
        return ""

    def x(value: float) -> float:
        return 100 + 95 * max(-1.0, min(1.0, value / (widest or 1.0)))

    kind = ("clear" if pair.difference > 0 else "worse") if pair.is_clear else ""
    return (
        '<svg class="forest" viewBox="0 0 200 16" role="img" '
        f'aria-label="{plain(points(pair.low, sign=True))} to {plain(points(pair.high, sign=True))}">'
        '<line x1="100" y1="0" x2="100" y2="16"/>'
        f'<line class="range {kind}" x1="{x(pair.low):.1f}" y1="8" x2="{x(pair.high):.1f}" y2="8"/>'
        f'<circle class="{kind}" cx="{x(pair.difference):.1f}" cy="8" r="4.5"/></svg>'
    )


# --- the paper's table ----------------------------------------------------------------------------


def _table_section(table: Table) -> str:
    said = PROTOCOLS.get(table.protocol, "")
    title = f"Results, protocol {table.protocol}" + (f": {said}" if said else "")
    return section(title, html_table(table))


def html_table(table: Table) -> str:
    """Systems, then the published rows; percent of all items with 95 % interval."""
    heads = "".join(f"<th>{plain(column.title)}</th>" for column in table.columns)
    average = f"<th>average{'' if table.is_whole else f' of {len(table.averaged)}'}</th>"
    rows = "".join(_row(table, line) for line in table.lines)
    for n, row in enumerate(table.published):
        cells = "".join(
            f"<td>{row.values[c.key]:.1f}</td>" if c.key in row.values else "<td></td>"
            for c in table.columns
        )
        mean = "" if math.isnan(row.average) else f"{row.average:.1f}"
        first = " first" if n == 0 else ""
        last = f"<td>{mean}</td>" if table.has_average else ""
        rows += (
            f'<tr class="published{first}"><th>{plain(row.name)}, published</th>{cells}{last}</tr>'
        )
    return (
        f'<div class="wide"><table class="main"><thead><tr><th>percent</th>{heads}{average if table.has_average else ""}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="note">{plain(table_note(table))}</p>'
    )


def table_note(table: Table, where: str = "Below") -> str:
    """What a reader of a table must know.

    Args:
        where: the interval stands: Below, or In brackets.
    """
    note = (
        f"Of all items; no answer and no score count 0. {where}: 95 % bootstrap interval over items, "
        "and, where it differs, the mean over the scored items alone."
    )
    note += f" Items: {', '.join(_sizes(table))}."
    others = {
        column.title: cell.protocol
        for line in table.lines
        for column in table.columns
        if (cell := line.cells.get(column.key)) and cell.protocol != table.protocol
    }
    if others:
        told = ", ".join(f"{name} ({protocol})" for name, protocol in others.items())
        note += f" Only one protocol exists for {told}."
    if table.published:
        note += f" Published rows are on the whole benchmarks: {table.source}."
    if table.published and table.protocol != "paper":
        note += " They are by the official protocol, the systems above are not."
    if table.has_average and table.published and not table.is_whole:
        note += " Their average here is over the columns that were measured, not the paper's six."
    return note


def _sizes(table: Table) -> Iterator[str]:
    """The items of each column; of each system where they differ."""
    for column in table.columns:
        there = {line.name: cell.n for line in table.lines if (cell := line.cells.get(column.key))}
        if len(set(there.values())) > 1:
            told = ", ".join(f"{n:,} of {name}" for name, n in there.items())
            yield f"{column.title} {told}: means over different items, not to be compared"
        elif there:
            yield f"{column.title} {max(there.values()):,}"


def _row(table: Table, line: Line) -> str:
    cells = "".join(_cell(table, line, column) for column in table.columns)
    if not table.has_average:  # one column is its own average
        return f"<tr><th>{plain(line.name)}</th>{cells}</tr>"
    average = points(line.average)
    if not math.isnan(line.average_low):
        average += _small(f"{points(line.average_low)} to {points(line.average_high)}")
    return f"<tr><th>{plain(line.name)}</th>{cells}<td>{average}</td></tr>"


def _cell(table: Table, line: Line, column: Column) -> str:
    cell = line.cells.get(column.key)
    if cell is None:
        return "<td>-</td>"
    best = ' class="best"' if len(table.lines) > 1 and line.name in table.best(column.key) else ""
    return f"<td{best}>{points(cell.all)}{''.join(map(_small, cell_notes(cell)))}</td>"


def cell_notes(cell: Cell) -> list[str]:
    """What stands under a number: its interval, and the other denominator."""
    notes = []
    if not math.isnan(cell.low):
        notes.append(f"{points(cell.low)} to {points(cell.high)}")
    if cell.n_scored != cell.n:
        notes.append(f"{points(cell.scored)} of {cell.n_scored} scored")
    return notes


def _small(text: str) -> str:
    return f"<small>{plain(text)}</small>"


# --- outcomes, groups, facts ----------------------------------------------------------------------


def by_task(systems: Sequence[System]) -> dict[str, list[Run]]:
    """Benchmark -> the runs of it, in the systems' order."""
    tasks = dict.fromkeys(task for system in systems for task in system.runs)
    return {task: [s.runs[task] for s in systems if task in s.runs] for task in tasks}


def _outcomes(systems: Sequence[System]) -> str:
    """Of each benchmark the executions, then the notes on answers, which are something else."""
    parts = [f'<p class="note">{outcomes.ADDING}</p>']
    shown: list[str] = []
    for task, runs in by_task(systems).items():
        for what, rows in outcomes.tables(runs):
            parts.append(f"<h4>{plain(TITLES.get(task, task))}, {what}</h4>{_counts(rows)}")
            shown += outcomes.columns(rows)
        parts += [
            f'<p class="caution">{plain(f"{run.name}: {text}")}</p>'
            for run in runs
            for text in outcomes.unscored(run)
        ]
    return f'{"".join(parts)}<p class="note">{plain(outcomes.meaning(shown))}</p>'


def _counts(rows: Sequence[outcomes.Row]) -> str:
    names = outcomes.columns(rows)
    heads = "".join(f"<th>{plain(name)}</th>" for name in names)
    lines = "".join(
        f"<tr><th>{plain(row.name)}{_small(', '.join(row.protocols))}</th>"
        + "".join(f"<td>{row.counts.get(name) or ''}</td>" for name in names)
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr><th>system{_small("protocol")}</th>{heads}'
        f"</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _code(systems: Sequence[System]) -> str:
    """Bits per byte of code of the systems that say it."""
    fits = outcomes.code_fits(run for system in systems for run in system.runs.values())
    rows = "".join(
        f"<tr><th>{plain(one.name)}</th>"
        + (
            f'<td colspan="3">{plain(one.why)}</td></tr>'
            if one.bits_per_byte is None or one.perplexity is None
            else f"<td>{one.bits_per_byte:.3f}</td><td>{one.perplexity:,.1f}</td><td>{one.n_texts:,}</td></tr>"
        )
        for one in fits
    )
    heads = "<th>bits per byte</th><th>perplexity per token</th><th>texts</th>"
    return (
        f'<div class="wide"><table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="note">{outcomes.CODE_NOTE}</p>'
        if fits
        else ""
    )


def _groups(systems: Sequence[System]) -> Iterator[str]:
    """A folded table for each kind of group and protocol; the first protocol's are open."""
    for task, runs in by_task(systems).items():
        metric = lead_metric(runs[0])
        for (kind, protocol), rows in group_rows(runs, metric).items():
            heads = "".join(f"<th>{plain(run.name)}</th>" for run in runs)
            lines = "".join(
                f"<tr><th>{plain(group)}</th><td>{n}</td>"
                + "".join(f"<td>{points(value)}</td>" for value in values)
                + "</tr>"
                for group, (n, values) in rows.items()
            )
            title = f"{TITLES.get(task, task)} by {kind}: {metric}, protocol {protocol}, {len(rows)} groups"
            is_open = len(rows) <= 12 and protocol == next(iter(runs[0].reports))
            yield (
                f"<details{' open' if is_open else ''}><summary>{plain(title)}</summary>"
                f'<div class="wide"><table><thead><tr><th>{plain(kind)}</th><th>items</th>{heads}'
                f"</tr></thead><tbody>{lines}</tbody></table></div></details>"
            )


Groups = dict[str, tuple[int, list[float]]]
"""Group -> (items, value of each run over all of them)."""


def group_rows(runs: Sequence[Run], metric: str) -> dict[tuple[str, str], Groups]:
    """(kind, protocol) -> groups; kinds of one group left out; NaN where a run lacks the protocol."""
    sizes: dict[str, dict[str, int]] = {}
    for item in runs[0].items:
        for kind, names in item.groups.items():
            for name in dict.fromkeys(names):
                sizes.setdefault(kind, {}).setdefault(name, 0)
                sizes[kind][name] += 1
    found: dict[tuple[str, str], Groups] = {}
    for protocol, first in runs[0].reports.items():
        reports = [run.reports.get(protocol) for run in runs]
        for kind, groups in first.groups.items():
            if len(groups) < 2:
                continue
            found[kind, protocol] = {
                name: (
                    sizes.get(kind, {}).get(name, 0),
                    [_of_group(report, kind, name, metric) for report in reports],
                )
                for name in groups
            }
    return found


def _of_group(report: Report | None, kind: str, name: str, metric: str) -> float:
    means = report.groups.get(kind, {}).get(name, {}) if report else {}
    mean = means.get(metric)
    return math.nan if mean is None or not mean.n_scored else float(mean.all)


def facts(systems: Sequence[System]) -> str:
    """All settings of all runs, folded."""
    parts = []
    for system in systems:
        for task, run in system.runs.items():
            rows = "".join(
                f"<dt>{plain(key)}</dt><dd>{plain(value)}</dd>"
                for key, value in flat_settings(run.settings).items()
            )
            title = f"{system.name}, {TITLES.get(task, task)}"
            parts.append(
                f'<details><summary>{plain(title)}</summary><dl class="facts">{rows}</dl></details>'
            )
    return "".join(parts)


def flat_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as text, one level of names flattened: render.browser; empty ones left out."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            flat[key] = value
    return {key: _text(value) for key, value in flat.items() if value not in (None, "", [], {})}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 400 else f"{text[:400]} ..."


# --- samples --------------------------------------------------------------------------------------


def browser(systems: Sequence[System], protocol: str = "paper") -> str:
    """The sample browser with its data; a note where pictures had to be left out."""
    found = by_task(systems)
    n = sum(len(runs[0].items) * (1 + len(runs)) for runs in found.values())
    album = Album(n)
    tasks = [samples_data(runs, protocol, album) for runs in found.values()]
    note = ""
    if album.left_out:
        note = (
            f'<p class="note">{album.left_out:,} pictures are left out to keep this page small; those of '
            "the samples on which systems differ most, and of failures, come first.</p>"
        )
    if any(task["reference"] for task in tasks):
        note += (
            '<p class="note">Difference maps lay both pictures over each other at one width; a shorter one is '
            "continued in white. White is equal, colour differs.</p>"
        )
    shown = BROWSER.replace('<div id="cards">', f'{note}<div id="cards">')
    return f"{shown}{as_script_data('album', album.addresses)}{as_script_data('tasks', tasks)}"
