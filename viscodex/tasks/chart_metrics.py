"""ChartMimic's low-level metrics: two records of drawn figures, compared.

in:  what a reference and a candidate drew (FigureRecord)
out: precision, recall and F1 of text, layout, chart type and colour; legend, grid and data beside
not covered: running scripts (chartmimic.py), the judge (judge.py)

A side that drew nothing scores 0, whatever the other has. The official code differs in one case,
which is an accident of its runs: it keeps the chart-type score of the sample before.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from viscodex.tasks import color
from viscodex.types import FigureRecord

MOST_COLORS = 10
"""Up to so many colours all count; of more, only those unlike the ones before."""

TOO_ALIKE = 0.7
MANY_COLORS = 500  # beyond it the filter works under strict too

Color = tuple[str, str]  # (function, hex colour or name of a colormap)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Precision, recall and F1."""

    precision: float = 0.0
    recall: float = 0.0

    @property
    def f1(self) -> float:
        """2 P R / (P + R); 0 where both are 0."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


NOTHING = Agreement()


def low_level(reference: FigureRecord, candidate: FigureRecord) -> dict[str, Agreement]:
    """The four metrics of ChartMimic: text, layout, type, color."""
    return {
        "text": bags(reference.texts, candidate.texts),
        "layout": bags(reference.layouts, candidate.layouts),
        "type": counts(Counter(reference.calls), Counter(candidate.calls)),
        "color": colors(reference.colors, candidate.colors),
    }


def bags(reference: Iterable[Hashable], candidate: Iterable[Hashable]) -> Agreement:
    """How much of either collection is in the other; repetitions count, order does not."""
    return counts(Counter(reference), Counter(candidate))


def counts(reference: Counter[Hashable], candidate: Counter[Hashable]) -> Agreement:
    """Agreement of two tables of counts."""
    both = (reference & candidate).total()
    if not reference.total() or not candidate.total():
        return NOTHING
    return Agreement(both / candidate.total(), both / reference.total())


# --- colours --------------------------------------------------------------------------------------


def colors(
    reference: Sequence[Color], candidate: Sequence[Color], *, all_count: bool = False
) -> Agreement:
    """Colours of equal functions, matched one to one so that the sum of similarities is largest.

    Of more than MOST_COLORS, the official filter keeps those unlike the ones before; its order is
    that of a Python set and so a matter of chance. Ours is the sorted order: one of its outcomes.

    Args:
        all_count: no filter (strict), up to MANY_COLORS a side.
    """
    wanted, found = (sorted(set(side)) for side in (reference, candidate))
    if not all_count or max(len(wanted), len(found)) > MANY_COLORS:
        wanted, found = distinct(wanted), distinct(found)
    if not wanted or not found:
        return NOTHING
    groups: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, entries in enumerate((wanted, found)):
        for function, name in entries:
            groups[function][side].append(name)
    total = math.fsum(_matched(*groups[function]) for function in sorted(groups))
    return Agreement(total / len(found), total / len(wanted))


def distinct(entries: Sequence[Color]) -> list[Color]:
    """The official filter, in the order given: an entry too much like a kept one is left out."""
    entries = list(dict.fromkeys(entries))
    if len(entries) <= MOST_COLORS:
        return entries
    kept: list[Color] = []
    kept_names: list[str] = []
    for function, name in entries:
        if not kept or alike([name], kept_names).max() <= TOO_ALIKE:
            kept.append((function, name))
            kept_names.append(name)
    return kept


def alike(names_1: Sequence[str], names_2: Sequence[str]) -> color.Floats:
    """Similarity of colours (N, M): of hex colours by CIEDE2000, of colormaps 1 if equal, else 0."""
    table = np.array([[float(a == b) for b in names_2] for a in names_1]).reshape(len(names_1), -1)
    rows = [n for n, name in enumerate(names_1) if name.startswith("#")]
    columns = [n for n, name in enumerate(names_2) if name.startswith("#")]
    if rows and columns:
        table[np.ix_(rows, columns)] = color.similarity(
            [names_1[n] for n in rows], [names_2[n] for n in columns]
        )
    return table


def _matched(reference: Sequence[str], candidate: Sequence[str]) -> float:
    """The largest sum of similarities of a one-to-one assignment."""
    if not reference or not candidate:
        return 0.0
    table = alike(candidate, reference)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return math.fsum(table[rows, columns])


# --- what the official metrics leave out (strict) -------------------------------------------------


def beyond(reference: FigureRecord, candidate: FigureRecord) -> dict[str, float]:
    """Legend, grid and data: F1 of what the official metrics do not look at.

    NaN where the reference has nothing of the kind: no legend, no grid line, no data.
    """
    return {
        "legend": _f1(_legends(reference), _legends(candidate)),
        "grid": _f1(_grids(reference), _grids(candidate)),
        "data": _data(reference, candidate),
    }


def _f1(reference: Sequence[Hashable], candidate: Sequence[Hashable]) -> float:
    return bags(reference, candidate).f1 if reference else math.nan


def _legends(record: FigureRecord) -> list[Hashable]:
    return [entry for ax in record.axes for entry in (ax.legend or ())]


def _grids(record: FigureRecord) -> list[Hashable]:
    return [(n, way) for n, ax in enumerate(record.axes) for way, on in enumerate(ax.grid) if on]


def _data(reference: FigureRecord, candidate: FigureRecord) -> float:
    """F1 of the drawn points: kind of series and its values to three digits, in any order."""
    wanted, found = _points(reference), _points(candidate)
    return bags(wanted, found).f1 if wanted else math.nan


def _points(record: FigureRecord) -> list[Hashable]:
    points: list[Hashable] = []
    for ax in record.axes:
        for series in ax.series:
            length = max(len(series.x), len(series.y), len(series.z))
            for n in range(length):
                values = tuple(
                    _rounded(row[n]) if n < len(row) else None
                    for row in (series.x, series.y, series.z)
                )
                points.append((series.kind, values))
    return points


def _rounded(value: float | str) -> float | str:
    if isinstance(value, str) or not math.isfinite(value) or value == 0:
        return str(value) if isinstance(value, str) or value else 0.0
    return round(value, 2 - math.floor(math.log10(abs(value))))
