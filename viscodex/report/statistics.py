"""Intervals and paired tests.

in:  values of the same items under two systems, or of several metrics under one
out: Paired: difference, bootstrap interval, permutation test; resampled means; Holm's correction
not covered: which values are compared (compare.py), intervals of one mean (tasks/summary.py)

Items are the unit: several answers to one question are averaged before. Measured coverage and
error rates stand in docs/evaluation.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RESAMPLES = 5000
PERMUTATIONS = 9999
EXACT_PAIRS = 13
"""Up to so many pairs that differ, all 2^k signs are tried: the test is exact."""
_TIE = 1e-9
_CELLS = 4_000_000  # numbers at once: bounds the memory


@dataclass(frozen=True, slots=True)
class Paired:
    """How b differs from a over the same items: mean of b - a."""

    n: int
    a: float  # means
    b: float
    difference: float
    low: float  # 95 % percentile bootstrap interval over items; NaN below two items
    high: float
    p: float  # two-sided, sign-flip permutation test of the mean; 1 where no item differs
    wins: int  # items on which b is above a
    losses: int
    ties: int

    @property
    def is_clear(self) -> bool:
        """Whether interval and test agree that there is a difference."""
        return self.p < 0.05 and (self.low > 0 or self.high < 0)


def paired(a: Sequence[float], b: Sequence[float], *, seed: int = 0) -> Paired:
    """Compare two systems on the same items.

    Args:
        a, b: finite values, item by item in one order.
        seed: of resampling and permutation: equal values give equal results.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    n = len(left)
    if n == 0:
        nan = math.nan
        return Paired(0, nan, nan, nan, nan, nan, 1.0, 0, 0, 0)
    differences = np.sort(right - left)  # the order of items must not matter
    low, high = _interval(differences, seed)
    wins, losses = int((differences > _TIE).sum()), int((differences < -_TIE).sum())
    return Paired(
        n=n,
        a=float(left.mean()),
        b=float(right.mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        p=permutation_p(differences, seed=seed),
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
    )


def _interval(values: Floats, seed: int) -> tuple[float, float]:
    if len(values) < 2:
        return math.nan, math.nan
    means = resampled_means(values[:, None], seed=seed)[:, 0]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def resampled_means(values: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> Floats:
    """Means of bootstrap samples of the rows: (n, k) -> (resamples, k); columns stay together."""
    n, k = values.shape
    random = np.random.default_rng(seed)
    step = max(1, _CELLS // max(1, n * k))
    parts = [
        values[random.integers(0, n, (min(step, resamples - done), n))].mean(axis=1)
        for done in range(0, resamples, step)
    ]
    return np.concatenate(parts)  # (resamples, k)


def permutation_p(differences: Sequence[float] | Floats, *, seed: int = 0) -> float:
    """Two-sided p value of the mean under random signs (each pair may be swapped).

    Exact for few pairs that differ, otherwise from 9,999 random sign vectors and the one observed;
    never 0.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[np.abs(values) > _TIE]
    k = len(values)
    if k == 0:
        return 1.0
    observed = abs(float(values.sum())) - 1e-12 * float(np.abs(values).sum())
    if k <= EXACT_PAIRS:
        signs = 1.0 - 2.0 * ((np.arange(1 << k)[:, None] >> np.arange(k)) & 1)  # (2^k, k)
        return float((np.abs(signs @ values) >= observed).mean())
    random = np.random.default_rng(seed)
    step = max(1, _CELLS // k)
    reached = 0
    for done in range(0, PERMUTATIONS, step):
        flips = random.integers(0, 2, (min(step, PERMUTATIONS - done), k), dtype=np.int8)
        reached += int((np.abs((1.0 - 2.0 * flips) @ values) >= observed).sum())
    return (1 + reached) / (1 + PERMUTATIONS)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction for testing several at once: name -> adjusted p."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    ordered = sorted(p_values.items(), key=lambda pair: pair[1])
    for rank, (name, p) in enumerate(ordered):
        highest = max(highest, min(1.0, p * (len(ordered) - rank)))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}
