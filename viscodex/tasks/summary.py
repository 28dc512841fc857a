"""Means over items: both denominators, bootstrap intervals, groups.

in:  one row of values for each item, NaN where unscored, nothing where unanswered
out: Mean for each metric, overall and by group
not covered: comparing two runs, tables for people (report.py)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from viscodex.tasks.task import Item
from viscodex.types import Mean

RESAMPLES = 2000
Row = Mapping[str, float]


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean; NaN for fewer than two values.

    Args:
        values: finite; their order does not matter.
        seed: of the resampling, so that equal values give equal intervals.
    """
    if len(values) < 2:
        return math.nan, math.nan
    data = np.sort(np.asarray(values, dtype=np.float64))
    random = np.random.default_rng(seed)
    step = max(1, 4_000_000 // len(data))  # resamples at once: bounds the memory
    means = [
        data[random.integers(0, len(data), (min(step, RESAMPLES - done), len(data)))].mean(axis=1)
        for done in range(0, RESAMPLES, step)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def mean_of(values: Sequence[float], n_items: int, *, intervals: bool = True) -> Mean:
    """The mean of the values that are not NaN, over all items and over the scored ones."""
    known = [value for value in values if not math.isnan(value)]
    total = math.fsum(known)
    low, high = interval(known) if intervals else (math.nan, math.nan)
    return Mean(
        all=total / n_items if n_items else math.nan,
        scored=total / len(known) if known else math.nan,
        low=low,
        high=high,
        n_scored=len(known),
    )


def means(
    items: Sequence[Item], rows: Mapping[str, Row], *, intervals: bool = True
) -> dict[str, Mean]:
    """Metric -> Mean over the items that have it; `rows` has those that were answered."""
    there = [rows[item.id] for item in items if item.id in rows]
    names = dict.fromkeys(name for row in there for name in row)
    return {
        name: mean_of(
            [row[name] for row in there if name in row],
            sum(not item.metrics or name in item.metrics for item in items),
            intervals=intervals,
        )
        for name in names
    }


def groups(
    items: Sequence[Item], rows: Mapping[str, Row], metrics: Sequence[str]
) -> dict[str, dict[str, dict[str, Mean]]]:
    """Kind of group -> group -> metric -> Mean, without intervals; an item may be in several."""
    members: dict[str, dict[str, list[Item]]] = {}
    for item in items:
        for kind, names in item.groups.items():
            for name in dict.fromkeys(names):
                members.setdefault(kind, {}).setdefault(name, []).append(item)
    chosen = {
        key: {name: value for name, value in row.items() if name in metrics}
        for key, row in rows.items()
    }
    return {
        kind: {
            name: means(inside, chosen, intervals=False) for name, inside in sorted(found.items())
        }
        for kind, found in members.items()
    }
