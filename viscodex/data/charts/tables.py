"""Plausible numbers: a topic's measure over rows and series, over time or by group.

in:  a random.Random and how much is wanted
out: Table: rows, series, values; titles that fit
not covered: drawing it (kinds), what may be measured (vocabulary.py)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from viscodex.data.charts.vocabulary import LAST_YEAR, MONTHS, TOPICS, Clock, Topic

Value = int | float


@dataclass(slots=True)
class Table:
    """One measure: values[j][i] is that of series j in row i."""

    topic: Topic
    by: str  # what the rows are: country, year, ...
    rows: list[str] | list[int]
    split: str  # what the series are; empty where there is one
    series: list[str]
    values: list[list[Value]]
    title: str
    timed: bool = False
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Of all values."""
        return float(sum(map(sum, self.values)))

    @property
    def top(self) -> Value:
        """The largest value."""
        return max(max(column) for column in self.values)


def rounded(value: float, decimals: int) -> Value:
    """A number as a person writes it: an int where there are no decimals."""
    return round(value) if decimals <= 0 else round(float(value), decimals)


def lower_first(text: str) -> str:
    """For the middle of a sentence; acronyms stay as they are."""
    return text if len(text) < 2 or not text[1].islower() else text[0].lower() + text[1:]


_PLURALS = {"criterion": "criteria", "species": "species", "epoch": "epochs"}


def plural(word: str) -> str:
    """Of a grouping: country -> countries."""
    if word in _PLURALS:
        return _PLURALS[word]
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch")) else "s")


def identifier(text: str) -> str:
    """A Python name made of a text."""
    name = "_".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
    name = name.encode("ascii", "ignore").decode()
    return name if name and not name[0].isdigit() else f"v_{name}"


# --- time -----------------------------------------------------------------------------------------


def time_rows(rng: Random, clock: Clock, n: int) -> tuple[str, list[str] | list[int], str]:
    """(name of the time axis, its points, the span in words)."""
    last = rng.randint(2016, LAST_YEAR)
    if clock == "month" and n <= 12:
        return "month", list(MONTHS[:n]), str(last)
    if clock == "quarter" and n <= 16:
        first = last - (n - 1) // 4
        names = [f"Q{i % 4 + 1} {first + i // 4}" for i in range(n)]
        return "quarter", names, f"{first}-{last}" if first != last else str(last)
    if clock in ("week", "day", "epoch", "hour"):
        return clock, list(range(1, n + 1)), ""
    first = last - n + 1
    return "year", list(range(first, last + 1)), f"{first}-{last}"


def path(rng: Random, topic: Topic, n: int, base: float) -> list[float]:
    """A course over n points in time that fits the topic's trend."""
    noise = rng.uniform(0.015, 0.05)
    phase = rng.uniform(-0.6, 0.6)
    warm = topic.domain == "climate" or rng.random() < 0.7
    swing = rng.uniform(0.18, 0.42) * (1 if warm else -1)
    rate = {"growth": rng.uniform(0.25, 1.1), "decline": -rng.uniform(0.2, 0.6)}.get(topic.trend, 0)
    speed = rng.uniform(2.5, 5)
    most = topic.most or topic.high
    goal = min(most * 0.985, base + (most - base) * rng.uniform(0.45, 0.9))
    found = []
    for i in range(n):
        t = i / max(1, n - 1)
        value = base * (1 + rate * t)
        if topic.trend == "season":
            value = base * (1 + swing * math.sin(2 * math.pi * i / 12 - math.pi / 2 + phase))
        elif topic.trend == "flat":
            value = base * (1 + rng.uniform(-0.1, 0.1))
        elif topic.trend == "saturate":
            value = goal - (goal - base * 0.75) * math.exp(-speed * t)
        elif topic.trend == "decay":
            value = topic.low + (base * 1.6 - topic.low) * math.exp(-speed * t)
        value *= 1 + rng.gauss(0, noise if topic.trend not in ("saturate", "decay") else noise / 3)
        found.append(_bounded(value, topic))
    return found


def _bounded(value: float, topic: Topic) -> float:
    value = max(value, topic.low * 0.35)
    return value if topic.most is None else min(value, topic.most)


def _magnitude(rng: Random, topic: Topic) -> float:
    if topic.most is not None or topic.high / topic.low < 6:
        return rng.uniform(topic.low, topic.high)
    return math.exp(rng.uniform(math.log(topic.low * 1.3), math.log(topic.high)))


# --- tables ---------------------------------------------------------------------------------------


def pick_topic(rng: Random, *, whole: bool = False, groups: int = 1, rows: int = 3) -> Topic:
    """A topic that can be broken down as wanted.

    Args:
        whole: its parts must add up.
        groups: groupings that it needs.
        rows: members that the first of them must have.
    """
    fit = [
        t
        for t in TOPICS
        if (t.whole or not whole)
        and len(t.by) >= groups
        and max(len(members) for members in t.by.values()) >= rows
    ]
    return rng.choice(fit)


def by_group(
    rng: Random, n_rows: int, n_series: int = 1, *, whole: bool = False, short: bool = False
) -> Table:
    """Values of groups; with several series a second grouping, or years, makes them.

    Args:
        rng: decides all.
        n_rows, n_series: wanted; a topic with fewer members gives fewer.
        whole: values add up to a total.
        short: names of at most 11 characters.
    """
    topic = pick_topic(rng, whole=whole, rows=n_rows)
    names = list(topic.by)
    fit = [name for name in names if len(topic.by[name]) >= n_rows] or names
    by = rng.choice(fit)
    members = [m for m in topic.by[by] if len(m) <= 11 or not short]
    ordered = by == "age group" or by == "month"
    rows = list(members[:n_rows]) if ordered else rng.sample(members, min(n_rows, len(members)))
    others = [name for name in names if name != by]
    year = rng.randint(2014, LAST_YEAR)
    if n_series == 1:
        split, series = "", [topic.short or topic.subject]
    elif others and rng.random() < 0.65:
        split = rng.choice(others)
        pool = list(topic.by[split])
        kept = min(n_series, len(pool))
        series = pool[:kept] if split == "age group" else rng.sample(pool, kept)
    else:
        split, gap = "year", rng.choice((1, 2, 5))
        series = [str(year - gap * k) for k in range(min(n_series, 5))][::-1]
    columns = _columns(rng, topic, len(rows), len(series), split)
    title = _group_title(rng, topic, by, split, year)
    return Table(topic, by, rows, split, series, columns, title)


def _columns(rng: Random, topic: Topic, n: int, m: int, split: str) -> list[list[Value]]:
    bases = [_magnitude(rng, topic) for _ in range(n)]
    if topic.whole:  # of one order of magnitude: nobody draws a bar of one pixel
        middle = sorted(bases)[len(bases) // 2]
        bases = [min(max(b, middle * 0.3), middle * 3.2) for b in bases]
    columns: list[list[Value]] = []
    for j in range(m):
        drift = (1 + 0.09 * j) if split == "year" else rng.uniform(0.75, 1.3)
        spread = 0.06 if split == "year" else 0.16
        if topic.most is not None:
            drift, spread = 1 + (drift - 1) * 0.35, spread * 0.5
        values = [_bounded(b * drift * math.exp(rng.gauss(0, spread)), topic) for b in bases]
        columns.append([rounded(v, topic.decimals) for v in values])
    return columns


def _group_title(rng: Random, topic: Topic, by: str, split: str, year: int) -> str:
    subject = topic.subject
    if not split:
        forms = [
            f"{subject} by {by}",
            f"{subject} by {by}, {year}",
            f"{subject} per {by} in {year}",
        ]
    elif split == "year":
        forms = [f"{subject} by {by} and year", f"{subject} by {by} over the years"]
    else:
        forms = [f"{subject} by {by} and {split}", f"{subject} by {by} and {split}, {year}"]
    return rng.choice(forms)


def over_time(rng: Random, n: int, n_series: int = 1, *, whole: bool = False) -> Table:
    """Courses over time, one for each member of a grouping."""
    fit = [t for t in TOPICS if (t.whole or not whole) and (t.clock != "month" or n <= 12)]
    fit = [t for t in fit if t.clock != "quarter" or n <= 16]
    fit = [t for t in fit if t.clock != "year" or n <= 26]
    topic = rng.choice(fit)
    by, rows, span = time_rows(rng, topic.clock, n)
    split = rng.choice(list(topic.by))
    pool = list(topic.by[split])
    kept = min(n_series, len(pool))
    series = pool[:kept] if split == "age group" else rng.sample(pool, kept)
    bases = _bases(rng, topic, len(series))
    columns = [
        [rounded(v, topic.decimals) for v in path(rng, topic, len(rows), base)] for base in bases
    ]
    subject = topic.subject
    forms = [f"{subject} by {split}"] if kept > 1 else [f"{subject}: {series[0]}", subject]
    if span:
        forms += (
            [f"{subject} by {split}, {span}"] if kept > 1 else [f"{subject} in {span}", f"{series[0]}: {lower_first(subject)}, {span}"]
        )  # fmt: skip
    elif by in ("epoch", "hour", "week", "day"):
        forms.append(f"{subject} per {by}" if kept == 1 else f"{subject} per {by} and {split}")
    if kept == 1:
        series = [topic.short or topic.subject]
    return Table(
        topic, by, rows, split if kept > 1 else "", series, columns, rng.choice(forms), timed=True
    )


def _bases(rng: Random, topic: Topic, m: int) -> list[float]:
    """Starting levels of m courses, of one order of magnitude and apart from one another."""
    if topic.trend in ("saturate", "decay"):
        return [
            rng.uniform(topic.low, topic.low + 0.6 * (topic.high - topic.low)) for _ in range(m)
        ]
    centre = _magnitude(rng, topic)
    return [
        centre * (1 + 0.32 * k) * rng.uniform(0.9, 1.1) / (1 + 0.16 * m)
        for k in rng.sample(range(m), m)
    ]


def percentages(values: Sequence[Value]) -> list[float]:
    """Shares of the total, in percent."""
    total = float(sum(values))
    return [100 * v / total for v in values]
