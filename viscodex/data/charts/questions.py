"""Short questions about a panel with answers that follow from its facts.

in:  facts (Panel as JSON) that the picture was found to agree with
out: (kind of question, question, answer) triples
not covered: choosing and wording the turn around them (tell.py)

Values that are not printed are asked for approximately and answered to the fineness of the axis;
comparisons are asked only where a person could see the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from viscodex.data.charts.look import color_word
from viscodex.data.charts.tables import lower_first, plural

Facts = Mapping[str, Any]
Triple = tuple[str, str, str]
CLEAR = 0.06  # least difference, as a share of the larger value, that a person sees without numbers


def questions(facts: Facts, rng: Random) -> list[Triple]:
    """All questions that can be put to a panel, a random choice of rows and series in each."""
    found: list[Triple] = []
    for make in MAKERS:
        found += list(make(facts, rng))
    return found


def with_unit(value: Any, unit: str) -> str:
    """A value as it is said: 12 %, 3.4 million USD."""
    return f"{value}%" if unit == "%" else f"{value} {unit}".strip()


def about(value: float, facts: Facts) -> str:
    """A value as fine as a person reads it off an axis: to about a fiftieth of the largest."""
    top = max((abs(float(v)) for row in facts["rows"] for v in row[1:]), default=1.0) or 1.0
    step = 10 ** math.floor(math.log10(top / 50))
    step *= 5 if top / 50 / step >= 5 else 2 if top / 50 / step >= 2 else 1
    near = round(value / step) * step
    decimals = max(0, -math.floor(math.log10(step)))
    return f"{near:.{decimals}f}"


def told(value: float, facts: Facts, unit: str | None = None) -> str:
    """A value, exact where it is printed, else rounded."""
    unit = facts["unit"] if unit is None else unit
    if facts["labelled"]:
        return with_unit(value, unit)
    return "about " + with_unit(about(float(value), facts), unit)


def _table(facts: Facts) -> bool:
    return bool(facts["readable"] and len(facts["columns"]) > 1 and len(facts["rows"]) > 1) and facts["kind"] not in (
        "waterfall", "graph", "candlestick"
    )  # fmt: skip


def row_name(facts: Facts, name: Any) -> str:
    """A row as it is spoken of: 2019, epoch 4, Norway."""
    by = lower_first(str(facts["columns"][0]))
    return f"{by} {name}" if isinstance(name, int) and by != "year" else str(name)


def _measure(facts: Facts) -> str:
    """What the values of a single series are: revenue, share, value."""
    return lower_first(facts["measure"]) or "value"


def _unit(facts: Facts) -> str:
    return "" if facts["kind"] in ("twin", "timeline") else str(facts["unit"])


def _lookup(facts: Facts, rng: Random) -> Iterator[Triple]:
    if not _table(facts) or (
        facts["kind"] in ("twin", "timeline", "area", "stacked") and not facts["labelled"]
    ):
        return
    j = rng.randrange(1, len(facts["columns"]))
    row = rng.choice(facts["rows"])
    name = facts["columns"][j]
    where = f"{'in' if facts['timed'] else 'for'} {row_name(facts, row[0])}"
    who = f" for {name}" if len(facts["columns"]) > 2 else ""
    start = "What value is shown" if facts["labelled"] else "About what value is shown"
    yield "lookup", f"{start}{who} {where}?", told(row[j], facts, _unit(facts))


def _extremes(facts: Facts, rng: Random) -> Iterator[Triple]:
    if not _table(facts):
        return
    j = rng.randrange(1, len(facts["columns"]))
    if facts["kind"] in ("area", "stacked") and j > 1:
        return  # upper layers have no common base to compare from
    by, name = lower_first(str(facts["columns"][0])), facts["columns"][j]
    for word, sign in (("highest", 1), ("lowest", -1)):
        order = sorted(facts["rows"], key=lambda row: -sign * row[j])
        first, second = order[0], order[1]
        if _apart(first[j], second[j], facts):
            single = len(facts["columns"]) == 2
            what = f"{word} {_measure(facts)}" if single else f"{word} value for {name}"
            yield "extreme", f"Which {by} has the {what}?", str(first[0])


def _of(facts: Facts, series: str) -> str:
    if len(facts["columns"]) == 2:
        return f" of {_measure(facts)}" if facts["measure"] else ""
    return f" for {series}"


def _apart(a: float, b: float, facts: Facts) -> bool:
    if facts["labelled"]:
        return a != b
    return abs(a - b) > CLEAR * max(abs(a), abs(b))


def _difference(facts: Facts, rng: Random) -> Iterator[Triple]:
    if not _table(facts) or facts["kind"] in ("twin", "timeline"):
        return
    j = rng.randrange(1, len(facts["columns"]))
    a, b = rng.sample(facts["rows"], 2)
    name = facts["columns"][j]
    if facts["labelled"] and a[j] != b[j]:
        decimals = facts["decimals"]
        gap = round(abs(a[j] - b[j]), decimals)
        gap = int(gap) if decimals <= 0 else gap
        words = f"By how much do {row_name(facts, a[0])} and {row_name(facts, b[0])} differ{_in(facts, name)}?"
        yield (
            "difference",
            words,
            with_unit(gap, _unit(facts) if facts["unit"] != "%" else "percentage points"),
        )
    stacked_above = facts["kind"] in ("area", "stacked") and j > 1
    if _apart(a[j], b[j], facts) and not stacked_above:
        best = a if a[j] > b[j] else b
        yield (
            "compare",
            f"Which is larger{_in(facts, name)}: {row_name(facts, a[0])} or {row_name(facts, b[0])}?",
            str(best[0]),
        )


def _in(facts: Facts, series: str) -> str:
    return f" in {_measure(facts)}" if len(facts["columns"]) == 2 else f" for {series}"


def _sum(facts: Facts, rng: Random) -> Iterator[Triple]:
    if (
        not _table(facts)
        or not (facts["whole"] and facts["labelled"])
        or facts["kind"] == "timeline"
    ):
        return
    j = rng.randrange(1, len(facts["columns"]))
    total = round(sum(row[j] for row in facts["rows"]), max(0, facts["decimals"]))
    total = int(total) if facts["decimals"] <= 0 else total
    by = plural(lower_first(str(facts["columns"][0])))
    yield (
        "sum",
        f"What is the total over all {by}{_of(facts, facts['columns'][j])}?",
        with_unit(total, facts["unit"]),
    )


def _count(facts: Facts, rng: Random) -> Iterator[Triple]:
    rows, columns = facts["rows"], facts["columns"]
    if rows and not facts["timed"] and facts["kind"] not in ("graph", "waterfall", "histogram"):
        by = plural(lower_first(str(columns[0])))
        yield "count", f"How many {by} are shown?", str(len(rows))
    if len(columns) > 2 and facts["legend"]:
        yield "count", "How many series are drawn?", str(len(columns) - 1)
    if facts["legend"]:
        yield "legend", "Which entries does the legend list?", ", ".join(facts["legend"])


def _threshold(facts: Facts, rng: Random) -> Iterator[Triple]:
    """How many rows lie above a round number that no value is close to."""
    if not _table(facts) or facts["kind"] in ("twin", "timeline", "stacked", "area", "heatmap"):
        return
    j = rng.randrange(1, len(facts["columns"]))
    values = sorted(float(row[j]) for row in facts["rows"])
    top = values[-1]
    if top <= 0:
        return
    step = 10 ** math.floor(math.log10(top))
    for share in rng.sample([0.2, 0.5, 1.0, 2.0, 3.0, 5.0], 6):
        limit = share * step
        near = min(abs(v - limit) for v in values)
        if values[0] < limit < top and near > CLEAR * limit:
            n = sum(v > limit for v in values)
            limit_text = f"{limit:g}"
            by = plural(lower_first(str(facts["columns"][0])))
            yield (
                "threshold",
                f"How many {by} exceed {with_unit(limit_text, _unit(facts))}{_in(facts, facts['columns'][j])}?",
                str(n),
            )
            return


def _colors(facts: Facts, rng: Random) -> Iterator[Triple]:
    named = {name: color_word(color) for name, color in facts["colors"].items()}
    sure = {
        name: word for name, word in named.items() if word and list(named.values()).count(word) == 1
    }
    if not sure or len(named) < 2 or "" in named.values():
        return
    name = rng.choice(list(sure))
    thing = (
        "slice"
        if facts["kind"] in ("pie", "donut")
        else "rectangle"
        if facts["kind"] == "treemap"
        else "series"
    )
    yield "color", f"Which {thing} is {sure[name]}?", name
    yield "color", f"What color is the {thing} {name}?", sure[name].capitalize()


def _texts(facts: Facts, rng: Random) -> Iterator[Triple]:
    if facts["title"]:
        yield "title", "What is the title of the chart?", facts["title"]
    if facts["x_label"]:
        yield "label", "What is the label of the x-axis?", facts["x_label"]
    if facts["y_label"]:
        yield "label", "What is the label of the y-axis?", facts["y_label"]
    yield "type", "What type of chart is this?", facts["name"][0].upper() + facts["name"][1:]


def _trend(facts: Facts, rng: Random) -> Iterator[Triple]:
    if not (_table(facts) and facts["timed"]) or facts["kind"] in ("heatmap", "twin"):
        return
    j = rng.randrange(1, len(facts["columns"]))
    if facts["kind"] == "area" and j > 1:
        return
    first, last = float(facts["rows"][0][j]), float(facts["rows"][-1][j])
    if abs(last - first) > 0.12 * max(abs(first), abs(last)):
        name = facts["columns"][j]
        who = f" for {name}" if len(facts["columns"]) > 2 else ""
        words = f"Is the value{who} higher at the beginning or at the end?"
        yield "trend", words, "At the end" if last > first else "At the beginning"


MAKERS: tuple[Callable[[Facts, Random], Iterator[Triple]], ...] = (
    _lookup, _extremes, _difference, _sum, _count, _threshold, _colors, _texts, _trend,
)  # fmt: skip
