"""The samples of a page: question, what each system drew, difference map, code, errors.

in:  runs of one benchmark
out: JSON for the page's own script, which shows some at a time, filters and sorts
not covered: the page around them (page.py), pictures (pictures.py)

Everything in it is hostile: the JSON cannot end its element, and the script writes texts as texts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from viscodex.report.outcomes import NOT_RUN
from viscodex.report.pictures import Album
from viscodex.report.run import Run
from viscodex.report.table import lead_metric
from viscodex.tasks.kept import KeptItem, drawn_picture, input_picture
from viscodex.text import read_answer
from viscodex.web import visible

MAX_CODE = 6_000  # characters of one answer's code; fewer where there are many
MAX_TEXT_BYTES = 20_000_000  # of all texts of a page
MAX_PROMPT = 1_500

REDRAWN = ("design2code", "chartmimic")
"""Benchmarks whose picture is what the answer should look like."""


EXECUTED_EACH = ("chartmimic",)
"""Benchmarks whose protocols execute an answer each on its own."""


def is_reference(run: Run) -> bool:
    """Whether the picture of a question is the answer's model, so that a difference map has a sense."""
    names = f"{run.settings.get('split', '')} {run.settings.get('place', '')}"
    return run.task in REDRAWN and "customized" not in names


def shared_order(runs: Sequence[Run], protocol: str) -> list[str]:
    """Items in the order in which pictures go to them: where systems differ most, then failures."""
    metric = lead_metric(runs[0])
    values = [run.values(run.protocol(protocol), metric) for run in runs]
    ids = dict.fromkeys(item.id for run in runs for item in run.items)

    def worth(name: str) -> tuple[float, float]:
        if any(name not in row for row in values):  # there is nothing to compare
            return -1.0, 0.0
        known = [0.0 if (v := row.get(name)) is None or math.isnan(v) else v for row in values]
        return max(known) - min(known), -max(known)

    return sorted(ids, key=lambda name: worth(name), reverse=True)


def samples_data(runs: Sequence[Run], protocol: str, album: Album) -> dict[str, Any]:
    """What the script needs to show the samples of one benchmark; plain JSON data.

    Args:
        album: takes the pictures; several benchmarks of a page share it.
    """
    order = shared_order(runs, protocol)
    by_id: list[dict[str, KeptItem]] = [{item.id: item for item in run.items} for run in runs]
    metric = lead_metric(runs[0])
    there = runs[0].protocol(protocol)
    metrics = list(dict.fromkeys([metric, *runs[0].reports[there].headline]))
    limit = min(MAX_CODE, max(200, MAX_TEXT_BYTES // max(1, len(order) * len(runs))))
    readers: list[Callable[[], bytes | None]] = []
    for name in order:
        readers.append(_asked([run.place for run in runs], name))
        readers += [_drawn(run.place, name) for run in runs]
    numbers = iter(album.add_all(readers))
    items = []
    for name in order:
        items.append(
            {
                "i": visible(name),
                "p": next(numbers),
                **_question(next(held[name] for held in by_id if name in held)),
                "a": [
                    {"p": next(numbers), **_answer(run, held.get(name), protocol, metrics, limit)}
                    for run, held in zip(runs, by_id, strict=True)
                ],
            }
        )
    return {
        "task": runs[0].task,
        "protocol": there,
        "runs": [visible(run.name) for run in runs],
        "metrics": metrics,
        "reference": is_reference(runs[0]),
        "items": items,
    }


def _asked(places: Sequence[Path], name: str) -> Callable[[], bytes | None]:
    def read() -> bytes | None:
        found = (input_picture(place, name) for place in places)
        return next((picture for picture in found if picture is not None), None)

    return read


def _drawn(place: Path, name: str) -> Callable[[], bytes | None]:
    return lambda: drawn_picture(place, name)


def _question(item: KeptItem) -> dict[str, Any]:
    groups = [f"{kind}: {name}" for kind, names in item.groups.items() for name in names]
    return {"q": _cut(item.prompt, MAX_PROMPT), "g": [visible(group) for group in groups]}


def _answer(
    run: Run, item: KeptItem | None, protocol: str, metrics: Sequence[str], limit: int
) -> dict[str, Any]:
    """One system's answer: v values, s status, r reason, c code, m notes, n answers,
    o under other protocols, d the protocol whose picture it is, x never asked."""
    if item is None:
        return {"s": "not in this run", "v": [None for _ in metrics], "x": 1}
    if not item.answers:
        return {"s": "unanswered", "v": [None for _ in metrics]}
    there = run.protocol(protocol)
    values = item.values.get(there, {})
    scores = run.scores.get((there, item.id), ())
    first = scores[0] if scores else None
    said = item.answers[0]
    code = read_answer(item.id, said, "", 0).code or said.text
    told: dict[str, Any] = {
        "s": _status(run, there, item.id),
        "v": [_number(values.get(name)) for name in metrics],
        "c": _cut(code, limit),
    }
    if first is not None:
        told |= {"r": _cut(first.reason, 400)} if first.reason else {}
        notes = [*([first.problem] if first.problem != "none" else []), *first.notes]
        told |= {"m": [_cut(note, 120) for note in notes[:6]]} if notes else {}
    if len(item.answers) > 1:
        told["n"] = len(item.answers)
    if other := _other_protocols(run, there, item, metrics[0]):
        told["o"] = other
    if drawn := _drawn_under(run, there, item.id):
        told["d"] = drawn
    return told


def _status(run: Run, protocol: str, item_id: str) -> str:
    """Of the first answer; an answer that is judged by its text was not run."""
    scores = run.scores.get((protocol, item_id), ())
    return NOT_RUN if scores and not scores[0].status else run.status(protocol, item_id)


def _other_protocols(run: Run, shown: str, item: KeptItem, metric: str) -> str:
    """What became of the first answer under other protocols, where that is something else."""
    told = []
    for protocol in run.reports:
        status = _status(run, protocol, item.id)
        if status != _status(run, shown, item.id):
            value = _number(item.values.get(protocol, {}).get(metric))
            more = "" if value is None else f", {metric} {100 * value:.1f}"
            told.append(f"Under protocol {protocol}: {status}{more}")
    return "; ".join(told)


def _drawn_under(run: Run, shown: str, item_id: str) -> str:
    """The protocol whose execution a picture is of, where it is not the shown one.

    The picture of the last protocol that drew is kept.
    """
    last = list(run.reports)[-1]
    if run.task not in EXECUTED_EACH or last == shown:
        return ""
    kept = run.status(last, item_id) == "ok" or run.status(shown, item_id) != "ok"
    return last if kept else ""


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _cut(text: str, n: int) -> str:
    shown = visible(text[:n])
    return shown if len(text) <= n else f"{shown}\n... {len(text) - n:,} more characters"


def as_script_data(name: str, data: Any) -> str:
    """JSON in an element that no script runs from and that its content cannot end."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f'<script type="application/json" id="{name}">{text}</script>'


BROWSER = """
<section id="samples"><h2>Samples</h2>
<nav class="pick">
<label>benchmark <select id="task"></select></label>
<label>show <select id="outcome"></select></label>
<label>group <select id="group"></select></label>
<label>sort <select id="sort"></select></label>
<label>text <input type="search" id="find" placeholder="id, code, error"></label>
<output aria-live="polite" id="count"></output>
</nav>
<div id="cards"></div>
<nav class="pick" id="turn"><button id="back">back</button><span id="where"></span><button id="on">on</button></nav>
</section>
"""

SCRIPT = """
const PAGE = 12, LEFT_OUT = -2;
const album = JSON.parse(document.getElementById("album").textContent);
const tasks = JSON.parse(document.getElementById("tasks").textContent);
const $ = id => document.getElementById(id);
function el(tag, name, text) {
  const e = document.createElement(tag);
  if (name) e.className = name;
  if (text !== undefined) e.textContent = text;
  return e;
}
function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => {
    const o = el("option", "", text); o.value = value; return o;
  }));
}
let task, found = [], at = 0;
const value = (item, k) => item.a[k].v[0] ?? 0;
const percent = v => v === null || v === undefined ? "-" : (100 * v).toFixed(1);
function picture(n, label) {
  const f = el("figure");
  if (n >= 0) {
    const i = el("img"); i.src = album[n]; i.alt = label; i.tabIndex = 0; f.append(i);
  } else f.append(el("div", "empty", n === LEFT_OUT ? "left out of this page" : "no picture"));
  f.append(el("figcaption", "", label));
  return f;
}
function difference(a, b, label) {
  const f = el("figure"), box = el("div", "diff");
  for (const n of [a, b]) {
    const layer = el("span"), i = el("img"); i.src = album[n]; i.alt = "";
    layer.append(i); box.append(layer);
  }
  f.append(box, el("figcaption", "", label));
  return f;
}
function verdict(item) {
  if (task.runs.length < 2 || item.a.some(a => a.x)) return "";
  const d = value(item, 1) - value(item, 0);
  return Math.abs(d) < 1e-9 ? "tie" : d > 0 ? "win" : "loss";
}
function card(item) {
  const c = el("article"), head = el("header");
  head.append(el("h3", "", item.i));
  for (const g of item.g) head.append(el("span", "", g));
  const v = verdict(item);
  if (v && v !== "tie") {
    const d = 100 * (value(item, 1) - value(item, 0));
    head.append(el("span", v, (d > 0 ? "+" : "\\u2212") + Math.abs(d).toFixed(1) + " for " + task.runs[1]));
  }
  c.append(head);
  const row = el("div", "row");
  const shown = item.p >= 0 || item.a.some(a => a.p !== undefined && a.p >= 0);
  if (item.p >= 0) row.append(picture(item.p, task.reference ? "reference" : "question"));
  item.a.forEach((a, k) => {
    if (shown && (task.reference || a.p >= 0)) row.append(picture(a.p ?? -1, task.runs[k] + (a.d && a.p >= 0 ? ", run of protocol " + a.d : "")));
    if (task.reference && item.p >= 0 && a.p >= 0)
      row.append(difference(item.p, a.p, "differs, " + task.runs[k]));
  });
  if (row.children.length) c.append(row);
  else if ([item.p, ...item.a.map(a => a.p)].includes(LEFT_OUT))
    c.append(el("p", "none", "Its pictures are left out of this page."));
  const answers = el("div", "answers");
  item.a.forEach((a, k) => {
    const box = el("div", "answer");
    const name = el("h4", "", task.runs[k]);
    name.append(el("b", a.s === "ok" ? "ok" : a.s === "not run" ? "" : "bad", a.s));
    box.append(name);
    box.append(el("p", "values", task.metrics.map((m, n) => m + " " + percent(a.v[n])).join("  \\u00b7  ")));
    if (a.r) box.append(el("p", "reason", a.r));
    if (a.o) box.append(el("p", "none", a.o));
    if (a.m) box.append(el("p", "none", a.m.join("; ")));
    if (a.n) box.append(el("p", "none", a.n + " answers; the first is shown, the values are over all"));
    if (a.c) {
      const d = el("details"); d.append(el("summary", "", "code"), el("pre", "", a.c));
      box.append(d);
    }
    answers.append(box);
  });
  c.append(answers);
  if (item.q) {
    const d = el("details"); d.append(el("summary", "", "question"), el("pre", "", item.q));
    c.append(d);
  }
  return c;
}
function draw() {
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  at = Math.min(Math.max(0, at), pages - 1);
  $("cards").replaceChildren(...found.slice(at * PAGE, (at + 1) * PAGE).map(card));
  $("count").textContent = found.length + " of " + task.items.length;
  $("where").textContent = "page " + (at + 1) + " of " + pages;
  $("back").disabled = at === 0; $("on").disabled = at === pages - 1;
}
function words(item) {
  const told = [item.i, item.q, ...item.a.flatMap(a => [a.c, a.r, ...(a.m ?? [])])];
  return item.words ??= told.filter(t => t).join("\\n").toLowerCase();
}
function choose() {
  const outcome = $("outcome").value, group = $("group").value;
  const text = $("find").value.toLowerCase(), [by, k] = $("sort").value.split(" ");
  found = task.items.filter(item =>
    (!group || item.g.includes(group)) &&
    (!outcome || verdict(item) === outcome || item.a.some((a, n) => outcome === n + " " + a.s)) &&
    (!text || words(item).includes(text)));
  const keys = { low: i => value(i, k), high: i => -value(i, k), won: i => value(i, 0) - value(i, 1),
    lost: i => value(i, 1) - value(i, 0) };
  if (keys[by]) found.sort((x, y) => keys[by](x) - keys[by](y));
  if (by === "id") found.sort((x, y) => x.i.localeCompare(y.i, "en", { numeric: true }));
  at = 0; draw();
}
function open(n) {
  task = tasks[n];
  const states = new Set(), groups = new Set();
  for (const item of task.items) {
    item.a.forEach((a, k) => states.add(k + " " + a.s));
    item.g.forEach(g => groups.add(g));
  }
  const two = task.runs.length > 1;
  fill($("outcome"), [["", "all"], ...(two ? [["win", task.runs[1] + " better"], ["loss", task.runs[1] + " worse"], ["tie", "equal"]] : []),
    ...[...states].sort().map(s => [s, task.runs[s.split(" ")[0]] + ": " + s.slice(s.indexOf(" ") + 1)])]);
  fill($("group"), [["", "all"], ...[...groups].sort().map(g => [g, g])]);
  fill($("sort"), [["first", two ? "differ most" : "best first"], ...(two ? [["won", task.runs[1] + " wins first"], ["lost", task.runs[1] + " loses first"]] : []),
    ...task.runs.flatMap((r, k) => [["low " + k, r + ": worst first"], ["high " + k, r + ": best first"]]), ["id", "name"]]);
  choose();
}
fill($("task"), tasks.map((t, n) => [n, t.task + " (" + t.protocol + ")"]));
$("task").addEventListener("input", () => open($("task").value));
for (const id of ["outcome", "group", "sort"]) $(id).addEventListener("input", choose);
let soon;
$("find").addEventListener("input", () => { clearTimeout(soon); soon = setTimeout(choose, 150); });
for (const [id, step] of [["back", -1], ["on", 1]])
  $(id).addEventListener("click", () => { at += step; draw(); $("samples").scrollIntoView(); });
open(0);
"""

STYLE = """
main { display: block; } .top h1 { overflow-wrap: anywhere; } main > section { margin: 0 0 2rem; }
.top { position: static; } h2 { font: 600 1.05rem system-ui, "DejaVu Sans", sans-serif; margin: 1.6rem 0 .5rem; }
main p { max-width: 60rem; }
.verdict { font-size: 1.15rem; font-weight: 600; margin: .2rem 0; max-width: none; }
.why { color: var(--soft); margin: 0 0 .7rem; }
.verdict.clear { color: var(--good); }
:root { --good: #1d6b3c; --mark: #3b76d6; --soon: #8a8f98; }
@media (prefers-color-scheme: dark) { :root { --good: #7fd6a2; --mark: #7fb0ff; --soon: #7d828b; } }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; background: var(--card); }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { color: var(--soft); font-weight: 600; }
td small, th small { display: block; color: var(--soft); font-size: .74rem; font-weight: 400; }
td.best { font-weight: 700; } tr.published td, tr.published th { color: var(--soft); } tr.published th { font-weight: 400; }
tr.first td, tr.first th { border-top: 2px solid var(--line); }
tbody th { font-weight: 600; white-space: normal; min-width: 6.5rem; max-width: 22rem; overflow-wrap: break-word; }
td.bar { text-align: left; width: 12rem; } #cards article { content-visibility: visible; }
section > h4, details > h4 { font-size: .95rem; margin: 1rem 0 .4rem; }
.note { color: var(--soft); font-size: .85rem; }
.duel { display: grid; grid-template-columns: fit-content(16rem) minmax(4rem, 26rem) max-content; gap: .25rem .7rem;
  align-items: center; margin: .4rem 0 .5rem; font-size: .9rem; overflow-wrap: anywhere; }
.track { background: var(--line); border-radius: 3px; overflow: hidden; } .track span { display: block; height: .8rem; background: var(--soon); }
.track span.win { background: var(--good); }
.caution { border-left: 3px solid var(--warn); padding: .2rem .8rem; margin: .5rem 0; font-size: .9rem; overflow-wrap: anywhere; }
.forest { width: 16rem; height: 1.3rem; vertical-align: middle; } .forest line { stroke: var(--soon); }
.forest .range { stroke: var(--mark); stroke-width: 3; } .forest circle { fill: var(--mark); }
.forest .clear { stroke: var(--good); } .forest circle.clear { fill: var(--good); stroke: none; }
.forest .worse { stroke: var(--warn); } .forest circle.worse { fill: var(--warn); stroke: none; }
.share { display: inline-block; height: .7rem; background: var(--mark); vertical-align: baseline; border-radius: 2px; }
.share.minus { background: var(--warn); }
.pick { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; margin: .5rem 0; font-size: .88rem; }
.pick output, #where { color: var(--soft); }
#cards { display: grid; gap: 1rem; }
h3 { text-transform: none; font: 600 .95rem ui-monospace, "DejaVu Sans Mono", monospace; margin: 0 .4rem 0 0; color: var(--ink);
  overflow-wrap: anywhere; letter-spacing: 0; }
article header span.win { background: none; color: var(--good); font-weight: 600; }
article header span.loss { background: none; color: var(--warn); font-weight: 600; }
.row { display: flex; gap: .8rem; overflow-x: auto; margin: .6rem 0; align-items: flex-start; }
figure { margin: 0; flex: 0 1 20rem; min-width: 9rem; } figcaption { color: var(--soft); font-size: .78rem; overflow-wrap: anywhere; }
figure img { display: block; width: 100%; max-height: none; } .empty { border: 1px dashed var(--line); color: var(--soft); height: 8rem; display: grid; place-items: center; font-size: .85rem; }
.diff { display: grid; isolation: isolate; background: #000; filter: invert(1); overflow: hidden; border: 1px solid #3a3a3a; }
.diff span { grid-area: 1 / 1; background: #fff; } .diff span + span { mix-blend-mode: difference; }
.diff img { border: 0; background: none; cursor: default; }
.answers { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
.answer { min-width: 0; } h4 { margin: 0; font-size: .88rem; overflow-wrap: anywhere; }
h4 b { font-weight: 600; font-size: .78rem; margin-left: .5rem; } h4 b.ok { color: var(--good); } h4 b.bad { color: var(--warn); }
.answer p { margin: .15rem 0; font-size: .84rem; overflow-wrap: anywhere; } .values { color: var(--soft); }
.facts { font-size: .85rem; }
figure img.whole { position: fixed; inset: 0; margin: auto; z-index: 3; width: min(96vw, 64rem); max-height: 96vh; object-fit: contain; }
@media (max-width: 760px) {
  .pairs, .pairs tbody { display: block; } .pairs thead { display: none; }
  .pairs tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .1rem .8rem; padding: .5rem .7rem;
    border-bottom: 1px solid var(--line); }
  .pairs th, .pairs td { border: 0; padding: 0; text-align: left; white-space: normal; }
  .pairs tbody th, .pairs td.range { grid-column: 1 / -1; max-width: none; } .pairs td.range { order: 1; } .pairs td.late { order: 2; }
  .pairs td.range small { display: inline; margin-left: .6rem; } .pairs .forest { width: 11rem; }
  .pairs td[data-of]::before { content: attr(data-of); display: block; color: var(--soft); font-size: .74rem; overflow-wrap: anywhere; }
  .pairs td:empty { display: none; }
  .main th:first-child { position: sticky; left: 0; background: var(--card); min-width: 5.5rem; max-width: 7rem; }
  .row { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); overflow: visible; } .row figure { min-width: 0; }
  th, td { padding: .3rem .5rem; } td.bar { width: 30%; }
}
"""
