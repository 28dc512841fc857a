"""Reports and comparisons as Markdown, LaTeX and JSON.

in:  systems, comparisons
out: text
not covered: pages (page.py, compare_page.py), the terminal (cli/report.py)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from viscodex import __version__
from viscodex.report import outcomes
from viscodex.report.compare import Comparison, p_text, points, reasons, verdict
from viscodex.report.page import (
    against_first,
    by_task,
    cell_notes,
    flat_settings,
    group_rows,
    headline,
    protocols_of,
    table_note,
)
from viscodex.report.run import System
from viscodex.report.table import TITLES, Cell, Table, lead_metric, make_table

# --- Markdown -------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """One line of text for a Markdown table: nothing of it is markup."""
    line = " ".join(text.split())
    for sign in "\\`*_[]<>|#":
        line = line.replace(sign, f"\\{sign}")
    return line


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown_table(table: Table) -> str:
    """The paper's table; percent with interval."""
    average = "average" if table.is_whole else f"average of {len(table.averaged)}"
    heads = [*(column.title for column in table.columns), *([average] * table.has_average)]
    lines = [_row(["percent", *heads]), "|---|" + "---:|" * len(heads)]
    for line in table.lines:
        cells = [_markdown_cell(line.cells.get(column.key)) for column in table.columns]
        mean = points(line.average)
        if not math.isnan(line.average_low):
            mean += f" ({points(line.average_low)} to {points(line.average_high)})"
        lines.append(_row([f"**{_plain(line.name)}**", *cells, *([mean] * table.has_average)]))
    for row in table.published:
        cells = [f"{row.values[c.key]:.1f}" if c.key in row.values else "" for c in table.columns]
        mean = "" if math.isnan(row.average) else f"{row.average:.1f}"
        lines.append(_row([f"{row.name}, published", *cells, *([mean] * table.has_average)]))
    return "\n".join(lines)


def _markdown_cell(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    notes = cell_notes(cell)
    return points(cell.all) + (f" ({'; '.join(notes)})" if notes else "")


def report_markdown(systems: Sequence[System], command: str = "") -> str:
    """All that a reader needs to believe and to repeat the numbers.

    Args:
        command: that made it; stands at the top.
    """
    parts = ["# Results"]
    if command:
        parts.append(f"Made by `{command.replace('`', '')}`.")
    rows, refused = against_first(systems)
    if rows or refused:
        told = [headline(one) for one in rows]
        parts += [
            "## Which is better",
            "\n".join(f"- {_plain(text)}" for text in (*told, *refused)),
        ]
    for protocol in protocols_of(systems):
        table = make_table(systems, protocol)
        parts += [
            f"## Protocol {protocol}",
            markdown_table(table),
            table_note(table, "In brackets"),
        ]
    parts += ["## What became of the answers", *_outcomes(systems), *_code(systems)]
    groups = list(_groups(systems))
    parts += ["## By group", *groups] if groups else []
    parts += ["## To repeat it", *_settings(systems)]
    return "\n\n".join(parts) + "\n"


def _outcomes(systems: Sequence[System]) -> Iterable[str]:
    yield outcomes.ADDING
    shown: list[str] = []
    for task, runs in by_task(systems).items():
        for what, rows in outcomes.tables(runs):
            yield _counts(f"{TITLES.get(task, task)}, {what}", rows)
            shown += outcomes.columns(rows)
        for run in runs:
            for told in outcomes.unscored(run):
                yield f"- {_plain(f'{run.name}: {told}')}"
    if more := outcomes.meaning(shown):
        yield _plain(more)


def _counts(title: str, rows: Sequence[outcomes.Row]) -> str:
    names = outcomes.columns(rows)
    lines = [_row([title, "protocol", *map(_plain, names)]), "|---|---|" + "---:|" * len(names)]
    for row in rows:
        numbers = (str(row.counts.get(name, 0)) for name in names)
        lines.append(_row([_plain(row.name), ", ".join(row.protocols), *numbers]))
    return "\n".join(lines)


def _code(systems: Sequence[System]) -> Iterable[str]:
    """Bits per byte of code of the systems that say it."""
    fits = outcomes.code_fits(run for system in systems for run in system.runs.values())
    if fits:
        heads = [
            _row(["code by itself", "bits per byte", "perplexity per token", "texts"]),
            "|---|---:|---:|---:|",
        ]
        yield "\n".join([*heads, *map(_code_row, fits)])
        yield outcomes.CODE_NOTE


def _code_row(one: outcomes.CodeFit) -> str:
    if one.bits_per_byte is None or one.perplexity is None:
        return _row([_plain(one.name), _plain(one.why), "", ""])
    figures = [f"{one.bits_per_byte:.3f}", f"{one.perplexity:,.1f}", f"{one.n_texts:,}"]
    return _row([_plain(one.name), *figures])


def _groups(systems: Sequence[System]) -> Iterable[str]:
    for task, runs in by_task(systems).items():
        metric = lead_metric(runs[0])
        for (kind, protocol), rows in group_rows(runs, metric).items():
            yield "\n".join(
                [
                    _row([f"{TITLES.get(task, task)}, {metric} by {kind}, protocol {protocol}", "items", *(_plain(r.name) for r in runs)]),
                    "|---|" + "---:|" * (len(runs) + 1),
                    *(
                        _row([_plain(name), str(n), *(points(value) for value in values)])
                        for name, (n, values) in rows.items()
                    ),
                ]
            )  # fmt: skip


def _settings(systems: Sequence[System]) -> Iterable[str]:
    """Facts that all share once, then what differs."""
    for task in dict.fromkeys(task for system in systems for task in system.runs):
        runs = {s.name: flat_settings(s.runs[task].settings) for s in systems if task in s.runs}
        keys = dict.fromkeys(key for facts in runs.values() for key in facts)
        shared = [k for k in keys if len({facts.get(k) for facts in runs.values()}) == 1]
        lines = [f"**{TITLES.get(task, task)}**: " + _told(next(iter(runs.values())), shared)]
        for name, facts in runs.items():
            own = [key for key in keys if key not in shared and key in facts]
            if own:
                lines.append(f"- {_plain(name)}: {_told(facts, own)}")
        yield "\n".join(lines)


def _told(facts: dict[str, str], keys: Iterable[str]) -> str:
    return ", ".join(f"{_plain(key)} {_plain(facts[key])}" for key in keys)


def comparison_markdown(one: Comparison) -> str:
    """A comparison: verdict, metrics, causes, cautions."""
    lines = [
        f"## {TITLES.get(one.task, one.task)}, protocol {one.protocol}",
        "",
        f"**{_plain(verdict(one))}.**",
        "",
        _row(["metric", "items", _plain(one.a), _plain(one.b), "difference", "95 % interval", "p", "p (Holm)", "better / equal / worse"]),
        "|---|" + "---:|" * 8,
    ]  # fmt: skip
    for name, pair in one.metrics.items():
        interval = f"{points(pair.low, sign=True)} to {points(pair.high, sign=True)}"
        lines.append(
            _row([_plain(name), str(pair.n), points(pair.a), points(pair.b), points(pair.difference, sign=True),
                  interval, p_text(pair.p), p_text(one.adjusted[name]), f"{pair.wins} / {pair.ties} / {pair.losses}"])
        )  # fmt: skip
    lines += ["", *(f"- {_plain(text)}" for text in reasons(one))]
    lines += [f"- {_plain(one.code)}"] if one.code else []
    lines += ["", *(f"Caution: {_plain(text)}" for text in one.cautions)]
    return "\n".join(lines).rstrip() + "\n"


# --- LaTeX ----------------------------------------------------------------------------------------

_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "\u2212": "$-$",
}  # fmt: skip


def tex(text: str) -> str:
    """Text in which nothing is a command."""
    return "".join(_TEX.get(sign, sign if sign.isprintable() else " ") for sign in text)


def report_latex(systems: Sequence[System]) -> str:
    """A booktabs table for each protocol; needs \\usepackage{booktabs}."""
    return "\n".join(_latex_table(make_table(systems, p)) for p in protocols_of(systems))


def _latex_table(table: Table) -> str:
    average = "avg" if table.is_whole else f"avg of {len(table.averaged)}"
    titles = [*(tex(c.title) for c in table.columns), *([average] * table.has_average)]
    heads = " & ".join(["", *titles])
    lines = [
        f"% viscodex {__version__}, protocol {table.protocol}; percent of all items with 95 % intervals",
        rf"\begin{{tabular}}{{l{'r' * len(titles)}}}",
        r"\toprule",
        rf"{heads} \\",
        r"\midrule",
    ]
    for line in table.lines:
        cells = [tex(line.name)]
        for column in table.columns:
            cell = line.cells.get(column.key)
            cells.append(
                "--" if cell is None else _latex_cell(cell, line.name in table.best(column.key))
            )
        if table.has_average:
            low, high = line.average_low, line.average_high
            cells.append(_latex_interval(points(line.average), low, high))
        lines.append(" & ".join(cells) + r" \\")
    if table.published:
        lines.append(r"\midrule")
    for row in table.published:
        cells = [f"{tex(row.name)} (published)"]
        cells += [f"{row.values[c.key]:.1f}" if c.key in row.values else "" for c in table.columns]
        if table.has_average:
            cells.append("" if math.isnan(row.average) else f"{row.average:.1f}")
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join(
        [*lines, r"\bottomrule", r"\end{tabular}", f"% {table_note(table, 'In brackets')}", ""]
    )


def _latex_cell(cell: Cell, is_best: bool) -> str:
    number = rf"\textbf{{{points(cell.all)}}}" if is_best else points(cell.all)
    scored = f"{points(cell.scored)} of {cell.n_scored} scored" if cell.n_scored != cell.n else ""
    return _latex_interval(number, cell.low, cell.high, scored)


def _latex_interval(number: str, low: float, high: float, scored: str = "") -> str:
    if number == "-":
        return "--"
    notes = [] if math.isnan(low) else [f"{points(low)}, {points(high)}"]
    notes += [scored] if scored else []
    return rf"{number} {{\scriptsize [{tex('; '.join(notes))}]}}" if notes else number


# --- JSON -----------------------------------------------------------------------------------------


def report_data(systems: Sequence[System]) -> dict[str, Any]:
    """The report as JSON data; NaN is null."""
    tables = [make_table(systems, protocol) for protocol in protocols_of(systems)]
    runs = {
        system.name: {
            task: {
                "place": str(run.place),
                "reports": {
                    protocol: {
                        "n": report.n,
                        "n_answered": report.n_answered,
                        "metrics": {name: asdict(mean) for name, mean in report.metrics.items()},
                        "problems": report.problems,
                        "statuses": report.statuses,
                        "unscored": report.unscored,
                        "totals": report.totals,
                    }
                    for protocol, report in run.reports.items()
                },
                "settings": run.settings,
            }
            for task, run in system.runs.items()
        }
        for system in systems
    }
    whole = {"viscodex": __version__, "tables": [_table_data(t) for t in tables], "systems": runs}
    return _finite(whole)  # type: ignore[no-any-return]


def _table_data(table: Table) -> dict[str, Any]:
    return {
        "protocol": table.protocol,
        "columns": [column.key for column in table.columns],
        "averaged": list(table.averaged),
        "rows": [asdict(line) for line in table.lines],
        "published": [asdict(row) for row in table.published],
        "source": table.source,
    }


def comparison_data(one: Comparison, n_changes: int = 100) -> dict[str, Any]:
    """A comparison as JSON data, with the items that changed most."""
    changed = [c for c in one.changes if abs(c.difference) > 1e-9]
    data = {
        **{key: value for key, value in asdict(one).items() if key != "changes"},
        "verdict": verdict(one),
        "reasons": reasons(one),
        "n_changed": len(changed),
        "changes": [{**asdict(c), "difference": c.difference} for c in changed[:n_changes]],
    }
    return _finite(data)  # type: ignore[no-any-return]


def _finite(value: Any) -> Any:
    """NaN and infinity as null, so that any reader of JSON takes it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def as_json(data: Any) -> str:
    """JSON text."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
