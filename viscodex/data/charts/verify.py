"""Whether a picture shows what is said of it: facts of a panel against the record of the run.

in:  facts (Panel as JSON) and the FigureRecord of the executed script
out: agrees(): every value and name of the facts is in the picture
not covered: making facts (kinds) and sentences of them (describe.py, questions.py)
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from viscodex.types import FigureRecord, Series

Facts = Mapping[str, Any]
PER_MILLE = 1e-3


def plain(words: str) -> str:
    """A text as a reader would write it down: mathtext and typographic minus undone."""
    words = re.sub(r"\\mathdefault\{(.*)\}", r"\1", words).replace("\u2212", "-")
    if words.count("$") >= 2:
        words = re.sub(
            r"\$(.*?)\$", lambda m: re.sub(r"[{}\\]", "", m[1].replace("\\times", "x")), words
        )
    return " ".join(words.split())


def words_of(figure: FigureRecord) -> list[str]:
    """All lines of text in the picture."""
    return [plain(box.text) for box in figure.boxes if box.figure == 0]


def agrees(facts: Facts, figure: FigureRecord) -> bool:
    """Title, labels, legend, names of rows and all values of a panel are in the picture."""
    return not disagreements(facts, figure)


def seen(facts: Facts, figure: FigureRecord) -> Facts:
    """The facts with colours only where all of them are in the picture as they stand."""
    drawn = {c[:7] for ax in figure.axes if ax.figure == 0 for s in ax.series for c in s.colors}
    shown = all(color in drawn for color in facts["colors"].values())
    return facts if shown else {**facts, "colors": {}}


def disagreements(facts: Facts, figure: FigureRecord) -> list[str]:
    """What the facts say that the picture does not show; empty when all is true."""
    words = words_of(figure)
    joined = " ".join(words)
    found = [
        f"text: {text}"
        for text in (facts["title"], facts["x_label"], facts["y_label"], *facts["legend"])
        if text and not _written(plain(text), words, joined)
    ]
    numbers = _Numbers(figure)
    for j, name in enumerate(facts["columns"][1:], 1):
        values = [row[j] for row in facts["rows"]]
        if not _holds(facts, name, values, numbers, figure, words):
            found.append(f"values of {name}")
    names = [str(row[0]) for row in facts["rows"]]
    if not facts["timed"] and facts["kind"] not in ("graph", "waterfall"):
        found += [f"row: {name}" for name in names if not _written(plain(name), words, joined)]
    return found


def _written(text: str, words: list[str], joined: str) -> bool:
    """In one line, or broken over several that follow one another."""
    return text in joined or all(part in words or part in joined for part in text.split(" "))


class _Numbers:
    """All numbers that a picture draws, to look up."""

    def __init__(self, figure: FigureRecord) -> None:
        self.series = [s for ax in figure.axes if ax.figure == 0 for s in ax.series]
        found = [v for s in self.series for v in _flat(s)]
        self.sorted = sorted(found)

    def has(self, value: float) -> bool:
        """Whether a number is drawn, within a thousandth of it."""
        slack = abs(value) * PER_MILLE + 1e-9
        k = bisect.bisect_left(self.sorted, value - slack)
        return k < len(self.sorted) and self.sorted[k] <= value + slack


def _flat(series: Series) -> Iterable[float]:
    lengths = {"bar": series.y, "barh": series.x}.get(series.kind, ())
    for base, length in zip(series.z, lengths, strict=False):  # both ends of a bar that floats
        if isinstance(base, int | float) and isinstance(length, int | float):
            yield float(base) + float(length)
    for values in (series.x, series.y, series.z):
        yield from (float(v) for v in values if isinstance(v, int | float))


def _holds(
    facts: Facts, name: str, values: list[float], numbers: _Numbers, figure: FigureRecord, words: list[str]
) -> bool:  # fmt: skip
    kind = facts["kind"]
    if kind in ("pie", "donut"):
        return _shares(values, [(s.x[1], s.x[0]) for s in numbers.series if s.kind == "wedge"])
    if kind == "treemap":
        sides = [(s.x, s.y) for s in numbers.series if s.kind == "rectangle"]
        areas = [(float(x[1]) - float(x[0])) * (float(y[1]) - float(y[0])) for x, y in sides]
        total, wanted = sum(areas), sum(values)
        return any(
            all(abs(v / wanted - a / total) < 2e-3 for v, a in zip(values, areas[k:], strict=False))
            for k in range(len(areas) - len(values) + 1)
        )
    if kind == "graph":
        return all(str(v) in words for v in values)
    if kind == "area" and len(facts["columns"]) > 2:
        index = facts["columns"].index(name)
        sums = [sum(row[1 : index + 1]) for row in facts["rows"]]
        return all(numbers.has(v) for v in sums)
    if kind == "waterfall":
        return all(numbers.has(abs(v)) for v in values)
    return all(numbers.has(float(v)) for v in values)


def _shares(values: list[float], wedges: list[tuple[Any, Any]]) -> bool:
    """Shares in percent against angles, in order; other pies may be in the picture too."""
    found = [100 * abs(float(b) - float(a)) / 360 for a, b in wedges]
    return any(
        all(abs(v - f) < 0.06 for v, f in zip(values, found[k:], strict=False))
        for k in range(len(found) - len(values) + 1)
    )
