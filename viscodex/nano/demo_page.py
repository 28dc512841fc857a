"""The page of the demonstration: every picture with its code, render, difference and scores; the curve.

in:  a Demo
out: self-contained HTML: inline SVG and pictures, no script, no network; light and dark, narrow and wide
not covered: how it was made (demo.py)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from viscodex.images import data_url
from viscodex.nano.demo import mean_scores

if TYPE_CHECKING:
    from viscodex.nano.demo import Demo, Example

SHOWN = {
    "chart": ("low_level", "text", "layout", "type", "color"),
    "html": ("block_match", "text", "position", "color"),
}
NAMES = {
    "low_level": "ChartMimic low-level", "block_match": "block match", "color": "colour",
    "exec_rate": "execution rate", "loss": "loss of the right code (lower is better)",
}  # fmt: skip
STAGES = {"merged": "a", "tuned": "b"}  # stage -> class of its line

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>viscodex demo</title>
<style>
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5c6675; --line: #d9dee6; --page: #fff;
  --card: #f7f8fa; --a: #3b76d6; --b: #d9722e; --good: #2e8b57; --bad: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b4; --line: #343c49;
  --page: #14181f; --card: #1b212b; --a: #6fa0ee; --b: #ec9a5e; --good: #58b884; --bad: #ef7b6d; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 84rem; margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 3rem; }
h1 { font-size: 1.6rem; margin: .6rem 0 .2rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0; } p { color: var(--soft); max-width: 50rem; margin: .4rem 0; }
code { font-size: .9em; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; }
.facts div { flex: 1 1 9rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: .6rem .9rem; }
.facts b { display: block; font-size: 1.5rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.facts span { color: var(--soft); font-size: .85rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem;
  margin: 0 0 1.2rem; }
.head { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; margin-bottom: .8rem; }
.state { font-size: .85rem; color: var(--good); } .state.bad { color: var(--bad); }
.row { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); }
figure { margin: 0; min-width: 0; } figcaption { color: var(--soft); font-size: .8rem; margin-bottom: .25rem; }
figure img { display: block; width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px;
  background: #fff; }
.none { border: 1px dashed var(--line); border-radius: 6px; min-height: 9rem; display: grid;
  place-items: center; text-align: center; color: var(--soft); font-size: .85rem; padding: .8rem; }
pre { margin: 0; height: 15rem; overflow: auto; border: 1px solid var(--line); border-radius: 6px;
  background: var(--page); padding: .5rem .6rem; font-size: .72rem; line-height: 1.45; tab-size: 2;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.scores { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin-top: .9rem; font-size: .85rem;
  font-variant-numeric: tabular-nums; }
.scores div { flex: 1 1 8rem; max-width: 15rem; } .scores span { color: var(--soft); }
meter { display: block; width: 100%; height: .55rem; }
.notice { font-size: .82rem; color: var(--soft); margin: .6rem 0 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td code { overflow-wrap: normal; white-space: nowrap; }
.curves figure { max-width: 30rem; }
.curves { display: grid; gap: 1rem 1.6rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--soft); }
svg .grid { stroke: var(--line); } svg .a { stroke: var(--a); } svg .b { stroke: var(--b); }
svg path.line { fill: none; stroke-width: 2; } svg path.band { stroke: none; opacity: .16; }
svg .band.a, svg circle.a { fill: var(--a); } svg .band.b, svg circle.b { fill: var(--b); }
.key { display: inline-block; width: 1.4rem; height: .2rem; vertical-align: middle; margin-right: .35rem; }
</style></head><body>
<h1>A picture becomes code that runs</h1>
<p>nano-vlm sees and does not write code from pictures. nano-code writes code and has never seen a picture.
viscodex merged the two; the model tuned from that merge, <b>nano</b>, wrote the code below from the pictures
alone, and the code ran in the sandbox. All of it took {{ "%.0f" | format(demo.seconds["all"]) }} s on this machine,
with no download.</p>
<div class="facts">{% for value, label in facts %}<div><b>{{ value }}</b><span>{{ label }}</span></div>{% endfor %}</div>

<h2>The merge</h2>
<p>theta = {{ "%g" | format(demo.lam) }} theta_vlm + {{ "%g" | format(1 - demo.lam) }} theta_code in the language model, the
vision tower from nano-vlm as it is. Content hash <code>{{ demo.report.output_hash }}</code>{% if demo.is_expected %}: that
of the nano-merged which the family was tuned from.{% elif demo.is_expected is none %}; none is recorded to compare it
with.{% else %}: <b class="state bad">not the recorded one.</b>{% endif %}</p>
<div class="wide"><table><tr><th>model</th><th>tensors</th><th>parameters</th><th>used</th><th>hash of what was read</th></tr>
{% for use in demo.report.inputs %}<tr><td>nano-{{ use.label }}</td><td>{{ use.n_tensors }}</td>
<td>{{ "{:,}".format(use.n_parameters) }}</td><td>{{ use.used }}</td>
<td><code>{{ demo.report.input_hashes[use.label][:16] }}</code></td></tr>{% endfor %}</table></div>

<h2>Pictures, and what became of them</h2>
{% for card in cards %}
<section class="card"><div class="head"><h3>{{ card.name }}</h3>
<span class="state{% if not card.ok %} bad{% endif %}">{{ card.state }}</span></div>
<div class="row">
<figure><figcaption>picture</figcaption><img src="{{ card.picture }}" alt="the picture {{ card.name }}"></figure>
<figure><figcaption>code that nano wrote</figcaption><pre>{{ card.code }}</pre></figure>
<figure><figcaption>what the code draws</figcaption>{% if card.render %}<img src="{{ card.render }}" alt="render of the code">
{% else %}<div class="none">{{ card.reason or "nothing" }}</div>{% endif %}</figure>
<figure><figcaption>difference, in red</figcaption>{% if card.difference %}<img src="{{ card.difference }}" alt="difference">
{% else %}<div class="none">no render</div>{% endif %}</figure>
</div>
<div class="scores">{% for name, value in card.scores %}<div><span>{{ name }}</span> {{ "%.2f" | format(value) }}
<meter min="0" max="1" low="0.5" high="0.75" optimum="1" value="{{ value }}">{{ value }}</meter></div>{% endfor %}</div>
{% for notice in card.notices %}<p class="notice">{{ notice }}</p>{% endfor %}
</section>{% endfor %}
<p>Likeness compares the two pictures alone. The other scores compare the code with the script or page that drew
the picture: ChartMimic's rules for charts, Design2Code's for pages.</p>

{% if curves %}<h2>How much of each: the lambda curve of the family</h2>
<p>lambda = 1 is nano-vlm, lambda = 0 takes the language model of nano-code.
{% for stage, cls in stages %}<span class="key" style="background: var(--{{ cls }})"></span>{{ stage }} {% endfor %}
Bands are 95 % intervals; tuned: on a few samples, mean of seeds.</p>
<div class="curves">{% for curve in curves %}<figure>{{ curve | safe }}</figure>{% endfor %}</div>{% endif %}

<h2>Do it yourself</h2>
<pre style="height:auto">viscodex generate examples/pictures/{{ first }}        # one picture
viscodex generate my_chart.png --best-of 4 --repair 2 -o my_chart.py --render again.png
viscodex merge --vlm DIR --code DIR --lam 0.7 -o OUT     # models of any size</pre>
<p>nano is small: it knows plain charts and small pages. Larger models are given with <code>--model</code>.</p>
</body></html>
"""


def demo_page(demo: Demo) -> str:
    """The page."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    metrics = list(dict.fromkeys(row["metric"] for row in demo.curve))
    stages = [s for s in STAGES if any(row["stage"] == s for row in demo.curve)]
    return environment.from_string(PAGE).render(
        demo=demo,
        facts=_facts(demo),
        cards=[_card(example) for example in demo.examples],
        curves=[curve_plot([r for r in demo.curve if r["metric"] == m], m) for m in metrics],
        stages=[(stage, STAGES[stage]) for stage in stages],
        first=Path(demo.examples[0].generated.picture.name).name if demo.examples else "chart.png",
    )


def _facts(demo: Demo) -> list[tuple[str, str]]:
    """The numbers at the top."""
    ran = sum(example.generated.ok for example in demo.examples)
    facts = [(f"{ran} of {len(demo.examples)}", "pictures whose code runs")]
    for label, mean, n in mean_scores(demo.examples):
        facts.append((f"{100 * mean:.0f} %", f"{label}, mean of {n}"))
    parameters = demo.report.parameters.get("output")
    if parameters:
        facts.append((f"{parameters / 1e6:.1f} M", "parameters"))
    return facts


def _card(example: Example) -> dict[str, Any]:
    made = example.generated
    scores = [] if math.isnan(made.likeness) else [("likeness", made.likeness)]
    for name in SHOWN.get(example.kind, ()):
        if not math.isnan(value := example.value(name)):
            scores.append((NAMES.get(name, name), value))
    tokens = made.best.answer.completion.completion_tokens
    state = "runs" if made.ok else f"{made.status}"
    return {
        "name": example.name,
        "ok": made.ok,
        "state": state if tokens is None else f"{state}, {tokens} tokens",
        "reason": made.reason,
        "code": made.output.rstrip() or "(no code)",
        "picture": data_url(made.picture.data),
        "render": None if made.render is None else data_url(made.render),
        "difference": None if example.difference is None else data_url(example.difference),
        "scores": scores,
        "notices": made.notices,
    }


# --- the curve ------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 348, 210, 42, 24, 34


def curve_plot(rows: Sequence[dict[str, Any]], metric: str) -> str:
    """One metric over lambda as inline SVG: a line a stage, its interval as a band."""
    top = _ceiling(max((row["high"] for row in rows if row["high"] == row["high"]), default=1.0))

    def x(lam: float) -> float:
        return round(LEFT + lam * (WIDTH - LEFT - 10), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)

    parts = [
        f'<text x="0" y="12" style="fill: var(--ink)">{_plain(NAMES.get(metric, metric))}</text>'
    ]
    for k in range(5):
        value = top * k / 4
        parts.append(f'<path class="grid" d="M{x(0)} {y(value)}H{x(1)}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y(value) + 4}" text-anchor="end">{value:g}</text>')
    for k in range(6):
        parts.append(
            f'<text x="{x(k / 5)}" y="{HEIGHT - 17}" text-anchor="middle">{k / 5:g}</text>'
        )
    parts.append(f'<text x="{x(0.5)}" y="{HEIGHT - 3}" text-anchor="middle">lambda</text>')
    for stage, cls in STAGES.items():
        line = sorted((r for r in rows if r["stage"] == stage), key=lambda row: row["lam"])
        if not line:
            continue
        upper = [f"{x(r['lam'])} {y(r['high'])}" for r in line]
        lower = [f"{x(r['lam'])} {y(r['low'])}" for r in reversed(line)]
        parts.append(f'<path class="band {cls}" d="M{"L".join([*upper, *lower])}Z"/>')
        points = [f"{x(r['lam'])} {y(r['value'])}" for r in line]
        parts.append(f'<path class="line {cls}" d="M{"L".join(points)}"/>')
        for row in line:
            title = f"{stage}, lambda {row['lam']:g}: {row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
            parts.append(
                f'<circle class="{cls}" cx="{x(row["lam"])}" cy="{y(row["value"])}" r="3">'
                f"<title>{_plain(title)}</title></circle>"
            )
    label = _plain(f"{metric} over lambda")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _ceiling(value: float) -> float:
    """The end of the value axis: 1, 100, or the next round number."""
    if value <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value))
    return next(k * step for k in (1, 2, 4, 5, 8, 10) if k * step >= value * 0.999)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
