"""How far the judge and the local score agree: the rank correlation of both over a data set.

in:  pairs of scores
out: Agreement
not covered: the scores (taught/quality.py)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOCAL, JUDGED = "local_quality", "judged_quality"
"""Names of the scores: in numbers, as filters, and in a sample's meta below `quality`."""
Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two scores put the same pictures into the same order."""

    n: int  # pictures that have both
    spearman: (
        float  # rank correlation, -1 .. 1; NaN below three pictures or where one never differs
    )


def agreement(pairs: Sequence[Pair]) -> Agreement:
    """Spearman's rank correlation of pairs of scores; ties share their mean rank."""
    n = len(pairs)
    if n < 3:
        return Agreement(n, float("nan"))
    first, second = (_ranks(np.array(side)) for side in zip(*pairs, strict=True))
    if first.std() == 0 or second.std() == 0:
        return Agreement(n, float("nan"))
    return Agreement(n, float(np.corrcoef(first, second)[0, 1]))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[where]


def pair_of(numbers: Mapping[str, Any]) -> Pair | None:
    """Both scores of a sample's quality or a reject's numbers; None where one is missing."""
    local, judged = numbers.get(LOCAL), numbers.get(JUDGED)
    return None if local is None or judged is None else (float(local), float(judged))


def pairs_of(metas: Iterable[str]) -> list[Pair]:
    """Both scores of stored samples that have them, of their `meta` as JSON."""
    found = []
    for text in metas:
        if JUDGED in text:
            pair = pair_of(json.loads(text).get("quality", {}))
            if pair is not None:
                found.append(pair)
    return found
