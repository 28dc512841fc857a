"""Plots and pages for people.

in:  finished numbers
out: self-contained HTML: inline SVG, no script, no network; light and dark, narrow and wide
not covered: how the numbers came about
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from viscodex.merge.card import relative, shown
from viscodex.merge.geometry import by_module, combined
from viscodex.types import TensorGeometry

PALETTE = ("#3b76d6", "#d9722e", "#3a9d6e", "#a45cc4", "#b8952b", "#5b6b7d")

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5c6675; --line: #d9dee6; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9aa5b4; --line: #343c49; --page: #14181f; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
p, figcaption { color: var(--soft); max-width: 48rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; }
th, td { padding: .2rem .55rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; white-space: nowrap; position: sticky; left: 0;
  background: var(--page); }
.heat td { padding: 0; min-width: 1.6rem; height: 1.5rem; border: 1px solid var(--page); }
.heat td:first-child { padding-right: .6rem; }
.heat th { font-weight: normal; color: var(--soft); text-align: center; padding: .1rem; }
figure { margin: 0; } svg { max-width: 100%; height: auto; color: var(--ink); fill: currentColor; }
.grid { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
</style></head><body>
<h1>{{ title }}</h1>
{% if findings %}
<h2>In short</h2><ul>{% for finding in findings %}<li>{{ finding }}</li>{% endfor %}</ul>
<h2>Layer by layer</h2>
<p>A task vector is tau = model - base. Its norm says how far a model moved, the cosine whether two
models moved the same way (0: independent, the merge adds without loss; below 0: they undo one another),
the sign conflict which share of the weights they push in opposite directions (0.5: by chance).</p>
<div class="grid">{% for figure in figures %}<figure>{{ figure | safe }}</figure>{% endfor %}</div>
{% for heat in heats %}
<h2>{{ heat.title }}</h2>
<div class="wide"><table class="heat"><tr><th></th>{% for layer in heat.layers %}<th>{{ layer }}</th>{% endfor %}</tr>
{% for module, cells in heat.rows %}<tr><td>{{ module }}</td>{% for cell in cells %}<td title="{{ module }}, layer {{ cell.layer }}: {{ cell.text }}"{% if cell.share is not none %}
 style="background: color-mix(in srgb, {{ cell.colour }} {{ cell.share }}%, var(--page))"{% endif %}></td>{% endfor %}</tr>
{% endfor %}</table></div>
<p>From {{ heat.low }} (pale) to {{ heat.high }} (full){{ heat.note }}. Point at a cell for its number.</p>
{% endfor %}
<h2>Numbers by module</h2>
<div class="wide"><table><tr><th>module</th>{% for name in columns %}<th>{{ name }}</th>{% endfor %}</tr>
{% for module, cells in table %}<tr><td>{{ module }}</td>{% for cell in cells %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table></div>
<p>{{ measured }}</p>
{% endif %}
{% for summary in summaries %}
<h2>{{ summary.label }}: {{ summary.path }}</h2>
<p>{{ summary.model_type }}{% for key, value in summary.sizes.items() %}, {{ key }} {{ value }}{% endfor %}; {{ summary.vocabulary }}</p>
<div class="wide"><table><tr><th>part</th><th>tensors</th><th>parameters</th><th>MB</th><th>dtypes</th></tr>
{% for part, row in summary.parts.items() %}<tr><td>{{ part }}</td><td>{{ row.tensors }}</td>
<td>{{ "{:,}".format(row.parameters) }}</td><td>{{ "{:,.1f}".format(row.bytes / 1e6) }}</td><td>{{ row.dtypes | join(", ") }}</td></tr>
{% endfor %}</table></div>
{% endfor %}
</body></html>
"""


def geometry_page(summaries: Sequence[Mapping[str, Any]], rows: Sequence[TensorGeometry]) -> str:
    """The page of `viscodex inspect --html`: parts of each model, geometry of the task vectors."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    names = " · ".join(str(summary["label"]) for summary in summaries)
    context: dict[str, Any] = {
        "title": f"Checkpoints: {names}",
        "summaries": summaries,
        "findings": [],
    }
    if rows:
        context |= _geometry_context(rows)
    return environment.from_string(PAGE).render(context)


def _geometry_context(rows: Sequence[TensorGeometry]) -> dict[str, Any]:
    modules = by_module(rows)
    inner = {module: layers for module, layers in modules.items() if None not in layers}
    labels, pairs = list(rows[0].norms), list(rows[0].cosines)
    heats = [
        _heat(f"|tau {label}| / |base|", inner, lambda row, label=label: relative(row, label), i)
        for i, label in enumerate(labels)
    ]
    for pair in pairs:
        heats.append(
            _heat(f"cosine of {pair}", inner, lambda row, pair=pair: row.cosines[pair], 3, True)
        )
        heats.append(
            _heat(
                f"sign conflict of {pair}",
                inner,
                lambda row, pair=pair: row.sign_conflicts[pair],
                4,
            )
        )
    columns = [f"|tau {label}| / |base|" for label in labels]
    columns += [name for pair in pairs for name in (f"cos {pair}", f"sign conflict {pair}")]
    table = []
    for module, layers in modules.items():
        row = combined(list(layers.values()))
        cells = [shown(relative(row, label)) for label in labels]
        for pair in pairs:
            cells += [shown(row.cosines[pair]), shown(row.sign_conflicts[pair])]
        table.append((module, cells))
    n, measured = sum(row.n_elements for row in rows), sum(row.n_measured for row in rows)
    return {
        "findings": _findings(rows, labels, pairs),
        "figures": _figures(rows, labels, pairs),
        "heats": heats,
        "columns": columns,
        "table": table,
        "measured": f"{measured:,} of {n:,} elements measured.",
    }


def _matrices(rows: Sequence[TensorGeometry]) -> list[TensorGeometry]:
    """The rows that weigh: norm vectors and biases left out."""
    return [
        row for row in rows if "norm" not in row.module and not row.name.endswith(".bias")
    ] or list(rows)


def _findings(
    rows: Sequence[TensorGeometry], labels: Sequence[str], pairs: Sequence[str]
) -> list[str]:
    """What a reader would look for first, in sentences."""
    whole = combined(_matrices(rows))
    moved = ", ".join(f"{label} {shown(relative(whole, label))}" for label in labels)
    sentences = [f"Distance moved from the base, relative to its norm: {moved}."]
    for pair in pairs:
        cosine, conflict = whole.cosines[pair], whole.sign_conflicts[pair]
        if cosine is None:
            sentences.append(f"{pair}: one of the two did not move.")
            continue
        word = (
            "independent" if abs(cosine) < 0.1 else "partly the same" if cosine > 0 else "opposed"
        )
        sentences.append(
            f"{pair}: {word} (cosine {cosine:.3f}); {100 * conflict:.1f} % of the weights "
            "are pushed in opposite directions."
        )
    layered = [row for row in _matrices(rows) if row.layer is not None]
    for label in labels:
        if layered:
            most = max(layered, key=lambda row: relative(row, label) or 0.0)
            sentences.append(
                f"{label} moved most in layer {most.layer}, {most.module} ({shown(relative(most, label))})."
            )
    return sentences


def _heat(
    title: str, modules: Mapping[str, Any], value: Any, colour: int, signed: bool = False
) -> dict[str, Any]:
    """A table of coloured cells: modules down, layers across."""
    layers = sorted({layer for row in modules.values() for layer in row})
    values = {
        m: [value(row[i]) if i in row else None for i in layers] for m, row in modules.items()
    }
    known = [abs(v) if signed else v for row in values.values() for v in row if v is not None]
    low, high = (0.0 if signed else min(known, default=0.0)), max(known, default=0.0)
    table = []
    for module, row in values.items():
        cells = []
        for layer, v in zip(layers, row, strict=True):
            size = None if v is None else (abs(v) if signed else v)
            share = None if size is None else round(8 + 92 * (size - low) / (high - low or 1.0))
            tint = PALETTE[1] if signed and v is not None and v < 0 else PALETTE[colour]
            cells.append({"layer": layer, "text": shown(v), "share": share, "colour": tint})
        table.append((module, cells))
    note = "; orange is negative" if signed else ""
    return {
        "title": title,
        "layers": layers,
        "rows": table,
        "low": shown(low),
        "high": shown(high),
        "note": note,
    }


def _figures(
    rows: Sequence[TensorGeometry], labels: Sequence[str], pairs: Sequence[str]
) -> list[str]:
    by_layer: dict[int, list[TensorGeometry]] = {}
    for row in _matrices(rows):
        if row.layer is not None:
            by_layer.setdefault(row.layer, []).append(row)
    layers = sorted(by_layer)
    if not layers:
        return []
    whole = [combined(by_layer[layer]) for layer in layers]
    figures = [
        line_plot(layers, {f"tau {label}": [relative(row, label) for row in whole] for label in labels},
                  "Distance from the base", "|tau| / |base|", zero=True)
    ]  # fmt: skip
    if pairs:
        figures.append(line_plot(layers, {p: [row.cosines[p] for row in whole] for p in pairs},
                                 "Do they move the same way?", "cosine"))  # fmt: skip
        figures.append(line_plot(layers, {p: [row.sign_conflicts[p] for row in whole] for p in pairs},
                                 "Opposite directions", "share of weights", zero=True))  # fmt: skip
    return figures


def line_plot(
    x: Sequence[float],
    series: Mapping[str, Iterable[float | None]],
    title: str,
    label: str,
    zero: bool = False,
    x_label: str = "layer",
) -> str:
    """One line plot as inline SVG whose text and axes take the page's colour.

    Args:
        x: positions, e.g. layers.
        series: name -> values; None leaves a gap.
        zero: start the value axis at 0.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    for (name, values), colour in zip(
        series.items(), PALETTE * (1 + len(series) // len(PALETTE)), strict=False
    ):
        numbers = [math.nan if value is None else value for value in values]
        axes.plot(x, numbers, color=colour, marker="o", markersize=3, linewidth=1.6, label=name)
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel(x_label)
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if zero:
        axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(alpha=0.25)
    if len(series) > 1:
        axes.legend(frameon=False, fontsize=9)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    svg = re.sub(r"#000000|\bblack\b", "currentColor", text[text.index("<svg") :])
    prefix = re.sub(r"\W+", "-", title)  # ids of several plots on one page must differ
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)


def robustness_plot(result: Mapping[str, Any], protocol: str) -> str:
    """The curves of robustness.json under one protocol, as SVG: the main metric over severity.

    Args:
        result: what evaluate/robustness.py found; severity 0 is the plain pictures.
    """
    found = result["protocols"][protocol]
    metric = found["metric"]
    steps = sorted({point["severity"] for curve in found["curves"].values() for point in curve})
    series = {
        kind: _over(steps, found["plain"], curve, metric) for kind, curve in found["curves"].items()
    }
    title = f"{found['task']}, protocol {protocol}"
    return line_plot(
        [0, *steps], series, title, f"{metric}, of all {found['n']}", x_label="severity"
    )


def _over(
    steps: Sequence[int], plain: Mapping[str, Any], curve: Sequence[Mapping[str, Any]], metric: str
) -> list[float | None]:
    """The metric over severities; None where it was not measured."""
    there = {point["severity"]: point["means"] for point in curve}
    means = [plain, *(there.get(step, {}) for step in steps)]
    return [mean.get(metric, {}).get("all") for mean in means]
