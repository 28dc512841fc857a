"""Where a point lies: distances and angles of the merged weights to the models they came from.

in:  the tensors of a point as they are set
out: a few numbers for each point, and how they go with its score (Spearman)
not covered: the geometry of the two task vectors themselves (merge/geometry.py)

Measured on evenly spaced elements of each tensor inside the layers; vocabularies are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from viscodex.merge.block import BlockReader, widened
from viscodex.merge.checkpoint import TensorReader
from viscodex.merge.layout import EMBED, HEAD, Model
from viscodex.merge.plan import Job
from viscodex.types import TensorInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_ELEMENTS = 8192  # of a tensor


class Compass:
    """Keeps a sample of each input tensor, and of the merged one as it is set.

    Args:
        models: label -> model: vlm, code, ...; base where there is one.
    """

    def __init__(self, models: Mapping[str, Model], reader: TensorReader) -> None:
        self._models, self._reader = models, reader
        self._inputs: dict[str, dict[str, Floats]] = {}
        self._merged: dict[str, Floats] = {}

    def see(self, job: Job, tensor: torch.Tensor) -> None:
        """Note what was set."""
        if job.canonical in (EMBED, HEAD):
            return
        flat = tensor.reshape(-1)
        self._merged[job.canonical] = flat[:: _step(len(flat))].to(torch.float64).numpy().copy()
        if job.canonical not in self._inputs:
            self._inputs[job.canonical] = {
                label: self._sample(model.language_model[job.canonical])
                for label, model in self._models.items()
            }

    def _sample(self, info: TensorInfo) -> Floats:
        block = BlockReader(self._reader, info).read(0, info.n_elements)
        return widened(block[:: _step(info.n_elements)].copy())

    def features(self) -> dict[str, float]:
        """Of the point that is set now."""
        names = list(self._merged)
        if not names:
            return {}
        merged = np.concatenate([self._merged[name] for name in names])
        inputs = {
            label: np.concatenate([self._inputs[name][label] for name in names])
            for label in self._models
        }
        base = inputs.get("base")
        found: dict[str, float] = {}
        for label, weights in inputs.items():
            distance = np.linalg.norm(merged - weights) / max(float(np.linalg.norm(weights)), 1e-30)
            found[f"distance from {label}"] = float(distance)
            if base is not None and label != "base":
                found[f"cosine with tau {label}"] = _cosine(merged - base, weights - base)
        return {name: round(value, 6) for name, value in found.items() if math.isfinite(value)}


def _step(n: int) -> int:
    return max(1, n // MAX_ELEMENTS)


def _cosine(a: Floats, b: Floats) -> float:
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation of a feature with the score, over points."""

    feature: str
    rho: float
    low: float  # 95 % bootstrap interval over points
    high: float
    n: int


def correlations(
    rows: Sequence[Mapping[str, float]], scores: Sequence[float]
) -> tuple[Correlation, ...]:
    """Each feature that all points have and that varies, strongest first; none below 5 points."""
    if len(rows) < 5:
        return ()
    names = [name for name in rows[0] if all(name in row for row in rows)]
    found = []
    for name in names:
        values = np.array([row[name] for row in rows])
        if np.ptp(values) < 1e-9 or np.ptp(scores) == 0:
            continue
        picks = _picks(len(values))
        rhos = [_spearman(values[pick], np.asarray(scores)[pick]) for pick in picks]
        low, high = np.nanpercentile(rhos, [2.5, 97.5])
        rho = _spearman(values, np.asarray(scores))
        found.append(Correlation(name, rho, float(low), float(high), len(values)))
    return tuple(sorted(found, key=lambda one: -abs(one.rho)))


def _picks(n: int, times: int = 500) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, n, (times, n))


def _spearman(a: NDArray[Any], b: NDArray[Any]) -> float:
    ranks = [_ranks(values) for values in (a, b)]
    if min(np.ptp(ranks[0]), np.ptp(ranks[1])) == 0:
        return math.nan
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: NDArray[Any]) -> Floats:
    """Mean rank of equal values."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + ends - 1) / 2.0)[inverse]
