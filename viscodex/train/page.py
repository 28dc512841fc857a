"""The page of a run: curves, and what the model wrote as it learnt.

in:  the rows of metrics.jsonl and samples.jsonl
out: HTML with inline SVG, no script; pictures by links into RUN/samples/
not covered: when it is drawn (watch.py)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

WIDTH, HEIGHT, LEFT, BOTTOM = 460, 220, 58, 24
MAX_POINTS = 400
COLOURS = ("#3b76d6", "#d9722e", "#3a9d6e")

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }}: training</title>
<style>
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5c6675; --line: #d9dee6; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9aa5b4; --line: #343c49; --page: #14181f; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } p { color: var(--soft); }
figure { margin: 0; } .grid { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
svg { max-width: 100%; height: auto; fill: currentColor; font: 11px system-ui, sans-serif; }
.strip { display: flex; gap: .8rem; overflow-x: auto; padding-bottom: .6rem; }
.strip figure { margin: 0; flex: 0 0 15rem; }
.strip img { width: 15rem; height: 11rem; object-fit: contain; background: #fff;
  border: 1px solid var(--line); }
.none { width: 15rem; height: 11rem; border: 1px dashed var(--line); display: grid;
  place-items: center; color: var(--soft); text-align: center; }
figcaption { font-size: .85rem; color: var(--soft); }
pre { font-size: .7rem; max-height: 12rem; overflow: auto; border: 1px solid var(--line); padding: .4rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
</style></head><body>
<h1>{{ name }}</h1>
<p>{{ summary }}</p>
<div class="grid">{% for figure in figures %}<figure>{{ figure | safe }}</figure>{% endfor %}</div>
{% if strips %}<h2>What it writes</h2>
<p>The same few samples, answered greedily as it learns. Left the picture that was asked about, then step by step what the
code in the answer draws.</p>{% endif %}
{% for strip in strips %}
<h2>{{ strip.id }}</h2>
<div class="strip">
<figure>{% if strip.input %}<img src="{{ strip.input }}" alt="input" loading="lazy">
{% else %}<div class="none">no picture</div>{% endif %}<figcaption>input</figcaption></figure>
{% for row in strip.rows %}<figure>
{% if row.output %}<img src="{{ row.output }}" alt="step {{ row.step }}" loading="lazy">
{% else %}<div class="none">{{ row.status or "not run" }}{% if row.reason %}<br>{{ row.reason[:120] }}{% endif %}</div>{% endif %}
<figcaption>step {{ row.step }}{% if row.is_exact %}, word for word{% elif not row.is_finished %}, cut off{% endif %}</figcaption>
<pre>{{ row.text[:4000] }}</pre></figure>{% endfor %}
</div>{% endfor %}
</body></html>
"""


def training_page(
    name: str, rows: Sequence[Mapping[str, Any]], written: Sequence[Mapping[str, Any]], n_steps: int
) -> str:
    """The page as text."""
    steps = [row for row in rows if "loss" in row]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(PAGE).render(
        name=name,
        summary=_summary(steps, rows, n_steps),
        figures=_figures(steps, rows),
        strips=_strips(written),
    )


def _summary(
    steps: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], n_steps: int
) -> str:
    if not steps:
        return "No step yet."
    tokens, answers = (sum(row[key] for row in steps) for key in ("n_tokens", "n_answer_tokens"))
    seconds = sum(row["seconds"] for row in steps)
    padding = sum(row["n_padding"] for row in steps) / max(tokens, 1)
    text = (
        f"Step {steps[-1]['step']:,} of {n_steps:,}, loss {steps[-1]['loss']:.4f}; {tokens:,} tokens, "
        f"{answers:,} of them of answers, in {seconds:,.0f} s; {100 * padding:.1f} % padding."
    )
    found = [row["eval_loss"] for row in rows if "eval_loss" in row]
    return text + (f" Evaluation loss {found[-1]:.4f}, best {min(found):.4f}." if found else "")


def _figures(steps: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not steps:
        return []
    loss = {"training": [(row["step"], row["loss"]) for row in steps]}
    found = [(row["step"], row["eval_loss"]) for row in rows if "eval_loss" in row]
    if found:
        loss["evaluation"] = found
    speed = [(row["step"], row["n_answer_tokens"] / max(row["seconds"], 1e-9)) for row in steps]
    figures = [
        curves("Loss", loss),
        curves("Learning rate", {"lr": [(row["step"], row["lr"]) for row in steps]}),
        curves(
            "Norm of the gradient", {"norm": [(row["step"], row["grad_norm"]) for row in steps]}
        ),
        curves("Answer tokens a second", {"speed": speed}),
    ]
    shares = {
        key: [(row["step"], row[key]) for row in rows if key in row]
        for key in ("sample_exec_rate", "sample_exact", "eval_token_accuracy")
    }
    shares = {key.replace("_", " "): points for key, points in shares.items() if points}
    title = "Share" if len(shares) > 1 else f"Share: {next(iter(shares), '')}"
    return [*figures, curves(title, shares)] if shares else figures


def _strips(written: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    strips: dict[str, dict[str, Any]] = {}
    for row in written:
        strip = strips.setdefault(row["id"], {"id": row["id"], "input": row["input"], "rows": []})
        strip["rows"].append(row)
    return list(strips.values())


def curves(title: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Lines over steps as inline SVG; at most 400 points each, means of what falls together."""
    thin = {name: _thinned(points) for name, points in series.items()}
    every = [point for points in thin.values() for point in points if math.isfinite(point[1])]
    low_x, high_x = min((x for x, _ in every), default=0), max((x for x, _ in every), default=1)
    low_y, high_y = min((y for _, y in every), default=0), max((y for _, y in every), default=1)
    low_y = min(low_y, 0.0) if low_y < 0.5 * high_y else low_y
    span_x, span_y = (high_x - low_x) or 1, (high_y - low_y) or abs(high_y) or 1

    def place(x: float, y: float) -> str:
        across = LEFT + (x - low_x) / span_x * (WIDTH - LEFT - 10)
        return f"{across:.1f},{30 + (1 - (y - low_y) / span_y) * (HEIGHT - 30 - BOTTOM):.1f}"

    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">']
    out.append(f'<text x="{LEFT}" y="14" font-size="13">{title}</text>')
    for share in (0.0, 0.5, 1.0):
        value = low_y + share * span_y
        across, down = place(low_x, value).split(",")
        out.append(
            f'<line x1="{across}" x2="{WIDTH - 10}" y1="{down}" y2="{down}" stroke="currentColor" opacity=".15"/>'
            f'<text x="{LEFT - 6}" y="{down}" dy="4" text-anchor="end">{value:.3g}</text>'
        )
    ends = ((low_x, "start"), (high_x, "end"))
    for x, anchor in ends if high_x > low_x else ends[:1]:
        across = place(x, low_y).split(",")[0]
        out.append(f'<text x="{across}" y="{HEIGHT - 6}" text-anchor="{anchor}">step {x:g}</text>')
    for number, (name, points) in enumerate(thin.items()):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(place(x, y) for x, y in points if math.isfinite(y))
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        if len(points) == 1 and line:
            across, down = line.split(",")
            out.append(f'<circle cx="{across}" cy="{down}" r="3" fill="{colour}"/>')
        if len(thin) > 1:
            x = WIDTH - 10 - 120 * (len(thin) - 1 - number)
            out.append(f'<text x="{x}" y="14" text-anchor="end" fill="{colour}">{name}</text>')
    return "".join([*out, "</svg>"])


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= MAX_POINTS:
        return list(points)
    size = math.ceil(len(points) / MAX_POINTS)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]
