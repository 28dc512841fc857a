"""Small charts: what a model of a few million parameters can see in 108 vision tokens and write.

in:  a seed and an index
out: SmallCharts, a Source of the data pipeline: 336 x 252 px, matplotlib in one plain hand
not covered: charts of every kind and style (viscodex/data/charts), whose topics and filters these share

    sources:
      chart: {n: 1000, source: "viscodex.nano.small_charts:SmallCharts"}

Whatever stands in a script can be seen in its picture: no styles, idioms or settings that only the
text would tell, for they teach a small model to guess and not to look.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from viscodex.data.charts import wordings
from viscodex.data.charts.describe import article
from viscodex.data.charts.filters import THRESHOLDS, filters
from viscodex.data.charts.measure import measure
from viscodex.data.charts.script import text
from viscodex.data.charts.source import stable_seed
from viscodex.data.charts.tables import plural
from viscodex.data.charts.tell import code_turns, markdown, sample_of
from viscodex.data.charts.vocabulary import MONTHS, TOPICS, Topic
from viscodex.data.draft import Draft, Evidence, Filter, Machine
from viscodex.types import Category, Sample

COLORS = (
    "tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "gold", "teal",
    "navy", "crimson", "gray", "hotpink",
)  # fmt: skip

MAX_TITLE = 34  # characters that fit above the axes
MAX_NAME = 8  # of a name below a bar


@dataclass(slots=True)
class Plot:
    """What a small chart shows."""

    kind: str
    title: str
    x_label: str  # empty for pies
    y_label: str
    by: str  # what the rows are
    rows: list[str] | list[int]
    series: list[str]
    values: list[list[int | float]]  # of each series
    colors: list[str]  # of each series; of a pie, of each row
    options: dict[str, bool] = field(default_factory=dict)  # grid, marker, dashed

    @property
    def axes(self) -> tuple[str, str]:
        """Labels of the x and the y axis as they are drawn: lying bars change them over."""
        labels = self.x_label, self.y_label
        return labels[::-1] if self.kind == "barh" else labels


class SmallCharts:
    """Small charts from a grammar; a pure function of the seed and the index."""

    name = "chart"
    category: Category = "chart"

    def __init__(self, seed: int = 0, *, inverse: float = 1.0) -> None:
        self.seed, self.inverse = seed, inverse
        limits = {name: threshold.value for name, threshold in THRESHOLDS.items()}
        self.filters: tuple[Filter, ...] = filters(limits)
        self.settings: Mapping[str, Any] = {"seed": seed, "inverse": inverse, "thresholds": limits}

    def draft(self, index: int) -> Draft:
        """The chart of this index."""
        seed = stable_seed(self.seed, "small chart", index)
        rng = Random(seed)
        plot = draw_plot(rng)
        facts = asdict(plot)
        return Draft(
            f"chart-{index:07d}", "chart", plot.kind, script(plot), "python", 0.0, seed, facts
        )

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Run it."""
        run = machine.charts.run(draft.code)
        return Evidence((run,), run.images[:1], measure(run))

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The chart as code; then its texts, its table, what it is, and questions."""
        rng = Random(draft.seed ^ 0x5A11)
        plot = Plot(**draft.facts)
        told = {"code": code_turns(draft, rng)}
        if rng.random() < self.inverse:
            told["ocr"] = [(rng.choice(wordings.OCR), texts(plot))]
            told["describe"] = [(rng.choice(wordings.DESCRIBE), describe(plot))]
            ask = rng.choice(wordings.TABLE).format(form="Markdown", panel="")
            told["table"] = [(ask, table(plot))]
            told["question"] = questions(plot, rng)
        return tuple(sample_of(draft, evidence, task, turns) for task, turns in told.items())


# --- what is drawn --------------------------------------------------------------------------------


def draw_plot(rng: Random) -> Plot:
    """A kind of chart and what it shows."""
    kind = rng.choice(list(KINDS))
    for _ in range(100):
        topic = rng.choice(TOPICS)
        plot = KINDS[kind].draw(kind, topic, rng)
        if len(plot.title) <= MAX_TITLE and len(plot.y_label) <= 26:
            return plot
    raise AssertionError("no topic fits")  # a third of them do


def _by_group(kind: str, topic: Topic, rng: Random) -> Plot:
    """Values of a few groups, of one series or several."""
    long = kind == "barh"
    fit = {
        by: [m for m in members if len(m) <= (14 if long else MAX_NAME)]
        for by, members in topic.by.items()
    }
    by = rng.choice([name for name, members in fit.items() if len(members) >= 3] or ["region"])
    members = fit.get(by) or ["North", "South", "East", "West"]
    n = min(len(members), rng.randint(3, 5))
    rows = rng.sample(members, n)
    several = KINDS[kind].several
    series = _years(rng, rng.choice((2, 2, 3))) if several else [_brief(topic)]
    values = _values(topic, rng, len(rows), len(series))
    title = f"{_brief(topic)} by {by}"
    if rng.random() < 0.4 and not several:
        title = f"{_brief(topic)}, {rng.randint(2010, 2025)}"
    x_label, y_label = by.capitalize(), topic.label
    n_colors = len(rows) if KINDS[kind].circle else len(series)
    if KINDS[kind].circle:
        x_label = y_label = ""
    return Plot(
        kind, title, x_label, y_label, by, rows, series, values, rng.sample(COLORS, n_colors),
        {"grid": not KINDS[kind].circle and rng.random() < 0.35},
    )  # fmt: skip


def _brief(topic: Topic) -> str:
    return topic.short or topic.subject


def _years(rng: Random, n: int) -> list[str]:
    first = rng.randint(2010, 2020)
    gap = rng.choice((1, 2))
    return [str(first + gap * k) for k in range(n)]


def _over_time(kind: str, topic: Topic, rng: Random) -> Plot:
    """A course over months or years, of one series or several."""
    n = rng.randint(4, 6)
    last = rng.randint(2014, 2025)
    monthly = rng.random() < 0.5
    by = "month" if monthly else "year"
    first = rng.randint(0, 12 - n)
    rows: list[Any] = (
        list(MONTHS[first : first + n]) if monthly else list(range(last - n + 1, last + 1))
    )
    groups = [m for m in next(iter(topic.by.values())) if len(m) <= 12]
    several = KINDS[kind].several and len(groups) > 2
    series = rng.sample(groups, rng.choice((2, 2, 3))) if several else [_brief(topic)]
    title = topic.subject if rng.random() < 0.5 else f"{_brief(topic)} by {by}"
    if not several and groups and rng.random() < 0.4:
        title = f"{_brief(topic)}: {rng.choice(groups)}"
    return Plot(
        kind, title, by.capitalize(), topic.label, by, rows, series,
        _values(topic, rng, n, len(series)), rng.sample(COLORS, len(series)),
        {"grid": rng.random() < 0.35, **{
            option: rng.random() < share for option, share in KINDS[kind].lines.items()}},
    )  # fmt: skip


def _values(topic: Topic, rng: Random, n: int, m: int) -> list[list[int | float]]:
    """Numbers of two figures, of one order of magnitude."""
    most = topic.most or topic.high
    middle = math.exp(rng.uniform(math.log(max(topic.low, most / 30)), math.log(most * 0.7)))
    return [[_two(min(most, middle * rng.uniform(0.4, 1.6))) for _ in range(n)] for _ in range(m)]


def _two(value: float) -> int | float:
    digits = 1 - math.floor(math.log10(value))
    rounded = round(value, digits)
    return int(rounded) if digits <= 0 else rounded


# --- its script -----------------------------------------------------------------------------------


def script(plot: Plot) -> str:
    """The whole script of a chart."""
    lines = ["import matplotlib.pyplot as plt", "", 'plt.rcParams["font.size"] = 9', ""]
    name = _name(plot.by)
    lines.append(f"{name} = {_list(plot.rows)}")
    lines += KINDS[plot.kind].write(plot, name)
    if plot.options.get("grid"):
        lines.append(f'ax.grid(axis="{"x" if plot.kind == "barh" else "y"}")')
    lines.append(f"ax.set_title({text(plot.title)})")
    if plot.x_label:
        x, y = plot.axes
        lines += [f"ax.set_xlabel({text(x)})", f"ax.set_ylabel({text(y)})"]
    if len(plot.series) > 1:
        lines.append("ax.legend()")
    return "\n".join([*lines, "fig.tight_layout()", "plt.show()", ""])


CALLS = {"area": "fill_between"}  # of axes, where it is not called like the kind
FIGURE = ["", "fig, ax = plt.subplots(figsize=(4, 3), dpi=84)"]


def _name(by: str) -> str:
    return plural(by).replace(" ", "_")


def _list(values: Sequence[Any]) -> str:
    return "[" + ", ".join(text(v) if isinstance(v, str) else repr(v) for v in values) + "]"


def _columns(plot: Plot) -> list[str]:
    """The values of each series as a list of its own."""
    if len(plot.series) == 1:
        return [f"values = {_list(plot.values[0])}"]
    return [f"values_{k} = {_list(column)}" for k, column in enumerate(plot.values, 1)]


def _one(plot: Plot, name: str) -> list[str]:
    """One series of one colour."""
    call = CALLS.get(plot.kind, plot.kind)
    draw = f"ax.{call}({name}, values, color={text(plot.colors[0])})"
    return [*_columns(plot), *FIGURE, draw, *_ticks(plot, name)]


def _grouped(plot: Plot, name: str) -> list[str]:
    n = len(plot.series)
    width = 0.8 / n
    lines = [*_columns(plot), f"places = range(len({name}))", *FIGURE]
    for k, (label, color) in enumerate(zip(plot.series, plot.colors, strict=True)):
        shift = round((k - (n - 1) / 2) * width, 2)
        lines.append(
            f"ax.bar([p {'+' if shift >= 0 else '-'} {abs(shift):g} for p in places], values_{k + 1}, {round(width, 2):g}, "
            f"label={text(label)}, color={text(color)})"
        )
    return [*lines, f"ax.set_xticks(places, {name})"]


def _stacked(plot: Plot, name: str) -> list[str]:
    lines = [*_columns(plot), *FIGURE]
    under = ""
    for k, (label, color) in enumerate(zip(plot.series, plot.colors, strict=True), 1):
        look = f"label={text(label)}, color={text(color)}"
        lines.append(f"ax.bar({name}, values_{k}, {under}{look})")
        sums = " + ".join("abc"[:k])
        columns = ", ".join(f"values_{j}" for j in range(1, k + 1))
        under = (
            "bottom=values_1, "
            if k == 1
            else f"bottom=[{sums} for {', '.join('abc'[:k])} in zip({columns})], "
        )
    return lines


def _line(plot: Plot, name: str) -> list[str]:
    lines = [*_columns(plot), *FIGURE]
    call = "step" if plot.kind == "step" else "plot"
    look = ', marker="o"' if plot.options.get("marker") else ""
    look += ', linestyle="--"' if plot.options.get("dashed") else ""
    for k, (label, color) in enumerate(zip(plot.series, plot.colors, strict=True), 1):
        many = len(plot.series) > 1
        values = f"values_{k}" if many else "values"
        named = f", label={text(label)}" if many else ""
        lines.append(f"ax.{call}({name}, {values}, color={text(color)}{look}{named})")
    return [*lines, *_ticks(plot, name)]


def _ticks(plot: Plot, name: str) -> list[str]:
    """A tick for every year: matplotlib would choose halves of them."""
    return [f"ax.set_xticks({name})"] if plot.by == "year" else []


def _stem(plot: Plot, name: str) -> list[str]:
    return [*_columns(plot), *FIGURE, f'ax.stem({name}, values, basefmt=" ")']


def _pie(plot: Plot, name: str) -> list[str]:
    hole = ', wedgeprops={"width": 0.4}' if plot.kind == "donut" else ""
    call = f"ax.pie(values, labels={name}, colors=colors{hole})"
    return [*_columns(plot), f"colors = {_list(plot.colors)}", *FIGURE, call]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of chart is drawn."""

    name: str
    mark: str  # what carries the colour: "The bars are ..."
    draw: Callable[[str, Topic, Random], Plot]
    write: Callable[[Plot, str], list[str]]
    several: bool = False  # series
    circle: bool = False
    lines: Mapping[str, float] = field(default_factory=dict)  # option -> how often it is on


LINES = {"marker": 0.5, "dashed": 0.25}

KINDS: dict[str, Kind] = {
    "bar": Kind("bar chart", "bars", _by_group, _one),
    "barh": Kind("horizontal bar chart", "bars", _by_group, _one),
    "grouped": Kind("grouped bar chart", "bars", _by_group, _grouped, several=True),
    "stacked": Kind("stacked bar chart", "bars", _by_group, _stacked, several=True),
    "line": Kind("line chart", "line", _over_time, _line, lines=LINES),
    "lines": Kind(
        "line chart of several series", "lines", _over_time, _line, several=True, lines=LINES
    ),
    "step": Kind("step chart", "line", _over_time, _line),
    "area": Kind("area chart", "area", _over_time, _one),
    "scatter": Kind("scatter plot", "dots", _over_time, _one),
    "stem": Kind("stem plot", "stems", _over_time, _stem),
    "pie": Kind("pie chart", "wedges", _by_group, _pie, circle=True),
    "donut": Kind("donut chart", "wedges", _by_group, _pie, circle=True),
}
"""Kind -> how it is drawn; all alike in weight."""


# --- what is told of it ---------------------------------------------------------------------------


def texts(plot: Plot) -> str:
    """Title, labels, legend and names of the rows, a line each."""
    legend = plot.series if len(plot.series) > 1 else []
    rows = list(map(str, plot.rows))
    if plot.kind == "barh":  # from bottom to top
        rows.reverse()
    x, y = plot.axes
    lines = [plot.title, y, *legend, *rows, x]
    return "\n".join(line for line in lines if line)


def color_word(color: str) -> str:
    """tab:blue -> blue."""
    return color.removeprefix("tab:")


SEEN = {"grid": "With a grid.", "marker": "With markers.", "dashed": "With dashes."}


def describe(plot: Plot) -> str:
    """A few sentences: kind, title, labels, colours, rows."""
    kind = KINDS[plot.kind]
    parts = [f'{article(kind.name).capitalize()} titled "{plot.title}".']
    if plot.x_label:
        x, y = plot.axes
        parts.append(f'The x-axis is labelled "{x}", the y-axis "{y}".')
    words = [color_word(color) for color in plot.colors]
    if len(plot.series) > 1:
        named = [f"{name} ({word})" for name, word in zip(plot.series, words, strict=True)]
        parts.append(f"Series: {', '.join(named)}.")
    elif not kind.circle and plot.kind != "stem":
        parts.append(
            f"The {kind.mark} {'is' if kind.mark in ('line', 'area') else 'are'} {words[0]}."
        )
    rows = [str(row) for row in plot.rows]
    if kind.circle:
        rows = [f"{row} ({word})" for row, word in zip(rows, words, strict=True)]
    parts.append(f"{plot.by.capitalize()}: {', '.join(rows)}.")
    parts += [sentence for option, sentence in SEEN.items() if plot.options.get(option)]
    return " ".join(parts)


def table(plot: Plot) -> str:
    """Its values in Markdown."""
    rows = list(zip(plot.rows, *plot.values, strict=True))
    return markdown({"columns": [plot.by, *plot.series], "rows": rows})


def questions(plot: Plot, rng: Random) -> list[tuple[str, str]]:
    """Four questions that one look answers, in any order."""
    kind = KINDS[plot.kind]
    found = [
        ("What type of chart is this?", kind.name),
        ("What is the title?", plot.title),
        (f"How many {plural(plot.by)} are shown?", str(len(plot.rows))),
    ]
    if plot.x_label:
        x, y = plot.axes
        found += [("What is the label of the x-axis?", x), ("What is the label of the y-axis?", y)]
    if len(plot.series) == 1:
        column = plot.values[0]
        if column.count(max(column)) == 1:
            found.append(
                (f"Which {plot.by} is highest?", str(plot.rows[column.index(max(column))]))
            )
        place = rng.randrange(len(plot.rows))
        found.append((f"Which value has {plot.rows[place]}?", str(column[place])))
    k = rng.randrange(len(plot.colors))
    if kind.circle:
        found.append((f"Which color has {plot.rows[k]}?", color_word(plot.colors[k])))
    elif len(plot.series) > 1:
        found.append((f"Which color has {plot.series[k]}?", color_word(plot.colors[k])))
    elif plot.kind != "stem":
        found.append((f"Which color has the {kind.mark}?", color_word(plot.colors[k])))
    return rng.sample(found, 4)
