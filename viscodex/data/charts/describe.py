"""Descriptions in prose: every sentence follows from facts that the picture agrees with.

in:  facts (Panel as JSON)
out: a paragraph
not covered: instructions (wordings.py)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from viscodex.data.charts.look import color_word
from viscodex.data.charts.questions import row_name, told
from viscodex.data.charts.tables import lower_first, plural

Facts = Mapping[str, Any]


def describe(panels: Sequence[Facts], title: str, rng: Random) -> str:
    """One paragraph for one panel; a list of panels for a figure with several."""
    if len(panels) == 1:
        return " ".join(_sentences(panels[0], rng, full=True))
    head = f"The figure has {len(panels)} panels" + (
        f' under the heading "{title}".' if title else "."
    )
    parts = [f"{k}. {' '.join(_sentences(p, rng, full=False))}" for k, p in enumerate(panels, 1)]
    return "\n".join([head, *parts])


def article(name: str) -> str:
    """A noun with its indefinite article."""
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"


def _sentences(f: Facts, rng: Random, *, full: bool) -> Iterator[str]:
    name, title = article(f["name"]), f["title"]
    if full:
        yield rng.choice((
            f'This is {name} titled "{title}".', f'The picture shows {name} with the title "{title}".',
            f'"{title}" is {name}.',
        ))  # fmt: skip
    else:
        yield f'"{title}": {name}.'
    yield from _axes(f, rng)
    yield from _series(f)
    yield from _values(f, rng, most=3 if full else 1)
    if full or not f["readable"]:
        yield from f["notes"]
    if full and f["labelled"] and f["kind"] not in ("pie", "donut", "waterfall", "graph"):
        yield rng.choice(
            ("The values are printed in the chart.", "Each value is written in the picture.")
        )


def _axes(f: Facts, rng: Random) -> Iterator[str]:
    x, y = f["x_label"], f["y_label"]
    if x and y:
        yield rng.choice((
            f'The x-axis is labelled "{x}", the y-axis "{y}".', f'The horizontal axis shows "{x}", the vertical axis "{y}".',
        ))  # fmt: skip
    elif x or y:
        yield f'The {"x" if x else "y"}-axis is labelled "{x or y}".'


def _series(f: Facts) -> Iterator[str]:
    rows, series = f["rows"], f["columns"][1:]
    if len(series) > 1 and f["kind"] not in ("heatmap", "candlestick", "timeline"):
        words = [
            color_word(f["colors"].get(name, "")) if f["colors"].get(name) else ""
            for name in series
        ]
        sure = all(words) and len(set(words)) == len(words)
        names = [f"{n} ({w})" if sure else str(n) for n, w in zip(series, words, strict=True)]
        yield f"There are {len(series)} series: {_listed(names)}."
    if rows and not f["timed"] and f["kind"] not in ("graph", "waterfall"):
        by = plural(lower_first(str(f["columns"][0])))
        if len(rows[0]) > 1:
            yield f"It covers {len(rows)} {by}: {_listed([str(row[0]) for row in rows])}."
    elif rows and f["timed"] and f["kind"] != "candlestick":
        by = plural(lower_first(str(f["columns"][0])))
        yield f"It runs over {len(rows)} {by}, from {rows[0][0]} to {rows[-1][0]}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _values(f: Facts, rng: Random, most: int) -> Iterator[str]:
    """Largest and smallest of the first few series, and where they lead over time."""
    if (
        not f["readable"]
        or len(f["columns"]) < 2
        or f["kind"] in ("timeline", "graph", "candlestick", "twin", "waterfall")
    ):
        return
    stacked_above = f["kind"] in ("area", "stacked")
    for j, name in enumerate(f["columns"][1 : most + 1], 1):
        if stacked_above and j > 1:
            return
        ordered = sorted(f["rows"], key=lambda row: row[j])
        low, high = ordered[0], ordered[-1]
        if low[j] == ordered[1][j] or high[j] == ordered[-2][j] or len(ordered) < 3:
            continue
        subject = (
            f"{name} is"
            if len(f["columns"]) > 2
            else f"The {lower_first(f['measure']) or 'value'}"
            + (" is" if not f["measure"].endswith("s") else " value is")
        )
        word = "in" if f["timed"] else "for"
        best, least = f"{word} {row_name(f, high[0])}", f"{word} {row_name(f, low[0])}"
        yield f"{subject} highest {best} ({told(high[j], f)}) and lowest {least} ({told(low[j], f)})."
        first, last = f["rows"][0][j], f["rows"][-1][j]
        if f["timed"] and abs(last - first) > 0.12 * max(abs(first), abs(last)):
            way = "rises" if last > first else "falls"
            who = name if len(f["columns"]) > 2 else "it"
            yield f"Overall {who} {way} from {told(first, f)} to {told(last, f)}."
